"""A run or a model that a command works on: what its folder says, and the data that are meant."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vae_np.cli.common import DATA_DEFAULTS, binarised, check_support, load_parts, loading, part_of
from vae_np.cli.train_options import DEFAULTS, EARLIER, check_types

if TYPE_CHECKING:
    from vae_np.data import Dataset
    from vae_np.model.vae import VAE


class Run(NamedTuple):
    """A model, the folder it came from if it did, and the options it was trained with."""

    vae: VAE
    folder: Path | None
    options: dict[str, Any]

    @property
    def image_shape(self) -> tuple[int, int] | None:
        """Of the training data."""
        shape = self.options.get("image_shape")
        return None if shape is None else (int(shape[0]), int(shape[1]))


def load_run(path: str, backend: str | None = None) -> Run:
    """A model file, or a run's folder with its config.json; the backend is the run's if none is given."""
    from vae_np.training.checkpoint import load

    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    options = read_config(folder) if Path(path).is_dir() or Path(path).name == "checkpoint.npz" else None
    vae = load(path, backend=backend or (options or {}).get("backend", "numba"))
    return Run(vae, folder if options is not None else None, options or {})


def read_config(folder: Path) -> dict[str, Any] | None:
    """A run's options and image_shape from config.json, None if there is none; ``ValueError`` where it is damaged."""
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
    if shape is not None and not (isinstance(shape, list) and len(shape) == 2 and all(map(_is_length, shape))):
        raise ValueError(f"{file}: image_shape cannot be {shape!r}")
    return {**DEFAULTS, **EARLIER, **config["arguments"], "image_shape": shape}


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def data_of(run: Run, args: argparse.Namespace) -> Dataset:
    """The data a command is to work on: those of --data, else the part of the run's own data that --part names."""
    from vae_np import data

    given, vae = vars(args), run.vae
    mode, seed = given.get("binarise", run.options.get("binarise", "none")), run.options.get("seed", 0)

    standard = {"scale": "standard"} if vae.scale == "standard" else {}  # other data come in the same units

    def check(found: Dataset) -> None:
        if found.x.shape[1] != vae.architecture.n_features:
            raise ValueError(
                f"{found.name}: has {found.x.shape[1]} columns, the model {vae.architecture.n_features} features"
            )
        check_support(found, vae.likelihood, mode, "--scale" if "data" in given else "")

    if "data" not in given:
        if not run.options:
            raise ValueError(f"{args.model}: a model file does not know its data; name them with --data")
        if other := [name for name in DATA_DEFAULTS if name in given]:
            raise ValueError(f"--{other[0]} needs --data: the run's own data are as they were in training")
        found = part_of(load_parts({**DATA_DEFAULTS, **run.options}, str(vae.dtype), check), given.get("part", "test"))
    elif given.get("part", "all") == "all":
        if "split" in given:
            raise ValueError("--split needs --part, the part that is meant")
        found = data.load(given["data"], dtype=str(vae.dtype), **loading({**DATA_DEFAULTS, **standard, **given}))
        check(found)
    else:  # with the run's seed, so that the test part of its data is that of training
        found = part_of(
            load_parts({**DATA_DEFAULTS, **standard, **given, "seed": seed}, str(vae.dtype), check), given["part"]
        )
    return binarised(found, mode, seed)
