"""The likelihoods' kernels: bias, log p(x | raw) and its gradient in one loop over the decoder's output.

Rows r = s N + n of raw (S N, P) belong to the example n = r mod N of x (N, D). Each likelihood comes twice, for rows
[r0, r1): ``value`` keeps raw and gives the log-likelihood alone; ``gradient`` overwrites raw by weight_r times the
gradient and writes the output bias's gradient, these rows' column sums, and where the likelihood has parameters of its
own theirs, into thread t's row. `own_gradient` adds those rows. A likelihood without a kernel here is `Absent`: it runs
on its formula.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vae_np.kernels import elementary, math64, places, views
from vae_np.kernels.dispatch import by_kind, loop_by_kind, typed
from vae_np.kernels.intrinsics import matrix_at
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


class Gaussian(NamedTuple):
    """log p = -1/2 (((x - m) e^(-s/2))^2 + s + log 2 pi): s (D,), its `inverse_deviation`, and room for ds (T, D)."""

    s: Any
    inverse: Any
    rest: Any
    ds: Any


class GaussianKind(NamedTuple):
    """A `Gaussian` before it has its arrays."""

    kind: int = 0


class Heteroscedastic(NamedTuple):
    """The same with m and s the two halves of raw (S N, 2 D)."""

    kind: int = 0


class Absent(NamedTuple):
    """No kernel: nothing is done."""

    kind: int = 0


@scalar
def _bernoulli(x: Any, a: Any) -> tuple[Any, Any]:
    """The two shares -log1p(e^-|a|) + (x - [a > 0]) a, and d/da = (x - [a > 0]) +- sigmoid(-|a|)."""
    zero, one = typed(a, 0.0), typed(a, 1.0)
    e = elementary.exp(-abs(a))
    tail = e / (one + e)
    up = a > zero
    y = x - one if up else x
    return y * a - elementary.log1p_unit(e), y + (tail if up else -tail)


@scalar
def _continuous_bernoulli(x: Any, a: Any) -> tuple[Any, Any]:
    """The same with A(-|a|), A(a) = log((e^a - 1) / a), and its derivative, the mean."""
    zero, one = typed(a, 0.0), typed(a, 1.0)
    t = -abs(a)
    tail = elementary.mean_expm1(t)
    up = a > zero
    y = x - one if up else x
    return y * a - elementary.log_expm1_over(t), y + (tail if up else -tail)


@scalar
def _as_it_is(kind: Any, q: Any, like: Any) -> Any:
    return kind


@scalar
def _gaussian_arrays(kind: Any, q: Any, like: Any) -> Any:
    ds = matrix_at(q[places.OWN_DS], 0, like, (q[places.THREADS], q[places.D]))
    inverse, rest = views.per_feature(q, places.OWN_INVERSE, _ZERO), views.per_feature(q, places.OWN_REST, _ZERO)
    return Gaussian(views.per_feature(q, places.OWN_S, like), inverse, rest, ds)


with_arrays = loop_by_kind(
    {
        **dict.fromkeys([Bernoulli, ContinuousBernoulli, Heteroscedastic, Absent], _as_it_is),
        GaussianKind: _gaussian_arrays,
    }
)
"""The kind that `value` and `gradient` take, from the plan that has its arrays."""

value_and_slope = by_kind({Bernoulli: _bernoulli, ContinuousBernoulli: _continuous_bernoulli})
"""(log p(x | a), d/da of it) of one feature."""


@kernel
def _value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, r0: Any, r1: Any) -> None:
    n, d = x.shape
    for r in range(r0, r1):
        total = typed(raw[r, 0], 0.0)
        i = r % n
        for j in range(d):
            a = raw[r, j] + b[j]
            raw[r, j] = a
            total += value_and_slope(kind, x[i, j], a)[0]
        log_likelihood[r] = total


@kernel
def _gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, db: Any,
              t: Any, r0: Any, r1: Any) -> None:  # fmt: skip
    n, d = x.shape
    for j in range(d):
        db[j] = 0
    for r in range(r0, r1):
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
def _gaussian_value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, r0: Any, r1: Any) -> None:
    s, inverse, rest, _ = kind
    n, d = x.shape
    half, constant = typed(s[0], 0.5), typed(s[0], LOG_2PI)
    for r in range(r0, r1):
        total = typed(half, 0.0)
        i = r % n
        for j in range(d):
            m = raw[r, j] + b[j]
            raw[r, j] = m
            u = typed(half, _standardised(x[i, j], m, inverse[j], rest[j]))
            total += u * u + (s[j] + constant)
        log_likelihood[r] = -half * total


@kernel
def _gaussian_gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, db: Any,
              t: Any, r0: Any, r1: Any) -> None:  # fmt: skip
    s, inverse, rest, ds = kind
    n, d = x.shape
    half, one, constant = typed(s[0], 0.5), typed(s[0], 1.0), typed(s[0], LOG_2PI)
    for j in range(d):
        db[j] = 0
        ds[t, j] = 0
    for r in range(r0, r1):
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
            ds[t, j] += w * (half * (u * u - one))
        log_likelihood[r] = -half * total


@kernel
def _heteroscedastic_value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, r0: Any, r1: Any) -> None:
    n, d = x.shape
    half, constant = typed(raw[0, 0], 0.5), typed(raw[0, 0], LOG_2PI)
    for r in range(r0, r1):
        total = typed(half, 0.0)
        i = r % n
        for j in range(d):
            m = raw[r, j] + b[j]
            s = raw[r, d + j] + b[d + j]
            raw[r, j] = m
            raw[r, d + j] = s
            difference, lost = _difference(x[i, j], m)
            square = _times_exp(difference, lost, -_HALF * np.float64(s))[1]
            total += typed(half, square) + (s + constant)
        log_likelihood[r] = -half * total


@kernel
def _heteroscedastic_gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, db: Any,
              t: Any, r0: Any, r1: Any) -> None:  # fmt: skip
    n, d = x.shape
    half, one, constant = typed(raw[0, 0], 0.5), typed(raw[0, 0], 1.0), typed(raw[0, 0], LOG_2PI)
    for j in range(2 * d):
        db[j] = 0
    for r in range(r0, r1):
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


@kernel
def _absent_value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, r0: Any, r1: Any) -> None:
    return


@kernel
def _absent_gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, db: Any,
              t: Any, r0: Any, r1: Any) -> None:  # fmt: skip
    return


@kernel
def _no_own_gradient(kind: Any, out: Any) -> None:
    return


@kernel
def _gaussian_own_gradient(kind: Any, out: Any) -> None:
    ds = kind.ds
    for j in range(out.shape[0]):
        out[j] = 0
    for t in range(ds.shape[0]):
        for j in range(ds.shape[1]):
            out[j if out.shape[0] > 1 else 0] += ds[t, j]


value = loop_by_kind(
    {
        Bernoulli: _value,
        ContinuousBernoulli: _value,
        Gaussian: _gaussian_value,
        Heteroscedastic: _heteroscedastic_value,
        Absent: _absent_value,
    }
)
"""Raw gets its bias b (P,); log_likelihood (S N,) = sum over the features."""

gradient = loop_by_kind(
    {
        Bernoulli: _gradient,
        ContinuousBernoulli: _gradient,
        Gaussian: _gaussian_gradient,
        Heteroscedastic: _heteroscedastic_gradient,
        Absent: _absent_gradient,
    }
)
"""``value``, with raw overwritten by weight_r d log p / d raw and db by its column sums; weight (S N,)."""

own_gradient = loop_by_kind(
    {
        Bernoulli: _no_own_gradient,
        ContinuousBernoulli: _no_own_gradient,
        Gaussian: _gaussian_own_gradient,
        Heteroscedastic: _no_own_gradient,
        Absent: _no_own_gradient,
    }
)
"""The gradient of the likelihood's own parameters, from the sums that ``gradient`` left."""
