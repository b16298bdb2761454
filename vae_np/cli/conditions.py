"""Labels as the condition of a model: --condition labels of vae-np train, --class of vae-np sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vae_np.cli.common import Parts
    from vae_np.data import Dataset
    from vae_np.model.vae import VAE

    Array = NDArray[Any]

__all__ = ["CHOICES", "chosen_class", "columns_of", "in_turn", "rows_of"]

CHOICES = ("none", "labels")
MOST = 1000
"""Classes that a condition may have: each is a column of the encoder's and the decoder's first layer."""


def columns_of(condition: str, parts: Parts) -> int:
    """How many classes the labels of all parts have, 0 without --condition; ``ValueError`` where they are none."""
    if condition == "none":
        return 0
    if condition not in CHOICES:
        raise ValueError(f"--condition must be one of {', '.join(CHOICES)}; got {condition!r}")
    found = [_labels(part) for part in parts if part is not None]
    least, most = min(int(labels.min()) for labels in found), max(int(labels.max()) for labels in found)
    if least < 0 or not 1 <= most < MOST:
        raise ValueError(
            f"--condition labels: they must be classes counted from 0, from two to {MOST} of them; those of"
            f" {parts.train.name} reach from {least} to {most}"
        )
    names = parts.train.label_names
    return most + 1 if names is None else len(names)


def rows_of(vae: VAE, data: Dataset) -> Array:
    """What the model is given of the data: x, and of a conditional model their labels beside it."""
    return vae.rows(data.x, _labels(data)) if vae.architecture.condition else data.x


def chosen_class(vae: VAE, text: str | None, names: Sequence[str] | None, number: int) -> Array | None:
    """The condition of so many samples: the class of --class, by its number or its text, or all classes in turn."""
    import numpy as np

    classes = vae.architecture.condition
    if not classes:
        if text is not None:
            raise ValueError("--class needs a conditional model, that of vae-np train --condition labels")
        return None
    if text is None:
        return in_turn(classes, number)
    if names is not None and text in names:
        return np.full(number, names.index(text))
    known = f"0 to {classes - 1}" if names is None else ", ".join(names)
    if not text.isdecimal() or int(text) >= classes or names is not None:
        raise ValueError(f"--class must be one of {known}; got {text!r}")
    return np.full(number, int(text))


def in_turn(classes: int, number: int) -> Array:
    """Classes 0, 1, ..., each as often as the others, the earlier ones once more where they do not come out even."""
    import numpy as np

    return np.sort(np.arange(number) % classes)


def _labels(data: Dataset) -> Array:
    if data.labels is None:
        raise ValueError(f"{data.name}: has no labels, which the model's condition is (see --labels)")
    return data.labels
