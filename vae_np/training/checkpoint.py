"""Training runs as single files: a model's archive with more in it.

The whole format, entry by entry; the first four are `archive`'s, and a model file has no others:

    format       text, "vae-np 1"
    config       JSON text, the arguments of `VAE`: n_features, hidden, latent, decoder_hidden, activation; likelihood,
                 posterior and prior, each {"name": ..., its options}; dtype, init, seed, scale; condition, of a
                 conditional model alone
    parameters   the flat vector, (P,) in the model's dtype, in the order of `Architecture.shapes`
    scaling      shift and scale, (2, D) in float64, where the model standardises its data and has found them
    adam.m, adam.v    Adam's moments, (P,) in the model's dtype
    adam.v_max   the largest v so far, with AMSGrad only
    adam.step    how many steps have been taken
    last         the parameters to go on from, of a run that keeps its best ones under ``parameters``
    training     JSON text: settings (`Settings.config`), data (hashes of x and validation), version (of vae_np),
                 epoch and position (examples done in the epoch under way), sums (over that epoch), history (a row an
                 epoch), objective (that of the next step: one with a running baseline moves on); older files lack
                 version and objective

`load` reads both; a checkpoint is a model with more in it. Files of 0.1.0 lack posterior and prior (the paper's) and
scale, and the optimiser's l2, and have data_bias for output_bias.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.doors import chosen
from vae_np.formulas.likelihoods import Likelihood
from vae_np.formulas.likelihoods.conditional import conditional
from vae_np.formulas.network import Architecture
from vae_np.formulas.optim import AdamState
from vae_np.formulas.posteriors import Posterior
from vae_np.formulas.priors import Prior
from vae_np.formulas.scaling import Scaling
from vae_np.model.archive import read_archive, write_archive
from vae_np.model.vae import VAE
from vae_np.support.checks import whole
from vae_np.support.files import temporary_prefix
from vae_np.training.history import COLUMNS

__all__ = ["Checkpoint", "load", "load_checkpoint", "remove_temporaries", "save_checkpoint"]

Array = NDArray[Any]
FILE = "checkpoint.npz"
LAYERS = 1000
"""Hidden layers that a model in a file may have."""
SUMS = ("log_likelihood", "kl", "gradient_norm", "seconds")
"""What a trainer adds up over the epoch under way."""


class Checkpoint(NamedTuple):
    """A model in training; ``training`` has settings, data, epoch, position, sums and history.

    ``best`` has the parameters of the best epoch, of a run that keeps them; those of ``vae`` are the last ones.
    """

    vae: VAE
    adam: AdamState
    training: dict[str, Any]
    best: Array | None = None


def save_checkpoint(
    vae: VAE, adam: AdamState, training: Mapping[str, Any], path: str | os.PathLike[str], best: Array | None = None
) -> None:
    """Write a model in training to ``path``, atomically; `load` then gives the best one, if there is one."""
    more = {f"adam.{name}": array for name, array in adam.arrays().items()}
    more["training"] = np.array(json.dumps(training))
    vector = vae.parameters.vector
    if best is not None:
        more["last"], vector = vector, best
    write_archive(path, vae.config(), vector, vae.scaling, more)


def load(path: str | os.PathLike[str], *, backend: str = "numba") -> VAE:
    """A model from what `VAE.save` or a checkpoint wrote; a run's folder stands for its checkpoint.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If the file is damaged, or is no model of this package; the message begins with its name.
    """
    path = _file(path)
    return _model(path, read_archive(path), backend)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The whole of a checkpoint; ``ValueError`` as from `load`, or where the file is a model without training state."""
    path = _file(path)
    arrays = read_archive(path)
    if "training" not in arrays:
        raise ValueError(f"{path}: holds a model and no training state; there is nothing to resume")
    vae = _model(path, arrays, "numpy")
    try:
        adam = AdamState.from_arrays({n.removeprefix("adam."): a for n, a in arrays.items() if n.startswith("adam.")})
        if (adam.m.shape, adam.m.dtype) != (vae.parameters.vector.shape, vae.dtype):
            raise ValueError(f"{vae.parameters.vector.size} parameters of {vae.dtype} have other moments")
        if not all(np.isfinite(moment).all() for moment in (adam.m, adam.v, adam.v_max) if moment is not None):
            raise ValueError("a moment is not finite")
        best = _take_last(vae, arrays)
        training = _checked_training(json.loads(str(arrays["training"])))
        if "data_bias" in training["settings"]:  # its name in files of 0.1.0
            training["settings"]["output_bias"] = "data" if training["settings"].pop("data_bias") else "zero"
        if isinstance(training["settings"].get("optimizer"), dict):
            training["settings"]["optimizer"].setdefault("l2", 0.0)  # files of 0.1.0 have none
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: the training state in it makes no sense: {error}") from None
    return Checkpoint(vae, adam, training, best)


