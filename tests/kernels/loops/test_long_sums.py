"""Sums of very many terms: their error is that of a block's, whatever their number."""

from __future__ import annotations

import numpy as np
import pytest
from columns import columns, value_of
from long_sums import FEATURES, ROWS

from vae_np.formulas.numerics import LOG_2PI
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.loops import latent, likelihoods, sums
from vae_np.kernels.loops.adam import plain_sum, sum_of_squares

FLOATS = [np.float64, np.float32]
D, N = (196_608, 100_000) if COMPILED else (1500, 400)  # 256x256 pixels in three colours; a batch of all that there are


def allowed(dtype, block: int) -> float:
    """(block - 1) u for a block's running sum, 4 u for what a term is off by elsewhere than alone, u for the result."""
    return (block - 1 + 4 + 1) * np.finfo(dtype).eps / 2


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", FEATURES)
def test_a_sum_over_features_misses_by_no_more_than_a_block_does(name, dtype):
    error = FEATURES[name](dtype, D)
    print(f"{name}, {np.dtype(dtype)}, {D}: {error:.1e}")
    assert error <= allowed(dtype, sums.BLOCK)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ROWS)
def test_a_sum_over_rows_misses_by_no_more_than_a_block_does(name, dtype):
    error = ROWS[name](dtype, N)
    print(f"{name}, {np.dtype(dtype)}, {N}: {error:.1e}")
    # the formula adds 64 rows, then 64 such sums, then what is left
    assert error <= (3 if "formula" in name else 1) * allowed(dtype, sums.ROWS)


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 255, 256, 257, 1000])
def test_no_term_is_left_out_or_added_twice_whatever_their_number(n):
    a = np.arange(1.0, n + 1)  # whole numbers: every sum is exact
    assert plain_sum(a, 0, n) == n * (n + 1) / 2
    assert sum_of_squares(a, 0, n) == n * (n + 1) * (2 * n + 1) / 6
    found = columns(3)
    dz = np.repeat(a[None, :, None], 3, axis=2)
    if n:
        sums.column_sums(dz[0], found, 0, 3)
        assert (value_of(found) == n * (n + 1) / 2).all()
        dmu, room = np.zeros((1, 3)), columns(6)
        dz, one, zero = dz.reshape(n, 1, 3), np.ones((n, 1)), np.zeros((1, 3))
        latent.backward(dz, 0 * dz, zero, zero, zero, zero, dmu, zero.copy(), room, 0, 1)
        assert (dmu == n * (n + 1) / 2).all()
        latent.posterior_backward(one, one, dz, zero + 1, dmu, zero.copy(), room, 0, 1)
        assert (dmu == n * (n + 1)).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [1, 63, 64, 65, 200])
def test_columns_added_as_their_rows_are_made_have_the_same_bits(n, dtype):
    rows = np.random.default_rng(n).normal(size=(n, 37)).astype(dtype)
    parts = np.zeros((-(-n // sums.ROWS), 37), dtype)
    for r in range(0, n, 4):
        sums.add_rows(rows, r, min(n, r + 4), parts[r // sums.ROWS], 0, 37)
    found, right = columns(37, dtype=dtype), columns(37, dtype=dtype)
    sums.column_sums_of_blocks(parts, found, 0, 37)
    sums.column_sums(rows, right, 0, 37)
    np.testing.assert_array_equal(value_of(found), value_of(right))


def test_what_the_blocks_sums_lose_is_kept():
    total, lost = 0.0, 0.0
    for part in (1e16, 1.0, 1.0, -1e16):  # a running sum in float64 gives 0
        total, lost = sums.add(total, lost, part)
    assert sums.rounded(total, lost, np.float64(0)) == 2


BLOCKS = 10
"""Two of a large sum and eight of a quarter of its ULP, of which a running sum in float64 keeps nothing."""


def gaussian_blocks():
    """-1/2 (1 + 1 + 8 2^-54) of x alone: log sigma^2 = -log 2 pi, with the reciprocal 1 of another sigma."""
    x = np.zeros((1, BLOCKS * sums.BLOCK))
    x[0, :: sums.BLOCK] = [1, 1] + 8 * [2.0**-27]
    one = np.ones_like(x[0])
    kind = likelihoods.Gaussian(-LOG_2PI * one, one, 0 * one, x.copy(), one)
    return kind, 0 * x, x, -1 - 2.0**-52


def bernoulli_blocks():
    """-(2048 + 2048 + 8 2^-43): (x - 1) a where e^-a is 0, of an x that is 0, or 1 less an ULP; the others' is 0."""
    a, x = np.full((1, BLOCKS * sums.BLOCK), 1024.0), np.ones((1, BLOCKS * sums.BLOCK))
    x[0, :: sums.BLOCK] = [0, 0] + 8 * [1 - 2.0**-53]
    a[0, [0, sums.BLOCK]] = 2048
    return likelihoods.Bernoulli(), a, x, -4096 - 2.0**-40


@pytest.mark.parametrize("case", [gaussian_blocks, bernoulli_blocks])
def test_a_density_keeps_what_its_blocks_sums_lose(case):
    kind, raw, x, exact = case()
    out, zero, terms = np.empty(1), np.zeros_like(x[0]), np.empty(sums.BLOCK)
    likelihoods.value(kind, raw.copy(), zero, x, out, terms, 0, 1)
    assert out == exact
    likelihoods.gradient(kind, raw.copy(), zero, x, np.ones(1), out, terms, 0, 1)
    assert out == exact


@pytest.mark.parametrize("total", [plain_sum, sum_of_squares])
def test_a_sum_of_all_entries_that_is_infinite_is_not_nan(total):
    with np.errstate(invalid="ignore"):
        assert total(np.array([1.0, np.inf]), 0, 2) == np.inf


@pytest.mark.parametrize("parts", [(1.0, np.inf), (np.inf, 1.0), (np.inf, np.inf), (1e308, 1e308)])
def test_a_sum_that_is_infinite_is_not_nan(parts):
    total, lost = 0.0, 0.0
    with np.errstate(all="ignore"):
        for part in parts:
            total, lost = sums.add(np.float64(total), lost, np.float64(part))
        assert sums.rounded(total, lost, np.float64(0)) == np.inf
        total, lost = sums.add(total, lost, np.float64(-np.inf))
        assert np.isnan(sums.rounded(total, lost, np.float64(0)))
