"""What a model gives: values, their shapes, and the properties of the bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import BACKENDS, LIKELIHOODS, D, K, N, batch, model
from sums import assert_sums, assert_tensors

import vae_np
from vae_np import VAE, Gaussian, standard_normal


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_elbo_is_put_together_from_its_terms(likelihood, backend):
    vae = model(likelihood=LIKELIHOODS[likelihood], backend=backend)
    x, eps = batch(vae, 3)
    found = vae.elbo(x, eps, beta=0.37)
    mu, logvar = vae.encode(x)
    z = mu + np.exp(logvar / 2) * eps
    own = vae.architecture.own(vae.parameters)
    log_p = vae.likelihood.log_density(x, found.raw, own)
    log_likelihood = log_p.sum(axis=-1).mean(axis=0)
    kl = 0.5 * (mu**2 + np.expm1(logvar) - logvar).sum(axis=1)
    sizes = {
        "log_likelihood": (np.abs(log_p) + 4).sum(axis=-1).mean(axis=0),  # each of terms that may cancel
        "kl": 0.5 * (mu**2 + np.abs(np.expm1(logvar)) + np.abs(logvar)).sum(axis=1),
    }
    assert_tensors("mu", found.mu, mu)
    assert_tensors("logvar", found.logvar, logvar)
    assert_tensors("z", found.z, z)
    assert_sums("log_likelihood", found.log_likelihood, log_likelihood, sizes["log_likelihood"], D + 3)
    assert_sums("kl", found.kl, kl, sizes["kl"], K + 3)
    assert_sums("elbo", found.elbo, log_likelihood - 0.37 * kl, sizes["log_likelihood"] + 0.37 * sizes["kl"], D + 5)
    assert_tensors("decoded", vae.decode(found.z), vae.likelihood.mean(found.raw, own))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_loss_is_minus_the_mean_elbo(backend):
    vae = model(backend=backend)
    x, eps = batch(vae, 2)
    loss, _ = vae.loss_and_grad(x, eps, 0.37)
    found = vae.elbo(x, eps, 0.37)
    size = (np.abs(found.log_likelihood) + 0.37 * found.kl).mean()
    assert_sums("loss", loss, -found.elbo.mean(), size)


def test_shapes_follow_the_noise():
    vae = model()
    width = vae.likelihood.raw_size(D)
    for samples, lead in ((None, (N,)), (3, (3, N)), (1, (1, N))):
        found = vae.elbo(*batch(vae, samples))
        assert found.z.shape == (*lead, K)
        assert found.raw.shape == (*lead, width)
        assert found.elbo.shape == found.kl.shape == found.log_likelihood.shape == (N,)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_is_the_stack_of_its_examples(backend):
    vae = model(backend=backend)
    x, eps = batch(vae, 2)
    whole = vae.elbo(x, eps).elbo
    single = [vae.elbo(x[n : n + 1], eps[:, n : n + 1]).elbo[0] for n in range(N)]
    assert_tensors("elbo", whole, np.array(single))


@given(st.permutations(range(N)))
@settings(max_examples=10)
def test_permuting_the_examples_permutes_the_values_and_keeps_the_gradient(order):
    vae = model(backend="numpy")
    x, eps = batch(vae)
    rows = list(order)
    assert_tensors("elbo", vae.elbo(x[rows], eps[rows]).elbo, vae.elbo(x, eps).elbo[rows])
    a, b = vae.loss_and_grad(x, eps)[1], vae.loss_and_grad(x[rows], eps[rows])[1]
    assert_tensors("gradient", a.vector, b.vector)


def test_the_sampled_elbo_converges_to_its_expectation():
    vae = model(likelihood=Gaussian(0.7), backend="numpy", activation="identity", hidden=())
    x, _ = batch(vae)
    # for a linear decoder: E log p(x|z) = log p(x|mu) - 1/(2 sigma^2) sum_k var_k |W_k|^2
    _, logvar = vae.encode(x)
    at_mean = vae.elbo(x, np.zeros((N, K))).log_likelihood
    W = vae.parameters["decoder.out.W"]
    right = at_mean - (np.exp(logvar) @ (W**2).sum(axis=1)) / (2 * 0.7**2)
    draws = standard_normal(1, 0, (20_000, N, K))
    samples = vae.engine.terms(x, draws).log_likelihood
    error = samples.std(axis=0) / np.sqrt(len(samples))
    assert (np.abs(samples.mean(axis=0) - right) < 5 * error).all()
    # the sampler with the variance for the deviation would be found out
    wrong = vae.engine.terms(x, draws * np.exp(logvar / 2)).log_likelihood
    assert (np.abs(wrong.mean(axis=0) - right) > 5 * wrong.std(axis=0) / np.sqrt(len(wrong))).any()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("logvar", [-20.0, -60.0, -80.0, -200.0])
def test_the_importance_weighted_bound_survives_a_narrow_posterior(logvar, backend):
    vae = vae_np.VAE(3, hidden=(), latent=2, backend=backend)
    vae.parameters["encoder.mu.b"] = [1.0, 1.0]
    vae.parameters["encoder.logvar.b"] = [logvar, logvar]
    vae.parameters["encoder.logvar.W"][...] = 0
    x, eps = np.array([[0.0, 1.0, 1.0]]), np.random.default_rng(0).standard_normal((3, 1, 2))

    def bound(shift):  # in terms of eps, with nothing divided by sigma
        mu = x @ vae.parameters["encoder.mu.W"] + vae.parameters["encoder.mu.b"] + shift
        z = mu + np.exp(logvar / 2) * eps
        raw = z @ vae.parameters["decoder.out.W"] + vae.parameters["decoder.out.b"]
        log_w = (x * raw - np.logaddexp(0, raw)).sum(-1) - 0.5 * (z**2 - eps**2 - logvar).sum(-1)
        return -(np.logaddexp.reduce(log_w) - np.log(3)).mean()

    loss, gradients = vae.loss_and_grad(x, eps, objective="iwae")
    assert_sums("loss", loss, bound(0), 10 - logvar, 50)  # of terms near -logvar, the others below 10
    right = [vae_np.gradcheck.central_difference(bound, np.zeros(2), unit)[0] for unit in np.eye(2)]
    assert np.abs(gradients["encoder.mu.b"] - right).max() <= 1e-8 * np.abs(right).max()  # the differences' own error


@pytest.mark.parametrize("samples", [None, 3])
def test_the_stages_of_each_sample_can_be_had(samples):
    vae = model()
    x, eps = batch(vae, samples)
    found, whole = vae.terms(x, eps), vae.elbo(x, eps)
    assert_tensors("log_likelihood", found.log_likelihood.mean(axis=0), whole.log_likelihood)
    assert_tensors("kl", found.kl.sum(axis=1), whole.kl)
    assert found.z.shape == (samples or 1, N, K)
    bound = np.logaddexp.reduce(found.log_likelihood + found.log_prior - found.log_posterior) - np.log(samples or 1)
    size = sum(np.abs(term).mean() for term in (found.log_likelihood, found.log_prior, found.log_posterior))
    assert_sums("loss", vae.loss_and_grad(x, eps, objective="iwae")[0], -bound.mean(), size)


def test_samples_have_the_likelihoods_moments():
    vae = model(backend="numpy")
    x = vae.sample(20_000, seed=3)
    z = vae_np.noise.stream(3, "prior").standard_normal((20_000, K))
    mean = vae.decode(z).mean(axis=0)
    assert set(np.unique(x)) == {0.0, 1.0}
    assert (np.abs(x.mean(axis=0) - mean) < 5 * 0.5 / np.sqrt(20_000)).all()
    assert np.array_equal(x, vae.sample(20_000, seed=3))
    assert np.array_equal(vae.sample(5), vae.sample(5, seed=0))
    assert not np.array_equal(x, vae.sample(20_000, seed=4))


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_are_the_callers_own(backend):
    vae = model(backend=backend)
    x, eps = batch(vae)
    kept = vae.elbo(x, eps), vae.loss_and_grad(x, eps)[1].vector, *vae.encode(x), vae.decode(eps)
    copies = [np.array(a) for a in (kept[0].raw, kept[0].kl, *kept[1:])]
    vae.elbo(1 - x, -eps), vae.loss_and_grad(1 - x, -eps), vae.encode(1 - x), vae.decode(-eps)
    for a, b in zip((kept[0].raw, kept[0].kl, *kept[1:]), copies, strict=True):
        assert np.array_equal(a, b)


def test_the_representation_tells_the_model():
    text = repr(VAE(64, hidden=(32, 16), latent=2, backend="numpy"))
    assert text == "VAE(64-32-16-2-16-32-64, tanh, Bernoulli(), float64, 5380 parameters)"


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_many_rows_are_encoded_in_blocks_that_change_nothing(posterior, monkeypatch):
    vae = model(backend="numpy", posterior=posterior)
    x, _ = batch(vae, n=11)
    whole = vae.encode(x)
    for room in (1, 20, 45):  # one row at a time, and blocks that do not divide 11
        monkeypatch.setattr("vae_np.formulas.engine.NUMBERS", room)
        monkeypatch.setattr("vae_np.formulas.posteriors.base.NUMBERS", room)
        for name, part, expected in zip(("mu", "logvar"), vae.encode(x), whole, strict=True):
            assert_tensors(name, part, expected)
