"""A run or a model that a command works on: what its folder says, and the data that are meant."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vae_np.cli.common import DATA_DEFAULTS, Parts, binarised, check_support, load_parts, load_whole, part_of
from vae_np.cli.conditions import as_in_training
from vae_np.cli.otherness import check_order, check_shape, greyness, otherness
from vae_np.cli.train_options import DEFAULTS, EARLIER, check_types

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vae_np.data import Dataset
    from vae_np.data.dataset import ImageShape
    from vae_np.model.vae import VAE


OF_DATA = ("image_shape", "feature_names", "label_names")
"""What a run keeps of its data beside the options."""
KEPT = (*OF_DATA, "range", "binary", "examples", "divided_by")
"""And the least and the largest value of its training part, whether all are 0 or 1, how many examples each part has,
what divided them."""


class Run(NamedTuple):
    """A model, the folder it came from if it did, and the options it was trained with."""

    vae: VAE
    folder: Path | None
    options: dict[str, Any]

    @property
    def image_shape(self) -> ImageShape | None:
        """Of the training data."""
        shape = self.options.get("image_shape")
        return None if shape is None else tuple(map(int, shape))  # type: ignore[return-value]

    @property
    def range(self) -> tuple[float, float] | None:
        """The least and the largest value that it was trained on; runs from before this was kept have none."""
        span = self.options.get("range")
        return None if span is None else (float(span[0]), float(span[1]))

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Of the training data's columns; runs from before these were kept have none."""
        names = self.options.get("feature_names")
        return None if names is None else tuple(names)


def columns(table: NDArray[Any], names: Sequence[str] | None) -> list[str]:
    """The columns' names of a table that has the features of the data: x0, x1, ... where they have none."""
    return [f"x{j}" for j in range(table.shape[1])] if names is None else list(names)


def load_run(path: str, backend: str | None = None) -> Run:
    """A model file, or a run's folder with its config.json; the backend is the run's if none is given."""
    from vae_np.training.checkpoint import load

    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    options = read_config(folder) if Path(path).is_dir() or Path(path).name == "checkpoint.npz" else None
    vae = load(path, backend=backend or (options or {}).get("backend", "numba"))
    names, features = (options or {}).get("feature_names"), vae.architecture.n_data
    if names is not None and len(names) != features:
        raise ValueError(f"{folder / 'config.json'}: {len(names)} feature_names; the model has {features} features")
    return Run(vae, folder if options is not None else None, options or {})


def read_config(folder: Path) -> dict[str, Any] | None:
    """A run's options and `KEPT` from config.json, None if there is none; ``ValueError`` where it is damaged."""
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: no JSON: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("arguments"), dict):
        raise ValueError(f"{file}: no configuration of a run")
    check_types(config["arguments"], file)
    shape = config.get("image_shape")
    if shape is not None and not (isinstance(shape, list) and len(shape) in (2, 3) and all(map(_is_length, shape))):
        raise ValueError(f"{file}: image_shape cannot be {shape!r}")
    for name in ("feature_names", "label_names"):
        if not (config.get(name) is None or (isinstance(config[name], list) and all(map(_is_text, config[name])))):
            raise ValueError(f"{file}: {name} must be a list of texts or null")
    options = {**DEFAULTS, **EARLIER, **config["arguments"]}
    span = config.get("range")
    if not (span is None or (isinstance(span, list) and len(span) == 2 and all(map(_is_number, span)))):
        raise ValueError(f"{file}: range must be two numbers or null")
    if not isinstance(config.get("binary"), (bool, type(None))):
        raise ValueError(f"{file}: binary must be true, false or null")
    if not (config.get("divided_by") is None or _is_number(config["divided_by"])):
        raise ValueError(f"{file}: divided_by must be a number or null")
    return options | {name: config.get(name) for name in KEPT}


def _check_counts(parts: Parts, options: dict[str, Any]) -> None:
    """That the run's data have as many examples as in training: else the rows of its parts are others."""
    before, now = options.get("examples"), {name: 0 if p is None else len(p) for name, p in parts._asdict().items()}
    if isinstance(before, dict) and before != now:
        words = [", ".join(f"{count} {name}" for name, count in counts.items()) for counts in (now, before)]
        raise ValueError(
            f"{parts.train.name}: the run's data have changed: {words[0]} examples; in training {words[1]};"
            " --data names the data that are meant (see also --header)"
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def data_of(run: Run, args: argparse.Namespace) -> Dataset:
    """The data a command is to work on: those of --data, else the part of the run's own data that --part names."""
    return data_and_training(run, args)[0]


def data_and_training(run: Run, args: argparse.Namespace) -> tuple[Dataset, Dataset | None]:
    """`data_of`, and what the run was trained on, if the data are its own."""
    from vae_np.formulas.likelihoods.conditional import of_data

    given, vae = vars(args), run.vae
    mode, seed = given.get("binarise", run.options.get("binarise", "none")), run.options.get("seed", 0)
    dtype, features = str(vae.dtype), vae.architecture.n_data

    # other data come in the same units, and other tables of the same form
    like: dict[str, Any] = {"scale": "standard"} if vae.scale == "standard" else {}
    if run.options:
        like["scale"] = run.options["scale"]
    if run.options:
        table = str(given.get("data", "")).lower().endswith((".csv", ".csv.gz"))
        like |= {name: run.options[name] for name in (("index", "header", "classes") if table else ("transpose",))}

    training = None

    def check(found: Dataset) -> None:
        if found.x.shape[1] != features:
            extra = found.x.shape[1] == features + 1 and found.feature_names is not None
            hint = "; if its first column is no feature: --index first, or --labels" * extra
            raise ValueError(f"{found.name}: has {found.x.shape[1]} columns, the model {features} features{hint}")
        check_order(found, run.feature_names)
        check_shape(found, run.image_shape)
        check_support(found, of_data(vae.likelihood), mode, "--scale" if "data" in given else "")

    if "data" not in given:
        if not run.options:
            raise ValueError(f"{args.model}: a model file does not know its data; name them with --data")
        if other := [name for name in DATA_DEFAULTS if name in given]:
            raise ValueError(f"--{other[0]} needs --data: the run's own data are as they were in training")
        parts = load_parts({**DATA_DEFAULTS, **run.options}, dtype, check)
        _check_counts(parts, run.options)
        found, training = part_of(parts, given.get("part", "test")), parts.train
    elif given.get("part", "all") == "all":
        if "split" in given:
            raise ValueError("--split needs --part, the part that is meant")
        found = load_whole({**DATA_DEFAULTS, **like, **given}, dtype, features)
        check(found)
    else:  # with the run's seed, so that the test part of its data is that of training
        options = {**DATA_DEFAULTS, **like, **given, "seed": seed}
        found = part_of(load_parts(options, dtype, check, features), given["part"])
    if "data" in given:
        scale = "" if "scale" in given else like.get("scale", "")
        for line in [*found.notes, *otherness(found, run, scale)]:
            print(f"vae-np: {line}", file=sys.stderr)
    for line in greyness(found, run, mode):
        print(f"vae-np: {line}", file=sys.stderr)
    if vae.architecture.condition:
        found = as_in_training(found, run.options.get("label_names"), "data" in given)
    return binarised(found, mode, seed), training
