"""A training step takes numbers below the smallest normal one for 0; nothing else does."""

import platform

import numpy as np
import pytest

import vae_np
from vae_np.formulas.optim import AdamState
from vae_np.kernels.compiler.decorators import COMPILED

flushes = pytest.mark.skipif(
    not (COMPILED and platform.machine() in {"x86_64", "AMD64"}), reason="no mode of the processor is changed"
)
TINY = np.finfo(np.float32).tiny


def model(backend="numba", threads=None):
    """With a unit that is dead for good, so that its gradients are 0, but not its moments; Adam and its state."""
    form = {"hidden": [4], "latent": 2, "activation": "relu", "dtype": "float32"}
    vae = vae_np.VAE(6, **form, backend=backend, threads=threads)
    vae.parameters["encoder.0.b"] = np.array([-100, 0, 0, 0], np.float32)
    adam = vae_np.Adam(1e-3)
    state = AdamState.zeros(vae.parameters.vector, adam)
    state.m[:] = 2 * TINY
    return vae, adam, state


def batch(samples):
    return np.ones((8, 6), np.float32), np.zeros((samples, 8, 2), np.float32)


def is_subnormal(a):
    return (a != 0) & (np.abs(a) < TINY)


@flushes
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("objective", ["elbo", "iwae"])
def test_no_moment_lingers_among_the_subnormal_numbers(objective, threads):
    vae, adam, state = model(threads=threads)
    for _ in range(10):  # 2 * 0.9^10 < 1
        vae.train_step(*batch(3), adam, state, objective=objective)
    assert not is_subnormal(state.m).any()
    dead = vae.parameters.like(state.m)["encoder.0.W"][:, 0]
    np.testing.assert_array_equal(dead, 0)


def test_the_formula_keeps_them():
    """So that the test above could fail."""
    vae, adam, state = model("numpy")
    for _ in range(10):
        vae.train_step(*batch(3), adam, state)
    assert is_subnormal(state.m).any()


@pytest.mark.parametrize("threads", [1, 2])
def test_neither_the_caller_nor_what_is_asked_for_by_itself_is_flushed(threads):
    vae, adam, state = model(threads=threads)
    x, eps = batch(1)
    vae.train_step(x, eps, adam, state)
    assert is_subnormal(np.full(3, TINY) / np.float32(4)).all(), "the mode is still on in the caller's thread"
    for name in ("encoder.mu.W", "decoder.0.W"):
        vae.parameters[name] = np.zeros_like(vae.parameters[name])
    vae.parameters["encoder.mu.b"] = np.full(2, TINY / 4, np.float32)
    mu, _ = vae.encode(x)
    assert is_subnormal(mu).all()
    _, gradients = vae.loss_and_grad(x, eps)
    assert is_subnormal(gradients["encoder.mu.b"]).all(), "of KL, that is mu"
