"""Quasi-Monte Carlo, KL by its integral, the gaps and the posterior on a grid, each held to a closed form."""

from __future__ import annotations

import numpy as np
import pytest
from models import LATENTS, model

import vae_np
from vae_np.exact import LinearVAE, elbo_and_grad, elbo_by_sobol, expected, gaps, kl, log_evidence, posterior_on_grid
from vae_np.formulas.gaussian import kl_terms
from vae_np.formulas.objectives import ELBO
from vae_np.model.joint import Joint

X = np.random.default_rng(0).uniform(0.05, 0.95, size=(3, 5))


def linear(latent, sigma=0.4):
    vae = vae_np.VAE(5, hidden=(), latent=latent, likelihood=vae_np.Gaussian(sigma), backend="numpy", seed=2)
    vae.parameters.vector[...] += 0.3 * np.random.default_rng(3).normal(size=vae.parameters.vector.size)
    return vae


def smooth(latent, **settings):
    vae = model(n_features=5, hidden=(4,), activation="tanh", latent=latent, backend="numpy", **settings)
    vae.parameters["encoder.logvar.b"] -= 1.5
    return vae


@pytest.mark.parametrize("latent", [2, 5])
def test_quasi_monte_carlo_has_the_closed_form_within_its_standard_error(latent):
    vae = linear(latent)
    found = elbo_by_sobol(vae, X, points=256)
    right = LinearVAE.of(vae).elbo(X, *vae.encode(X))
    assert (np.abs(found.value - right) <= 5 * found.error).all()
    noise = np.random.default_rng(0).normal(size=(found.order, 3, latent))
    sampled = vae.terms(X, noise).log_likelihood.std(axis=0) / found.order**0.5
    assert (found.error < sampled / 5).all()  # that of as many independent ones
    assert found.order == 16 * 256
    assert not found.converged


def test_quasi_monte_carlo_has_the_gradient_of_quadrature_and_falls_fast():
    vae = smooth(2)
    right = elbo_and_grad(vae, X)
    few, many = (elbo_by_sobol(vae, X, points=points) for points in (64, 1024))
    off = np.abs(many.gradients.vector - right.gradients.vector)
    assert off.max() <= 5 * many.gradient_error
    assert many.error.max() < few.error.max() / 7  # 16 times the points; Monte Carlo's would be a quarter


@pytest.mark.parametrize("name", ["diagonal", *LATENTS])
def test_a_kl_in_closed_form_is_its_integral(name):
    settings = {**LATENTS.get(name, {})}
    vae = smooth(2, **settings)
    found = kl(vae, X, tolerance=1e-7, most=256**2)
    assert (found.error < 1e-4).all()
    assert found.converged == (found.error <= 1e-7 * (1 + np.abs(found.value))).all()
    assert not kl(vae, X, most=64).converged
    if vae.architecture.prior_has_kl:  # VaDE's bound
        assert (found.value < vae.terms(X, np.zeros((1, 3, 2))).kl.sum(axis=1)).all()
    elif vae.architecture.has_kl:
        terms = vae.terms(X, np.zeros((1, 3, 2)))
        np.testing.assert_allclose(found.value, terms.kl.sum(axis=1), rtol=1e-9)
    else:
        noise = np.random.default_rng(0).normal(size=(4000, 3, 2))
        sampled = vae.terms(X, noise)
        each = sampled.log_posterior - sampled.log_prior
        assert (np.abs(each.mean(axis=0) - found.value) < 5 * each.std(axis=0) / 4000**0.5).all()


def test_a_kl_of_many_dimensions_has_a_standard_error():
    vae = smooth(5)
    found = kl(vae, X, samples=2000)
    right = vae.terms(X, np.zeros((1, 3, 5))).kl.sum(axis=1)
    assert found.nodes == 0
    assert not found.converged
    assert kl(vae, X, samples=2000, tolerance=1.0).converged
    assert (np.abs(found.value - right) < 5 * found.error).all()
    assert (found.error < 0.1).all()


