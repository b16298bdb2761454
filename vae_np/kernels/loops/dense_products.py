"""Matrix products of a tile: x W, x^T dy and dy W^T, every entry one chain of fused multiply-adds over k in order.

A tile is a rectangle of the product's output, rows [r0, r1) and columns [c0, c1): threads share a product by its
output, so that none has a sum to share. Within it, a block of `BLOCK` k and a few vectors of columns at a time, the
factor on the right is packed into a panel, row after row, transposed if need be; the panel stays in the first cache
while `compiler.micro`'s tiles go down the rows of the factor on the left, which is read where it lies, or for x^T with
many columns of dy packed too. Meanwhile the columns that are packed next come from memory. Sums go on from block to
block in the output.

So an entry is the same number whichever thread computes it, however the tiles are cut and whatever else is beside it.
"""

from __future__ import annotations

from typing import Any

from vae_np.kernels.compiler.decorators import COMPILED, kernel, loop, unsigned
from vae_np.kernels.compiler.lanes import BITS
from vae_np.kernels.compiler.micro import ROWS, VECTORS, copy_vectors, tile, transpose

__all__ = ["FORWARD", "INPUT", "PANEL", "WEIGHT", "WORTH", "product"]

FORWARD, WEIGHT, INPUT = range(3)

_copy1, _copy2, _copy3 = (copy_vectors[vectors] for vectors in (1, 2, 3))
BLOCK = 256
"""So many k at a time."""
MATRIX = 1 << 18
"""Bytes of the factor on the left that stay in the second cache."""
_BYTES = BITS // 8
_PANEL = (BLOCK + 16) * VECTORS * _BYTES
"""Bytes of a panel: a block, and room for what a transposed vector writes beyond it."""
PANEL = _PANEL + MATRIX
"""Bytes of the room for both factors."""
WORTH = 6
"""Vectors of columns from which on x^T is packed too: its columns lie as far apart as a row of x is long, and if that
is a power of 2 they all want the same few places of the first cache."""
_MOST = ROWS[0]


@loop
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


@loop
def _pack_left(a: Any, ia: Any, k_step: Any, left: Any, count: Any, rows: Any) -> None:
    """``count`` columns of a^T's rows, which lie side by side, to where the tiles find them one behind the other."""
    r = 0
    for size in (_MOST, 4, 2, 1):
        while r + size <= rows:
            for k in range(count):
                for i in range(unsigned(size)):
                    left[unsigned(r * count + k * size) + i] = a[unsigned(ia + k * k_step + r) + i]
            r += size


