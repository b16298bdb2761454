"""Adam's kernel against its formula, also in what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_cases import FLOATS, normal, search
from sums import assert_sums

from vae_np.formulas import optim
from vae_np.kernels.loops import adam
from vae_np.support.errors import NonFiniteError

VARIANTS = [
    {},
    {"amsgrad": True},
    {"epsilon_hat": True, "weight_decay": 0.1},
    {"clip_norm": 0.5, "beta1": 0.0, "l2": 0.3},
    {"amsgrad": True, "l2": 0.2},
    {"beta2": 0.5, "epsilon": 1e-3, "learning_rate": 0.5},
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("settings_", VARIANTS, ids=str)
def test_adam_is_its_formula(settings_, dtype):
    rule = optim.Adam(**settings_)

    @search
    def compare(n, d, samples, seed):
        theta, g, m, v, v_max = normal(seed, dtype, *[(n * d,)] * 5)
        state = optim.AdamState(m, v * v, np.abs(v_max) if rule.amsgrad else None, seed % 30)
        before = np.abs(theta)
        other, theirs = theta.copy(), optim.AdamState.from_arrays(state.arrays())
        norm, expected = adam.update(rule, theta, g, state), rule.update(other, g, theirs)
        assert_sums("norm", norm, expected, expected, theta.size)  # squares, in float64 in either precision
        assert_sums("theta", theta, other, np.abs(other) + 1)
        arrays, expected_arrays = state.arrays(), theirs.arrays()
        assert arrays.pop("step") == expected_arrays.pop("step")
        for name, array in arrays.items():
            assert_sums(
                name,
                array,
                expected_arrays[name],
                np.abs(m) + np.abs(g) + v * v + g * g + rule.l2 * (before + before**2),
            )

    compare()


@pytest.mark.parametrize("size", [1e-200, 1e-100, 0.0, 1e100])
def test_adam_leaves_norms_at_the_ends_of_the_range_to_its_formula(size):
    g = np.array([size, -size, 0.0])
    results = []
    for update in (lambda *a: adam.update(optim.Adam(), *a), optim.Adam().update):
        theta = np.ones(3)
        state = optim.AdamState.zeros(theta, optim.Adam())
        results.append([update(theta, g, state), *theta, state.step])
    assert results[0] == pytest.approx(results[1], rel=1e-15, abs=0)


def test_adam_leaves_parameters_that_are_not_contiguous_to_its_formula():
    g, rule, whole = np.array([1.0, -2.0, 3.0, 0.5]), optim.Adam(), np.ones(8)
    ends = []
    for update, theta in ((adam.update, whole[::2]), (lambda rule, *a: rule.update(*a), np.ones(4))):
        state = optim.AdamState.zeros(theta, rule)
        ends.append([update(rule, theta, g, state), *theta, *state.m, *state.v, state.step])
    assert ends[0] == ends[1]  # to the bit: it is the formula
    assert whole[1::2].tolist() == [1] * 4


@pytest.mark.parametrize("fault", ["amsgrad", "length", "dtype", "nan", "infinity", "square"])
def test_adam_refuses_what_its_formula_refuses_and_changes_nothing(fault):
    theta, g, rule = np.ones(4), np.ones(4), optim.Adam(amsgrad=fault == "amsgrad")
    state = optim.AdamState.zeros(theta, optim.Adam())
    if fault == "length":
        g = np.ones(3)
    elif fault == "dtype":
        g = np.ones(4, np.float32)
    elif fault in ("nan", "infinity"):
        g[2] = np.nan if fault == "nan" else np.inf
    elif fault == "square":  # of the root's float64 it does not overflow, and is as large as may be
        g = np.array([0, 0, np.sqrt(np.finfo(np.float64).max), 0])
    with pytest.raises((ValueError, TypeError, NonFiniteError)):
        adam.update(rule, theta, g, state)
    assert theta.tolist() == [1] * 4
    assert state.step == 0
    assert not state.m.any()


def test_plain_vectors_are_the_kernels_and_others_the_formulas():
    theta = np.ones(3)
    state = optim.AdamState.zeros(theta, optim.Adam())
    assert adam.is_plain(optim.Adam(), theta, theta.copy(), state)
    assert not adam.is_plain(optim.Adam(), theta.reshape(1, 3), theta.copy(), state)
    assert not adam.is_plain(optim.Adam(), theta, theta.astype(np.float32), state)
    assert not adam.is_plain(optim.Adam(amsgrad=True), theta, theta.copy(), state)
    assert not adam.is_plain(optim.Adam(epsilon=1e-320), theta.astype(np.float32), theta.astype(np.float32), state)
