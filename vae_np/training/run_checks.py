"""What a run checks: its data and constants before it begins, its checkpoint before it goes on."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.data.binarisation import binarise
from vae_np.formulas.scaling import moments
from vae_np.model.vae import VAE
from vae_np.support.checks import check_values
from vae_np.training.checkpoint import Checkpoint
from vae_np.training.settings import Settings

__all__ = ["Data", "check_rates", "check_same_run", "check_target", "digest", "prepare", "what_may_help"]

Array = NDArray[Any]
LARGE = 3.0
"""A column of this size is likelier to be the trouble than the learning rate."""


@dataclass(frozen=True, eq=False)
class Data:
    """What a run trains on and what it is validated on, checked, and binarised if that is done once."""

    x: Array
    validation: Array | None

    @functools.cached_property
    def fingerprint(self) -> dict[str, str | None]:
        """What tells these data from others."""
        parts = {"x": self.x, "validation": self.validation}
        return {name: None if part is None else digest(part) for name, part in parts.items()}


def prepare(vae: VAE, x: ArrayLike, validation: ArrayLike | None, settings: Settings) -> Data:
    """The data of a run; ``ValueError`` or ``TypeError`` where they are none."""
    once = "fixed" if settings.binarise == "dynamic" else settings.binarise
    checked = _prepared(vae, x, "x", settings.binarise, settings.seed)
    held = None if validation is None else _prepared(vae, validation, "validation", once, settings.seed)
    for name, array in (("x", checked), ("validation", held)):
        if array is not None and len(array) == 0:
            raise ValueError(f"{name} has no examples")
    return Data(checked, held)


def check_target(checkpoint: str | os.PathLike[str] | None, seconds: float) -> None:
    """What would otherwise fail only when the first checkpoint is due."""
    if not seconds >= 0:
        raise ValueError(f"checkpoint_seconds must not be negative; got {seconds}")
    if checkpoint is None:
        return
    path = Path(checkpoint)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; a checkpoint is a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: there is no such folder to write {path.name} to")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path.parent}: {path.name} cannot be written there; permission denied")


def check_rates(settings: Settings, dtype: np.dtype[Any], steps: int) -> None:
    """That Adam's constants survive in the model's dtype, as far as the first and the last step show it.

    A warning where weight decay takes all of the parameters.
    """
    adam = settings.optimizer
    if dtype.type(adam.epsilon) == 0:
        raise ValueError(f"epsilon must not vanish in {dtype}; {adam.epsilon} does")
    largest = float(np.finfo(dtype).max)
    for step in sorted({1, max(1, steps)}):
        rate = adam.rate(step)
        for name, value in (("learning_rate", rate), ("learning_rate times weight_decay", rate * adam.weight_decay)):
            if not value <= largest:
                raise ValueError(f"{name} must be finite in {dtype}; in step {step} it is {value}")
    taken = [(adam.rate(step) * adam.weight_decay, step) for step in sorted({1, max(1, steps)})]
    if max(taken)[0] >= 1:
        warnings.warn(
            f"learning_rate times weight_decay is {max(taken)[0]:.3g} in step {max(taken)[1]}: decoupled decay takes"
            " that share of every parameter in a step, 1 is all of it (l2 is what PyTorch's Adam calls weight_decay)",
            stacklevel=4,
        )


def check_same_run(path: str | os.PathLike[str], saved: Checkpoint, vae: VAE, settings: Settings, data: Data) -> None:
    """That model, data, settings and counters of the checkpoint are those of this run."""
    training, size, epochs = saved.training, settings.batch_size, settings.epochs
    ours = {"model": vae.config(), "settings": settings.config()}
    theirs = {"model": saved.vae.config(), "settings": training["settings"]}
    for part, mine in ours.items():
        a, b = dict(_flat(theirs[part])), dict(_flat(json.loads(json.dumps(mine))))
        for name in sorted(a.keys() | b.keys()):
            if a.get(name) != b.get(name) and name != "epochs":
                raise ValueError(
                    f"{path}: is the checkpoint of another run: {part} {name} is {a.get(name)!r} there,"
                    f" {b.get(name)!r} here"
                )
    if (saved.adam.v_max is not None) != settings.optimizer.amsgrad:
        has = "no v_max" if saved.adam.v_max is None else "a v_max"
        raise ValueError(f"{path}: has {has}, and amsgrad is {settings.optimizer.amsgrad}")
    for part, fingerprint in data.fingerprint.items():
        if training["data"].get(part) != fingerprint:
            which = "training" if part == "x" else part
            raise ValueError(f"{path}: is the checkpoint of another run: its {which} data are not these")
    epoch, position = training["epoch"], training["position"]
    step = epoch * -(-len(data.x) // size) + position // size
    if position >= len(data.x) or position % size or saved.adam.step != step:
        raise ValueError(f"{path}: epoch {epoch}, example {position}, step {saved.adam.step} contradict each other")
    if epoch + (position > 0) > epochs:
        begun = " and the next has begun" if position else ""
        raise ValueError(f"{path}: {epoch} epochs are done already{begun}; got epochs = {epochs}")


def what_may_help(vae: VAE, x: Array, names: Sequence[str] | None = None) -> str:
    """What to try where the first steps are not finite: it lies in the data's scale, or in the size of the steps."""
    found = moments(x)
    size = np.where(vae.likelihood.real(len(found.mean)), np.abs(found.mean) + found.deviation, 0.0)
    if vae.scale == "none" and size.max() > LARGE:
        columns = np.argsort(-size)[:3]
        called = range(len(size)) if names is None else names
        shown = ", ".join(f"{called[j]} ({found.mean[j]:.3g} +- {found.deviation[j]:.3g})" for j in columns)
        return f'; the largest columns of the data are {shown}: scale="standard" (--scale standard) may help'
    return "; a smaller learning rate or clip_norm (--learning-rate, --clip-norm) may help"


def _prepared(vae: VAE, x: ArrayLike, name: str, mode: str, seed: int) -> Array:
    """Checked data, binarised if that is done once."""
    array = vae.check_float(name, x)
    if mode == "dynamic":
        check_values(array[:, : vae.architecture.n_data], 0, 1, name=name, what="binarisation")
    elif mode != "none":
        array = binarise(array, mode, seed=seed, kept=vae.architecture.condition)  # type: ignore[arg-type]
    return vae.check_data(array, name)


def digest(x: Array) -> str:
    """A hash of shape, dtype and bytes, a block of rows at a time."""
    digest = hashlib.blake2b(f"{x.shape} {x.dtype}".encode(), digest_size=16)
    for begin in range(0, len(x), 4096):
        digest.update(np.ascontiguousarray(x[begin : begin + 4096]).data)
    return digest.hexdigest()


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as name.of.entry and value."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
