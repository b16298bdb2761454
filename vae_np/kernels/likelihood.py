"""The likelihoods' kernels: bias, log p(x | raw) and its gradient in one loop over the decoder's output.

Rows r = s N + n of raw (S N, D) belong to the example n = r mod N of x (N, D). Each comes twice: ``value`` keeps raw
and gives the log-likelihood alone; ``gradient`` overwrites raw by weight_r times the gradient and writes the output
bias's gradient, its column sums. A likelihood without a kernel here runs on its formula.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vae_np.kernels import elementary, math64
from vae_np.kernels.dispatch import by_kind, typed
from vae_np.kernels.policy import kernel, scalar
from vae_np.numerics import LOG_2PI

_ZERO, _HALF, _ONE = np.float64(0), np.float64(0.5), np.float64(1)
_INF = np.float64(np.inf)
_LOW, _HIGH = np.float64(-1418), np.float64(1418)  # e^x is 2^n with n two exponents' sum


class Bernoulli(NamedTuple):
    """log p = x a - log(1 + e^a)."""

    kind: int = 0


class ContinuousBernoulli(NamedTuple):
    """log p = x a - log((e^a - 1) / a)."""

    kind: int = 0


@scalar
def _bernoulli(x: Any, a: Any) -> tuple[Any, Any]:
    """The two shares -log1p(e^-|a|) + (x - [a > 0]) a, and d/da = (x - [a > 0]) +- sigmoid(-|a|)."""
    zero, one = typed(a, 0.0), typed(a, 1.0)
    e = elementary.exp(-abs(a))
    tail = e / (one + e)
    up = a > zero
    y = x - one if up else x
    return y * a - elementary.log1p(e), y + (tail if up else -tail)


@scalar
def _continuous_bernoulli(x: Any, a: Any) -> tuple[Any, Any]:
    """The same with A(-|a|), A(a) = log((e^a - 1) / a), and its derivative, the mean."""
    zero, one = typed(a, 0.0), typed(a, 1.0)
    t = -abs(a)
    tail = elementary.mean_expm1(t)
    up = a > zero
    y = x - one if up else x
    return y * a - elementary.log_expm1_over(t), y + (tail if up else -tail)


value_and_slope = by_kind({Bernoulli: _bernoulli, ContinuousBernoulli: _continuous_bernoulli}, arguments=2)
"""(log p(x | a), d/da of it) of one feature."""


@kernel
def value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any) -> None:
    """Raw gets its bias; log_likelihood (S N,) = sum over the features."""
    n, d = x.shape
    for r in range(raw.shape[0]):
        total = typed(raw[r, 0], 0.0)
        for j in range(d):
            a = raw[r, j] + b[j]
            raw[r, j] = a
            total += value_and_slope(kind, x[r % n, j], a)[0]
        log_likelihood[r] = total


@kernel
def gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, db: Any) -> None:
    """``value``, with raw overwritten by weight_r d log p / d raw and db by its column sums."""
    n, d = x.shape
    for j in range(d):
        db[j] = 0
    for r in range(raw.shape[0]):
        total = typed(raw[r, 0], 0.0)
        w = weight[r]
        i = r % n
        for j in range(d):
            log_p, slope = value_and_slope(kind, x[i, j], raw[r, j] + b[j])
            total += log_p
            da = w * slope
            raw[r, j] = da
            db[j] += da
        log_likelihood[r] = total


@scalar
def _difference(x: Any, m: Any) -> tuple[Any, Any]:
    """X - m, rounded to float64, and what is left (Knuth)."""
    wide, other = np.float64(x), np.float64(m)
    d = wide - other
    taken = wide - d
    return d, (wide - (d + taken)) - (other - taken)


@scalar
def _times_exp(d: Any, lost: Any, x: Any) -> tuple[Any, Any]:
    """(d + lost) e^x in float64, and its square, from the unrounded sum of d and d e, where e^x is (1 + e) 2^n."""
    n, r = math64._reduce(_LOW if x < _LOW else (_HIGH if x > _HIGH else x))
    half = (n * _HALF + math64._MAGIC) - math64._MAGIC
    first = math64._power_of_two(half)
    scaled = d * first
    small = scaled * math64._exp_less_one(r) + lost * first
    last = math64._power_of_two(n - half)
    u, rest = (scaled + small) * last, (small - ((scaled + small) - scaled)) * last
    u = scaled if abs(scaled) == _INF else u  # so is u, and not inf - inf
    square = u * u
    return u, (square + (u + u) * rest if square < _INF else square)


@scalar
def _exp_in_two(x: Any) -> tuple[Any, Any]:
    """The float64 nearest to e^x, and what is left."""
    n, r = math64._reduce(math64._EXP_LOW if x < math64._EXP_LOW else (math64._EXP_HIGH if x > math64._EXP_HIGH else x))
    e = math64._exp_less_one(r)
    first = _ONE + e
    return math64._scale(first, n), math64._scale(e - (first - _ONE), n)


@kernel
def inverse_deviation(s: Any, inverse: Any, rest: Any) -> None:
    """e^(-s/2) = inverse + rest, (D,), float64: it enters squared, and each of its errors would count twice."""
    for j in range(s.shape[0]):
        inverse[j], rest[j] = _exp_in_two(-_HALF * np.float64(s[j]))


@scalar
def _standardised(x: Any, m: Any, inverse: Any, rest: Any) -> Any:
    """(x - m) (inverse + rest) in float64."""
    d, lost = _difference(x, m)
    return d * inverse + (d * rest + lost * inverse)


@kernel
def gaussian_value(raw: Any, b: Any, x: Any, s: Any, inverse: Any, rest: Any, log_likelihood: Any) -> None:
    """log p = -1/2 sum (((x - m) e^(-s/2))^2 + s + log 2 pi), with s (D,) and its `inverse_deviation`."""
    n, d = x.shape
    half, constant = typed(s[0], 0.5), typed(s[0], LOG_2PI)
    for r in range(raw.shape[0]):
        total = typed(half, 0.0)
        for j in range(d):
            m = raw[r, j] + b[j]
            raw[r, j] = m
            u = typed(half, _standardised(x[r % n, j], m, inverse[j], rest[j]))
            total += u * u + (s[j] + constant)
        log_likelihood[r] = -half * total


@kernel
def gaussian_gradient(
    raw: Any, b: Any, x: Any, s: Any, inverse: Any, rest: Any, weight: Any, log_likelihood: Any, db: Any, ds: Any
) -> None:
    """``gaussian_value``, with raw overwritten by weight_r d/dm, its column sums db, and those of d/ds in ds (D,)."""
    n, d = x.shape
    half, one, constant = typed(s[0], 0.5), typed(s[0], 1.0), typed(s[0], LOG_2PI)
    for j in range(d):
        db[j] = 0
        ds[j] = 0
    for r in range(raw.shape[0]):
        total = typed(half, 0.0)
        w = weight[r]
        i = r % n
        for j in range(d):
            wide = _standardised(x[i, j], raw[r, j] + b[j], inverse[j], rest[j])
            u = typed(half, wide)
            total += u * u + (s[j] + constant)
            dm = w * typed(half, wide * inverse[j])
            raw[r, j] = dm
            db[j] += dm
            ds[j] += w * (half * (u * u - one))
        log_likelihood[r] = -half * total


@kernel
def heteroscedastic_value(raw: Any, b: Any, x: Any, log_likelihood: Any) -> None:
    """The same with m and s the two halves of raw (S N, 2 D)."""
    n, d = x.shape
    half, constant = typed(raw[0, 0], 0.5), typed(raw[0, 0], LOG_2PI)
    for r in range(raw.shape[0]):
        total = typed(half, 0.0)
        for j in range(d):
            m = raw[r, j] + b[j]
            s = raw[r, d + j] + b[d + j]
            raw[r, j] = m
            raw[r, d + j] = s
            difference, lost = _difference(x[r % n, j], m)
            square = _times_exp(difference, lost, -_HALF * np.float64(s))[1]
            total += typed(half, square) + (s + constant)
        log_likelihood[r] = -half * total


@kernel
def heteroscedastic_gradient(raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, db: Any) -> None:
    """``heteroscedastic_value``, with raw overwritten by weight_r (d/dm, d/ds) and db (2 D,) by its column sums."""
    n, d = x.shape
    half, one, constant = typed(raw[0, 0], 0.5), typed(raw[0, 0], 1.0), typed(raw[0, 0], LOG_2PI)
    for j in range(2 * d):
        db[j] = 0
    for r in range(raw.shape[0]):
        total = typed(half, 0.0)
        w = weight[r]
        i = r % n
        for j in range(d):
            m = raw[r, j] + b[j]
            s = raw[r, d + j] + b[d + j]
            log_inverse = -_HALF * np.float64(s)
            difference, lost = _difference(x[i, j], m)
            u, wide = _times_exp(difference, lost, log_inverse)
            square = typed(half, wide)
            total += square + (s + constant)
            dm = w * typed(half, _times_exp(u, _ZERO, log_inverse)[0])
            ds = w * (half * (square - one))
            raw[r, j] = dm
            raw[r, d + j] = ds
            db[j] += dm
            db[d + j] += ds
        log_likelihood[r] = -half * total
