"""Adam's state as named arrays: to files and back, and arrays that are no state."""

from __future__ import annotations

import numpy as np
import pytest
from adam_runs import FLOATS, SETTINGS, path_of, varied

from vae_np.formulas.optim import Adam, AdamState


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["default", "everything"])
def test_a_run_that_goes_through_its_named_arrays_is_the_same(name, dtype, tmp_path):
    adam = SETTINGS[name]
    theta, gradients = varied(6, 5, dtype)
    whole_path = path_of(adam, theta, gradients)
    state = AdamState.zeros(theta, adam)
    for t, gradient in enumerate(gradients):
        adam.update(theta, gradient, state)
        np.savez(tmp_path / "state.npz", **state.arrays())
        with np.load(tmp_path / "state.npz") as arrays:
            state = AdamState.from_arrays(arrays)
        assert np.array_equal(theta, whole_path[t])
    assert state.step == 6
    assert type(state.step) is int


def test_named_arrays_that_are_no_state_are_refused():
    good = AdamState.zeros(np.ones(3), Adam(amsgrad=True)).arrays()
    assert not np.shares_memory(AdamState.from_arrays(good).m, good["m"])
    for change, error, fact in [
        ({"x": np.ones(3)}, ValueError, "Adam's state has m, v, step"),
        ({"step": np.array(1.0)}, ValueError, "step must be one integer"),
        ({"step": np.array(-1)}, ValueError, "step must be at least 0"),
        ({"v": np.ones(4)}, ValueError, "v must have the shape of m"),
        ({"v": np.ones(3, np.float32)}, TypeError, "v must be float64, as m is"),
        ({"v_max": np.full(3, np.nan)}, ValueError, "v_max must not be negative or NaN"),
        ({"m": np.ones(3, int)}, TypeError, "m must be float32"),
    ]:
        with pytest.raises(error, match=fact):
            AdamState.from_arrays(good | change)
    with pytest.raises(ValueError, match="Adam's state has m, v, step"):
        AdamState.from_arrays({"m": np.ones(3), "step": np.array(0)})
