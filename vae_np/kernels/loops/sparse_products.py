"""The first layer on data that are mostly 0: its product and its weight's gradient without the multiplications by 0.

Lists are three arrays: places and values of what is not 0 in each row of x, (N, D), of which the first ``count`` (N,)
mean something; and the same for each column. x W is then a weighted sum of some of W's rows, and dW's row j a weighted
sum of some rows of dy. Binarised digits have 13 in 100 pixels set; there both are about twice as fast as the dense
products, and dense ones are faster from a quarter on (benchmarks/kernels.py).

The terms that are left are added as `dense_products` adds them, one fused multiply-add after the other, and what is
left out adds 0: the bits are the dense product's, so that this is an optimisation and nothing else.

A weight whose feature is 0 throughout the batch is not looked at: if it is infinite, 0 W is 0 here and NaN elsewhere.
"""

from __future__ import annotations

from typing import Any

from vae_np.kernels.compiler.decorators import loop, unsigned
from vae_np.kernels.compiler.intrinsics import fused
from vae_np.kernels.compiler.lanes import BITS, WIDE
from vae_np.kernels.compiler.vectors import take_nonzero, weighted_sum

__all__ = ["DENSE", "gather_columns", "gather_rows", "product", "sampled_density"]

SAMPLE = 8
"""Rows that are looked at before all are."""
DENSE = 0.25
"""The share of numbers that are not 0 above which the dense product is taken."""

_12, _1 = weighted_sum[12], weighted_sum[1]
_BYTES = BITS // 8


@loop
def sampled_density(x: Any) -> Any:
    """The share of numbers that are not 0 in the first rows."""
    rows = min(SAMPLE, x.shape[0])
    found: Any = 0
    for r in range(rows):
        for j in range(x.shape[1]):
            found += x[r, j] != 0
    return found / max(1, rows * x.shape[1])


@loop
def gather_rows(x: Any, lists: Any, r0: Any, r1: Any) -> None:
    """The lists of x's rows [r0, r1)."""
    place, value, count = lists
    width, lanes = x.shape[1], _BYTES // x.itemsize
    for r in range(unsigned(r0), unsigned(r1)):
        found: Any = unsigned(0)
        vectors = width // lanes if WIDE else 0
        for i in range(vectors):
            begin = r * unsigned(width)
            at = begin + unsigned(i * lanes)
            found += unsigned(take_nonzero(x, at, i * lanes, place, value, begin + found))
        for j in range(vectors * lanes, width):  # each is written, and stays if it is not 0: no branch to mispredict
            place[r, found] = j
            value[r, found] = x[r, j]
            found += unsigned(x[r, j] != 0)
        count[r] = found


@loop
def gather_columns(rows: Any, columns: Any, c0: Any, c1: Any) -> None:
    """The lists of x's columns [c0, c1), from those of its rows."""
    place, value, count = rows
    at, number, found = columns
    for j in range(c0, c1):
        found[j] = 0
    for r in range(count.shape[0]):
        for p in range(count[r]):
            column = unsigned(place[r, p])
            if unsigned(c0) <= column < unsigned(c1):
                q = unsigned(found[column])
                at[column, q] = r
                number[column, q] = value[r, p]
                found[column] += 1


@loop
def product(lists: Any, W: Any, out: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    """Out's tile = x W's, or dW's = x^T dy's with the lists of x's columns and dy for W."""
    place, value, count = lists
    n, width, lanes = W.shape[1], place.shape[1], _BYTES // W.itemsize
    c = c0
    while c + 12 * lanes <= c1:  # a block of columns at a time, so that its part of W stays in the cache
        for r in range(r0, r1):
            _12(out, r * n + c, W, c, n, place, value, r * width, count[r])
        c += 12 * lanes
    while c + lanes <= c1:
        for r in range(r0, r1):
            _1(out, r * n + c, W, c, n, place, value, r * width, count[r])
        c += lanes
    if c < c1:
        for r in range(r0, r1):
            for j in range(c, c1):
                out[r, j] = 0
            for p in range(count[r]):
                for j in range(c, c1):
                    out[r, j] = fused(value[r, p], W[place[r, p], j], out[r, j])
