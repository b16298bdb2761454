"""The gamma function in parts that do not cancel: what is left of log Gamma beside Stirling's approximation.

log Gamma(z) grows as z log z, and a log-density such as the Poisson's is the difference of three such terms. With

    log Gamma(z) = (z - 1/2) log z - z + 1/2 log 2 pi + S(z),    S(z) = 1/(12 z) - 1/(360 z^3) + ...

the large ones cancel on paper (Loader 2000, "Fast and accurate computation of binomial probabilities").
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from vae_np.formulas.numerics import LOG_2PI

__all__ = ["log_peak", "stirling", "stirling_slope"]

Array = NDArray[Any]
FAR = 10
"""From here on the series below, to the power -17, are exact to rounding: the next terms are below 3e-18."""
NEAR = 0.5
"""Up to here log Gamma(z + 1) and z log z are small themselves."""
_BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798]
_REST = [b / (2 * n * (2 * n - 1)) for n, b in enumerate(_BERNOULLI, 1)]
_SLOPE = [-b / (2 * n) for n, b in enumerate(_BERNOULLI, 1)]


def _peaks() -> list[float]:
    """`log_peak` of 0 to 15, in 40 digits and rounded once."""
    with decimal.localcontext(decimal.Context(prec=40)):
        whole = [decimal.Decimal(n) for n in range(1, FAR)]
        return [0.0] + [float(decimal.Decimal(math.factorial(int(n))).ln() - n * n.ln() + n) for n in whole]


_PEAKS = np.array(_peaks())


def _odd_powers(z: Array, coefficients: list[float]) -> Array:
    """c_1 / z + c_2 / z^3 + ..."""
    inverse = 1 / z
    square = inverse * inverse
    total = np.full_like(z, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total * square + c
    return total * inverse


def stirling(z: Array, log_z: Array, log1p: Callable[[Array], Array] | None = None) -> Array:
    """S(z) = log Gamma(z) - (z - 1/2) log z + z - 1/2 log 2 pi of z > 0, perhaps complex.

    Between `NEAR` and `FAR` it is S(z + 10) and ten steps S(z) - S(z + 1) = (z + 1/2) log(1 + 1/z) - 1. log z is given:
    where z = e^y has underflowed, y is still known. Another ``log1p`` than NumPy's may have the same bits everywhere.
    """
    log1p = log1p or np.log1p
    near, far = z.real < NEAR, ~(z.real < FAR)
    small, log_small = np.where(near, z, 1), np.where(near, log_z, 0)
    direct = special.loggamma(small + 1) - (small + 0.5) * log_small + (small - 0.5 * LOG_2PI)
    middle = np.where(near | far, 1, z)
    steps = _odd_powers(middle + FAR, _REST)
    for k in range(FAR - 1, -1, -1):
        steps = steps + ((middle + (k + 0.5)) * log1p(1 / (middle + k)) - 1)
    return np.where(near, direct, np.where(far, _odd_powers(np.where(far, z, FAR), _REST), steps))


def stirling_slope(z: Array, log_z: Array) -> Array:
    """z dS/dz = z (psi(z) - log z) + 1/2, with the digamma function psi; real z, in the same three cases."""
    near, far = z < NEAR, ~(z < FAR)
    small, log_small = np.where(near, z, 1), np.where(near, log_z, 0)
    direct = small * special.psi(small + 1) - small * log_small - 0.5
    middle = np.where(near | far, 1, z)
    steps = _odd_powers(middle + FAR, _SLOPE) / (middle + FAR)
    for k in range(FAR - 1, -1, -1):
        at = middle + k
        steps = steps + (np.log1p(1 / at) - (at + 0.5) / (at * (at + 1)))
    return np.where(near, direct, np.where(far, _odd_powers(np.where(far, z, FAR), _SLOPE), middle * steps))


def log_peak(x: Array) -> Array:
    """log x! - x log x + x of whole x >= 0: minus the Poisson's log-probability of a count x at the rate x."""
    far = ~(x < FAR)  # so is NaN, which comes out
    big = np.where(far, x, FAR)
    series = 0.5 * (LOG_2PI + np.log(big)) + _odd_powers(big, _REST)
    return np.where(far, series, _PEAKS[np.where(far, 0, x).astype(np.intp)])
