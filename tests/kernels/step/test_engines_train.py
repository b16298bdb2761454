"""The two engines train alike: minibatches, sparse data, updates, whole steps."""

from __future__ import annotations

import numpy as np
import pytest
from engine_pairs import FLOATS, Unknown, assert_step_agrees, batch, engines
from sums import WHOLE_MODEL, assert_sums, assert_tensors

import vae_np
from vae_np.formulas import optim
from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.objectives import ELBO, IWAE
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.support.errors import NonFiniteError

ADAMS = [
    {},
    {"amsgrad": True},
    {"epsilon_hat": True, "epsilon": 1e-4},
    {"weight_decay": 0.1},
    {"l2": 0.1},
    {"clip_norm": 0.3},
    {"amsgrad": True, "epsilon_hat": True, "weight_decay": 0.01, "clip_norm": 0.3, "l2": 0.02},
]

AFTER_ADAM = 5 * 0.01 * 1e4 * WHOLE_MODEL
"""Roundings of 5 steps of 0.01: Adam divides each entry of the gradient by that entry's own size, so that one of a
ten-thousandth of the largest carries ten thousand times the largest's roundings into its move."""


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("settings", ADAMS, ids=str)
def test_the_engines_agree_after_20_updates_with_one_gradient_each(settings, dtype):
    formula, kernel = engines(dtype)
    adam = optim.Adam(learning_rate=0.01, **settings)
    states = [optim.AdamState.zeros(engine.parameters.vector, adam) for engine in (formula, kernel)]
    for step in range(20):
        gradients = formula.loss_and_grad(*batch(dtype, seed=step), ELBO(), 1.0).gradients
        gradients.vector[:3] = 0.0
        norms = [e.update(adam, gradients, s) for e, s in zip((formula, kernel), states, strict=True)]
        assert_sums("norm", *norms, norms[0], len(gradients.vector))  # squares, in float64 in either precision
    eps = np.finfo(dtype).eps
    theta, other = formula.parameters.vector, kernel.parameters.vector
    assert (np.abs(theta - other) <= 20 * eps * (np.abs(theta) + 0.2)).all()
    for name, expected in states[0].arrays().items():
        got = states[1].arrays()[name]
        size = np.abs(expected).max() if name == "m" else np.abs(expected)
        assert (np.abs(got - expected) <= 20 * eps * size).all(), name


def test_minibatches_are_those_of_the_formula_to_the_bit():
    for dtype in FLOATS:
        formula, kernel = engines(dtype)
        grey = np.random.default_rng(0).random((300, 11)).astype(dtype)
        grey[::3] = 0
        for n in (1, 64, 65, 150):
            rows = np.random.default_rng(n).permutation(300)[:n]
            for draw in (None, (7, 0), (7, 123), (2**64 - 1, 5)):
                a, b = (engine.batch(grey, rows, draw) for engine in (formula, kernel))
                assert a.dtype == b.dtype
                assert np.array_equal(a, b), (dtype, n, draw)
        assert not np.array_equal(kernel.batch(grey, rows, (7, 1)).copy(), kernel.batch(grey, rows, (7, 2)))
        for wrong in ([300], [-1]):
            with pytest.raises(IndexError, match="rows must lie"):
                kernel.batch(grey, np.array(wrong))
        with pytest.raises(ValueError, match="in C order"):
            kernel.batch(np.asfortranarray(grey), rows)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", FLOATS)
def test_sparse_data_take_another_way_to_the_same_gradients(dtype, threads):
    """Widths on both sides of what registers hold (4 to 192 columns); then the dense way."""
    for width, density in ((9, 0.1), (110, 0.05), (200 if COMPILED else 20, 0.2)):
        formula, kernel = engines(dtype, n_features=40, hidden=(width,))
        kernel.threads = threads
        generator = np.random.default_rng(width)
        x = np.where(generator.random((12, 40)) < density, generator.random((12, 40)), 0).astype(dtype)
        x[3], x[:, 5] = 0, 0  # an example and a feature without anything
        eps = generator.standard_normal((1, 12, 3)).astype(dtype)
        assert_step_agrees((formula, kernel), x, eps, ELBO(), 1.0, dtype)
        (workspace,) = kernel._workspaces.values()
        assert workspace.sparse.all(), "this was to be the sparse way"
        assert_step_agrees((formula, kernel), 1 - x, eps, ELBO(), 1.0, dtype)
        assert not workspace.sparse.any()


def test_training_is_loss_and_gradient_and_adam():
    for objective, likelihood in ((ELBO(), "bernoulli"), (ELBO(0.2), Gaussian("learned")), (IWAE(), Unknown())):
        formula, kernel = engines(likelihood=likelihood)
        adam = optim.Adam(0.01, clip_norm=0.5, amsgrad=objective == IWAE())
        states = [optim.AdamState.zeros(e.parameters.vector, adam) for e in (formula, kernel)]
        for step in range(5):
            x, eps = batch("float64", 2, seed=step)
            a, b = (
                e.train(x, eps, objective, 1.0, adam, state) for e, state in zip((formula, kernel), states, strict=True)
            )
            assert_tensors("loss, terms and norm", np.array(b), np.array(a), AFTER_ADAM)
        assert_tensors("parameters", kernel.parameters.vector, formula.parameters.vector, AFTER_ADAM)
        assert [state.step for state in states] == [5, 5]


def test_a_step_that_is_not_finite_changes_nothing():
    _, kernel = engines()
    adam = optim.Adam()
    state = optim.AdamState.zeros(kernel.parameters.vector, adam)
    x, eps = batch("float64")
    kernel.train(x, eps, ELBO(), 1.0, adam, state)
    before = [a.copy() for a in (kernel.parameters.vector, state.m, state.v)]
    bad = eps.copy()
    bad[0, 0, 0] = np.inf
    with pytest.raises(NonFiniteError):
        kernel.train(x, bad, ELBO(), 1.0, adam, state)
    for a, b in zip(before, (kernel.parameters.vector, state.m, state.v), strict=True):
        np.testing.assert_array_equal(a, b)
    assert state.step == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_the_sums_of_a_step_are_of_all_chunks_of_entries(threads):
    """12,000 parameters, 5,000 terms of the KL: several chunks that a thread sums by itself, the last not full."""
    x, found = np.random.default_rng(0).random((50, 100)), []
    for backend in ("numpy", "numba"):
        vae = vae_np.VAE(100, hidden=(50,), latent=100 if COMPILED else 5, backend=backend, threads=threads, seed=1)
        eps = vae_np.standard_normal(2, 3, (2, 50, vae.architecture.latent))
        state = optim.AdamState.zeros(vae.parameters.vector, optim.Adam())
        found.append(vae.engine.train(x, eps, ELBO(), 1.0, optim.Adam(), state))
    right, ours = found
    np.testing.assert_allclose(ours, right, rtol=1e-12)