def _take_last(vae: VAE, arrays: Mapping[str, Array]) -> Array | None:
    """Put the last parameters into the model, and return the best ones, if the file has both."""
    last = arrays.get("last")
    if last is None:
        return None
    vector = vae.parameters.vector
    if (last.shape, last.dtype) != (vector.shape, vector.dtype) or not np.isfinite(last).all():
        raise ValueError(f"its last parameters are no {vector.size} finite numbers of {vae.dtype}")
    best = vector.copy()
    vector[...] = last
    return best


def remove_temporaries(path: str | os.PathLike[str]) -> None:
    """Remove what a killed writer of ``path`` has left beside it; another that is writing now would be disturbed."""
    path = Path(os.path.realpath(path))
    ours = re.compile(re.escape(temporary_prefix(path)) + r"[a-z0-9_]{8}\.tmp")
    if path.parent.is_dir():
        for file in path.parent.iterdir():
            if ours.fullmatch(file.name):
                with contextlib.suppress(FileNotFoundError):
                    file.unlink()


def _file(path: str | os.PathLike[str]) -> Path:
    """The file meant: a folder is a run's."""
    path = Path(path)
    return path / FILE if path.is_dir() else path


def _model(path: Path, arrays: Mapping[str, Array], backend: str) -> VAE:
    """The model of a file's arrays, or ``ValueError`` that begins with the file's name."""
    vector, config = arrays["parameters"], None
    try:
        config = json.loads(str(arrays["config"]))
        if vector.shape != (size := _size(config),):  # before a model is made, which may be enormous
            raise ValueError(f"its config asks for {size} parameters; it has an array of shape {vector.shape}")
        vae = VAE(**config, backend="numpy")
        if vector.dtype != vae.dtype:
            raise ValueError(f"its config asks for {size} parameters of {vae.dtype}")
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError, RecursionError) as error:
        raise ValueError(f"{path}: {_undefined(config) or f'the model in it makes no sense: {error}'}") from None
    if not np.isfinite(vector).all():
        name, index = vae.parameters.locate(int(np.argmin(np.isfinite(vector))))
        raise ValueError(f"{path}: parameter {name}{list(index)} is not finite")
    if backend != "numpy":
        vae = VAE(**config, backend=backend)
    vae.parameters.vector[...] = vector
    if "scaling" in arrays:
        try:
            vae.scaling = Scaling(*arrays["scaling"])
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: the scaling in it makes no sense: {error}") from None
    return vae


def _undefined(config: Any) -> str | None:
    """The message where a model is made of a class that is not known here, one of a user's."""
    for door in (Likelihood, Posterior, Prior):
        given = config.get(door.what) if isinstance(config, dict) else None
        name = given.get("name") if isinstance(given, dict) else None
        if isinstance(name, str) and name not in door.known:
            ours = ", ".join(door.known)
            return f"the class of its {door.what} {name!r} must be defined before; known are {ours}"
    return None


def _size(config: Mapping[str, Any]) -> int:
    """How many parameters the model of a config has."""
    hidden, decoder_hidden = config["hidden"], config["decoder_hidden"]
    if len(hidden) + len(decoder_hidden) > LAYERS:
        raise ValueError(f"it has {len(hidden) + len(decoder_hidden)} hidden layers; {LAYERS} are the most")
    condition = whole("condition", config.get("condition", 0), at_least=0)
    architecture = Architecture(
        config["n_features"] + condition,
        tuple(hidden),
        config["latent"],
        tuple(decoder_hidden),
        config["activation"],
        conditional(chosen(Likelihood, config["likelihood"]), condition),
        chosen(Posterior, config.get("posterior", "diagonal")),  # 0.1.0 had no other
        chosen(Prior, config.get("prior", "standard")),
    )
    return sum(math.prod(shape) for shape in architecture.shapes().values())


def _checked_training(training: Any) -> dict[str, Any]:
    """The training state with every entry that `Trainer.restore` needs, of its type; ``ValueError`` otherwise."""
    kinds = {"settings": dict, "data": dict, "epoch": int, "position": int, "sums": dict, "history": list}
    for name, kind in kinds.items():
        value: Any = training.get(name) if isinstance(training, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, int) and value < 0):
            raise ValueError(f"{name} is {value!r}")
    if not isinstance(training.get("objective", {}), dict):
        raise ValueError(f"objective is {training['objective']!r}")
    if not isinstance(training.get("version", ""), str):
        raise ValueError(f"version is {training['version']!r}")
    sums, history = training["sums"], training["history"]
    if sums.keys() != set(SUMS) or not all(_is_number(value) and math.isfinite(value) for value in sums.values()):
        raise ValueError(f"sums are {sums}")
    if len(history) != training["epoch"]:
        raise ValueError(f"{training['epoch']} epochs have a history of {len(history)}")
    for row in history:
        if not (isinstance(row, dict) and row.keys() == set(COLUMNS) and all(map(_is_number, row.values()))):
            raise ValueError(f"the history has a row {row}")
    return dict(training)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
