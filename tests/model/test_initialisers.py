"""Where parameters start: moments, shapes of the distribution, seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vae_np import VAE

FAN_IN, FAN_OUT = 90, 210
VARIANCE = {
    "glorot-uniform": 2 / (FAN_IN + FAN_OUT),
    "glorot-normal": 2 / (FAN_IN + FAN_OUT),
    "he-uniform": 2 / FAN_IN,
    "he-normal": 2 / FAN_IN,
    "torch": 1 / (3 * FAN_IN),
}


def weights(init: str, seed: int = 0, dtype: str = "float64") -> VAE:
    return VAE(FAN_IN, hidden=(FAN_OUT,), latent=3, init=init, seed=seed, dtype=dtype, backend="numpy")


@pytest.mark.parametrize("init", VARIANCE)
def test_variance_and_kurtosis_are_the_initialisers(init):
    W = weights(init).parameters["encoder.0.W"].ravel()
    error = 5 * np.sqrt(2 / W.size)  # five standard errors of a normal sample's relative variance, the larger of both
    assert W.var() == pytest.approx(VARIANCE[init], rel=error)
    assert abs(W.mean()) < 5 * np.sqrt(VARIANCE[init] / W.size)
    assert stats.kurtosis(W, fisher=False) == pytest.approx(3 if init.endswith("normal") else 1.8, abs=0.2)
    if not init.endswith("normal"):
        assert np.abs(W).max() <= np.sqrt(3 * VARIANCE[init])


@pytest.mark.parametrize("init", VARIANCE)
def test_biases_are_zero_but_in_the_pytorch_style(init):
    vae = weights(init)
    b = vae.parameters["encoder.0.b"]
    if init == "torch":
        assert b.var() == pytest.approx(1 / (3 * FAN_IN), rel=0.5)
        assert np.abs(b).max() <= 1 / np.sqrt(FAN_IN)
        assert np.abs(vae.parameters["decoder.0.b"]).max() > 1 / np.sqrt(FAN_OUT)  # its own layer's fan_in, 3
    else:
        assert not b.any()


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    a, b, c = weights("he-normal", 1), weights("he-normal", 1), weights("he-normal", 2)
    assert np.array_equal(a.parameters.vector, b.parameters.vector)
    assert not np.array_equal(a.parameters.vector, c.parameters.vector)


def test_a_float32_model_starts_at_the_rounding_of_the_float64_model():
    single, double = weights("torch", dtype="float32"), weights("torch")
    assert np.array_equal(single.parameters.vector, double.parameters.vector.astype(np.float32))


def test_layers_of_one_shape_start_differently():
    vae = VAE(6, hidden=(6, 6), latent=6, backend="numpy")
    assert not np.array_equal(vae.parameters["encoder.0.W"], vae.parameters["encoder.1.W"])
    assert not np.array_equal(vae.parameters["encoder.mu.W"], vae.parameters["encoder.logvar.W"])
