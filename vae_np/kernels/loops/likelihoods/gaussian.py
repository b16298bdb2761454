"""The Gaussian: with s for all rows (fixed, learned, per feature), and with s from the decoder (heteroscedastic)."""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any

import numpy as np

from vae_np.formulas.numerics import LOG_2PI
from vae_np.kernels.compiler.by_type import loop_by_kind, typed
from vae_np.kernels.compiler.decorators import kernel, scalar, unsigned
from vae_np.kernels.compiler.intrinsics import fused
from vae_np.kernels.compiler.lanes import block_sum, whole_vectors
from vae_np.kernels.loops.likelihoods.kinds import FlooredHeteroscedastic, Heteroscedastic
from vae_np.kernels.loops.sums import BLOCK, add, column_sums, rounded
from vae_np.kernels.math import elementary, math64

__all__ = [
    "floored",
    "gradient",
    "heteroscedastic_gradient",
    "heteroscedastic_value",
    "inverse_deviation",
    "own_gradient",
    "reciprocal",
    "value",
]

_ZERO, _HALF, _ONE = np.float64(0), np.float64(0.5), np.float64(1)
_INF = np.float64(np.inf)
_LOW, _HIGH = np.float64(-1418), np.float64(1418)  # e^x is 2^n with n two exponents' sum


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
    t, r = math64._reduce(_LOW if x < _LOW else (_HIGH if x > _HIGH else x), math64._MAGIC_TWICE)
    first, last = math64._in_two(t)
    scaled = d * first
    small = fused(scaled, math64._exp_less_one(r), lost * first)
    u, rest = (scaled + small) * last, (small - ((scaled + small) - scaled)) * last
    u = scaled if abs(scaled) == _INF else u  # so is u, and not inf - inf
    square = u * u
    return u, (fused(u + u, rest, square) if square < _INF else square)


@scalar
def _exp_in_two(x: Any) -> tuple[Any, Any]:
    """The float64 nearest to e^x, and what is left."""
    held = math64._EXP_LOW if x < math64._EXP_LOW else (math64._EXP_HIGH if x > math64._EXP_HIGH else x)
    t, r = math64._reduce(held, math64._MAGIC_TWICE)
    e = math64._exp_less_one(r)
    first = _ONE + e
    return math64._scale(first, t), math64._scale(e - (first - _ONE), t)


@kernel
def inverse_deviation(s: Any, inverse: Any, rest: Any) -> None:
    """e^(-s/2) = inverse + rest, (D,), float64: it enters squared, and each of its errors would count twice."""
    for j in range(s.shape[0]):
        inverse[j], rest[j] = _exp_in_two(-_HALF * np.float64(s[j]))


@functools.lru_cache(maxsize=16)
def reciprocal(sigma: float) -> tuple[float, float]:
    """1/sigma = inverse + rest for a deviation that is a number: see `inverse_deviation`."""
    inverse = 1 / sigma
    return inverse, float(1 / Fraction(sigma) - Fraction(inverse))


@scalar
def _with_floor(s: Any, floor: Any, log_square: Any) -> tuple[Any, Any, Any]:
    """1/sigma, log sigma^2 and its derivative for sigma^2 = floor^2 + e^s, in float64: see the formula's `spread`."""
    up = s > log_square
    h = elementary.exp(_HALF * (-s if up else s))
    share = h * floor if up else h / floor
    q = share * share
    one = _ONE + q
    inverse = (h if up else _ONE / floor) / np.sqrt(one)
    return inverse, (s if up else log_square) + elementary.log1p_unit(q), (_ONE if up else q) / one


@kernel
def floored(s: Any, floor: Any, logvar: Any, inverse: Any, rest: Any, slope: Any) -> None:
    """What a `Gaussian` has for each feature where the variance is floor^2 + e^s."""
    log_square = elementary.log(floor * floor)
    for j in range(s.shape[0]):
        inverse[j], logvar[j], slope[j] = _with_floor(np.float64(s[j]), floor, log_square)
        rest[j] = 0


@scalar
def _standardised(x: Any, m: Any, inverse: Any, rest: Any) -> Any:
    """(x - m) (inverse + rest) in float64."""
    d, lost = _difference(x, m)
    return fused(d, inverse, fused(d, rest, lost * inverse))


@kernel
def value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, terms: Any, r0: Any, r1: Any) -> None:
    """`likelihoods.value` where s does not depend on z."""
    whole_vectors()
    s, inverse, rest = kind.s, kind.inverse, kind.rest
    n, d = x.shape
    half, constant = typed(s[0], 0.5), typed(s[0], LOG_2PI)
    for r in range(r0, r1):
        total = lost = _ZERO
        i = r % n
        for begin in range(0, d, BLOCK):
            end = min(begin + BLOCK, d)
            for j in range(unsigned(begin), unsigned(end)):
                m = raw[r, j] + b[j]
                raw[r, j] = m
                u = typed(half, _standardised(x[i, j], m, inverse[j], rest[j]))
                terms[j - unsigned(begin)] = fused(u, u, s[j] + constant)
            total, lost = add(total, lost, block_sum(terms, 0, end - begin))
        log_likelihood[r] = -half * rounded(total, lost, half)


