"""Adam's steps are the paper's recursion, to rounding."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from adam_runs import FLOATS, SETTINGS, TOLERANCE, assert_path, path_of, varied
from hypothesis import given
from hypothesis import strategies as st

from vae_np.formulas.optim import Adam, AdamState, adam_step, bias_correction
from vae_np.formulas.optim.clipping import clip_factor, global_norm


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_hundred_steps_are_the_papers_recursion(name, dtype):
    theta, gradients = varied(100, 7, dtype)
    path = path_of(SETTINGS[name], theta, gradients)
    assert path.dtype == dtype
    assert_path(path, theta, gradients, SETTINGS[name], TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("epsilon_hat", [False, True])
def test_gradients_as_small_as_epsilon_and_its_root_are_the_papers_recursion(dtype, epsilon_hat):
    adam = Adam(0.1, epsilon_hat=epsilon_hat)
    sizes = np.array([0.0, 1e-9, 1e-8, 3e-8, 1e-4, -1e-4, 1e-3, -1e-8])
    signs = np.array([1, 1, -1, 1, 1, 1, -1, 1, 1, 1])[:, None]
    gradients = (signs * sizes).astype(dtype)
    theta = np.full(8, 0.25, dtype)
    path = path_of(adam, theta, gradients)
    assert_path(path, theta, gradients, adam, TOLERANCE[dtype])
    assert (path[:, 0] == theta[0]).all()  # g = 0 moves nothing


@given(size=st.floats(1e-3, 1e6), sign=st.sampled_from([-1, 1]), rate=st.floats(1e-5, 1.0))
def test_the_first_step_is_the_rate_against_the_sign(size, sign, rate):
    adam = Adam(rate)
    theta = np.zeros(1)
    adam.update(theta, np.array([sign * size]), AdamState.zeros(theta, adam))
    assert theta[0] == pytest.approx(-sign * rate, rel=2e-5)


def test_bias_correction_is_within_two_ulp():
    with mp.workdps(50):
        for beta in (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 - 1e-10):
            for t in (1, 2, 3, 10, 1000, 10**6):
                exact = 1 - mp.mpf(beta) ** t
                error = abs(mp.mpf(bias_correction(beta, t)) - exact)
                assert error <= 2 * math.ulp(float(exact)), (beta, t)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_formula_changes_nothing_that_it_is_given(name):
    adam = SETTINGS[name]
    theta, gradients = varied(2, 5, np.float64)
    state = AdamState.zeros(theta, adam)
    theta, state = adam_step(theta, gradients[0], state, adam)
    given_arrays = [theta, gradients[1], *state.arrays().values()]
    before = [a.copy() for a in given_arrays]
    new_theta, new_state = adam_step(theta, gradients[1], state, adam)
    assert all(np.array_equal(a, b) for a, b in zip(given_arrays, before, strict=True))
    assert state.step == 1
    assert new_state.step == 2
    assert not np.shares_memory(new_theta, theta)
    assert not np.shares_memory(new_state.m, state.m)
    assert not np.shares_memory(new_state.v, state.v)


def test_update_keeps_the_arrays_and_adam_step_gives_the_same_bits():
    adam = SETTINGS["everything"]
    theta, gradients = varied(5, 6, np.float32)
    pure, pure_state = theta.copy(), AdamState.zeros(theta, adam)
    state = AdamState.zeros(theta, adam)
    buffers = (theta, state.m, state.v, state.v_max)
    for gradient in gradients:
        factor = clip_factor(global_norm(gradient), adam.clip_norm)
        pure, pure_state = adam_step(pure, gradient, pure_state, adam, factor=factor)
        assert adam.update(theta, gradient, state) == global_norm(gradient)
    assert all(a is b for a, b in zip(buffers, (theta, state.m, state.v, state.v_max), strict=True))
    assert np.array_equal(theta, pure)
    assert all(np.array_equal(a, pure_state.arrays()[k]) for k, a in state.arrays().items())


@pytest.mark.parametrize("dtype", [*FLOATS, np.longdouble])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_dtype_stays(name, dtype):
    adam = SETTINGS[name]
    theta, gradients = varied(1, 3, dtype)
    state = AdamState.zeros(theta, adam)
    new_theta, state = adam_step(theta, gradients[0], state, adam, factor=0.3)
    assert new_theta.dtype == state.m.dtype == state.v.dtype == dtype
    assert state.v_max is None or state.v_max.dtype == dtype


def test_a_matrix_of_parameters_moves_as_its_flat_vector():
    adam = Adam(clip_norm=1.0)
    theta, gradients = varied(1, 15, np.float64)
    flat = path_of(adam, theta, gradients)
    matrix = path_of(adam, theta.reshape(3, 5), gradients.reshape(1, 3, 5))
    assert np.array_equal(matrix.ravel(), flat.ravel())


@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_l2_is_the_gradient_of_its_penalty_which_is_not_clipped(clip_norm):
    theta, gradients = varied(1, 5, np.float64)
    rule = Adam(0.1, l2=0.3, clip_norm=clip_norm)
    factor = clip_factor(global_norm(gradients[0]), clip_norm)

    def penalty(theta):  # l2/2 sum(theta^2), whose derivative the complex step gives
        return 0.15 * (theta**2).sum()

    slope = np.array([penalty(theta + 1e-30j * unit).imag / 1e-30 for unit in np.eye(5)])
    penalised, expected = theta.copy(), theta.copy()
    states = AdamState.zeros(theta, rule), AdamState.zeros(theta, Adam(0.1))
    rule.update(penalised, gradients[0], states[0])
    Adam(0.1).update(expected, factor * gradients[0] + slope, states[1])
    np.testing.assert_allclose(penalised, expected, rtol=1e-15)
    np.testing.assert_allclose(states[0].m, states[1].m, rtol=1e-15)
    np.testing.assert_allclose(states[0].v, states[1].v, rtol=1e-15)
