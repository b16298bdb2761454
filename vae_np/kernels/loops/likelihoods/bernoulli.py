"""The Bernoulli, the continuous Bernoulli and the Poisson: functions of one number a feature, the loops over them."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.compiler.by_type import by_kind, typed
from vae_np.kernels.compiler.decorators import kernel, scalar, unsigned
from vae_np.kernels.compiler.intrinsics import fused
from vae_np.kernels.compiler.lanes import block_sum, whole_vectors
from vae_np.kernels.loops.likelihoods.gammas import poisson
from vae_np.kernels.loops.likelihoods.kinds import Bernoulli, ContinuousBernoulli, Poisson
from vae_np.kernels.loops.sums import BLOCK, add, rounded
from vae_np.kernels.math import elementary

__all__ = ["gradient", "value", "value_and_slope"]

_ZERO = np.float64(0)


@scalar
def _bernoulli(x: Any, a: Any) -> tuple[Any, Any]:
    """The two shares -log1p(e^-|a|) + (x - [a > 0]) a, and d/da = (x - [a > 0]) +- sigmoid(-|a|)."""
    zero, one = typed(a, 0.0), typed(a, 1.0)
    e = elementary.exp_down(-abs(a))
    tail = e / (one + e)
    up = a > zero
    y = x - one if up else x
    return fused(y, a, -elementary.log1p_unit(e)), y + (tail if up else -tail)


@scalar
def _continuous_bernoulli(x: Any, a: Any) -> tuple[Any, Any]:
    """The same with A(-|a|), A(a) = log((e^a - 1) / a), and its derivative, the mean."""
    zero, one = typed(a, 0.0), typed(a, 1.0)
    t = -abs(a)
    tail = elementary.mean_expm1(t)
    up = a > zero
    y = x - one if up else x
    return fused(y, a, -elementary.log_expm1_over(t)), y + (tail if up else -tail)


value_and_slope = by_kind({Bernoulli: _bernoulli, ContinuousBernoulli: _continuous_bernoulli, Poisson: poisson})
"""(log p(x | a), d/da of it) of one feature."""


@kernel
def value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, terms: Any, r0: Any, r1: Any) -> None:
    """`likelihoods.value` of them."""
    whole_vectors()
    n, d = x.shape
    for r in range(r0, r1):
        total = lost = _ZERO
        i = r % n
        for begin in range(0, d, BLOCK):
            end = min(begin + BLOCK, d)
            for j in range(unsigned(begin), unsigned(end)):
                a = raw[r, j] + b[j]
                raw[r, j] = a
                terms[j - unsigned(begin)] = value_and_slope(kind, x[i, j], a)[0]
            total, lost = add(total, lost, block_sum(terms, 0, end - begin))
        log_likelihood[r] = rounded(total, lost, terms[0])


@kernel
def gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, terms: Any,
             r0: Any, r1: Any) -> None:  # fmt: skip
    """`likelihoods.gradient` of them."""
    whole_vectors()
    n, d = x.shape
    for r in range(r0, r1):
        total = lost = _ZERO
        w = weight[r]
        i = r % n
        for begin in range(0, d, BLOCK):
            end = min(begin + BLOCK, d)
            for j in range(unsigned(begin), unsigned(end)):
                log_p, slope = value_and_slope(kind, x[i, j], raw[r, j] + b[j])
                terms[j - unsigned(begin)] = log_p
                raw[r, j] = w * slope
            total, lost = add(total, lost, block_sum(terms, 0, end - begin))
        log_likelihood[r] = rounded(total, lost, terms[0])
