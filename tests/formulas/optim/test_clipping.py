"""The gradient's global norm at every magnitude, and the clip by it."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from adam_runs import FLOATS, path_of, varied
from hypothesis import given
from hypothesis import strategies as st

from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.optim.clipping import check_squares, clip_factor, global_norm
from vae_np.support.errors import NonFiniteError


def exact_norm(values):
    with mp.workdps(50):
        return mp.sqrt(sum(mp.mpf(float(v)) ** 2 for v in values))


def assert_norm(values, tolerance):
    norm, exact = global_norm(values), exact_norm(values)
    assert type(norm) is float
    assert abs(mp.mpf(norm) - exact) <= max(tolerance * exact, mp.mpf(5e-324)), (norm, exact)


@pytest.mark.parametrize(
    ("dtype", "exponents"),
    [
        (np.float32, [-50, -45, -40, -30, -20, 0, 18, 20, 30, 38]),
        (np.float64, [-322, -310, -200, -160, -152, -146, 0, 30, 153, 155, 200, 307]),
    ],
)
def test_the_global_norm_is_right_at_every_magnitude(dtype, exponents):
    for exponent in exponents:
        values = np.array([float(f"{a}e{exponent}") for a in (1.3, -0.7, 0, 1e-3, 2.9)], dtype)
        assert_norm(values, 4e-16)


@given(st.lists(st.floats(-1e307, 1e307), min_size=1, max_size=20))
def test_the_global_norm_is_right_for_mixed_magnitudes(values):
    assert_norm(np.array(values), 2e-15)


def test_the_global_norm_of_many_tiny_entries_loses_none():
    values = np.full(10**5, 1e-155)
    values[0] = 3e-154
    exact = mp.sqrt(mp.mpf(3e-154) ** 2 + (values.size - 1) * mp.mpf(1e-155) ** 2)
    assert global_norm(values) == pytest.approx(float(exact), rel=1e-14, abs=0)


def test_the_global_norm_of_float32_is_summed_in_float64():
    values = np.full(10**6, 0.1, np.float32)
    assert global_norm(values) == pytest.approx(1000 * float(np.float32(0.1)), rel=1e-14)


def test_the_global_norm_of_odd_inputs():
    assert global_norm(np.array([])) == 0.0
    assert global_norm(np.zeros((3, 2))) == 0.0
    assert global_norm(np.array([[3.0], [4.0]])) == 5.0
    assert global_norm(np.array([1.0, -np.inf])) == np.inf
    assert math.isnan(global_norm(np.array([1.0, np.nan, np.inf])))
    assert global_norm(np.full(9, 1.7e308)) == np.inf  # the norm itself leaves the range


@given(st.floats(0, 1e300), st.floats(1e-5, 1e5))
def test_a_clipped_norm_is_at_most_the_limit(norm, limit):
    factor = clip_factor(norm, limit)
    assert 0.0 <= factor <= 1.0
    assert norm * factor == pytest.approx(min(norm, limit), rel=1e-15, abs=0)
    assert (factor == 1.0) == (norm <= limit * (1 + 1e-15))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_clipped_gradient_has_the_limit_as_its_norm(dtype):
    _, gradients = varied(1, 1000, dtype)
    clipped = dtype(clip_factor(global_norm(gradients[0]), 0.37)) * gradients[0]
    assert global_norm(clipped) == pytest.approx(0.37, rel=4 * float(np.finfo(dtype).eps))


def test_a_gradient_below_the_limit_is_not_changed():
    theta, gradients = varied(20, 5, np.float32)
    limit = 2 * max(global_norm(g) for g in gradients)
    clipped = path_of(Adam(clip_norm=limit), theta, gradients)
    assert np.array_equal(clipped, path_of(Adam(), theta, gradients))
    assert clip_factor(0.0, 1.0) == clip_factor(1.0, 1.0) == clip_factor(1e9, None) == 1.0


def test_the_norm_returned_is_the_one_before_clipping():
    adam, theta = Adam(clip_norm=1.0), np.zeros(2)
    assert adam.update(theta, np.array([30.0, 40.0]), AdamState.zeros(theta, adam)) == 50.0


def test_a_square_is_that_of_the_clipped_entry_and_not_of_the_norm():
    """float32's squares end at 1.8e19: half of 3e19 has one, though the norm's half, 3e19, has none."""
    gradient = np.full(4, 3e19, np.float32)
    check_squares(gradient, 6e19, 0.5)
    for factor in (0.7, 1.0):
        with pytest.raises(NonFiniteError, match=r"largest entry, 3e\+19, leaves the range of float32"):
            check_squares(gradient, 6e19, factor)
