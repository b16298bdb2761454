"""Softmax over columns: the categorical and the multinomial.

``terms`` has room for a block and, from `sums.BLOCK` on, for a row of raw.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.compiler.by_type import typed
from vae_np.kernels.compiler.decorators import kernel, unsigned, view
from vae_np.kernels.compiler.lanes import block_sum
from vae_np.kernels.loops.likelihoods.gammas import log_peak
from vae_np.kernels.loops.sums import BLOCK, add, rounded
from vae_np.kernels.math import elementary

__all__ = [
    "categorical_gradient",
    "categorical_value",
    "multinomial_gradient",
    "multinomial_value",
]

_ZERO, _HALF, _ONE = np.float64(0), np.float64(0.5), np.float64(1)


@view
def _shift(raw: Any, b: Any, terms: Any, r: Any, c0: Any, c1: Any) -> Any:
    """Raw's columns [c0, c1) get their bias; the largest and its place, and sum of e^(a - largest) of the others.

    e^(a - largest) is left in terms, from `BLOCK` on.
    """
    for j in range(unsigned(c0), unsigned(c1)):
        raw[r, j] += b[j]
    top, place = raw[r, c0], c0
    for j in range(c0 + 1, c1):
        if raw[r, j] > top or raw[r, j] != raw[r, j]:  # NaN comes out
            top, place = raw[r, j], j
    for j in range(unsigned(c1 - c0)):
        terms[unsigned(BLOCK) + j] = elementary.exp(raw[r, unsigned(c0) + j] - top)
    kept = terms[BLOCK + place - c0]
    terms[BLOCK + place - c0] = 0
    others = _sum(terms, BLOCK, c1 - c0)
    terms[BLOCK + place - c0] = kept
    return top, place, others


@view
def _sum(terms: Any, at: Any, count: Any) -> Any:
    """The sum of so many terms, float64."""
    total = lost = _ZERO
    for begin in range(0, count, BLOCK):
        total, lost = add(total, lost, block_sum(terms, at + begin, min(BLOCK, count - begin)))
    return rounded(total, lost, _ZERO)


@view
def _group(kind: Any, raw: Any, b: Any, x: Any, terms: Any, i: Any, r: Any, c0: Any, c1: Any) -> Any:
    """log p of one group, and what softmax's e's are to be divided by."""
    like = raw[0, 0]
    top, _, others = _shift(raw, b, terms, r, c0, c1)
    log_total = elementary.log1p(others)
    found = _ZERO
    for j in range(c0, c1):
        hot = np.float64(x[i, j])
        if hot != _ZERO:
            found += hot * (np.float64(raw[r, j] - top) - log_total)
    return typed(like, found), typed(like, _ONE + others)


@kernel
def categorical_value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, terms: Any, r0: Any, r1: Any) -> None:
    """`likelihoods.value` of the categorical."""
    n, d = x.shape
    for r in range(r0, r1):
        total = lost = _ZERO
        for c in range(0, d, kind.classes):
            total, lost = add(total, lost, _group(kind, raw, b, x, terms, r % n, r, c, c + kind.classes)[0])
        log_likelihood[r] = rounded(total, lost, raw[0, 0])


@kernel
def categorical_gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, terms: Any,
                         r0: Any, r1: Any) -> None:  # fmt: skip
    """`likelihoods.gradient` of the categorical: x - softmax(a), where x is 1 the sum of the others' probabilities."""
    n, d = x.shape
    for r in range(r0, r1):
        total = lost = _ZERO
        w, i = weight[r], r % n
        for c in range(0, d, kind.classes):
            log_p, scale = _group(kind, raw, b, x, terms, i, r, c, c + kind.classes)
            total, lost = add(total, lost, log_p)
            for j in range(unsigned(kind.classes)):
                k = unsigned(c) + j
                p = terms[unsigned(BLOCK) + j] / scale
                raw[r, k] = p
                terms[unsigned(BLOCK) + j] = p if x[i, k] == 0 else p * 0  # NaN comes out
            others = typed(w, _sum(terms, BLOCK, kind.classes))
            for j in range(unsigned(c), unsigned(c + kind.classes)):
                raw[r, j] = w * (-raw[r, j] if x[i, j] == 0 else x[i, j] * others)
        log_likelihood[r] = rounded(total, lost, weight[0])


@view
def _document(kind: Any, raw: Any, b: Any, x: Any, terms: Any, i: Any, r: Any) -> Any:
    """log p of one document, its length, and the sum of softmax's e's but the largest's, which is 1."""
    d = x.shape[1]
    top, _, others = _shift(raw, b, terms, r, 0, d)
    length = total = lost = _ZERO
    for j in range(d):
        length += np.float64(x[i, j])  # whole numbers: exact
    scale, log_total = _ONE + others, elementary.log1p(others)
    peak = log_peak(_ONE if length == _ZERO else length)
    for begin in range(0, d, BLOCK):
        end = min(begin + BLOCK, d)
        for j in range(begin, end):
            count = np.float64(x[i, j])
            found = -length * (np.float64(terms[BLOCK + j]) / scale)
            if count != _ZERO:
                share = count / length
                log_p = np.float64(raw[r, j] - top) - log_total
                found = share * peak - count * elementary.phi(log_p - elementary.log(share))
                found -= log_peak(count)
            terms[j - begin] = typed(raw[0, 0], found)
        total, lost = add(total, lost, block_sum(terms, 0, end - begin))
    return rounded(total, lost, raw[0, 0]), length, others


@kernel
def multinomial_value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, terms: Any, r0: Any, r1: Any) -> None:
    """`likelihoods.value` of the multinomial."""
    n = x.shape[0]
    for r in range(r0, r1):
        log_likelihood[r] = _document(kind, raw, b, x, terms, r % n, r)[0]


@kernel
def multinomial_gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, terms: Any,
                         r0: Any, r1: Any) -> None:  # fmt: skip
    """`likelihoods.gradient` of the multinomial: x - n p; of a p above 1/2 as n (1 - p) - (n - x)."""
    n, d = x.shape
    for r in range(r0, r1):
        w, i = weight[r], r % n
        log_p, length, others = _document(kind, raw, b, x, terms, i, r)
        log_likelihood[r], scale = log_p, _ONE + others
        for j in range(d):
            count, p = np.float64(x[i, j]), np.float64(terms[BLOCK + j]) / scale
            slope = count - length * p
            if p > _HALF:
                slope = length * (others / scale) - (length - count)
            raw[r, j] = w * typed(w, slope)
