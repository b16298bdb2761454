"""Standardisation as a part of the model: the networks see u, the user x = shift + scale u.

The density of x follows from that of u by the change of variables, feature by feature,

    log p(x) = log p(u) - sum_d log scale_d,    u_d = (x_d - shift_d) / scale_d

so that every ELBO is in nats of x in its own units, and models with different scalings can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.support import portable
from vae_np.support.moments import Moments

__all__ = ["FeatureMoments", "Scaling", "moments", "standardising"]

Array = NDArray[Any]
BLOCK = 2**22
"""Numbers that are converted to float64 at once."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """x = shift + scale u.

    Parameters
    ----------
    shift, scale : array, shape (D,)
        Finite, scale positive; kept in float64.

    Attributes
    ----------
    log_volume : float
        sum_d log scale_d, in nats.

    Raises
    ------
    ValueError
        If they are none.
    """

    shift: Array
    scale: Array
    log_volume: float = field(init=False)

    def __post_init__(self) -> None:
        shift, scale = (np.array(a, np.float64) for a in (self.shift, self.scale))
        if shift.ndim != 1 or shift.shape != scale.shape:
            raise ValueError(f"shift and scale must have one shape, (D,); got {shift.shape} and {scale.shape}")
        if not (np.isfinite(shift).all() and np.isfinite(scale).all() and (scale > 0).all()):
            raise ValueError("shift and scale must be finite, and scale positive")
        for name, value in (("shift", shift), ("scale", scale), ("log_volume", math.fsum(portable.log(scale)))):
            object.__setattr__(self, name, value)

    def inside(self, x: Array) -> Array:
        """u = (x - shift) / scale, found in float64 and rounded once, to x's dtype.

        Columns of x beyond D, a condition's, stay as they are.
        """
        if x.shape[-1] > (d := len(self.shift)):
            return np.concatenate([self.inside(x[..., :d]), x[..., d:]], axis=-1)
        with np.errstate(over="ignore"):  # what overflows is found where x is looked at
            u: Array = ((x - self.shift) / self.scale).astype(x.dtype)
        return u

    def outside(self, u: Array) -> Array:
        """x = shift + scale u, likewise."""
        with np.errstate(over="ignore"):
            x: Array = (self.shift + self.scale * u).astype(u.dtype)
        return x


class FeatureMoments(NamedTuple):
    """Of each feature, (D,), in float64; ``constant`` says where all values are one."""

    mean: Array
    deviation: Array
    constant: NDArray[np.bool_]

    @property
    def variance(self) -> Array:
        """The square of the deviation, infinite where it overflows."""
        with np.errstate(over="ignore"):
            return self.deviation * self.deviation


def moments(x: Array) -> FeatureMoments:
    """Mean and deviation (with 1/N) of each column, in float64, by `support.moments` over blocks of rows.

    A first pass finds the range; of v = (x - low) / (high - low), in [0, 1], no square leaves the range of numbers. The
    deviation of a constant column is 0, not the rounding of its mean.
    """
    n, d = x.shape
    step = max(1, BLOCK // d)
    blocks = [slice(i, i + step) for i in range(0, n, step)]
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    for rows in blocks:
        low, high = np.minimum(low, x[rows].min(axis=0)), np.maximum(high, x[rows].max(axis=0))
    constant = low == high
    half = np.where(constant, 1.0, high / 2 - low / 2)  # halves: their difference does not overflow
    found = Moments()
    for rows in blocks:
        found.add((x[rows] / np.float64(2) - low / 2) / half)
    mean = low + half * found.mean + half * found.mean
    deviation = half * np.sqrt(found.variance()) * 2
    return FeatureMoments(np.where(constant, low, mean), np.where(constant, 0.0, deviation), constant)


def standardising(found: FeatureMoments, real: NDArray[np.bool_] | bool = True) -> Scaling:
    """The scaling that gives every feature mean 0 and variance 1; a constant one keeps the scale 1.

    Features that are not ``real``, such as counts, are left as they are.
    """
    deviation = np.where(found.deviation > 0, found.deviation, 1.0)
    return Scaling(np.where(real, found.mean, 0.0), np.where(real, deviation, 1.0))
