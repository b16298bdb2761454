"""Quadrature, closed forms and mpmath agree on the ELBO, on log p(x) and on their gradients."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

import vae_np
from vae_np.exact import LinearVAE, elbo_and_grad, log_evidence
from vae_np.exact.nodes import tensor
from vae_np.exact.quadrature import expectation
from vae_np.formulas.network import encoder_forward
from vae_np.gradcheck import complex_step

X = np.random.default_rng(0).uniform(0.05, 0.95, size=(3, 5))


def model(latent=1, seed=1, **settings):
    chosen = {"hidden": (4,), "activation": "tanh", "likelihood": "bernoulli", "backend": "numpy"} | settings
    vae = vae_np.VAE(5, latent=latent, seed=seed, **chosen)
    vae.parameters.vector[...] += 0.3 * np.random.default_rng(seed).normal(size=vae.parameters.vector.size)
    return vae


def linear(latent, sigma=0.4, features=5):
    settings = {"hidden": (), "likelihood": vae_np.Gaussian(sigma), "backend": "numpy", "seed": 2}
    vae = vae_np.VAE(features, latent=latent, **settings)
    vae.parameters.vector[...] += 0.3 * np.random.default_rng(3).normal(size=vae.parameters.vector.size)
    return vae


def test_the_nodes_have_the_moments_of_a_standard_normal():
    nodes, weights = tensor(16, 2)
    assert nodes.shape == (256, 2)
    for powers, moment in {(0, 0): 1, (2, 0): 1, (2, 2): 1, (4, 2): 3, (6, 4): 45, (1, 2): 0, (8, 0): 105}.items():
        assert np.sum(weights * np.prod(nodes**powers, axis=1)) == pytest.approx(moment, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("sigma", [0.4, "learned"])
@pytest.mark.parametrize("latent", [1, 2, 3])
def test_a_linear_model_s_elbo_and_evidence_are_their_closed_forms(latent, sigma):
    vae = linear(latent, sigma)
    closed = LinearVAE.of(vae)
    mu, logvar = vae.encode(X)
    found = elbo_and_grad(vae, X)
    assert found.converged
    np.testing.assert_allclose(found.value, closed.elbo(X, mu, logvar), rtol=1e-12)
    evidence = log_evidence(vae, X, tolerance=1e-11)
    assert evidence.converged
    np.testing.assert_allclose(evidence.value, closed.log_evidence(X), rtol=1e-11)
    mean, covariance = closed.posterior(X)
    np.testing.assert_allclose(evidence.mean, mean, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(evidence.covariance, np.broadcast_to(covariance, evidence.covariance.shape), rtol=1e-7)


@pytest.mark.parametrize("latent", [1, 2])
def test_the_evidence_s_gradient_is_that_of_the_closed_form(latent):
    vae = linear(latent)
    found = log_evidence(vae, X).gradients
    W, b = vae.parameters["decoder.out.W"], vae.parameters["decoder.out.b"]
    h = 1e-6
    for name, array in (("decoder.out.W", W), ("decoder.out.b", b)):
        for at in np.ndindex(array.shape):
            before, values = array[at], []
            for step in (h, -h):
                array[at] = before + step
                values.append(LinearVAE.of(vae).log_evidence(X).mean())
            array[at] = before
            assert found[name][at] == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-6, abs=1e-8)
    assert not any(found[name].any() for name in found if name.startswith("encoder"))


CASES = {
    "tanh": {},
    "two dimensions": {"latent": 2},
    "continuous Bernoulli": {"likelihood": "continuous-bernoulli", "activation": "softplus"},
    "heteroscedastic": {"likelihood": vae_np.Gaussian("heteroscedastic"), "activation": "gelu"},
    "full posterior": {"latent": 2, "posterior": "full"},
    "a mixture, whose KL has no closed form": {"latent": 2, "prior": vae_np.Mixture(2)},
    "standardised": {"scale": "standard", "likelihood": vae_np.Gaussian("learned")},
}


def prepared(name):
    vae = model(**CASES[name])
    if vae.scale == "standard":
        vae.start_scaling(X)
    return vae


@pytest.mark.parametrize("beta", [1.0, 0.37])
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_the_complex_step_of_the_value(name, beta):
    vae = prepared(name)
    found = elbo_and_grad(vae, X, beta, tolerance=1e-9)
    assert found.converged, found.gradient_error
    inside, theta = vae.inside(X), vae.parameters.vector
    nodes = tensor(found.order, vae.architecture.latent)

    def value(vector):
        return expectation(vae.parameters.like(vector), inside, *nodes, vae.architecture, beta)[0].mean()

    for i in range(4):
        direction = np.random.default_rng(i).normal(size=theta.size)
        slope = complex_step(value, theta, direction)
        assert found.gradients.vector @ direction == pytest.approx(slope, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_sampled_gradients_have_the_exact_one_as_their_mean(name):
    """Each of 8 directions within 4.5 standard errors, of 400 batches of 25 samples."""
    vae = prepared(name)
    exact = elbo_and_grad(vae, X, tolerance=1e-9)
    directions = np.random.default_rng(9).normal(size=(exact.gradients.vector.size, 8))
    draws = np.random.default_rng(10).normal(size=(400, 25, 3, vae.architecture.latent))
    sampled = np.array([-vae.loss_and_grad(X, eps)[1].vector @ directions for eps in draws])
    error = sampled.std(axis=0, ddof=1) / np.sqrt(len(draws))
    assert (np.abs(sampled.mean(axis=0) - exact.gradients.vector @ directions) <= 4.5 * error + 1e-12).all()


LONG = [pytest.mark.slow]


@pytest.mark.parametrize("n", [0, pytest.param(1, marks=LONG), pytest.param(2, marks=LONG)])
def test_both_agree_with_mpmath(n):
    """One latent dimension, a tanh decoder: 30 digits, by integrals that know nothing of the package."""
    vae = model()
    p = {name: value.tolist() for name, value in vae.parameters.items()}
    heads, _ = encoder_forward(X, vae.parameters, vae.architecture)
    mp.mp.dps = 30

    def log_likelihood(x, z):
        h = [mp.tanh(z * w + b) for w, b in zip(p["decoder.0.W"][0], p["decoder.0.b"], strict=True)]
        total = mp.mpf(0)
        for d, value in enumerate(x):
            a = mp.fsum(h[i] * p["decoder.out.W"][i][d] for i in range(len(h))) + p["decoder.out.b"][d]
            total += value * a - mp.log1p(mp.exp(a))
        return total

    elbo, evidence = elbo_and_grad(vae, X, tolerance=1e-12), log_evidence(vae, X, tolerance=1e-12)
    x = X[n].tolist()
    m, s = (mp.mpf(float(heads[name][n, 0])) for name in ("mu", "logvar"))
    expected = mp.quad(lambda u: mp.npdf(u) * log_likelihood(x, m + mp.exp(s / 2) * u), mp.linspace(-12, 12, 9))
    expected -= (m**2 + mp.expm1(s) - s) / 2
    assert abs(elbo.value[n] - expected) <= 1e-12 * (1 + abs(expected))
    whole = mp.quad(lambda z: mp.npdf(z) * mp.exp(log_likelihood(x, z)), mp.linspace(-12, 12, 13))
    assert abs(evidence.value[n] - mp.log(whole)) <= 1e-12 * (1 + abs(mp.log(whole)))
    assert evidence.value[n] > elbo.value[n]


def test_the_evidence_s_gradient_is_the_complex_step_of_many_importance_samples():
    """By another sum: nodes about the prior, 200 of them, which suffice for a decoder as gentle as this."""
    vae = model()
    nodes, weights = tensor(200, 1)

    def value(vector):
        p = vae.parameters.like(vector)
        h = np.tanh(nodes @ p["decoder.0.W"] + p["decoder.0.b"])
        a = h @ p["decoder.out.W"] + p["decoder.out.b"]
        joint = (X[:, None] * a - np.log1p(np.exp(a))).sum(axis=2)
        return np.log((weights * np.exp(joint)).sum(axis=1)).mean()

    found, theta = log_evidence(vae, X, tolerance=1e-11), vae.parameters.vector
    assert found.value.mean() == pytest.approx(value(theta), rel=1e-11)
    for i in range(4):
        direction = np.random.default_rng(i).normal(size=theta.size)
        assert found.gradients.vector @ direction == pytest.approx(complex_step(value, theta, direction), rel=1e-8)


def test_a_relu_decoder_is_said_not_to_have_converged_and_more_nodes_come_nearer():
    vae = model(activation="relu")
    few, more = (elbo_and_grad(vae, X, tolerance=1e-13, most=most) for most in (64, 4096))
    assert not few.converged
    assert more.error.max() < few.error.max()
    assert few.order == 64


def test_a_float32_model_in_the_compiled_backend_is_taken_in_float64_by_the_formulas():
    single = vae_np.VAE(5, hidden=(4,), latent=1, activation="tanh", seed=1, dtype="float32", backend="numpy")
    double = vae_np.VAE(5, hidden=(4,), latent=1, activation="tanh", seed=1, backend="numpy")
    double.parameters.vector[...] = single.parameters.vector
    x = X.astype(np.float32)
    found, other = elbo_and_grad(single, x), elbo_and_grad(double, x.astype(np.float64))
    np.testing.assert_array_equal(found.value, other.value)
    assert found.gradients.vector.dtype == np.float64


def test_what_quadrature_or_the_closed_form_does_not_cover_is_told_with_what_to_use():
    with pytest.raises(ValueError, match=r"at most 3 latent dimensions, and the model has 4: exact.elbo_by_sobol"):
        elbo_and_grad(model(latent=4), X)
    with pytest.raises(ValueError, match="at most 3 latent dimensions"):
        log_evidence(model(latent=4), X)
    with pytest.raises(ValueError, match=r"without hidden layers.*exact\.log_evidence"):
        LinearVAE.of(model())
    with pytest.raises(ValueError, match="most must be"):
        elbo_and_grad(model(latent=2), X, most=63)
    with pytest.raises(ValueError, match="tolerance must be"):
        elbo_and_grad(model(), X, tolerance=0)


@pytest.mark.parametrize("latent", [1, 3])
def test_the_optimum_is_probabilistic_pca(latent):
    generator = np.random.default_rng(4)
    x = generator.normal(size=(60, 4)) @ generator.normal(size=(4, 7)) + 0.3 * generator.normal(size=(60, 7)) + 2
    best = LinearVAE.optimum(x, latent)
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    assert best.variance == pytest.approx(values[latent:].mean(), rel=1e-10)
    # Tipping & Bishop (1999), eq. 8
    expected = -0.5 * (7 * np.log(2 * np.pi) + np.log(values[:latent]).sum() + (7 - latent) * np.log(best.variance) + 7)
    assert best.log_evidence(x).mean() == pytest.approx(expected, rel=1e-10)
    for i in range(20):  # no step is uphill
        step = 1e-2 * np.random.default_rng(i).normal(size=best.W.shape)
        assert best._replace(W=best.W + step).log_evidence(x).mean() < best.log_evidence(x).mean()
    mean, covariance = best.posterior(x)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-12)
    logvar = np.broadcast_to(np.log(np.diag(covariance)), mean.shape)
    np.testing.assert_allclose(best.elbo(x, mean, logvar), best.log_evidence(x), rtol=1e-10)  # no gap


def test_an_optimum_without_noise_or_with_too_many_dimensions_is_refused():
    flat = np.outer(np.arange(6.0), np.ones(3))
    with pytest.raises(ValueError, match="the data lie in at most 1 dimensions"):
        LinearVAE.optimum(flat - 0.0, 1)
    with pytest.raises(ValueError, match="latent must be from 1 to 2"):
        LinearVAE.optimum(flat, 3)


def test_a_value_that_still_changes_has_not_converged_though_its_gradient_has(monkeypatch):
    vae = model()
    changing = lambda parameters, x, nodes, *rest: (np.full(len(x), 1 / len(nodes)), parameters.zeros_like())  # noqa: E731
    monkeypatch.setattr("vae_np.exact.quadrature.expectation", changing)
    found = elbo_and_grad(vae, X, most=64)
    assert (found.gradient_error, found.converged) == (0, False)
    np.testing.assert_allclose(found.error, 1 / 32 - 1 / 64)


def test_a_standardised_model_s_evidence_is_in_the_units_of_x():
    vae, inside = model(scale="standard", likelihood=vae_np.Gaussian(0.7)), model(likelihood=vae_np.Gaussian(0.7))
    vae.start_scaling(X)
    found, other = log_evidence(vae, X), log_evidence(inside, vae.inside(X))
    np.testing.assert_allclose(found.value, other.value - np.log(X.std(axis=0)).sum(), rtol=1e-10)


@pytest.mark.parametrize("latent", [1, 2])
def test_a_posterior_far_narrower_than_q_and_away_from_it_is_found(latent):
    """The first nodes lie about q, each many deviations of the posterior from the next."""
    vae = linear(latent, sigma=1e-3)
    vae.parameters["encoder.mu.b"] += 3.0
    vae.parameters["encoder.logvar.b"] += 2.0
    found = log_evidence(vae, X)
    assert found.converged
    np.testing.assert_allclose(found.value, LinearVAE.of(vae).log_evidence(X), rtol=1e-9)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_quadrature_s_nodes_are_samples_with_weights(backend):
    vae = model(latent=1, likelihood="bernoulli", backend=backend)
    u, w = tensor(64, 1)
    eps = np.repeat(u[:, None], 3, axis=1)
    right = elbo_and_grad(vae, X, 0.37)
    for weights in (w, np.repeat(w[:, None], 3, axis=1)):
        loss, gradients = vae.loss_and_grad(X, eps, 0.37, weights=weights)
        assert loss == pytest.approx(-right.value.mean(), rel=1e-10)
        np.testing.assert_allclose(gradients.vector, -right.gradients.vector, atol=1e-9)
    vae.loss_and_grad(X, eps[:2])
    for wrong, message in [
        (w[:3], r"weights must have shape \(64,\) or \(64, 3\), those of eps; got \(3,\)"),
        (2 * w, "add up to 1 for each example"),
        (w * np.nan, "weights must be finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            vae.loss_and_grad(X, eps, weights=wrong)
    with pytest.raises(ValueError, match="the objective is 'iwae'"):
        vae.loss_and_grad(X, eps, objective="iwae", weights=w)


def test_log_p_of_x_given_any_z_is_that_of_the_terms():
    vae = model(latent=2, scale="standard", likelihood="gaussian")
    vae.start_scaling(X)
    eps = np.random.default_rng(0).normal(size=(4, 3, 2))
    terms = vae.terms(X, eps)
    np.testing.assert_allclose(vae.log_likelihood(X, terms.z), terms.log_likelihood, rtol=1e-13)
    np.testing.assert_allclose(vae.log_likelihood(X, terms.z[0]), terms.log_likelihood[0], rtol=1e-13)
    with pytest.raises(ValueError, match=r"z must be \(N, K\) or \(S, N, K\) with N = 3; got \(2, 2\)"):
        vae.log_likelihood(X, terms.z[0, :2])
    with pytest.raises(vae_np.NonFiniteError, match="z"):
        vae.log_likelihood(X, np.full((3, 2), np.nan))
