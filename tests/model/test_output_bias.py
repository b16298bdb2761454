"""The start at the data's mean and variance."""

from __future__ import annotations

import numpy as np
import pytest
from models import LIKELIHOODS, D

from vae_np import VAE, DiscretisedLogistic, Exposure, Gaussian, Multinomial


def test_the_output_bias_starts_at_the_datas_mean():
    for likelihood in LIKELIHOODS.values():
        vae = VAE(D, hidden=(4,), latent=2, likelihood=likelihood, backend="numpy")
        x = likelihood.examples(0.1 + 0.8 * np.random.default_rng(0).random((50, D)))
        vae.start_output_bias(x)
        vae.parameters["decoder.out.W"][...] = 0
        # of levels it is the logistic's, and what lies beyond the ends is taken in
        off = 0.5 / (likelihood.levels - 1) if isinstance(likelihood, DiscretisedLogistic) else 0
        mean = x.mean(axis=0)
        mean /= mean[-1] if isinstance(likelihood, Exposure) else 1  # that of a unit of it
        mean *= likelihood.length / mean.sum() if isinstance(likelihood, Multinomial) else 1
        np.testing.assert_allclose(vae.decode(np.zeros((1, 2)))[0], mean, rtol=1e-6, atol=off)


@pytest.mark.parametrize("sigma", ["learned", "per-feature"])
def test_a_learned_variance_starts_at_the_datas(sigma):
    x = np.random.default_rng(0).normal(3, [0.1, 2.0, 5.0], (500, 3))
    vae = VAE(3, hidden=(4,), latent=2, likelihood=Gaussian(sigma), backend="numpy")
    vae.start_output_bias(x)
    right = x.var(axis=0) if sigma == "per-feature" else x.var(axis=0).mean(keepdims=True)
    np.testing.assert_allclose(np.exp(vae.parameters["likelihood.logvar"]), right)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_a_variance_beyond_the_range_of_numbers_starts_as_that_of_the_scaled_features(size):
    """The square of 1e200 is infinite and that of 1e-200 is 0; the features inside have the variance 1."""
    x = size * np.random.default_rng(0).normal(size=(50, 3))
    likelihood = Gaussian(sigma="per-feature")
    vae = VAE(3, hidden=(4,), latent=2, likelihood=likelihood, scale="standard", backend="numpy")
    vae.start_scaling(x)
    vae.start_output_bias(x)
    np.testing.assert_allclose(vae.parameters["likelihood.logvar"], 0, atol=1e-12)
    np.testing.assert_allclose(vae.parameters["decoder.out.b"], 0, atol=1e-12)
