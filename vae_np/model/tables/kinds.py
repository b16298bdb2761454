"""Which likelihood a column wants, by its dtype and its values.

    bool, or 0 and 1 alone                              Bernoulli
    text, categories                                    Categorical
    whole numbers of few levels, none of them 0         Categorical: codes, grades
    whole numbers from 0 on                             Poisson, or NegativeBinomial where they vary more
    counts that vary less than a Poisson, other numbers Gaussian

The dispersion of n counts is judged by their variance over their mean, which for a Poisson's is 1 with the deviation
sqrt(2 / (n - 1)) (Fisher's index of dispersion); beyond three of these it is more, or less. Counts that vary less than
a Poisson are no Poisson's whatever the latents say, since these only add to a variance.

"Whole numbers" are those of an integer dtype: measurements that happen to be whole are numbers.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEW", "Choice", "Kind", "dispersion_of", "kind_of_numbers", "kind_of_values", "letter_of"]

Array = NDArray[Any]
Kind = Literal["bernoulli", "categorical", "poisson", "negative-binomial", "gaussian"]
FEW = 10
"""Levels of whole numbers up to which they may be codes."""
DEVIATIONS = 3.0


class Choice(NamedTuple):
    """What a column is taken for, and why."""

    kind: Kind
    why: str


def dispersion_of(counts: Array) -> int:
    """1 where counts vary more than a Poisson's, -1 where less, 0 where as much."""
    n, mean = len(counts), float(counts.mean())
    if n < 2 or mean == 0:
        return 0
    ratio = float(counts.var(ddof=1)) / mean
    if abs(ratio - 1) <= DEVIATIONS * math.sqrt(2 / (n - 1)):
        return 0
    return 1 if ratio > 1 else -1


def kind_of_numbers(values: Array, whole: bool) -> Choice:
    """Of finite numbers (N,); ``whole`` says that their dtype is one of integers."""
    levels = np.unique(values)
    if np.isin(levels, (0, 1)).all():
        return Choice("bernoulli", "0 and 1")
    if not whole:
        return Choice("gaussian", "numbers")
    if len(levels) == 1:
        return Choice("gaussian", "one value")
    if len(levels) <= FEW and 0 not in levels:
        return Choice("categorical", f"whole numbers of {len(levels)} levels without 0")
    if levels[0] < 0:
        return Choice("gaussian", "whole numbers, negative ones among them")
    spread = dispersion_of(values)
    if spread > 0:
        return Choice("negative-binomial", "counts that vary more than a Poisson's")
    if spread < 0:
        return Choice("gaussian", "whole numbers that vary less than a Poisson's")
    return Choice("poisson", "counts")


def kind_of_values(column: Any) -> Choice:
    """Of a pandas Series without missing values."""
    kind = letter_of(column)
    if kind == "b":
        return Choice("bernoulli", "truths")
    if kind in "iuf":
        return kind_of_numbers(np.asarray(column, np.float64), kind != "f")
    levels = len(getattr(column.dtype, "categories", ())) or column.nunique()
    return Choice("categorical", f"{levels} levels")


def letter_of(column: Any) -> str:
    """The letter of its NumPy dtype: b, i, u, f; of what holds objects that of the objects, O where they are others."""
    if hasattr(column.dtype, "categories"):
        return "O"
    kind = str(getattr(column.dtype, "kind", "O"))
    if kind == "O":
        found = np.asarray(column.tolist()).dtype.kind if _are_numbers(column) else "O"
        return found if found in "biuf" else "O"
    return kind if kind in "biuf" else "O"


def _are_numbers(column: Any) -> bool:
    return all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in column)