def _down_of(vectors: int) -> Any:
    """The loop over the rows for so many vectors; the numbers of rows are constants to the compiler."""
    most, middle, two, one = (tile[rows, vectors] for rows in (_MOST, 4, 2, 1))

    @loop
    def down(a: Any, ia: Any, a_step: Any, k_step: Any, b: Any, count: Any, c: Any, ic: Any, c_step: Any, last: Any,
             goes_on: Any, rows: Any, packed: Any, soon: Any, i_soon: Any, step: Any) -> None:  # fmt: skip
        r, width = 0, vectors * (_BYTES // b.itemsize)
        on = count if packed else a_step  # from row to row of tiles
        while r + _MOST <= rows:
            most(a, ia, a_step, _MOST if packed else k_step, b, 0, width, count, c, ic, c_step, last, goes_on,
                 soon, i_soon, step)  # fmt: skip
            r, ia, ic, i_soon = r + _MOST, ia + _MOST * on, ic + _MOST * c_step, i_soon + width // vectors
            if r == _MOST * vectors:  # each of these tiles has asked for a vector of every row; no more is needed
                step = 0
        while r + 4 <= rows:
            middle(a, ia, a_step, 4 if packed else k_step, b, 0, width, count, c, ic, c_step, last, goes_on,
                   soon, i_soon, step)  # fmt: skip
            r, ia, ic = r + 4, ia + 4 * on, ic + 4 * c_step
        if r + 2 <= rows:
            two(a, ia, a_step, 2 if packed else k_step, b, 0, width, count, c, ic, c_step, last, goes_on,
                soon, i_soon, step)  # fmt: skip
            r, ia, ic = r + 2, ia + 2 * on, ic + 2 * c_step
        if r < rows:
            one(a, ia, a_step, 1 if packed else k_step, b, 0, width, count, c, ic, c_step, last, goes_on,
                soon, i_soon, step)  # fmt: skip

    return down


_down1, _down2, _down3 = (_down_of(vectors) for vectors in (1, 2, 3))


@loop
def _multiply(panel: Any, a: Any, ia: Any, a_step: Any, k_step: Any, b: Any, ib: Any, b_step: Any, transposed: Any,
             c: Any, ic: Any, c_step: Any, rows: Any, columns: Any, depth: Any, goes_on: Any) -> None:  # fmt: skip
    """C = a b, or c + a b: a's entry (r, k) is ia + r a_step + k k_step, b's (k, j) is ib + k b_step + j, or, if
    transposed, ib + j b_step + k."""
    lanes = _BYTES // panel.itemsize
    tall, packed = MATRIX // (BLOCK * panel.itemsize), a_step == 1 and k_step > 1 and columns >= WORTH * lanes
    given, of_b, left = a.reshape(-1), b.reshape(-1), panel[_PANEL // panel.itemsize :]
    for k in range(0, depth, BLOCK):
        count, more = min(BLOCK, depth - k), 1 if k > 0 else goes_on
        for r in range(0, rows, tall):
            high, begin, row = min(tall, rows - r), ia + r * a_step + k * k_step, ic + r * c_step
            source = given
            if packed:
                _pack_left(given, begin, k_step, left, count, high)
                source, begin = left, 0
            j = 0
            while j < columns:
                free = columns - j
                if VECTORS * lanes < free <= 4 * lanes:  # two and two, not three and one
                    free = 2 * lanes
                width = min(VECTORS * lanes, free)
                vectors = (width + lanes - 1) // lanes
                last = width - (vectors - 1) * lanes
                at = ib + j * b_step + k if transposed else ib + k * b_step + j
                _pack(b, at, b_step, transposed, panel, count, width, vectors)
                to, soon, step = row + j, at + width, 0 if transposed else b_step
                if vectors == 3:
                    _down3(source, begin, a_step, k_step, panel, count, c, to, c_step, last, more, high, packed,
                           of_b, soon, step)  # fmt: skip
                elif vectors == 2:
                    _down2(source, begin, a_step, k_step, panel, count, c, to, c_step, last, more, high, packed,
                           of_b, soon, step)  # fmt: skip
                else:
                    _down1(source, begin, a_step, k_step, panel, count, c, to, c_step, last, more, high, packed,
                           of_b, soon, step)  # fmt: skip
                j += width


@loop
def _product(panel: Any, what: Any, x: Any, W: Any, y: Any, goes_on: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    k, n = W.shape
    if what == FORWARD:
        a, b, c = x, W, y
        ia, a_step, k_step, ib, b_step, c_step, depth = r0 * k, k, 1, c0, n, n, k
    elif what == WEIGHT:
        a, b, c = x, y, W
        ia, a_step, k_step, ib, b_step, c_step, depth = r0, 1, k, c0, n, n, x.shape[0]
    else:
        a, b, c = y, W, x
        ia, a_step, k_step, ib, b_step, c_step, depth = r0 * n, n, 1, c0 * n, n, k, n
    rows, columns, ic = r1 - r0, c1 - c0, r0 * c_step + c0
    if depth == 0 and goes_on == 0:  # a sum of no terms
        for r in range(r0, r1):
            for j in range(c0, c1):
                c[r, j] = 0
    _multiply(panel, a, ia, a_step, k_step, b, ib, b_step, what == INPUT, c, ic, c_step, rows, columns, depth, goes_on)


def _plain(panel: Any, what: int, x: Any, W: Any, y: Any, goes_on: int, r0: int, r1: int, c0: int, c1: int) -> None:
    """By NumPy, whose sums are in another order."""
    a, b, c = ((x, W, y), (x.T, y, W), (y, W.T, x))[what]
    c[r0:r1, c0:c1] = a[r0:r1] @ b[:, c0:c1] + (c[r0:r1, c0:c1] if goes_on else 0)


product = _product if COMPILED else kernel(_plain)
"""(panel, what, x, W, y, goes_on, r0, r1, c0, c1): of x (M, K), W (K, N) and y (M, N) what is asked for, from the two
others: `FORWARD` y = x W, `WEIGHT` W = x^T y, `INPUT` x = y W^T; its tile alone, and with goes_on added to what is
there."""
