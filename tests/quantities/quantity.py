"""A formula beside its oracle, and the worst error of a function over points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import ulp

Array = np.ndarray
Points = Callable[[Any, int, int], list[Array]]


@dataclass(frozen=True)
class Quantity:
    """A formula of arrays, its scalar oracle, its points for (dtype, n, seed), and the worst ULP allowed (f64, f32)."""

    name: str
    formula: Callable[..., Array] | None
    """None where only a compiled kernel computes it in this form."""
    oracle: Callable[..., Any]
    points: Points
    bound: tuple[float, float] = (4, 4)
    note: str = ""
    headroom: float = 1.0
    kernel: str = ""
    """The compiled elementary function; what is fused is in tests/kernels/fused.py, by the quantity's name."""
    derivative_of: str = ""
    """The name of the quantity of which this is the derivative, and with respect to which argument."""
    argument: int = 0
    tolerance: float = 1e-13
    """Of the complex step: SciPy's complex erfcx is good to 13 digits."""


@dataclass(frozen=True)
class Finding:
    """The worst error, in ULP, and the arguments at which it occurred."""

    error: float
    where: tuple[float, ...]
    n: int

    def __str__(self) -> str:
        return f"{self.error:.2f} at {', '.join(f'{v:.9g}' for v in self.where)}"


def targets(quantity: Quantity, points: list[Array]) -> list[Any]:
    """The oracle's values at the points."""
    return [quantity.oracle(*map(float, point)) for point in zip(*points, strict=True)]


def measure(
    function: Callable[..., Array], quantity: Quantity, points: list[Array], exact: list[Any] | None = None
) -> Finding:
    """The worst error of a function over the points, against the quantity's oracle (or its values, if they are had)."""
    with np.errstate(all="ignore"):
        values = np.asarray(function(*points))
    dtype = points[0].dtype
    if values.dtype != dtype or values.shape != points[0].shape:
        raise AssertionError(f"{quantity.name}: {dtype} {points[0].shape} became {values.dtype} {values.shape}")
    exact = targets(quantity, points) if exact is None else exact
    error, where = ulp.worst(values, exact, dtype, quantity.headroom)
    return Finding(error, tuple(float(p[where]) for p in points), len(values))
