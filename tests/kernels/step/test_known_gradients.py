"""Gradients that are known: zero at the exact posterior, or of a known mean."""

from __future__ import annotations

import numpy as np
import pytest
from engine_pairs import Pathwise, batch, engines
from sums import assert_tensors

from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.objectives import IWAE
from vae_np.kernels.compiler.decorators import COMPILED


def linear_gaussian(dtype="float64"):
    """A linear model of which the encoder is the exact posterior: W's rows are orthogonal, so it is diagonal."""
    d, k, sigma = 6, 2, 0.7
    formula, kernel = engines(dtype, Gaussian(sigma), n_features=d, latent=k, hidden=())
    generator = np.random.default_rng(5)
    w = np.linalg.qr(generator.standard_normal((d, k)))[0].T * [[1.5], [0.6]]
    b = generator.standard_normal(d)
    precision = 1 + (w**2).sum(axis=1) / sigma**2
    for engine in (formula, kernel):
        p = engine.parameters
        p["decoder.out.W"][...], p["decoder.out.b"][...] = w, b
        p["encoder.mu.W"][...] = w.T / sigma**2 / precision
        p["encoder.mu.b"][...] = -b @ w.T / sigma**2 / precision
        p["encoder.logvar.W"][...], p["encoder.logvar.b"][...] = 0, -np.log(precision)
    x = (generator.standard_normal((5, k)) @ w + b + sigma * generator.standard_normal((5, d))).astype(dtype)
    return (formula, kernel), x, generator.standard_normal((3, 5, k)).astype(dtype)


def encoder_gradient(engine, x, eps, objective):
    gradients = engine.loss_and_grad(x, eps, objective, 1.0).gradients
    return np.concatenate([gradients[name].ravel() for name in gradients if name.startswith("encoder")])


@pytest.mark.parametrize("which", [0, 1], ids=["formula", "kernel"])
def test_sticking_the_landing_has_no_gradient_at_the_exact_posterior_for_any_noise(which):
    pair, x, eps = linear_gaussian()
    for scale in (1.0, 3.0):
        for objective in (Pathwise(0), Pathwise(1)):
            found = pair[which].loss_and_grad(x, scale * eps, objective, 1.0).gradients.vector
            terms = float(np.abs(found).max())  # the decoder's, which does not vanish, has the same terms
            found = encoder_gradient(pair[which], x, scale * eps, objective)
            assert_tensors("the encoder's gradient", found, np.zeros_like(found), size=terms)
    assert np.abs(encoder_gradient(pair[which], x, eps, IWAE())).max() > 1e-2  # the bound's own gradient has noise
    log_w = pair[which].terms(x, eps)
    evidence = log_w.log_likelihood + log_w.log_prior - log_w.log_posterior
    assert_tensors("evidence", evidence, np.broadcast_to(evidence[0], evidence.shape))


def test_the_doubly_reparameterised_gradient_of_one_sample_is_sticking_the_landing():
    for engine in engines():
        x, eps = batch("float64")
        one, other = (encoder_gradient(engine, x, eps, Pathwise(power)) for power in (0, 1))
        assert_tensors("gradient", one, other)


def test_the_doubly_reparameterised_gradient_is_unbiased_and_sticking_the_landing_is_not():
    _, engine = engines(likelihood=Gaussian(0.7), n_features=3, latent=2, hidden=(3,))
    draws, n = 300, 32 if COMPILED else 4
    x = np.repeat(batch("float64", n=1, n_features=3)[0], n, axis=0)
    generator = np.random.default_rng(0)
    eps = generator.standard_normal((draws, 3, n, 2))
    bound, landing, double = (
        np.array([encoder_gradient(engine, x, e, objective) for e in eps])
        for objective in (IWAE(), Pathwise(0), Pathwise(1))
    )

    def largest_z(a, b):
        difference = (a - b)[:, np.ptp(a, axis=0) > 1e-12]
        return np.abs(difference.mean(axis=0) / difference.std(axis=0) * np.sqrt(draws)).max()

    assert largest_z(bound, double) < 4.5
    assert largest_z(bound, landing) > (8 if COMPILED else 4)
    assert double.var(axis=0).sum() < bound.var(axis=0).sum()
