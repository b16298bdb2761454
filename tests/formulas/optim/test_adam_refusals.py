"""Gradients and arrays that Adam refuses before it changes anything, and those that it only just accepts."""

from __future__ import annotations

import numpy as np
import pytest
from adam_runs import FLOATS, varied

from vae_np.formulas.optim import Adam, AdamState
from vae_np.support.errors import NonFiniteError


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, "square"])
def test_a_gradient_that_is_not_finite_raises_and_changes_nothing(bad, dtype):
    adam = Adam(0.1, amsgrad=True, weight_decay=0.1)
    theta, gradients = varied(3, 4, dtype)
    state = AdamState.zeros(theta, adam)
    adam.update(theta, gradients[0], state)
    before = [a.tobytes() for a in (theta, *state.arrays().values())]
    gradients[1, 2] = np.sqrt(np.finfo(dtype).max) * dtype(1.1) if bad == "square" else bad
    with pytest.raises(NonFiniteError, match="gradient") as caught:
        adam.update(theta, gradients[1], state)
    assert caught.value.stage == "gradient"
    assert caught.value.examples == ()
    assert "\n" not in str(caught.value)
    assert [a.tobytes() for a in (theta, *state.arrays().values())] == before


def test_clipping_saves_a_gradient_whose_square_would_overflow():
    adam, theta = Adam(0.1, clip_norm=1.0), np.zeros(2, np.float32)
    adam.update(theta, np.array([1e30, -1e30], np.float32), AdamState.zeros(theta, adam))
    assert theta == pytest.approx([-0.1, 0.1], rel=1e-5)


def test_many_large_entries_whose_squares_fit_are_accepted():
    adam, theta = Adam(0.1), np.zeros(100, np.float32)
    adam.update(theta, np.full(100, 1e19, np.float32), AdamState.zeros(theta, adam))
    assert theta == pytest.approx(np.full(100, -0.1), rel=1e-5)


def test_arrays_that_do_not_fit_are_refused_before_anything_changes():
    adam = Adam()
    theta = np.ones(3)
    state = AdamState.zeros(theta, adam)
    with pytest.raises(TypeError, match="gradient must be float64, as theta is; it is float32"):
        adam.update(theta, np.ones(3, np.float32), state)
    with pytest.raises(ValueError, match=r"gradient must have the shape of theta, \(3,\)"):
        adam.update(theta, np.ones((1, 3)), state)
    with pytest.raises(TypeError, match="m must be float32"):
        adam.update(theta.astype(np.float32), np.ones(3, np.float32), state)
    for wrong in (np.ones(3, int), np.ones(3, complex), np.ones(3, np.float16)):
        with pytest.raises(TypeError, match="theta must be float32, float64 or wider"):
            adam.update(wrong, wrong, state)
    with pytest.raises(ValueError, match="the state has no v_max, but Adam has amsgrad=True"):
        Adam(amsgrad=True).update(theta, np.ones(3), state)
    with pytest.raises(ValueError, match="the state has a v_max, but Adam has amsgrad=False"):
        adam.update(theta, np.ones(3), AdamState.zeros(theta, Adam(amsgrad=True)))
    tiny, single = Adam(epsilon=1e-50), np.ones(1, np.float32)
    with pytest.raises(ValueError, match="epsilon must not vanish in float32"):
        tiny.update(single, single, AdamState.zeros(single, tiny))
    assert state.step == 0
    assert (theta == 1).all()
    assert not state.m.any()


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_penalty_whose_square_would_overflow_raises_and_changes_nothing(dtype):
    adam, root = Adam(0.1, l2=1.0), np.sqrt(np.finfo(dtype).max)
    theta = np.array([1.0, root * dtype(1.1)], dtype)
    state, before = AdamState.zeros(theta, adam), theta.copy()
    with pytest.raises(NonFiniteError, match="square of the gradient's largest entry"):
        adam.update(theta, np.ones(2, dtype), state)
    assert (theta.tolist(), state.step) == (before.tolist(), 0)
