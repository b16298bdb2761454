"""The table of what is checked: each formula beside its oracle, its arguments, and the error that is allowed.

A `Quantity` is evaluated at points (one array an argument) and held to the oracle there: by the tests of formulas and
of kernels, with their bounds, and by `scripts/accuracy.py`, which prints what it finds.
"""

from __future__ import annotations

import functools
from typing import Any

from quantities.activations import ACTIVATION_ROWS
from quantities.elementary import ELEMENTARY_ROWS, SPECIAL_ROWS
from quantities.kernels import KERNEL_ROWS
from quantities.likelihoods import LIKELIHOOD_ROWS
from quantities.normal import GAUSSIAN_ROWS
from quantities.optim import ADAM_ROWS
from quantities.points import LOGVAR, WIDE
from quantities.quantity import Array, Finding, Quantity, measure, targets

__all__ = ["BY_NAME", "LOGVAR", "QUANTITIES", "WIDE", "Finding", "Quantity", "grid", "measure", "targets"]

QUANTITIES = ELEMENTARY_ROWS + SPECIAL_ROWS + ACTIVATION_ROWS + GAUSSIAN_ROWS + LIKELIHOOD_ROWS + ADAM_ROWS
BY_NAME = {quantity.name: quantity for quantity in QUANTITIES + KERNEL_ROWS}


@functools.cache
def grid(name: str, dtype: type, n: int) -> tuple[list[Array], list[Any]]:
    """The quantity's points, and the oracle's values there."""
    points = BY_NAME[name].points(dtype, n, 1)
    return points, targets(BY_NAME[name], points)
