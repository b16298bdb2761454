"""The one check that all formulas pass and mistakes fail."""

from __future__ import annotations

import numpy as np
from quantities import Quantity, grid, measure

FLOATS = [np.float64, np.float32]
N = 500


def check(quantity: Quantity, function, dtype, points=None) -> None:
    """The one check: the function is as accurate as the quantity's formula must be, and keeps the dtype."""
    points, exact = grid(quantity.name, dtype, N) if points is None else (points, None)
    bound = quantity.bound[FLOATS.index(dtype)]
    finding = measure(function, quantity, points, exact)
    name = np.dtype(dtype).name
    assert finding.error <= bound, f"{quantity.name}, {name}: {finding} ULP where {bound} are allowed {quantity.note}"
