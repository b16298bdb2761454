"""Rate, mutual information and the aggregated posterior: they add up, have their errors, and tell a collapse."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from models import model

import vae_np
from vae_np.evaluation.bounds import evaluate
from vae_np.evaluation.latent_use import latent_use
from vae_np.formulas.gaussian import log_normal
from vae_np.formulas.numerics import log_mean_exp

X = np.random.default_rng(0).random((50, 5))


@pytest.mark.parametrize("prior", ["standard", "mixture:components=3"])
def test_rate_is_mutual_information_and_the_aggregated_kl_within_their_errors(prior):
    vae = model(n_features=5, latent=2, backend="numpy", prior=prior)
    for seed in range(4):
        found = latent_use(vae, X, seed=seed)
        error = found.mutual_information_error + found.aggregated_kl_error
        assert abs(found.mutual_information + found.aggregated_kl - found.rate) < 4 * error < 0.2
        assert 0 < found.mutual_information < np.log(50)
    assert (found.rate_error == 0) == (prior == "standard")


def of_one_dimension():
    """A model of one latent dimension whose q differ in mean and variance, and its truth on a fine grid."""
    vae = model(n_features=5, latent=1, backend="numpy")
    vae.parameters["encoder.mu.W"] *= 4
    mu, logvar = vae.encode(X)
    z = np.linspace(-25, 25, 40_001)  # 20 deviations: what is beyond has no weight
    own = log_normal(z[:, None, None], mu, logvar)
    q, both = np.exp(own), log_mean_exp(own, axis=1)
    information = ((own - both[:, None]) * q).sum(axis=0).mean() * (z[1] - z[0])
    prior = -(z * z + np.log(2 * np.pi)) / 2
    return vae, information, ((both - prior) * q.mean(axis=1)).sum() * (z[1] - z[0])


def test_the_errors_are_those_from_the_integrals():
    vae, information, aggregated = of_one_dimension()
    found = [latent_use(vae, X, samples=10, seed=seed) for seed in range(60)]
    assert information + aggregated == pytest.approx(found[0].rate, abs=1e-9)  # the truth adds up
    assert information < found[0].information_bound[0] < information + 0.5
    ours = np.array(
        [
            [(one.mutual_information - information) / one.mutual_information_error,
             (one.aggregated_kl - aggregated) / one.aggregated_kl_error]
            for one in found
        ]
    )  # fmt: skip
    assert (np.abs(ours) < 5).all()
    assert ((ours.std(axis=0) > 0.7) & (ours.std(axis=0) < 1.4)).all()  # of 60: 1 +- 0.09
    more = latent_use(vae, X, samples=160)
    assert more.mutual_information_error == pytest.approx(found[0].mutual_information_error / 4, rel=0.2)


def test_distortion_is_minus_the_log_likelihood_and_has_its_error():
    vae = model(n_features=5, latent=2, backend="numpy")
    found, truth = latent_use(vae, X), evaluate(vae, X, samples=4000, seed=1)
    assert abs(found.distortion + truth.log_likelihood) < 6 * found.distortion_error < 0.1
    assert found.error == pytest.approx(np.mean((vae.reconstruct(X) - X) ** 2))
    assert (found.samples, found.examples) == (200, 50)


def test_the_mutual_information_of_examples_far_apart_is_their_logarithm():
    """Each z names its x: q(z|x_m) overlap with no other, even where z has lost its noise to rounding."""
    vae = vae_np.VAE(5, hidden=(), latent=1, backend="numpy")
    vae.parameters["encoder.mu.W"] = np.ones((5, 1)) * 1000
    for logvar in (-8.0, -90.0):
        vae.parameters["encoder.logvar.b"] = [logvar]
        found = latent_use(vae, X)
        assert found.mutual_information == pytest.approx(np.log(50), abs=1e-3)
        off = found.mutual_information + found.aggregated_kl - found.rate
        assert abs(off) < 5 * found.aggregated_kl_error < 5


def test_many_examples_are_taken_a_part_at_a_time(monkeypatch):
    vae = model(n_features=5, latent=2, backend="numpy")
    whole = latent_use(vae, X, samples=3)
    monkeypatch.setattr(sys.modules["vae_np.evaluation.latent_use"], "NUMBERS", 100)
    for one, other in zip(latent_use(vae, X, samples=3), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_collapse_is_told_with_its_numbers():
    vae = vae_np.VAE(5, hidden=(4,), latent=2, backend="numpy")
    for name in ("encoder.mu.W", "encoder.logvar.W"):
        vae.parameters[name] = np.zeros_like(vae.parameters[name])
    assert latent_use(vae, X).verdict.startswith("collapsed: 0 of 2 units active")
    vae.parameters["encoder.mu.b"] = [3.0, 0.0]  # a KL, and no word of x
    assert latent_use(vae, X).verdict.startswith("collapsed: 0 of 2 units active")
    vae.parameters["encoder.mu.W"][:, 0] = 5
    assert latent_use(vae, X).verdict.startswith("not collapsed, 1 idle: 1 of 2 units active")
    vae.parameters["encoder.mu.W"][:, 1] = 5
    assert latent_use(vae, X).verdict.startswith("not collapsed: 2 of 2 units active")


def test_what_the_variance_of_q_tells_of_x_is_no_collapse():
    vae = vae_np.VAE(1, hidden=(2,), latent=2, activation="tanh", likelihood="gaussian", backend="numpy")
    vae.parameters.vector[...] = 0
    vae.parameters["encoder.0.W"] = [[3.0, 0.0]]
    vae.parameters["encoder.logvar.W"] = [[3.0, 0.0], [0.0, 0.0]]
    found = latent_use(vae, np.random.default_rng(0).normal(size=(300, 1)))
    assert found.active_units == 0
    assert found.mutual_information > 0.4
    np.testing.assert_allclose(found.information_bound[1], 0, atol=1e-12)
    assert found.verdict.startswith("not collapsed, 1 idle, 1 used by q's variance alone: 0 of 2 units active")


def test_what_has_no_aggregated_posterior_says_why():
    vae = model(n_features=5, latent=2, backend="numpy")
    with pytest.raises(ValueError, match="known for the diagonal posterior"):
        latent_use(model(posterior="full", backend="numpy", n_features=5), X)
    with pytest.raises(ValueError, match="at least 2 examples; got 1"):
        latent_use(vae, X[:1])
    with pytest.raises(ValueError, match="samples must be at least 2; got 1"):
        latent_use(vae, X, samples=1)
