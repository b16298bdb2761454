"""Likelihoods with gamma functions: the Poisson, for the loops of `bernoulli`, and the negative binomial and the Beta,
for those of `dispersed`.

The parts that do not cancel are those of `formulas.gamma`: what log Gamma(z) has beside Stirling's approximation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.formulas import gamma
from vae_np.formulas.numerics import LOG_2PI
from vae_np.kernels.compiler.by_type import typed
from vae_np.kernels.compiler.decorators import scalar
from vae_np.kernels.compiler.intrinsics import fused
from vae_np.kernels.math import elementary

__all__ = ["beta", "log_peak", "negative_binomial", "poisson"]

_ZERO, _HALF, _ONE, _NEAR = (np.float64(v) for v in (0, 0.5, 1, gamma.NEAR))
_FAR, _STEPS = np.float64(gamma.FAR), int(gamma.FAR)
_LOG_2PI, _TINY = np.float64(LOG_2PI), np.float64(-40)
_PEAKS = gamma._PEAKS
_REST, _SLOPE = (tuple(map(np.float64, c)) for c in (gamma._REST, gamma._SLOPE))


@scalar
def _odd_powers(inverse: Any, c: Any) -> Any:
    """c_1/z + c_2/z^3 + ..., of 1/z."""
    square = inverse * inverse
    total = c[-1]
    for i in range(len(c) - 2, -1, -1):
        total = fused(total, square, c[i])
    return total * inverse


@scalar
def log_peak(x: Any) -> Any:
    """log x! - x log x + x of a whole x >= 1: see `formulas.gamma.log_peak`."""
    far = not x < _FAR
    big = x if far else _FAR
    series = _HALF * (_LOG_2PI + elementary.log(big)) + _odd_powers(_ONE / big, _REST)
    return series if far else _PEAKS[np.int64(_ZERO if far else x)]


@scalar
def poisson(x: Any, a: Any) -> tuple[Any, Any]:
    """-x phi(a - log x) - log_peak(x), or -e^a at x = 0, and d/da = x - e^a, in a's precision."""
    u, wide = np.float64(x), np.float64(a)
    none = u == _ZERO
    count, rate = _ONE if none else u, elementary.exp(wide)
    some = -count * elementary.phi(wide - elementary.log(count)) - log_peak(count)
    return typed(a, -rate if none else some), typed(a, u - rate)


@scalar
def _stirling(z: Any, log_z: Any) -> tuple[Any, Any]:
    """S(z) and z dS/dz of z > 0: see `formulas.gamma.stirling`; below `FAR` the series at z + 10 and ten steps.

    The first step is log(1 + 1/z) = log(1 + z) - log z where z may have underflowed.
    """
    far = not z < _FAR
    low = _ONE if far else z
    at = z if far else low + _FAR
    inverse = _ONE / at
    rest, slope = _odd_powers(inverse, _REST), _odd_powers(inverse, _SLOPE)
    steps, slopes = rest, slope * inverse
    for k in range(_STEPS - 1, 0, -1):
        y = low + np.float64(k)
        log_step = elementary.log1p(_ONE / y)
        steps += (y + _HALF) * log_step - _ONE
        slopes += log_step - (y + _HALF) / (y * (y + _ONE))
    first = elementary.log1p(low) - log_z if low < _NEAR else elementary.log1p(_ONE / low)
    steps += (low + _HALF) * first - _ONE
    slopes = low * (slopes + first) - (low + _HALF) / (low + _ONE)
    return (rest, slope) if far else (steps, slopes)


@scalar
def _log1p_of(s: Any, other: Any, e_other: Any) -> Any:
    """log(1 + e^(s + other)); a small one from the product, since s + other is rounded, and e^ would multiply that."""
    total = s + other
    large = total > _ZERO
    product = elementary.exp(_ZERO if large else s) * (_ONE if large else e_other)
    return elementary.softplus(total) if large else elementary.log1p(product)


@scalar
def negative_binomial(kind: Any, x: Any, m: Any, s: Any, r: Any) -> tuple[Any, Any, Any]:
    """As `NegativeBinomial.log_p` and `slopes` have it, r = e^-s."""
    none = x == _ZERO
    count = _ONE if none else x
    log_x, mu = elementary.log(count), elementary.exp(m)
    of_x, of_mu = _log1p_of(s, log_x, count), _log1p_of(s, m, mu)
    d = of_x - of_mu
    above, above_slope = _stirling(r + count, elementary.log(r + count))
    below, below_slope = _stirling(r, -s)
    some = above - below - _HALF * of_x - log_peak(count)
    some -= count * elementary.phi(m - log_x + d) + r * elementary.phi(d)
    zero = mu if s + m < _TINY else r * of_mu
    down = elementary.sigmoid(-s - m)
    dm = x * down - r * elementary.sigmoid(s + m) if s + m > _ZERO else (x - mu) * down
    rest = below_slope - elementary.exp(-of_x) * above_slope + _HALF * elementary.expm1(-of_x)
    ds = (_ZERO if none else rest) + r * elementary.phi((_ZERO if none else of_x) - of_mu)
    return -zero if none else some, dm, ds


@scalar
def beta(kind: Any, x: Any, m: Any, s: Any, inverse: Any) -> tuple[Any, Any, Any]:
    """As `Beta.log_p` and `slopes` have it."""
    log_m, log_rest = -elementary.softplus(-m), -elementary.softplus(m)
    log_x, log_other = elementary.log(x), elementary.log1p(-x)
    total, mean, other = elementary.exp(s), elementary.sigmoid(m), elementary.sigmoid(-m)
    a, b = total * mean, total * other
    of_total, total_slope = _stirling(total, s)
    of_a, a_slope = _stirling(a, s + log_m)
    of_b, b_slope = _stirling(b, s + log_rest)
    far = a * elementary.phi(log_x - log_m) + b * elementary.phi(log_other - log_rest)
    log_p = of_total - of_a - of_b - far + _HALF * (s + log_m + log_rest - _LOG_2PI) - log_x - log_other
    dm = a * other * (log_x - log_other - m) + mean * b_slope - other * a_slope + _HALF * (other - mean)
    return log_p, dm, total_slope - a_slope - b_slope + _HALF - far
