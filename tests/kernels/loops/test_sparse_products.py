"""The sparse first layer: its lists, and products with the bits of the dense ones, wherever its blocks end."""

from __future__ import annotations

import numpy as np
import pytest
from sums import assert_sums, products

from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.loops import dense_products as dense
from vae_np.kernels.loops import sparse_products as sparse
from vae_np.kernels.loops.sparse_products import BLOCK, CROSSING, CROWDED, TALL, Lists
from vae_np.support.memory import aligned_empty

DTYPES = [np.float64, np.float32]


def sparse_x(n, d, dtype, density=0.2):
    """One row and one column are all 0, one row is all numbers, and so is one column."""
    draw = np.random.default_rng(n)
    x = np.where(draw.random((n, d)) < density, draw.normal(size=(n, d)), 0)
    x[0], x[:, -1] = 0, 0
    x[n // 2], x[:, d // 3] = draw.normal(size=d), draw.normal(size=n)
    return x.astype(dtype)


def room(rows, columns, dtype) -> Lists:
    return Lists(np.full(rows * columns, -7, np.int32), np.full(rows * columns, np.nan, dtype),
                 *(np.full(rows, -7) for _ in range(2)))  # fmt: skip


def lists_of(x) -> tuple[Lists, Lists]:
    n, d = x.shape
    rows, columns = room(n, d, x.dtype), room(d, n, x.dtype)
    for begin, end in ((0, n // 3), (n // 3, n)):  # as two threads do
        sparse.gather_rows(x, rows, begin, end)
    for begin, end in ((0, d // 2), (d // 2, d)):
        sparse.gather_columns(rows, columns, begin, end)
    return rows, columns


def panel(dtype):
    found = aligned_empty(dense.PANEL // np.dtype(dtype).itemsize, dtype)
    found[...] = np.nan  # whatever was packed before
    return found


@pytest.mark.parametrize("dtype", DTYPES)
def test_lists_of_rows_and_of_columns_have_what_numpy_finds(dtype):
    x = sparse_x(9, 21, dtype)
    for lists, matrix in zip(lists_of(x), (x, x.T), strict=True):
        for r, row in enumerate(matrix):
            own = slice(lists.start[r], lists.start[r] + lists.count[r])
            np.testing.assert_array_equal(lists.place[own], np.flatnonzero(row))
            np.testing.assert_array_equal(lists.value[own], row[np.flatnonzero(row)])


# a tile has half the rows: few and many, packed or not, one block of them and two; one block of W's rows and several;
# whole and broken vectors of one to five, and more columns than one panel has
SIZES = [(7, 20, 3), (7, BLOCK + 9, 37), (33, 2 * BLOCK, 16), (2 * TALL + 6, BLOCK + 1, 211), (40, 1, 64),
         (1, 5, 1), (2 * CROWDED, 3 * BLOCK + 5, 80), (2 * CROWDED, BLOCK + 9, 512), (70, 4, 2 * CROWDED)]  # fmt: skip


def test_rows_are_packed_that_crowd_the_first_cache_or_cross_its_lines():
    line = 1600
    for rows, depth, step, packed in ((500, 784, line, False), (CROWDED, 784, 4096, True), (31, 784, 4096, False),
                                      (500, 784, 256, False), (500, 64, 512, False), (500, 65, 512, True),
                                      (CROSSING, 784, line + 8, True), (CROSSING - 1, 784, line + 8, False),
                                      (500, 0, 4096, False)):  # fmt: skip
        assert sparse._packs(rows, depth, step) is packed, (rows, depth, step)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "d", "width"), SIZES if COMPILED else SIZES[:2])
def test_both_products_have_the_bits_of_the_dense_ones_and_keep_to_their_tiles(n, d, width, dtype):
    x, draw = sparse_x(n, d, dtype), np.random.default_rng(0)
    rows, columns = lists_of(x)
    begin = np.full(max(n, d), -7)
    for lists, what, factor, terms in (
        (rows, dense.FORWARD, draw.normal(size=(d, width)).astype(dtype), x),
        (columns, dense.WEIGHT, draw.normal(size=(n, width)).astype(dtype), x.T),
    ):
        height = len(terms)
        out, other = np.full((2, height, width), 77, dtype)
        tiles = [(0, height // 2, 0, width), (height // 2, height, 0, width // 2)]  # and one that is nobody's
        for tile in tiles:
            sparse.product(panel(dtype), begin, lists, factor, out, *tile)
            given = (x, factor, other) if what == dense.FORWARD else (x, other, factor)
            dense.product(panel(dtype), what, *given, 0, *tile)
        assert (out[height // 2 :, width // 2 :] == 77).all()
        if COMPILED:
            np.testing.assert_array_equal(out, other)
        else:  # NumPy's products have an order of their own
            assert_sums("sparse", out, other, products(terms, factor), x.shape[0] + x.shape[1])
