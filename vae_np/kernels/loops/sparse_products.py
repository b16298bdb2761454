"""The first layer on data that are mostly 0: its product and its weight's gradient without the multiplications by 0.

What is not 0 is in `Lists`, row by row of x, and again column by column. x W is then a weighted sum of some of W's
rows, and dW's row j a weighted sum of some rows of dy. Binarised digits have 13 in 100 pixels set; how much faster that
is than the dense products, and from which share of ones on it is slower, benchmarks/kernels.py shows.

The terms that are left are added as `dense_products` adds them, one fused multiply-add after the other, and what is
left out adds 0: the bits are the dense product's, so that this is an optimisation and nothing else.

A weight whose feature is 0 throughout the batch is not looked at: if it is infinite, 0 W is 0 here and NaN elsewhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from vae_np.kernels.compiler.decorators import loop, unsigned
from vae_np.kernels.compiler.lanes import BITS, WIDE
from vae_np.kernels.compiler.vectors import LINE, MOST, take_nonzero, weighted_sum

__all__ = ["DENSE", "Lists", "gather_columns", "gather_rows", "product", "sampled_density"]

SAMPLE = 8
"""Rows that are looked at before all are."""
DENSE = 0.3
"""The share of numbers that are not 0 above which the dense product is taken."""
BLOCK = 128
"""Of W's rows so many at a time: with `MOST` vectors of each they fill the first cache."""
TALL = 256
"""Of out's rows so many at a time, which the second cache keeps with their lists."""
CROWDED, CROSSING = 32, 256
"""Rows of a tile from which on W's are packed: if these all want the same few places of the first cache, and if their
vectors lie across two of its lines. Else they are read where they lie, as a panel and what it is copied from want
twice the room in that cache: packed, 784-400 at 64 rows took twice as long (float32, AVX-512)."""
_WAY, _WAYS = 1 << 12, 8
"""Bytes after which addresses share a place in the first cache, and so many of them it keeps at least."""
_BYTES = BITS // 8


class Lists(NamedTuple):
    """Places and values of what is not 0, (N D,), and of each of the N rows where its own begin and how many they are,
    (N,). They lie one behind the other, for each thread from the place on where its first row would be in x."""

    place: Any
    value: Any
    start: Any
    count: Any


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
    place, value = lists.place, lists.value
    width, lanes = x.shape[1], _BYTES // x.itemsize
    vectors = width // lanes if WIDE else 0
    found: Any = unsigned(r0 * width)
    for r in range(unsigned(r0), unsigned(r1)):
        first = found
        for i in range(vectors):
            at = r * unsigned(width) + unsigned(i * lanes)
            found += unsigned(take_nonzero(x, at, i * lanes, place, value, found))
        for j in range(vectors * lanes, width):  # each is written, and stays if it is not 0: no branch to mispredict
            place[found] = j
            value[found] = x[r, j]
            found += unsigned(x[r, j] != 0)
        lists.start[r], lists.count[r] = first, found - first


@loop
def gather_columns(rows: Any, columns: Any, c0: Any, c1: Any) -> None:
    """The lists of x's columns [c0, c1), from those of its rows: how many, then where, then what."""
    n, place, start, count = rows.count.shape[0], columns.place, columns.start, columns.count
    for j in range(unsigned(c0), unsigned(c1)):
        count[j] = 0
    for r in range(n):
        for p in range(unsigned(rows.start[r]), unsigned(rows.start[r] + rows.count[r])):
            column = unsigned(rows.place[p])
            if unsigned(c0) <= column < unsigned(c1):
                count[column] += 1
    at = c0 * n
    for j in range(unsigned(c0), unsigned(c1)):
        start[j] = at
        at += count[j]
        count[j] = 0
    for r in range(n):
        for p in range(unsigned(rows.start[r]), unsigned(rows.start[r] + rows.count[r])):
            column = unsigned(rows.place[p])
            if unsigned(c0) <= column < unsigned(c1):
                q = unsigned(start[column] + count[column])
                place[q] = r
                columns.value[q] = rows.value[p]
                count[column] += 1