def test_the_best_q_of_a_linear_model_is_known():
    """Of an N(m, C) the best diagonal Gaussian has its mean and the precisions' inverses as its variances."""
    vae = linear(2)
    found = gaps(vae, X)
    mean, covariance = LinearVAE.of(vae).posterior(X)
    np.testing.assert_allclose(found.mu, mean, atol=1e-6)
    precision = np.diag(np.linalg.inv(covariance))
    np.testing.assert_allclose(found.logvar, np.broadcast_to(-np.log(precision), (3, 2)), atol=1e-6)
    loss = 0.5 * (np.log(precision).sum() + np.linalg.slogdet(covariance)[1])  # KL of the two Gaussians
    np.testing.assert_allclose(found.approximation, -loss if loss < 0 else loss, rtol=1e-6)
    total = log_evidence(vae, X).value - elbo_and_grad(vae, X).value
    np.testing.assert_allclose(found.approximation + found.amortisation, total, rtol=1e-9)


def test_the_gaps_are_not_negative_and_vanish_for_the_right_encoder():
    found = gaps(smooth(1), X)
    assert (found.approximation > -1e-9).all()
    assert (found.amortisation > 1e-3).all()
    right = linear(1)
    closed = LinearVAE.of(right)
    mean, covariance = closed.posterior(np.vstack([np.zeros(5), np.eye(5)]))
    right.parameters["encoder.mu.W"], right.parameters["encoder.mu.b"] = mean[1:] - mean[0], mean[0]
    right.parameters["encoder.logvar.W"] = np.zeros((5, 1))
    right.parameters["encoder.logvar.b"] = [np.log(covariance[0, 0])]
    none = gaps(right, X)
    np.testing.assert_allclose(none.approximation, 0, atol=1e-9)
    np.testing.assert_allclose(none.amortisation, 0, atol=1e-9)


@pytest.mark.parametrize("latent", [1, 2])
def test_the_posterior_on_a_grid_is_a_density_and_the_closed_form_s(latent):
    vae = linear(latent)
    mean, covariance = LinearVAE.of(vae).posterior(X)
    for n, found in enumerate(posterior_on_grid(vae, X, points=161)):
        assert all(len(axis) == 161 for axis in found.axes)
        q = found.q
        for axis in reversed(found.axes):
            q = np.trapezoid(q, axis, axis=-1)
        assert (found.mass, q) == (pytest.approx(1, abs=2e-3), pytest.approx(1, abs=2e-3))
        z = np.stack(np.meshgrid(*found.axes, indexing="ij"), axis=-1) - mean[n]
        form = np.einsum("...i,ij,...j->...", z, np.linalg.inv(covariance), z)
        density = np.exp(-form / 2) / np.sqrt(np.linalg.det(2 * np.pi * covariance))
        np.testing.assert_allclose(found.posterior, density, atol=1e-9 * density.max())


