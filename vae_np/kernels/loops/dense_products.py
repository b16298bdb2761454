"""Matrix products of a tile: x W, x^T dy and dy W^T, every entry one chain of fused multiply-adds over k in order.

A tile is a rectangle of the product's output, rows [r0, r1) and columns [c0, c1): threads share a product by its
output, so that none has a sum to share. Within it go, from the outside in,

    k0, r   a part of the factor on the left that stays in the second cache (`MATRIX`), some rows of it
    j       a few vectors of columns
    k       so many k (`BLOCK`) that the factor on the right, packed row after row into a panel, stays in the first
            cache while `compiler.micro`'s tiles go down the rows

The first tile packs the panel as it reads it; where it must be transposed, or there is no whole tile, it is packed
before. The factor on the left is read where it lies, or for x^T with many columns of dy packed too; x^T dy of few
columns is made as (dy^T x)^T. Meanwhile the columns that are packed next come from memory. Sums go on from block to
block in the output.

So an entry is the same number whichever thread computes it, however the tiles are cut and whatever else is beside it.
"""

from __future__ import annotations

from typing import Any

from vae_np.kernels.compiler.decorators import COMPILED, inner, kernel, loop, unsigned
from vae_np.kernels.compiler.lanes import BITS
from vae_np.kernels.compiler.micro import ROWS, VECTORS, packing_tile, tile
from vae_np.kernels.compiler.packing import AT_ONCE, copy_left, copy_vectors, transpose
from vae_np.support.machine import first_cache, second_cache

__all__ = ["FORWARD", "INPUT", "PANEL", "WEIGHT", "WORTH", "product"]

FORWARD, WEIGHT, INPUT = range(3)

