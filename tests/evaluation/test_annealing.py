"""Importance sampling, annealing, the bracket and quadrature agree on log p(x), and say when not to believe them."""

from __future__ import annotations

import numpy as np
import pytest
from models import model
from scipy import stats

import vae_np
from vae_np.evaluation import annealing
from vae_np.evaluation.annealing import annealed, bidirectional
from vae_np.evaluation.bounds import evaluate
from vae_np.evaluation.weights import BELIEVED, importance, pareto_shape
from vae_np.exact import LinearVAE, log_evidence
from vae_np.formulas.numerics import log_mean_exp
from vae_np.model.joint import Joint

X = np.random.default_rng(0).uniform(0.05, 0.95, size=(4, 5))


def linear(latent=3, sigma=0.4, **settings):
    vae = vae_np.VAE(
        5, hidden=(), latent=latent, likelihood=vae_np.Gaussian(sigma), backend="numpy", seed=2, **settings
    )
    vae.parameters.vector[...] += 0.3 * np.random.default_rng(3).normal(size=vae.parameters.vector.size)
    return vae


@pytest.mark.parametrize("start", ["posterior", "prior"])
def test_annealing_finds_the_closed_form_where_importance_sampling_fails(start):
    vae = linear()
    right = LinearVAE.of(vae).log_evidence(X)
    found = annealed(vae, X, chains=16, temperatures=60, leapfrog=5, start=start)
    assert (np.abs(found.evidence - right) < 5 * found.error + 0.02).all()
    assert (found.error < 0.45).all()
    assert ((found.acceptance > 0.4) & (found.acceptance < 0.95)).all()
    plain = importance(vae, X, 16)
    assert (np.abs(plain.evidence - right) > 5 * np.abs(found.evidence - right)).any()


def two_modes():
    """A posterior of two equal modes near z = 1 and -1, and a q that is about the first one."""
    vae = vae_np.VAE(1, hidden=(2,), latent=1, activation="tanh", likelihood=vae_np.Gaussian(0.1), backend="numpy")
    vae.parameters.vector[...] = 0
    vae.parameters["decoder.0.W"] = [[3.0, 3.0]]
    vae.parameters["decoder.0.b"] = [-3.0, 3.0]
    vae.parameters["decoder.out.W"] = [[1.0], [-1.0]]
    vae.parameters["decoder.out.b"] = [2.0]
    vae.parameters["encoder.mu.b"] = [1.0]
    vae.parameters["encoder.logvar.b"] = [-4.0]
    return vae, np.ones((1, 1))


def test_a_missed_mode_is_many_errors_off_and_the_two_starts_say_so():
    """These are the figures of the docstring: log 2 with an error of some hundredths, which no weight shows."""
    vae, x = two_modes()
    z, joint = np.linspace(-8, 8, 16_001)[:, None, None], Joint.of(vae, x)
    right = log_mean_exp(joint.log_likelihood(z) + joint.log_prior(z)) + np.log(16.0)
    from_q = annealed(vae, x, chains=200, temperatures=100, leapfrog=5)
    assert from_q.evidence - right == pytest.approx(-np.log(2), abs=0.1)
    assert from_q.error < 0.06
    assert from_q.effective_chains > 150
    assert not from_q.doubtful.any()
    assert np.isnan(from_q.apart)
    both = annealed(vae, x, chains=200, temperatures=100, leapfrog=5, start="both")
    assert both.apart > 3
    assert both.doubtful.all()
    assert abs(both.evidence - right) < 3 * both.error < 1.5


def test_of_one_mode_both_starts_are_one_and_nothing_is_doubted():
    vae = linear()
    found = annealed(vae, X, chains=32, temperatures=60, leapfrog=5, start="both")
    assert (np.abs(found.evidence - LinearVAE.of(vae).log_evidence(X)) < 5 * found.error).all()
    assert (found.apart < 3).all()
    assert not found.doubtful.any()
    assert annealed(vae, X, chains=4, temperatures=2, leapfrog=1).doubtful.any()  # one weight outweighs all


def test_the_prior_that_chains_start_from_is_the_model_s():
    """With two temperatures and no other help the mean weight is that of draws of the mixture itself."""
    vae = model(n_features=5, latent=2, backend="numpy", likelihood="gaussian", prior="mixture:components=3")
    vae.parameters["prior.mean"] *= 20
    x = vae.sample(3, seed=1)
    right = log_evidence(vae, x, tolerance=1e-7).value
    found = annealed(vae, x, chains=64, temperatures=60, leapfrog=5, start="prior")
    assert (np.abs(found.evidence - right) < 5 * found.error).all()
    path = annealing._path(vae, x, 2, 1, "prior")
    z = path.draw(0, 0, (4000, 3, 2))
    mean = vae.sample_prior(40_000, seed=1).mean(axis=0)
    np.testing.assert_allclose(z.mean(axis=(0, 1)), mean, atol=6 * z.std() / np.sqrt(12_000))
    assert np.abs(mean).max() > 1  # which is not that of N(0, I)
    some = annealing._path(vae, x[:2], 2, 1, "prior").draw(0, 0, (4000, 2, 2))
    np.testing.assert_array_equal(some, z[:, :2])  # whatever the split of the batch


