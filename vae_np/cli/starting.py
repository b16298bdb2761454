"""What a run keeps of the one that it continues: --start-from its weights, --resume all of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np.cli.assemble import doors
from vae_np.cli.common import DATA_DEFAULTS, Parts
from vae_np.cli.conditions import as_in_training
from vae_np.cli.otherness import check_order, check_shape, otherness, renamed
from vae_np.cli.runs import KEPT, OF_DATA, load_run, read_config
from vae_np.cli.tables import CHOOSING
from vae_np.cli.train_options import DEFAULTS

if TYPE_CHECKING:
    from vae_np.data import Dataset
    from vae_np.model.vae import VAE

__all__ = [
    "check_columns",
    "differences",
    "kept_of_data",
    "labelled_as_before",
    "named_as_before",
    "options_from",
    "take_weights",
]

MODEL = (
    "hidden",
    "decoder_hidden",
    "latent",
    "activation",
    "likelihood",
    "sigma",
    "floor",
    "posterior",
    "prior",
    "condition",
    "init",
    "dtype",
    "output_bias",
)
"""What the weights decide, and what they are instead of."""


def options_from(source: str, explicit: dict[str, Any]) -> dict[str, Any]:
    """The options of a new run that starts from the weights of the run in the folder ``source``.

    They are that run's, but for those given; with other data what goes with data has its defaults again, save the
    scale. ``ValueError`` where one of those given asks for another model.
    """
    if not Path(source).is_dir():
        raise FileNotFoundError(f"--start-from {source}: there is no such folder of a run")
    saved = read_config(Path(source))
    if saved is None:
        raise ValueError(f"--start-from {source}: the folder has no config.json, which tells the run's options")
    before = {**DEFAULTS, **{name: value for name, value in saved.items() if name not in KEPT}}
    if explicit.get("likelihood") in CHOOSING:
        explicit = {name: value for name, value in explicit.items() if name != "likelihood"}
    theirs, ours = doors(before), doors({**before, **explicit})
    for name in MODEL:
        same = theirs[name] == ours[name] if name in ours else before[name] == explicit.get(name, before[name])
        if name in explicit and not same:
            flag = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"--start-from {source}: the weights are those of a run with {flag} {before[name]}; omit {flag}"
            )
    if "data" in explicit and explicit["data"] != before["data"]:
        before |= {name: value for name, value in DATA_DEFAULTS.items() if name not in ("scale", "classes")}
    if explicit.get("scale", before["scale"]) != before["scale"] and "standard" in (explicit["scale"], before["scale"]):
        raise ValueError(f"--start-from {source}: its model was trained with --scale {before['scale']}; omit --scale")
    # the bias that was learned stays: "zero" leaves it as it is
    return {**before, **explicit, "output_bias": "zero", "start_from": source}


def check_columns(source: str, found: Dataset) -> None:
    """That the data have the columns of the run's: as many, those of its names in their order, images of its form."""
    config = read_config(Path(source)) or {}
    names = config.get("feature_names")
    check_shape(found, config.get("image_shape"))
    if names is not None and found.x.shape[1] == len(names):
        check_order(found, tuple(names))


def named_as_before(folder: Path, parts: Parts) -> tuple[Parts, list[str]]:
    """The parts with the columns' names and the images' form of the run in ``folder``, and a line where a file that is
    in the place of its data has other names: the hash that proves the numbers the same knows of none."""
    import dataclasses
    import math

    sizes: dict[str, Any] = {"feature_names": len, "image_shape": math.prod}
    kept: dict[str, Any] = {name: tuple(value) for name, value in kept_of_data(folder).items() if name in sizes}
    # what does not fit belongs to other data, which is told later
    kept = {name: value for name, value in kept.items() if sizes[name](value) == parts.train.x.shape[1]}
    lines = [f"{line}; the run keeps its own names" for line in renamed(parts.train, kept.get("feature_names"))]
    replaced: list[Any] = [part and dataclasses.replace(part, **kept) for part in parts]
    return Parts(*replaced), lines


def labelled_as_before(source: str, parts: Parts) -> Parts:
    """The parts with their labels numbered by the words of the run that is started from, which the weights know."""
    names = kept_of_data(Path(source)).get("label_names")
    replaced: list[Any] = [part and as_in_training(part, names) for part in parts]
    return Parts(*replaced)


def kept_of_data(folder: Path) -> dict[str, Any]:
    """What the config of a run says of its data, as far as it says something."""
    config = read_config(folder) or {}
    return {name: config[name] for name in OF_DATA if config.get(name) is not None}


def differences(source: str, found: Dataset) -> list[str]:
    """A line for each thing of the data that may be other than meant, as evaluate has them."""
    return list(otherness(found, load_run(source, "numpy"), "auto"))


def take_weights(vae: VAE, source: str) -> str:
    """Give the model the run's weights, those of its best epoch, and its scaling; a line that says so."""
    from vae_np.training.checkpoint import load

    given = load(source, backend="numpy")
    ours, theirs = vae.config(), given.config()
    for name in (name for name in ours if name not in ("seed", "init")):
        if ours[name] != (its := theirs.get(name)):
            what = "features" if name == "n_features" else name
            raise ValueError(f"--start-from {source}: its model has {what} {its}; this one needs {ours[name]}")
    vae.parameters.vector[...] = given.parameters.vector
    if given.scaling is not None:
        vae.scaling = given.scaling
    return f"starts from the weights of {source}"
