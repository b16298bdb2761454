"""Mean and variance of numbers that come in blocks, without the difference E[a^2] - E[a]^2, which cancels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments"]

Array = NDArray[Any]


class Moments:
    """Count, mean and sum of squared deviations M over the first axis of all blocks, in float64.

        mean = mean_a + d n_b / n,    M = M_a + M_b + d^2 n_a n_b / n,    d = mean_b - mean_a,    n = n_a + n_b

    Notes
    -----
    Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance". A variance far below the squared
    mean keeps its digits: all differences are taken from the first row, which is of the numbers' own size.
    """

    def __init__(self) -> None:
        self.count = 0
        self.squares: Any = 0.0
        self._first: Any = 0.0
        self._beyond: Any = 0.0  # the mean less the first row

    @property
    def mean(self) -> Any:
        """The mean of the rows so far."""
        return self._first + self._beyond

    def add(self, block: Array) -> None:
        """Take in the rows of a block (n, ...)."""
        if self.count == 0:
            self._first = block[0].astype(np.float64)
        rows = block.astype(np.float64) - self._first
        mean = rows.mean(axis=0)
        n = self.count + len(block)
        d = mean - self._beyond
        self.squares = self.squares + np.square(rows - mean).sum(axis=0) + d * d * (self.count * len(block) / n)
        self._beyond = self._beyond + d * (len(block) / n)
        self.count = n

    def scale(self, factor: Array) -> None:
        """As if all rows so far had been multiplied by it."""
        self._first, self._beyond = self._first * factor, self._beyond * factor
        self.squares = self.squares * (factor * factor)

    def variance(self) -> Array:
        """The mean squared deviation from the mean."""
        return np.asarray(self.squares / self.count)
