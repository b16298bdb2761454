"""Dense products are made tile by tile: the tiles together are the whole, and one tile writes nothing beside itself."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from sums import assert_sums, products

from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.loops.dense_products import FORWARD, INPUT, PANEL, WEIGHT, WORTH, product
from vae_np.support.memory import aligned_empty

DTYPES = [np.float64, np.float32]
ROWS, COLUMNS = (0, 2, 7), (0, 3, 5)


def panel(dtype) -> np.ndarray:
    found = aligned_empty(PANEL // np.dtype(dtype).itemsize, dtype)
    found[...] = np.nan  # whatever was packed before
    return found


def case(what: int, dtype, m=7, k=4, n=5, seed=0) -> tuple:
    """The two factors in their places among (x, W, y), the output's place, and both factors as the product has them."""
    draw = np.random.default_rng(seed)
    sizes = (m, k), (k, n), (m, n)
    x, W, y = (draw.normal(size=shape).astype(dtype) for shape in sizes)
    place = {FORWARD: 2, WEIGHT: 1, INPUT: 0}[what]
    return [x, W, y], place, *{FORWARD: (x, W), WEIGHT: (x.T, y), INPUT: (y, W.T)}[what]


def run(what, matrices, place, out, tile, goes_on=0) -> None:
    given = [*matrices[:place], out, *matrices[place + 1 :]]
    product(panel(out.dtype), what, *given, goes_on, *tile)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", [FORWARD, WEIGHT, INPUT])
