"""The start at the data's mean and variance."""

from __future__ import annotations

import numpy as np
import pytest
from models import LIKELIHOODS, D

from vae_np import VAE, Gaussian


def test_the_output_bias_starts_at_the_datas_mean():
    for likelihood in LIKELIHOODS.values():
        vae = VAE(D, hidden=(4,), latent=2, likelihood=likelihood, backend="numpy")
        x = 0.1 + 0.8 * np.random.default_rng(0).random((50, D))
        vae.start_output_bias(x)
        vae.parameters["decoder.out.W"][...] = 0
        np.testing.assert_allclose(vae.decode(np.zeros((1, 2)))[0], x.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("sigma", ["learned", "per-feature"])
def test_a_learned_variance_starts_at_the_datas(sigma):
    x = np.random.default_rng(0).normal(3, [0.1, 2.0, 5.0], (500, 3))
    vae = VAE(3, hidden=(4,), latent=2, likelihood=Gaussian(sigma), backend="numpy")
    vae.start_output_bias(x)
    right = x.var(axis=0) if sigma == "per-feature" else x.var(axis=0).mean(keepdims=True)
    np.testing.assert_allclose(np.exp(vae.parameters["likelihood.logvar"]), right)
