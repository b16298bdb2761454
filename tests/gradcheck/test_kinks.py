"""Central differences of a model with many kinks: right gradients pass, wrong ones do not."""

from __future__ import annotations

import numpy as np
import pytest

import vae_np
from vae_np.gradcheck import check_model


@pytest.fixture(scope="module")
def wide():
    """A ReLU model of 300 + 300 units, x and eps."""
    vae = vae_np.VAE(20, hidden=(300,), latent=3, activation="relu", seed=3, backend="numpy")
    draw = np.random.default_rng(3)
    return vae, draw.random((4, 20)), draw.normal(size=(2, 4, 3))


def test_a_wide_relu_model_is_right_by_differences(wide):
    report = check_model(*wide, methods=["central difference"])
    assert report.ok, report


def test_a_wrong_gradient_of_it_is_found(wide):
    vae, x, eps = wide
    _, gradients = vae.loss_and_grad(x, eps)
    gradients["decoder.0.W"][...] *= 1.001
    report = check_model(vae, x, eps, gradients=gradients, methods=["central difference"])
    assert [row.tensor for row in report.rows if not row.ok] == ["decoder.0.W"]
