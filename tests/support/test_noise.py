"""Noise: a function of seed, purpose, step, sample and example, and of nothing else."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_np.support import noise
from vae_np.support.noise import TILE, standard_normal, stream, uniform
from vae_np.support.normals import normals

SIZES = st.integers(0, 3 * TILE)


@given(first=SIZES, n=st.integers(0, 2 * TILE), dtype=st.sampled_from(["float32", "float64"]))
def test_rows_do_not_depend_on_where_a_batch_begins_or_ends(first, n, dtype):
    whole = standard_normal(3, 5, (5 * TILE, 4), dtype)
    np.testing.assert_array_equal(standard_normal(3, 5, (n, 4), dtype, first=first), whole[first : first + n])
    whole = uniform(3, 5, (5 * TILE, 4), dtype)
    np.testing.assert_array_equal(uniform(3, 5, (n, 4), dtype, first=first), whole[first : first + n])


@given(first=st.integers(0, 5), count=st.integers(1, 5), row=SIZES)
def test_samples_do_not_depend_on_how_many_there_are(first, count, row):
    whole = standard_normal(7, 2, (10, 4 * TILE, 3))
    part = standard_normal(7, 2, (count, TILE, 3), first_sample=first, first=row)
    np.testing.assert_array_equal(part, whole[first : first + count, row : row + TILE])


def test_two_dimensions_are_sample_zero():
    np.testing.assert_array_equal(standard_normal(1, 2, (9, 3)), standard_normal(1, 2, (4, 9, 3))[0])


def test_every_argument_gives_other_numbers():
    base = {"seed": 1, "step": 2, "purpose": "noise", "first_sample": 0}
    others = [base, {**base, "seed": 2}, {**base, "step": 3}, {**base, "purpose": "eval"}, {**base, "first_sample": 1}]
    others += [{**base, "seed": 2, "step": 1}, {**base, "seed": 2**63}, {**base, "purpose": "noise2"}]
    drawn = [standard_normal(o.pop("seed"), o.pop("step"), (TILE + 1, 5), **o) for o in map(dict, others)]
    for a, b in itertools.combinations(drawn, 2):
        assert not np.isin(a, b).any()
    tiles = standard_normal(1, 2, (2 * TILE, 5))
    assert not np.isin(tiles[:TILE], tiles[TILE:]).any()


def test_float32_noise_is_the_float64_noise_rounded():
    wide = standard_normal(1, 2, (2, 70, 3), first=9)
    np.testing.assert_array_equal(standard_normal(1, 2, (2, 70, 3), np.float32, first=9), wide.astype(np.float32))


def test_purposes_are_independent():
    draws = np.array([stream(0, name).standard_normal(20_000) for name in ("noise", "evaluate", "order", "prior")])
    correlation = np.corrcoef(draws) - np.eye(4)
    assert np.abs(correlation).max() < 5 / math.sqrt(20_000)


def test_noise_is_standard_normal_and_uniform_numbers_are_uniform():
    e = standard_normal(0, 1, (40, 100, 50))
    n = e.size
    assert abs(e.mean()) < 5 / math.sqrt(n)
    assert abs(e.var() - 1) < 5 * math.sqrt(2 / n)
    assert abs((e**4).mean() - 3) < 5 * math.sqrt(96 / n)
    for axis in range(3):  # neighbours along each axis know nothing of each other
        a, b = np.take(e, range(e.shape[axis] - 1), axis), np.take(e, range(1, e.shape[axis]), axis)
        assert abs((a * b).mean()) < 5 / math.sqrt(n)
    u = uniform(0, 1, (4000, 50))
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 5 * math.sqrt(1 / 12 / u.size)


def test_the_stream_of_a_tile_is_where_its_definition_puts_it():
    rows = standard_normal(5, 6, (3, 2 * TILE, 4), first_sample=1, first=TILE)
    expected = normals(stream(5, "noise", 6, 3, 2).bit_generator.random_raw(4 * TILE)).reshape(TILE, 4)
    np.testing.assert_array_equal(rows[2, TILE:], expected)


def test_these_numbers_never_change():
    # a run that is resumed by another version, and every number in the documentation, depend on them
    e = standard_normal(1, 2, (2, 2))
    np.testing.assert_allclose(e.ravel(), PINNED, rtol=0, atol=0)


PINNED = [-1.3937972237584169, 0.9183767899936982, -0.9739917120242111, 0.022948389449919913]


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=r"seed must lie in \[0, 2\*\*64\)"):
        standard_normal(seed, 0, (1, 1))


@pytest.mark.parametrize("seed", [True, 1.0, "1", None])
def test_a_seed_that_is_no_integer_is_refused(seed):
    with pytest.raises(TypeError, match="seed must be an integer"):
        noise.check_seed(seed)


@pytest.mark.parametrize("arguments", [("", 0), ("purposeful", 0), ("a", 1, 2, 3, 4), ("a", -1)])
def test_a_stream_has_a_short_name_and_up_to_three_places(arguments):
    with pytest.raises(ValueError, match=r"a stream takes a purpose|an index of a stream must be at least 0"):
        stream(0, *arguments)


def test_the_largest_seed_is_a_seed():
    assert np.isfinite(standard_normal(2**64 - 1, 2**40, (2, 2))).all()
    assert noise.check_seed(np.int64(3)) == 3


@pytest.mark.parametrize("shape", [5, (5,), (1, 2, 3, 4)])
def test_a_shape_of_other_dimensions_is_told(shape):
    with pytest.raises(ValueError, match=r"shape must be \(N, K\) or \(S, N, K\); got "):
        noise.standard_normal(0, 0, shape)
