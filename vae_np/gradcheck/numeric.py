"""Derivatives by two independent methods.

complex step           f'(x) = Im f(x + i h) / h + O(h^2), no subtraction, h = 1e-30: exact to rounding
                       (Squire & Trapp 1998)
central differences    (f(x + h) - f(x - h)) / 2h = f'(x) + O(h^2), extrapolated to h = 0 (Ridders 1982)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["central_difference", "complex_step"]

Array = NDArray[Any]


STEP = 1e-30


def complex_step(f: Callable[[Array], Any], x: Array, direction: Array) -> float:
    """The derivative of the real function f at x along ``direction``: Im f(x + i h direction) / h.

    f must be written for complex arguments and be analytic in them at x (no abs, no comparison but of real parts).

    Examples
    --------
    >>> bool(complex_step(lambda x: np.exp(x[0]), np.array([1.0]), np.array([1.0])) == np.exp(1.0))
    True
    """
    return float(np.imag(f(x + 1j * STEP * direction)) / STEP)


def central_difference(
    f: Callable[[Array], float], x: Array, direction: Array, *, h: float = 0.1, levels: int = 8
) -> tuple[float, float]:
    """The derivative of f at x along ``direction``, and an estimate of its error.

    Differences at h, h/2, h/4, ... are extrapolated to h = 0 by Richardson's tableau; the entry that differs least from
    its two parents is returned, with that difference (Ridders 1982). A kink that the large steps straddle spoils their
    rows only, and shows in the estimate if it spoils all.

    Examples
    --------
    >>> value, error = central_difference(lambda x: x[0] ** 3, np.array([2.0]), np.array([1.0]))
    >>> bool(abs(value - 12) < 1e-11 and error < 1e-10)
    True
    """
    best, estimate = math.nan, math.inf
    previous: list[float] = []
    for level in range(levels):
        step = h / 2**level
        row = [(float(f(x + step * direction)) - float(f(x - step * direction))) / (2 * step)]
        for j, parent in enumerate(previous, start=1):
            row.append(row[-1] + (row[-1] - parent) / (4**j - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - parent))
            if error < estimate:
                best, estimate = row[-1], error
        previous = row
    return best, estimate