def test_tiles_together_are_the_product_and_each_stays_in_its_place(what, dtype):
    sizes = {FORWARD: (7, 4, 5), WEIGHT: (9, 7, 5), INPUT: (7, 5, 4)}[what]
    matrices, place, a, b = case(what, dtype, *sizes)
    exact, terms = a @ b, products(a, b)
    whole = np.full((7, 5), np.nan, dtype)
    for rows, columns in itertools.product(itertools.pairwise(ROWS), itertools.pairwise(COLUMNS)):
        tile = (*rows, *columns)
        run(what, matrices, place, whole, tile)
        alone = np.full((7, 5), 9, dtype)
        run(what, matrices, place, alone, tile)
        inside = np.zeros((7, 5), bool)
        inside[tile[0] : tile[1], tile[2] : tile[3]] = True
        assert (alone[~inside] == 9).all()
        assert_sums("tile", alone[inside], exact[inside], terms[inside], 9)
    assert_sums("product", whole, exact, terms, 9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_input_gradient_may_be_added_to_what_is_there(dtype):
    dy, W = np.array([[1.0, 2.0], [3.0, 4.0]], dtype), np.array([[1.0, 0.0], [0.0, 1.0]], dtype)
    dx = np.array([[8.0, 16.0], [32.0, 64.0]], dtype)
    product(panel(dtype), INPUT, dx, W, dy, 1, 0, 2, 0, 2)
    np.testing.assert_array_equal(dx, [[9, 18], [35, 68]])


@pytest.mark.parametrize("what", [FORWARD, WEIGHT, INPUT])
def test_a_product_of_nothing_is_0(what):
    sizes = {FORWARD: (2, 0, 3), WEIGHT: (0, 2, 3), INPUT: (2, 3, 0)}[what]
    matrices, place, _, _ = case(what, np.float64, *sizes)
    out = np.full_like(matrices[place], 7)
    run(what, matrices, place, out, (0, out.shape[0], 0, out.shape[1]))
    assert (out == 0).all()


def chain(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Every entry one fused multiply-add after the other, over k in order: exact, then rounded."""
    out = np.zeros((len(a), b.shape[1]), a.dtype)
    for r, j in np.ndindex(out.shape):
        for k in range(a.shape[1]):
            out[r, j] = _rounded(
                Fraction(float(a[r, k])) * Fraction(float(b[k, j])) + Fraction(float(out[r, j])), a.dtype
            )
    return out


def _rounded(value: Fraction, dtype) -> float:
    """The nearest number, ties to even: a quotient of whole numbers is rounded once to float64, and float32 by hand."""
    if dtype == np.float64 or value == 0:
        return float(value)
    near = np.float32(float(value))
    around = [np.nextafter(near, np.float32(side)) for side in (-np.inf, np.inf)] + [near]
    return min(around, key=lambda v: (abs(Fraction(float(v)) - value), int(v.view(np.int32)) & 1))


AWKWARD = [(1, 1, 1), (3, 2, 5), (8, 3, 48), (9, 20, 17), (5, 4, 33), (2, 7, 64), (4, 5, 50), (15, 3, 3), (13, 17, 31)]


@pytest.mark.skipif(not COMPILED, reason="NumPy's products have an order of their own")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", [FORWARD, WEIGHT, INPUT])
@pytest.mark.parametrize("sizes", AWKWARD, ids=str)
def test_every_entry_is_one_chain_of_fused_multiply_adds(sizes, what, dtype):
    matrices, place, a, b = case(what, dtype, *sizes)
    out = np.full(a.shape[:1] + b.shape[1:], np.nan, dtype)
    run(what, matrices, place, out, (0, out.shape[0], 0, out.shape[1]))
    np.testing.assert_array_equal(out, chain(a, b))
    if place == 0:
        run(what, matrices, place, out, (0, out.shape[0], 0, out.shape[1]), goes_on=1)  # from block to block, too
        twice = chain(np.concatenate([a, a], axis=1), np.concatenate([b, b]))
        np.testing.assert_array_equal(out, twice)


@pytest.mark.skipif(not COMPILED, reason="NumPy's products have an order of their own")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", [FORWARD, WEIGHT, INPUT])
def test_blocks_of_k_and_of_rows_and_any_tiles_have_the_same_bits(what, dtype):
    """1100 terms and 1100 rows: more than a block of each. The tiles' edges are at no multiple of anything."""
    sizes = {FORWARD: (1100, 530, 23), WEIGHT: (530, 1100, 23), INPUT: (1100, 23, 530)}[what]
    matrices, place, a, b = case(what, dtype, *sizes)
    whole, pieces = (np.full((1100, 23), np.nan, dtype) for _ in range(2))
    run(what, matrices, place, whole, (0, 1100, 0, 23))
    for rows, columns in itertools.product(
        itertools.pairwise((0, 1, 13, 600, 1100)), itertools.pairwise((0, 5, 6, 23))
    ):
        run(what, matrices, place, pieces, (*rows, *columns))
    np.testing.assert_array_equal(whole, pieces)
    some = np.s_[[0, 500, 1099]]
    np.testing.assert_array_equal(whole[some, :2], chain(a[some], b[:, :2]))


@pytest.mark.skipif(not COMPILED, reason="NumPy's products have an order of their own")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(300, 29, 211), (1500, 301, 211)], ids=str)
def test_a_packed_transpose_has_the_bits_of_one_that_is_read_where_it_lies(sizes, dtype):
    """Of dy's 211 columns x^T is packed, of 30 at a time it is not; 300 terms are more than a block, 1500 of 301 rows
    more than stay in a cache, 29 and 301 no tile's."""
    matrices, place, a, b = case(WEIGHT, dtype, *sizes)
    rows = sizes[1]
    whole, pieces = (np.full((rows, 211), np.nan, dtype) for _ in range(2))
    assert 211 >= WORTH * 64 // np.dtype(dtype).itemsize > 30
    run(WEIGHT, matrices, place, whole, (0, rows, 0, 211))
    for begin, end in itertools.pairwise((*range(0, 211, 30), 211)):
        run(WEIGHT, matrices, place, pieces, (0, rows, begin, end))
    np.testing.assert_array_equal(whole, pieces)
    some = np.s_[:: rows // 4]
    np.testing.assert_array_equal(whole[some, :3], chain(a[some], b[:, :3]))


@pytest.mark.skipif(not COMPILED, reason="NumPy's products have an order of their own")
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_turned_product_has_the_bits_of_any_other(dtype):
    """Of dy's few columns dy^T x is made, as many columns of x at once as there is room for: of 16 or 32 less than
    5000. A tile of it, and the same columns among many, which are not turned."""
    lanes = 64 // np.dtype(dtype).itemsize
    matrices, place, a, b = case(WEIGHT, dtype, 3, 5000, 4 * lanes)
    many, few, part = np.full((5000, 4 * lanes), np.nan, dtype), *np.full((2, 5000, 2 * lanes), np.nan, dtype)
    run(WEIGHT, matrices, place, many, (0, 5000, 0, 4 * lanes))
    narrow = [matrices[0], matrices[1], np.ascontiguousarray(matrices[2][:, : 2 * lanes])]
    run(WEIGHT, narrow, place, few, (0, 5000, 0, 2 * lanes))
    run(WEIGHT, narrow, place, part, (17, 4999, 1, 5))
    np.testing.assert_array_equal(few, many[:, : 2 * lanes])
    np.testing.assert_array_equal(part[17:4999, 1:5], few[17:4999, 1:5])
    part[17:4999, 1:5] = np.nan
    assert np.isnan(part).all()
    some = np.s_[::1249]
    np.testing.assert_array_equal(few[some], chain(a[some], b[:, : 2 * lanes]))