_copy1, _copy2, _copy3 = (copy_vectors[vectors] for vectors in (1, 2, 3))
_most, _four, _one = (copy_left[rows, 1] for rows in (ROWS[0], 4, 1))
_several = copy_left[ROWS[0], AT_ONCE]
BLOCK = 256
"""So many k at a time, at most."""
HIGH = 256
"""So many rows at a time, at most."""
_MOST_OF_MATRIX = 1 << 20
MATRIX = min(_MOST_OF_MATRIX, second_cache() // 2 // (1 << 16) * (1 << 16))
"""Bytes of the factor on the left that stay in the second cache. Compiled code may be another machine's of this kind
and its cache of another size, so the room is for the most."""
_BYTES = BITS // 8
NEAR = min(BLOCK, max(160, first_cache() * 3 // 4 // (VECTORS * _BYTES) // 16 * 16))
"""So many k at a time in float32 where there are fewer than `DEEP`: a panel of three quarters of the first cache leaves
the rest to the rows on the left. In longer sums, and in float64, where these rows take twice the room, going over the
output more often costs more than that gains (with 48 KB and vectors of 512 bits)."""
DEEP = 1024
_PANEL = (BLOCK + 16) * VECTORS * _BYTES
"""Bytes of a panel: a block, and room for what a transposed vector writes beyond it."""
TURNED = 1 << 19
"""Bytes of a product that is made turned."""
_BEGIN_OF_TURNED = _PANEL + _MOST_OF_MATRIX
PANEL = _BEGIN_OF_TURNED + TURNED
"""Bytes of the room for all three."""
SLIM = 2
"""Vectors of columns of dy up to which dy^T x is made, and turned: of wide x all vectors are whole."""
WORTH = 4
"""Vectors of columns from which on x^T is packed too: its columns lie as far apart as a row of x is long, and if that
is a power of 2 they all want the same few places of the first cache."""
_MOST = ROWS[0]


@inner
def _part(size: Any, most: Any, step: Any) -> Any:
    """The length of equal parts of at most so much, but for the last one's, in whole steps."""
    parts = max(1, (size + most - 1) // most)
    return max(step, ((size + parts - 1) // parts + step - 1) // step * step)


@inner
def _pack(b: Any, ib: Any, b_step: Any, transposed: Any, panel: Any, count: Any, columns: Any, vectors: Any) -> None:
    """``count`` rows of b's columns, or of b^T's, to the panel."""
    lanes = _BYTES // panel.itemsize
    last = columns - (vectors - 1) * lanes
    if transposed:
        width = vectors * lanes
        for v in range(vectors):
            rows = min(lanes, columns - v * lanes)
            for k in range(0, count, lanes):
                transpose(b, ib + v * lanes * b_step + k, b_step, rows, count - k, panel, k * width + v * lanes, width)
    elif vectors == 3:
        _copy3(b, ib, b_step, count, panel, 0, last)
    elif vectors == 2:
        _copy2(b, ib, b_step, count, panel, 0, last)
    else:
        _copy1(b, ib, b_step, count, panel, 0, last)


@inner
def _pack_left(a: Any, ia: Any, k_step: Any, left: Any, begin: Any, count: Any, rows: Any) -> None:
    """``count`` columns of a^T's rows, which lie side by side, to where the tiles find them one behind the other."""
    r = 0
    while r + AT_ONCE * _MOST <= rows:
        _several(a, ia + r, k_step, count, left, begin + r * count)
        r += AT_ONCE * _MOST
    while r + _MOST <= rows:
        _most(a, ia + r, k_step, count, left, begin + r * count)
        r += _MOST
    while r + 4 <= rows:
        _four(a, ia + r, k_step, count, left, begin + r * count)
        r += 4
    while r < rows:
        _one(a, ia + r, k_step, count, left, begin + r * count)
        r += 1


def _down_of(vectors: int) -> Any:
    """The loop over the rows for so many vectors; the numbers of rows are constants to the compiler."""
    first, (most, middle, one) = packing_tile[vectors], (tile[rows, vectors] for rows in (_MOST, 4, 1))

    @inner
    def down(a: Any, ia: Any, a_step: Any, k_step: Any, packed: Any, b: Any, ib: Any, b_step: Any, panel: Any,
             ready: Any, count: Any, c: Any, ic: Any, c_step: Any, columns: Any, goes_on: Any, rows: Any,
             soon: Any, step: Any) -> None:  # fmt: skip
        lanes = _BYTES // b.itemsize
        r, width, last = 0, vectors * lanes, columns - (vectors - 1) * lanes
        on = count if packed else a_step  # from row to row of tiles
        if not ready:
            first(a, ia, a_step, _MOST if packed else k_step, b, ib, b_step, count, c, ic, c_step, last, goes_on,
                  b, soon, step, panel)  # fmt: skip
            r, ia, ic, soon = _MOST, ia + _MOST * on, ic + _MOST * c_step, soon + lanes
        while r + _MOST <= rows:
            if r == _MOST * vectors:  # each of these tiles has asked for a vector of every row; no more is needed
                step = 0
            most(a, ia, a_step, _MOST if packed else k_step, panel, 0, width, count, c, ic, c_step, last, goes_on,
                 b, soon, step)  # fmt: skip
            r, ia, ic, soon = r + _MOST, ia + _MOST * on, ic + _MOST * c_step, soon + lanes
        while r + 4 <= rows:
            middle(a, ia, a_step, 4 if packed else k_step, panel, 0, width, count, c, ic, c_step, last, goes_on,
                   b, soon, step)  # fmt: skip
            r, ia, ic = r + 4, ia + 4 * on, ic + 4 * c_step
        while r < rows:
            one(a, ia, a_step, 1 if packed else k_step, panel, 0, width, count, c, ic, c_step, last, goes_on,
                b, soon, step)  # fmt: skip
            r, ia, ic = r + 1, ia + on, ic + c_step

    return down


_down1, _down2, _down3 = (_down_of(vectors) for vectors in (1, 2, 3))


@inner
def _multiply(panel: Any, a: Any, ia: Any, a_step: Any, k_step: Any, b: Any, ib: Any, b_step: Any, transposed: Any,
              c: Any, ic: Any, c_step: Any, rows: Any, columns: Any, depth: Any, goes_on: Any) -> None:  # fmt: skip
    """C = a b, or c + a b: a's entry (r, k) is ia + r a_step + k k_step, b's (k, j) is ib + k b_step + j, or, if
    transposed, ib + j b_step + k."""
    lanes = _BYTES // panel.itemsize
    packed = a_step == 1 and k_step > 1 and columns >= WORTH * lanes
    on_k, on_j, step = (1, b_step, 0) if transposed else (b_step, 1, b_step)
    high = _part(rows, min(HIGH, MATRIX // (BLOCK * panel.itemsize)), _MOST)
    long = _part(depth, MATRIX // (high * panel.itemsize) // lanes * lanes, lanes)
    deep = _part(min(long, depth), NEAR if panel.itemsize == 4 and depth < DEEP else BLOCK, lanes)
    left = panel[_PANEL // panel.itemsize :]
    for k0 in range(0, depth, long):
        k1 = min(k0 + long, depth)
        for r in range(0, rows, high):
            tall, source = min(high, rows - r), a
            ready = transposed or tall < _MOST  # the panel, before the first tile
            if packed:
                source = left
                for k in range(k0, k1, deep):
                    at = ia + r * a_step + k * k_step
                    _pack_left(a, at, k_step, left, (k - k0) * high, min(deep, k1 - k), tall)
            j = 0
            while j < columns:
                width = columns - j
                if VECTORS * lanes < width <= 4 * lanes:  # two and two, not three and one
                    width = 2 * lanes
                width = min(VECTORS * lanes, width)
                vectors, to = (width + lanes - 1) // lanes, ic + r * c_step + j
                for k in range(k0, k1, deep):
                    count, more, at = min(deep, k1 - k), 1 if k > 0 else goes_on, ib + k * on_k + j * on_j
                    soon = at + deep * on_k if k + deep < k1 else ib + k0 * on_k + (j + width) * on_j
                    begin = (k - k0) * high if packed else ia + r * a_step + k * k_step
                    if ready:
                        _pack(b, at, b_step, transposed, panel, count, width, vectors)
                    if vectors == 3:
                        _down3(source, begin, a_step, k_step, packed, b, at, b_step, panel, ready, count,
                               c, to, c_step, width, more, tall, soon, step)  # fmt: skip
                    elif vectors == 2:
                        _down2(source, begin, a_step, k_step, packed, b, at, b_step, panel, ready, count,
                               c, to, c_step, width, more, tall, soon, step)  # fmt: skip
                    else:
                        _down1(source, begin, a_step, k_step, packed, b, at, b_step, panel, ready, count,
                               c, to, c_step, width, more, tall, soon, step)  # fmt: skip
                j += width


@loop
def _product(panel: Any, what: Any, x: Any, W: Any, y: Any, goes_on: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    k, n = W.shape
    columns, terms, size = c1 - c0, x.shape[0], panel.itemsize
    flat_x, flat_W, flat_y = x.reshape(-1), W.reshape(-1), y.reshape(-1)
    turned = what == WEIGHT and 0 < columns <= SLIM * (_BYTES // size) and terms > 0 and goes_on == 0
    high = max(1, TURNED // (size * columns) if turned else r1 - r0)
    for r in range(r0, r1, high):
        rows, ic = min(high, r1 - r), r * n + c0
        if what == FORWARD:
            a, b, c = flat_x, flat_W, flat_y
            ia, a_step, k_step, ib, b_step, c_step, depth = r * k, k, 1, c0, n, n, k
        elif turned:
            a, b, c, ic = flat_y, flat_x, panel[_BEGIN_OF_TURNED // size :], 0
            ia, a_step, k_step, ib, b_step, c_step, depth = c0, 1, n, r, k, rows, terms
        elif what == WEIGHT:
            a, b, c = flat_x, flat_y, flat_W
            ia, a_step, k_step, ib, b_step, c_step, depth = r, 1, k, c0, n, n, terms
        else:
            a, b, c, ic = flat_y, flat_W, flat_x, r * k + c0
            ia, a_step, k_step, ib, b_step, c_step, depth = r * n, n, 1, c0 * n, n, k, n
        down, across = (columns, rows) if turned else (rows, columns)
        if depth == 0 and goes_on == 0:  # a sum of no terms
            for i in range(rows):
                for j in range(columns):
                    c[ic + i * c_step + j] = 0
        _multiply(panel, a, ia, a_step, k_step, b, ib, b_step, what == INPUT, c, ic, c_step, down, across, depth,
                  goes_on)  # fmt: skip
        if turned:
            for i in range(unsigned(rows)):
                for j in range(unsigned(columns)):
                    flat_W[unsigned(r * n + c0) + i * unsigned(n) + j] = c[j * unsigned(rows) + i]


def _plain(panel: Any, what: int, x: Any, W: Any, y: Any, goes_on: int, r0: int, r1: int, c0: int, c1: int) -> None:
    """By NumPy, whose sums are in another order."""
    a, b, c = ((x, W, y), (x.T, y, W), (y, W.T, x))[what]
    c[r0:r1, c0:c1] = a[r0:r1] @ b[:, c0:c1] + (c[r0:r1, c0:c1] if goes_on else 0)


product = _product if COMPILED else kernel(_plain)
"""(panel, what, x, W, y, goes_on, r0, r1, c0, c1): of x (M, K), W (K, N) and y (M, N) what is asked for, from the two
others: `FORWARD` y = x W, `WEIGHT` W = x^T y, `INPUT` x = y W^T; its tile alone, and with goes_on added to what is
there."""
