"""Training runs as single files: a model's archive with more in it.

    format, config, parameters    as in `archive`
    adam.*       a checkpoint's optimiser state: m, v, perhaps v_max, and the number of steps
    training     JSON: a checkpoint's settings, progress and history

`load` reads both; a checkpoint is a model with more in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.archive import read_archive, write_archive
from vae_np.model import VAE
from vae_np.optim import AdamState

__all__ = ["Checkpoint", "load", "load_checkpoint", "save_checkpoint"]

Array = NDArray[Any]
FILE = "checkpoint.npz"


class Checkpoint:
    """What a checkpoint holds beside the model."""

    def __init__(self, adam: AdamState, training: dict[str, Any]) -> None:
        self.adam, self.training = adam, training


def save_checkpoint(vae: VAE, adam: AdamState, training: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a model in training to ``path``, atomically."""
    more = {f"adam.{name}": array for name, array in adam.arrays().items()}
    write_archive(path, vae.config(), vae.parameters.vector, more | {"training": np.array(json.dumps(training))})


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
    arrays = read_archive(path)
    try:
        vae = VAE(**json.loads(str(arrays["config"])), backend=backend)
        vector = arrays["parameters"]
        if vector.shape != vae.parameters.vector.shape or vector.dtype != vae.dtype:
            raise ValueError(f"its config asks for {vae.parameters.vector.size} parameters of {vae.dtype}")
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: the model in it makes no sense: {error}") from None
    if not np.isfinite(vector).all():
        name, index = vae.parameters.locate(int(np.argmin(np.isfinite(vector))))
        raise ValueError(f"{path}: parameter {name}{list(index)} is not finite")
    vae.parameters.vector[...] = vector
    return vae


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The rest of a checkpoint; ``ValueError`` where the file is a model without it."""
    path = _file(path)
    arrays = read_archive(path)
    if "training" not in arrays:
        raise ValueError(f"{path}: holds a model and no training state; there is nothing to resume")
    try:
        adam = AdamState.from_arrays({n.removeprefix("adam."): a for n, a in arrays.items() if n.startswith("adam.")})
        training: dict[str, Any] = json.loads(str(arrays["training"]))
        if adam.m.shape != arrays["parameters"].shape:
            raise ValueError(f"{arrays['parameters'].size} parameters have {adam.m.size} moments")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: the training state in it makes no sense: {error}") from None
    return Checkpoint(adam, training)


def _file(path: str | os.PathLike[str]) -> Path:
    """The file meant: a folder is a run's."""
    path = Path(path)
    return path / FILE if path.is_dir() else path
