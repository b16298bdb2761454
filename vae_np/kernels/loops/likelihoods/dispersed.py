"""Likelihoods of a location m and the logarithm s of a dispersion: Laplace, Student's t, the discretised logistic here,
the negative binomial and the Beta in `gammas`.

Each is a function of (kind, x, m, s, e^-s) of float64 numbers that gives log p and its derivatives with respect to m
and s, as the formula of its name has them. s and e^-s are the kind's arrays, or where these are empty the decoder's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.compiler.by_type import loop_by_kind, typed
from vae_np.kernels.compiler.decorators import kernel, scalar, unsigned
from vae_np.kernels.compiler.lanes import block_sum
from vae_np.kernels.loops.likelihoods import gammas
from vae_np.kernels.loops.likelihoods.kinds import Beta, DiscretisedLogistic, Laplace, NegativeBinomial, StudentT
from vae_np.kernels.loops.sums import BLOCK, add, rounded
from vae_np.kernels.math import elementary

__all__ = ["gradient", "log_p_and_slopes", "value"]

_ZERO, _HALF, _ONE, _TWO = np.float64(0), np.float64(0.5), np.float64(1), np.float64(2)
_LOG_2 = np.float64(0.6931471805599453)
_FAR = np.float64(700)


@scalar
def _laplace(kind: Any, x: Any, m: Any, s: Any, inverse: Any) -> tuple[Any, Any, Any]:
    """-|x - m| e^-s - s - log 2; the derivative at x = m is 0."""
    d = x - m
    t = abs(d) * inverse
    dm = inverse if d > _ZERO else (-inverse if d < _ZERO else d)  # NaN comes out
    return -t - s - _LOG_2, dm, t - _ONE


@scalar
def _student_t(kind: Any, x: Any, m: Any, s: Any, inverse: Any) -> tuple[Any, Any, Any]:
    """log(1 + q), q = r^2/nu, r = (x - m) e^-s: beyond 1 it is log q + log(1 + 1/q), with log q of |x - m| itself."""
    nu = kind.first
    d = x - m
    r = d * inverse
    far = abs(r) > np.sqrt(nu)
    q = (r * r) / nu
    v = _ONE / q if far else q
    log_q = _TWO * (elementary.log(abs(d)) - s) - kind.third
    log_p = kind.second - s - _HALF * (nu + _ONE) * ((log_q if far else _ZERO) + elementary.log1p_unit(v))
    share = (_ONE if far else v) / (_ONE + v)  # r^2 / (nu + r^2)
    dm = (nu + _ONE) * ((share / d) if far else (r * inverse) / (nu * (_ONE + v)))
    return log_p, dm, (nu + _ONE) * share - _ONE


@scalar
def _discretised_logistic(kind: Any, x: Any, m: Any, s: Any, inverse: Any) -> tuple[Any, Any, Any]:
    """-log(1 + e^A) above the lowest level, -log(1 + e^-B) below the highest, log(1 - e^-w) between them."""
    steps = kind.first
    level = np.rint(x * steps)
    low, high = (level - _HALF) / steps - m, (level + _HALF) / steps - m
    a, b, w = low * inverse, high * inverse, inverse / steps
    above, below = not level <= _ZERO, not level >= steps
    wide = w > _ONE
    gap = elementary.log1p(-elementary.exp_down(-w)) if wide else elementary.log_expm1_over(-w) - s - kind.second
    middle = _ZERO if w > _FAR else (_ONE if w == _ZERO else w / elementary.expm1(w))
    both = above and below
    log_p = (gap if both else _ZERO) - (elementary.softplus(a) if above else _ZERO)
    log_p -= elementary.softplus(-b) if below else _ZERO
    up, down = elementary.sigmoid(a) if above else _ZERO, elementary.sigmoid(-b) if below else _ZERO
    ds = (a * up if above else _ZERO) - (b * down if below else _ZERO) - (middle if both else _ZERO)
    return log_p, (up - down) * inverse, ds


log_p_and_slopes = loop_by_kind(
    {
        Laplace: _laplace,
        StudentT: _student_t,
        DiscretisedLogistic: _discretised_logistic,
        NegativeBinomial: gammas.negative_binomial,
        Beta: gammas.beta,
    },
    of_scalars=True,
)
"""(log p, d/dm, d/ds) of (kind, x, m, s, e^-s), float64."""


@kernel
def value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, terms: Any, r0: Any, r1: Any) -> None:
    """`likelihoods.value` of them."""
    n, d = x.shape
    like, decoded = raw[0, 0], kind.s.shape[0] == 0
    for r in range(r0, r1):
        total = lost = _ZERO
        i = r % n
        for j in range(raw.shape[1]):
            raw[r, j] += b[j]
        for begin in range(0, d, BLOCK):
            end = min(begin + BLOCK, d)
            if decoded:
                for j in range(unsigned(begin), unsigned(end)):
                    s = np.float64(raw[r, unsigned(d) + j])
                    u, m = np.float64(x[i, j]), np.float64(raw[r, j])
                    terms[j - unsigned(begin)] = typed(like, log_p_and_slopes(kind, u, m, s, elementary.exp(-s))[0])
            else:
                for j in range(unsigned(begin), unsigned(end)):
                    s, u, m = np.float64(kind.s[j]), np.float64(x[i, j]), np.float64(raw[r, j])
                    terms[j - unsigned(begin)] = typed(like, log_p_and_slopes(kind, u, m, s, kind.inverse[j])[0])
            total, lost = add(total, lost, block_sum(terms, 0, end - begin))
        log_likelihood[r] = rounded(total, lost, like)


@kernel
def gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, terms: Any,
             r0: Any, r1: Any) -> None:  # fmt: skip
    """`likelihoods.gradient` of them; ds gets the weighted gradient of s, where it is learned."""
    n, d = x.shape
    like, decoded, kept = raw[0, 0], kind.s.shape[0] == 0, kind.ds.shape[0] > 0
    for r in range(r0, r1):
        total = lost = _ZERO
        w, i = weight[r], r % n
        for begin in range(0, d, BLOCK):
            end = min(begin + BLOCK, d)
            if decoded:
                for j in range(unsigned(begin), unsigned(end)):
                    k = unsigned(d) + j
                    s = np.float64(raw[r, k] + b[k])
                    u, m = np.float64(x[i, j]), np.float64(raw[r, j] + b[j])
                    log_p, dm, ds = log_p_and_slopes(kind, u, m, s, elementary.exp(-s))
                    terms[j - unsigned(begin)] = typed(like, log_p)
                    raw[r, j] = w * typed(like, dm)
                    raw[r, k] = w * typed(like, ds)
            elif kept:
                for j in range(unsigned(begin), unsigned(end)):
                    s, u, m = np.float64(kind.s[j]), np.float64(x[i, j]), np.float64(raw[r, j] + b[j])
                    log_p, dm, ds = log_p_and_slopes(kind, u, m, s, kind.inverse[j])
                    terms[j - unsigned(begin)] = typed(like, log_p)
                    raw[r, j] = w * typed(like, dm)
                    kind.ds[r, j] = w * typed(like, ds)
            else:
                for j in range(unsigned(begin), unsigned(end)):
                    s, u, m = np.float64(kind.s[j]), np.float64(x[i, j]), np.float64(raw[r, j] + b[j])
                    log_p, dm, _ = log_p_and_slopes(kind, u, m, s, kind.inverse[j])
                    terms[j - unsigned(begin)] = typed(like, log_p)
                    raw[r, j] = w * typed(like, dm)
            total, lost = add(total, lost, block_sum(terms, 0, end - begin))
        log_likelihood[r] = rounded(total, lost, like)