@kernel
def gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, terms: Any,
             r0: Any, r1: Any) -> None:  # fmt: skip
    """`likelihoods.gradient` of the same; ds gets the weighted gradient of s, where it is learned."""
    whole_vectors()
    s, inverse, rest, ds = kind.s, kind.inverse, kind.rest, kind.ds
    n, d = x.shape
    half, one, constant = typed(s[0], 0.5), typed(s[0], 1.0), typed(s[0], LOG_2PI)
    for r in range(r0, r1):
        total = lost = _ZERO
        w = weight[r]
        i = r % n
        for begin in range(0, d, BLOCK):
            end = min(begin + BLOCK, d)
            for j in range(unsigned(begin), unsigned(end)):
                wide = _standardised(x[i, j], raw[r, j] + b[j], inverse[j], rest[j])
                u = typed(half, wide)
                terms[j - unsigned(begin)] = u
                raw[r, j] = w * typed(half, wide * inverse[j])
            if ds.shape[0] > 0:
                for j in range(unsigned(begin), unsigned(end)):
                    u = terms[j - unsigned(begin)]
                    ds[r, j] = w * (half * fused(u, u, -one))
            for j in range(unsigned(begin), unsigned(end)):
                u = terms[j - unsigned(begin)]
                terms[j - unsigned(begin)] = fused(u, u, s[j] + constant)
            total, lost = add(total, lost, block_sum(terms, 0, end - begin))
        log_likelihood[r] = -half * rounded(total, lost, half)


@kernel
def own_gradient(kind: Any, out: Any, sums: Any) -> None:
    """The sums of ds over its rows, times the slope; into one number where s is one."""
    slope, d = kind.slope, kind.ds.shape[1]
    column_sums(kind.ds, sums, 0, d)
    total = lost = _ZERO
    for j in range(d):
        total, lost = add(total, lost, sums.total[j])
        lost += sums.lost[j]
        if out.shape[0] > 1:
            out[j] = rounded(total * slope[j], lost * slope[j], out[0])
            total = lost = _ZERO
    if out.shape[0] == 1:
        out[0] = rounded(total * slope[0], lost * slope[0], out[0])


@scalar
def _of_decoder(kind: Any, x: Any, m: Any, s: Any) -> tuple[Any, Any, Any, Any]:
    """((x - m) / sigma)^2 and log sigma^2 of log p, and its gradient to m and s, where sigma^2 = e^s."""
    like, log_inverse = typed(s, 0.5), -_HALF * np.float64(s)
    difference, lost = _difference(x, m)
    u, wide = _times_exp(difference, lost, log_inverse)
    square = typed(like, wide)
    dm = typed(like, _times_exp(u, _ZERO, log_inverse)[0])
    return square, s, dm, like * (square - typed(like, 1.0))


@scalar
def _of_decoder_with_floor(kind: Any, x: Any, m: Any, s: Any) -> tuple[Any, Any, Any, Any]:
    """The same where sigma^2 = floor^2 + e^s."""
    inverse, logvar, slope = _with_floor(np.float64(s), kind.floor, kind.log_square)
    u = _standardised(x, m, inverse, _ZERO)
    square = u * u
    ds = _HALF * (square - _ONE) * slope
    return typed(s, square), typed(s, logvar), typed(s, u * inverse), typed(s, ds)


of_decoder = loop_by_kind(
    {Heteroscedastic: _of_decoder, FlooredHeteroscedastic: _of_decoder_with_floor}, of_scalars=True
)
"""For (kind, x, m, s): see `_of_decoder`."""


@kernel
def heteroscedastic_value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, terms: Any,
                          r0: Any, r1: Any) -> None:  # fmt: skip
    """`likelihoods.value` where raw is (m, s)."""
    n, d = x.shape
    half, constant = typed(raw[0, 0], 0.5), typed(raw[0, 0], LOG_2PI)
    for r in range(r0, r1):
        total = lost = _ZERO
        i = r % n
        for begin in range(0, d, BLOCK):
            end = min(begin + BLOCK, d)
            for j in range(unsigned(begin), unsigned(end)):
                k = unsigned(d) + j
                m = raw[r, j] + b[j]
                s = raw[r, k] + b[k]
                raw[r, j] = m
                raw[r, k] = s
                square, logvar, _, _ = of_decoder(kind, x[i, j], m, s)
                terms[j - unsigned(begin)] = square + (logvar + constant)
            total, lost = add(total, lost, block_sum(terms, 0, end - begin))
        log_likelihood[r] = -half * rounded(total, lost, half)


@kernel
def heteroscedastic_gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, terms: Any,
                             r0: Any, r1: Any) -> None:  # fmt: skip
    """`likelihoods.gradient` of the same."""
    n, d = x.shape
    half, constant = typed(raw[0, 0], 0.5), typed(raw[0, 0], LOG_2PI)
    for r in range(r0, r1):
        total = lost = _ZERO
        w = weight[r]
        i = r % n
        for begin in range(0, d, BLOCK):
            end = min(begin + BLOCK, d)
            for j in range(unsigned(begin), unsigned(end)):
                k = unsigned(d) + j
                m = raw[r, j] + b[j]
                s = raw[r, k] + b[k]
                square, logvar, dm, ds = of_decoder(kind, x[i, j], m, s)
                terms[j - unsigned(begin)] = square + (logvar + constant)
                raw[r, j] = w * dm
                raw[r, k] = w * ds
            total, lost = add(total, lost, block_sum(terms, 0, end - begin))
        log_likelihood[r] = -half * rounded(total, lost, half)
