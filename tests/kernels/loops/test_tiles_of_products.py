"""Dense products are made tile by tile: the tiles together are the whole, and one tile writes nothing beside itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sums import assert_sums, products

from vae_np.kernels.compiler import blas
from vae_np.kernels.loops import dense_products

ROWS, COLUMNS = (0, 2, 7), (0, 3, 5)


def tiles() -> list[tuple[int, int, int, int]]:
    return [(*rows, *columns) for rows in itertools.pairwise(ROWS) for columns in itertools.pairwise(COLUMNS)]


def cases(dtype) -> dict:
    """For each product: a function of (out, tile), what it must be, and its terms, 7 x 5."""
    draw = np.random.default_rng(0)
    x, W = (draw.normal(size=shape).astype(dtype) for shape in ((7, 4), (4, 5)))
    long_x, long_dy = (draw.normal(size=shape).astype(dtype) for shape in ((9, 7), (9, 5)))
    dy, back = (draw.normal(size=shape).astype(dtype) for shape in ((7, 4), (5, 4)))
    address, p = blas.routine(np.dtype(dtype)), dense_products
    return {
        "product": (lambda out, tile: p.product(address, x, W, out, *tile), x @ W, products(x, W)),
        "weight gradient": (
            lambda out, tile: p.weight_gradient(address, long_x, long_dy, out, *tile),
            long_x.T @ long_dy,
            products(long_x.T, long_dy),
        ),
        "input gradient": (
            lambda out, tile: p.input_gradient(address, dy, back, out, 0.0, *tile),
            dy @ back.T,
            products(dy, back.T),
        ),
    }


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["product", "weight gradient", "input gradient"])
def test_tiles_together_are_the_product_and_each_stays_in_its_place(name, dtype):
    run, exact, terms = cases(dtype)[name]
    whole = np.full((7, 5), np.nan, dtype)
    for tile in tiles():
        run(whole, tile)
        alone = np.full((7, 5), 9, dtype)
        run(alone, tile)
        inside = np.zeros((7, 5), bool)
        inside[tile[0] : tile[1], tile[2] : tile[3]] = True
        assert (alone[~inside] == 9).all()
        assert_sums(name, alone[inside], exact[inside], terms[inside], 9)
    assert_sums(name, whole, exact, terms, 9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_input_gradient_may_be_added_to_what_is_there(dtype):
    run = dense_products.input_gradient
    dy, W = np.array([[1.0, 2.0], [3.0, 4.0]], dtype), np.array([[1.0, 0.0], [0.0, 1.0]], dtype)
    dx = np.array([[8.0, 16.0], [32.0, 64.0]], dtype)
    run(blas.routine(np.dtype(dtype)), dy, W, dx, 0.5, 0, 2, 0, 2)
    np.testing.assert_array_equal(dx, [[5, 10], [19, 36]])
