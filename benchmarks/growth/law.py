"""The exponent of a power law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["Law", "fit"]


class Law(NamedTuple):
    """value = factor * size^exponent, as fitted from ``begin`` to ``end``."""

    exponent: float
    factor: float
    begin: int
    end: int

    def __call__(self, size: float) -> float:
        return self.factor * size**self.exponent


def fit(sizes: Sequence[int], values: Sequence[float | None]) -> Law | None:
    """Least squares of log value on log size over the upper half of the range, None with fewer than two values there.

    The upper half is the sizes from the geometric mean of the ends on: below it, what does not grow with the size still
    counts. Of two or three sizes all are taken.
    """
    middle = math.sqrt(sizes[0] * sizes[-1]) if len(sizes) > 3 else 0
    upper = [(size, value) for size, value in zip(sizes, values, strict=True) if size >= middle and value and value > 0]
    if len(upper) < 2:
        return None
    x, y = np.log(np.array(upper, float)).T
    exponent, constant = np.polyfit(x, y, 1)
    return Law(float(exponent), math.exp(constant), upper[0][0], upper[-1][0])