@pytest.mark.parametrize("settings", [{}, {"prior": "mixture:components=3"}, {"scale": "standard"}], ids=str)
def test_the_joint_s_gradient_in_z_is_the_complex_step(settings):
    vae = smooth(2, likelihood="gaussian", **settings)
    if vae.scale != "none":
        vae.start_scaling(X)
    joint, z = Joint.of(vae, X), np.random.default_rng(1).normal(size=(4, 3, 2))
    for value_of, both in [
        (joint.log_likelihood, joint.log_likelihood_and_gradient),
        (joint.log_prior, joint.log_prior_and_gradient),
    ]:
        value, dz = both(z)
        np.testing.assert_array_equal(value, value_of(z))
        for k in range(2):
            unit = np.zeros(2)
            unit[k] = 1
            numeric = np.imag(value_of(z + 1e-30j * unit)) / 1e-30
            np.testing.assert_allclose(dz[..., k], numeric, rtol=1e-10, atol=1e-12)
    terms = vae.terms(X, np.zeros((1, 3, 2)))
    np.testing.assert_allclose(joint.log_likelihood(terms.z), terms.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(joint.log_prior(terms.z), terms.log_prior, rtol=1e-12)


@pytest.mark.parametrize("kind", ["per-entry", "total"])
def test_free_bits_of_an_example_have_their_expectation(kind):
    """By the bound of each example: with it the gradient is that of log p(x|z) alone, without it that of the ELBO."""
    vae, x, nodes = smooth(2), X, {"tolerance": 1e-9, "most": 64**2}
    vae.parameters["encoder.mu.W"] *= 3  # KL that differ
    own = kl_terms(*vae.encode(x))
    within = own if kind == "per-entry" else own.sum(axis=1, keepdims=True)
    free = float(np.sort(within.ravel())[len(within.ravel()) // 2 - 1 :][:2].mean())  # about half of them are bounded
    found = expected(vae, x, ELBO(free, kind), 1, **nodes)
    likelihood = elbo_and_grad(vae, x, 0.0, **nodes)
    np.testing.assert_allclose(found.value, likelihood.value - np.maximum(within, free).sum(axis=1), rtol=1e-9)
    if kind == "total":
        each = [elbo_and_grad(vae, x[n : n + 1], float(within[n, 0] > free), **nodes) for n in range(3)]
        right = sum(one.gradients.vector for one in each) / 3
        np.testing.assert_allclose(found.gradients.vector, right, atol=1e-8)
    assert 0 < (within > free).sum() < within.size
    below = expected(vae, x, ELBO(1e-6, kind), 1, **nodes).gradients.vector
    np.testing.assert_allclose(below, elbo_and_grad(vae, x, **nodes).gradients.vector, atol=1e-8)
    above = expected(vae, x, ELBO(1e6, kind), 1, **nodes).gradients.vector
    np.testing.assert_allclose(above, likelihood.gradients.vector, atol=1e-8)
    loss, _ = vae.loss_and_grad(x, np.zeros((1, 3, 2)), objective=ELBO(free, kind))
    each = ELBO(free, kind)(vae.terms(x, np.zeros((1, 3, 2)))).each
    assert -each.mean() == pytest.approx(loss, rel=1e-13)


def test_a_float32_model_has_float64_values_of_data_in_its_own_dtype():
    vae, x = smooth(1, dtype="float32"), X.astype("float32")
    other = smooth(1)
    other.parameters.vector[...] = vae.parameters.vector  # as they are rounded
    for of in (elbo_and_grad, log_evidence, kl):
        found = of(vae, x)
        assert found.value.dtype == np.float64
        np.testing.assert_allclose(found.value, of(other, x.astype(float)).value, rtol=1e-13)
        with pytest.raises(TypeError, match=r"x is float64 and the model is float32; convert it, with x.astype"):
            of(vae, X)


def test_what_is_not_to_be_had_says_what_is():
    with pytest.raises(ValueError, match="a posterior on a grid has 1 or 2 dimensions, and the model 3"):
        posterior_on_grid(smooth(3), X)
    with pytest.raises(ValueError, match="the gaps are those of the diagonal posterior and the standard prior"):
        gaps(smooth(1, posterior="full"), X)
    with pytest.raises(ValueError, match="points must be a power of 2"):
        elbo_by_sobol(smooth(1), X, points=100)
    for tolerance, message in ((np.nan, "must be finite; got nan"), (-1, "must be positive"), (0, "must be positive")):
        with pytest.raises(ValueError, match=f"tolerance {message}"):
            elbo_by_sobol(smooth(1), X, tolerance=tolerance)
    with pytest.raises(ValueError, match="elbo_by_sobol"):
        elbo_and_grad(smooth(4), X)


def test_no_examples_are_an_error_everywhere():
    vae = smooth(1)
    for of in (elbo_and_grad, log_evidence, gaps, posterior_on_grid, kl, elbo_by_sobol):
        with pytest.raises(ValueError, match="x has no examples"):
            of(vae, X[:0])
    with pytest.raises(ValueError, match="x has no examples"):
        kl(smooth(5), X[:0])
    for wrong in (X[:0], X[0]):
        with pytest.raises(ValueError, match=r"x must have the shape \(N, D\), with at least one example"):
            LinearVAE.optimum(wrong, 1)


def test_kinks_end_in_a_word_and_not_in_hours():
    vae = vae_np.VAE(5, hidden=(6,), latent=1, activation="relu", likelihood="gaussian", backend="numpy")
    found = log_evidence(vae, X, tolerance=1e-13)
    assert found.order.max() <= 4096
    assert not found.converged
    assert (found.error < 1e-3).all()