def test_more_temperatures_are_nearer_and_the_seed_makes_it_the_same():
    vae = linear()
    right = LinearVAE.of(vae).log_evidence(X)
    off = [np.abs(annealed(vae, X, temperatures=t, leapfrog=4).evidence - right).mean() for t in (3, 100)]
    assert off[1] < off[0] / 3
    one, other = (annealed(vae, X[:n], temperatures=5, seed=4).evidence for n in (4, 2))
    np.testing.assert_allclose(one[:2], other, rtol=1e-12)  # whatever the split of the batch


def test_both_directions_bracket_the_closed_form():
    vae = linear()
    few, found = (bidirectional(vae, 6, chains=32, temperatures=t, leapfrog=5) for t in (10, 200))
    right = LinearVAE.of(vae).log_evidence(found.x)
    assert (found.lower - 4 * found.lower_error <= right).all()
    assert (right <= found.upper + 4 * found.upper_error).all()
    assert 0 < (found.upper - found.lower).mean() < (few.upper - few.lower).mean() / 5
    np.testing.assert_array_equal(found.x, vae.sample(6, 0))


def test_a_wrong_weight_leaves_the_bracket(monkeypatch):
    """A log p(x, z) that lacks the prior is another integral: neither direction finds the closed form."""

    def without_prior(path, z):
        likelihood, of_likelihood = path.joint.log_likelihood_and_gradient(z)
        return (annealing.log_normal(z, path.mu, path.logvar), likelihood,
                -(z - path.mu) * np.exp(-path.logvar), of_likelihood)  # fmt: skip

    vae = linear(latent=2)
    monkeypatch.setattr(annealing._Path, "both", without_prior)
    found = annealed(vae, X, temperatures=60, leapfrog=5)
    assert (np.abs(found.evidence - LinearVAE.of(vae).log_evidence(X)) > 5 * found.error + 0.1).all()


@pytest.mark.parametrize("settings", [{}, {"prior": "mixture:components=3"}, {"scale": "standard"}], ids=str)
def test_all_four_agree_on_a_small_model(settings):
    vae = model(
        n_features=5, hidden=(4,), activation="tanh", latent=2, backend="numpy", likelihood="gaussian", **settings
    )
    if settings.get("scale"):
        vae.start_scaling(X)
    right = log_evidence(vae, X, tolerance=1e-8).value
    sampled = importance(vae, X, 4000)
    chains = annealed(vae, X, temperatures=80, leapfrog=6)
    # where a few weights have all of the sum, the standard error of importance sampling is of no use: annealing's is
    enough = sampled.effective_samples > 20
    assert enough.sum() >= 3
    assert (np.abs(sampled.evidence - right) < 5 * sampled.error + 0.01)[enough].all()
    assert (np.abs(chains.evidence - right) < 5 * chains.error + 0.02).all()


def test_importance_sampling_is_that_of_evaluate_and_its_curve_rises():
    vae = model(n_features=5, latent=2, backend="numpy")
    found, same = importance(vae, X, 300, seed=3), evaluate(vae, X, samples=300, seed=3).per_example
    np.testing.assert_allclose(found.evidence, same["evidence"], rtol=1e-12)
    np.testing.assert_allclose(found.error, same["evidence_error"], rtol=1e-9)
    np.testing.assert_allclose(found.effective_samples, same["effective_samples"], rtol=1e-9)
    np.testing.assert_array_equal(found.sizes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300])
    mean = found.curve.mean(axis=0)
    assert (np.diff(mean[:5]) > 0).all()
    np.testing.assert_allclose(found.curve[:, -1], found.evidence, rtol=1e-12)


def test_the_weights_of_many_examples_are_taken_in_blocks(monkeypatch):
    from vae_np.evaluation import weights as room

    vae, x = model(n_features=5, latent=2, backend="numpy"), np.random.default_rng(0).random((150, 5))
    whole = importance(vae, x, 30)
    monkeypatch.setattr(room, "WEIGHTS", 64 * 30)
    for one, other in zip(importance(vae, x, 30), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("shape", [0.1, 0.4, 0.9])
def test_the_pareto_shape_is_that_of_pareto_weights(shape):
    draws = stats.genpareto(shape).rvs(size=20_000, random_state=np.random.default_rng(0))
    assert pareto_shape(np.log(draws)) == pytest.approx(shape, abs=0.1)


def test_the_pareto_shape_tells_good_weights_from_bad():
    rng = np.random.default_rng(1)
    assert pareto_shape(0.1 * rng.normal(size=4000)) < 0.3
    assert pareto_shape(4 * rng.normal(size=4000)) > BELIEVED
    assert np.isnan(pareto_shape(rng.normal(size=20)))
    assert pareto_shape(np.zeros(100)) == -np.inf


def test_what_cannot_be_had_says_why():
    vae = linear(latent=2)
    with pytest.raises(ValueError, match="start must be one of posterior, prior, both; got 'q'"):
        annealed(vae, X, start="q")
    with pytest.raises(ValueError, match="start must be one of posterior, prior; got 'both'"):
        bidirectional(vae, start="both")
    with pytest.raises(ValueError, match="chains must be at least 4"):
        annealed(vae, X, chains=3, start="both")
    with pytest.raises(ValueError, match="chains must be at least 2"):
        annealed(vae, X, chains=1)
    with pytest.raises(ValueError, match="x has no examples"):
        importance(vae, X[:0])
    with pytest.raises(ValueError, match="samples must be at least 2"):
        importance(vae, X, 1)
    vae.parameters["decoder.out.b"][0] = 1e200
    with pytest.raises(vae_np.NonFiniteError, match="importance weights"):
        importance(vae, X, 4)
