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

__all__ = ["CHOICES", "as_in_training", "chosen_class", "columns_of", "in_turn", "named", "rows_of"]

CHOICES = ("none", "labels")
SHOWN = 3
"""Words that an error names."""
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


def as_in_training(data: Dataset, names: Sequence[str] | None, is_other: bool = True) -> Dataset:
    """The data with their labels numbered by the run's words, and not by those that happen to be in them.

    ``is_other`` says that they are other data than the run's own. ``ValueError`` names the words that the run has not,
    and how many rows have one.
    """
    import dataclasses

    import numpy as np

    known, theirs = None if names is None else tuple(names), data.label_names
    if data.labels is None or theirs == known:
        return data
    if known is None:
        if theirs is None or not is_other:  # a run from before the words were kept
            return data
        raise ValueError(f"{data.name}: its labels are words, such as {theirs[0]!r}; the run's are numbers")
    is_array = not data.name.lower().endswith((".csv", ".csv.gz"))
    if theirs is None and is_array and not _have_numbers(known):
        return data  # an array's labels are integers, and so are no words
    texts = [str(code) if theirs is None else theirs[code] for code in data.labels.tolist()]
    places = {name: place for place, name in enumerate(known)}
    unknown = [text for text in texts if text not in places]
    if unknown:
        words = list(dict.fromkeys(unknown))
        more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
        raise ValueError(
            f"{data.name}: {len(unknown)} of {len(texts)} rows have a label that the run does not know:"
            f" {', '.join(map(repr, words[:SHOWN]))}{more}; it has {', '.join(known)}"
        )
    return dataclasses.replace(data, labels=np.array([places[text] for text in texts], np.int64), label_names=known)


def named(c: Array, names: Sequence[str] | None) -> list[str]:
    """The words of classes, or their numbers where they have none."""
    return [str(int(code)) if names is None else names[int(code)] for code in c]


def _have_numbers(names: Sequence[str]) -> bool:
    """Whether a word is a number, which would then have two meanings."""
    return any(name.strip().lstrip("+-").isdecimal() for name in names)


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
    by_number = names is None or not _have_numbers(names)
    if not (by_number and text.isdecimal() and int(text) < classes):
        known = [] if names is None else [", ".join(names)]
        known += [f"0 to {classes - 1}"] * by_number
        raise ValueError(f"--class must be one of {' or '.join(known)}; got {text!r}")
    return np.full(number, int(text))


def in_turn(classes: int, number: int) -> Array:
    """Classes 0, 1, ..., each as often as the others, the earlier ones once more where they do not come out even."""
    import numpy as np

    return np.sort(np.arange(number) % classes)


def _labels(data: Dataset) -> Array:
    if data.labels is None:
        raise ValueError(f"{data.name}: has no labels, which the model's condition is (see --labels)")
    return data.labels