def _down_of(vectors: int) -> Any:
    """The loop over the rows for so many vectors."""
    add = weighted_sum[vectors]

    @loop
    def down(out: Any, n: Any, w: Any, first: Any, step: Any, lists: Any, begin: Any, r0: Any, r1: Any, c: Any,
             limit: Any, last: Any, goes_on: Any, ahead: Any, soon: Any) -> None:  # fmt: skip
        on = n
        for r in range(unsigned(r0), unsigned(r1)):
            if r == unsigned(r0 + BLOCK):  # each of these rows has asked for one of W's; no more is needed
                on = 0
            end = lists.start[r] + lists.count[r]
            begin[r] = add(
                out, r * unsigned(n) + unsigned(c), w, first, step, lists.place, lists.value, begin[r], end, limit,
                last, goes_on, ahead, soon
            )  # fmt: skip
            soon += on

    return down


_down1, _down2, _down3, _down4, _down5 = (_down_of(vectors) for vectors in range(1, MOST + 1))


@loop
def _multiply(panel: Any, begin: Any, lists: Any, W: Any, out: Any, r0: Any, r1: Any, c: Any, width: Any, vectors: Any,
              k: Any, packs: Any) -> None:  # fmt: skip
    """What a block of W's rows, from row k on, adds to so many columns of out's rows."""
    depth, n = W.shape
    lanes, limit, goes_on = LINE // W.itemsize, k + BLOCK, k
    last = width - (vectors - 1) * lanes
    w, first, step = W.reshape(-1), c, n
    ahead, soon = w, c + limit * n if limit < depth else c + width  # the block after this one
    if packs:
        given, step = w, vectors * lanes
        w, first = panel.reshape(-1), -k * step
        for i in range(min(BLOCK, depth - k)):
            for j in range(unsigned(width)):
                w[unsigned(i * step) + j] = given[unsigned((k + i) * n + c) + j]
    if vectors == 5:
        _down5(out, n, w, first, step, lists, begin, r0, r1, c, limit, last, goes_on, ahead, soon)
    elif vectors == 4:
        _down4(out, n, w, first, step, lists, begin, r0, r1, c, limit, last, goes_on, ahead, soon)
    elif vectors == 3:
        _down3(out, n, w, first, step, lists, begin, r0, r1, c, limit, last, goes_on, ahead, soon)
    elif vectors == 2:
        _down2(out, n, w, first, step, lists, begin, r0, r1, c, limit, last, goes_on, ahead, soon)
    else:
        _down1(out, n, w, first, step, lists, begin, r0, r1, c, limit, last, goes_on, ahead, soon)


@loop
def _packs(rows: Any, depth: Any, step: Any) -> Any:
    """Whether a tile of so many rows packs so many rows of W, which lie so many bytes apart."""
    crowded = min(BLOCK, depth) * min(step & -step, _WAY) > _WAY * _WAYS
    return rows >= CROWDED if crowded else step % LINE != 0 and rows >= CROSSING


@loop
def product(panel: Any, begin: Any, lists: Any, W: Any, out: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    """Out's tile = x W's, or dW's = x^T dy's with the lists of x's columns and dy for W.

    A block of W's rows and a few vectors of its columns at a time, which go into the panel where that pays; meanwhile
    the next block comes from memory. ``begin`` is room for where each row's list goes on.
    """
    lanes, depth = LINE // W.itemsize, max(1, W.shape[0])
    packs = _packs(r1 - r0, depth, W.shape[1] * W.itemsize)
    for r in range(r0, r1, TALL):
        end, c = min(r1, r + TALL), c0
        while c < c1:
            blocks = -(-(c1 - c) // (MOST * lanes))
            vectors = -(-(c1 - c) // (blocks * lanes))  # of nearly one width
            width = min(vectors * lanes, c1 - c)
            for i in range(r, end):
                begin[i] = lists.start[i]
            for k in range(0, depth, BLOCK):
                _multiply(panel, begin, lists, W, out, r, end, c, width, vectors, k, packs)
            c += width
