"""The linear-Gaussian model, whose evidence and posterior have closed forms.

With linear encoder and decoder, z ~ N(0, I) and x | z ~ N(z W + b, sigma^2 I), so that

    p(x) = N(b, W^T W + sigma^2 I),    p(z | x) = N((x - b) W^T / sigma^2 C, C),    C = (I + W W^T / sigma^2)^-1

The ELBO is quadratic in eps, and the 2^K corners of {-1, 1}^K integrate it exactly: they have the standard normal's
moments up to the third.
"""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import oracles
import pytest
from moments import SIGMAS
from scipy import stats
from sums import assert_tensors

from vae_np.formulas.likelihoods import Gaussian
from vae_np.model.vae import VAE
from vae_np.support import noise

D, K, N, SIGMA = 5, 3, 4, 0.7


def linear(orthogonal: bool, seed: int = 0) -> VAE:
    """A linear model with weights of order 1 and an arbitrary encoder."""
    generator = np.random.default_rng(seed)
    vae = VAE(D, hidden=(), latent=K, activation="identity", likelihood=Gaussian(SIGMA), backend="numpy")
    vae.parameters.vector[:] = 0.5 * generator.standard_normal(vae.parameters.vector.size)
    if orthogonal:
        rows = np.linalg.qr(generator.standard_normal((D, K)))[0].T
        vae.parameters["decoder.out.W"][...] = rows * np.array([[0.4], [1.0], [1.9]])
    return vae


def data(seed: int = 1) -> np.ndarray:
    return 1.5 * np.random.default_rng(seed).standard_normal((N, D))


def weights(vae: VAE) -> tuple[np.ndarray, np.ndarray]:
    return vae.parameters["decoder.out.W"], vae.parameters["decoder.out.b"]


def set_exact_posterior(vae: VAE) -> None:
    """Make the encoder that of p(z | x), which is diagonal where the rows of W are orthogonal."""
    W, b = weights(vae)
    precision = 1 + (W**2).sum(axis=1) / SIGMA**2
    p = vae.parameters
    p["encoder.mu.W"][...] = W.T / SIGMA**2 / precision
    p["encoder.mu.b"][...] = -b @ p["encoder.mu.W"]
    p["encoder.logvar.W"][...] = 0
    p["encoder.logvar.b"][...] = -np.log(precision)


def log_evidence(vae: VAE, x: np.ndarray) -> np.ndarray:
    """log N(x; b, W^T W + sigma^2 I), in 50 digits."""
    W, b = weights(vae)
    with mp.workdps(oracles.DIGITS):
        W = oracles.matrix(W)
        covariance = W.T * W + mp.mpf(SIGMA) ** 2 * mp.eye(D)
        return np.array([float(oracles.log_multivariate_normal(row, b, covariance)) for row in x])


def posterior_gap(vae: VAE, x: np.ndarray) -> np.ndarray:
    """KL(q(z|x) || p(z|x)), in 50 digits."""
    W, b = weights(vae)
    gaps = []
    for row, mu, s in zip(x, *vae.encode(x), strict=True):
        with mp.workdps(oracles.DIGITS):
            w, variance = oracles.matrix(W), mp.mpf(SIGMA) ** 2
            covariance = (mp.eye(K) + w * w.T / variance) ** -1
            centred = mp.matrix([mp.mpf(float(u)) - mp.mpf(float(v)) for u, v in zip(row, b, strict=True)])
            mean = covariance * (w * centred) / variance
            gaps.append(float(oracles.kl_diagonal_to_full(mu, s, mean, covariance)))
    return np.array(gaps)


def corners() -> np.ndarray:
    """The corners of {-1, 1}^K as noise (2^K, N, K)."""
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=K)))
    return np.repeat(signs[:, None, :], N, axis=1)


def normal_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Hermite noise (7^K, N, K) and its probabilities."""
    nodes, weight = np.polynomial.hermite_e.hermegauss(7)
    eps = np.array(list(itertools.product(nodes, repeat=K)))
    probability = np.prod(list(itertools.product(weight, repeat=K)), axis=1) / math.sqrt(2 * math.pi) ** K
    return np.repeat(eps[:, None, :], N, axis=1), probability


def terms_of(found) -> float:
    """The size of what an ELBO is put together from: squares over 2 sigma^2, and a KL."""
    return float((np.abs(found.log_likelihood) + np.abs(found.kl)).max())


# ---- the evidence ----


def test_the_two_closed_forms_of_the_evidence_agree():
    vae, x = linear(orthogonal=False), data()
    W, b = weights(vae)
    normal = stats.multivariate_normal(b, W.T @ W + SIGMA**2 * np.eye(D))
    assert_tensors("evidence", normal.logpdf(x), log_evidence(vae, x))


@pytest.mark.parametrize("orthogonal", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_expected_elbo_is_the_evidence_less_the_kl_to_the_posterior(orthogonal, seed):
    vae, x = linear(orthogonal, seed), data(seed)
    evidence, gap = log_evidence(vae, x), posterior_gap(vae, x)
    found = vae.elbo(x, corners())
    elbo = found.elbo
    assert_tensors("elbo", elbo, evidence - gap, size=terms_of(found))
    assert (gap > 0.01).all()
    assert (elbo < evidence).all()


def test_the_corners_integrate_as_gauss_hermite_nodes_do():
    vae, x = linear(orthogonal=False), data()
    eps, probability = normal_nodes()
    each = np.array([vae.elbo(x, e).elbo for e in eps])
    size = max(terms_of(vae.elbo(x, e)) for e in eps)  # the outermost nodes', of small probability
    assert_tensors("elbo", probability @ each, vae.elbo(x, corners()).elbo, size=size)


@pytest.mark.parametrize("seed", range(3))
def test_the_expected_elbo_is_the_evidence_at_the_exact_posterior(seed):
    vae, x = linear(orthogonal=True, seed=seed), data(seed)
    set_exact_posterior(vae)
    # the encoder's rounding, squared over the posterior's variance and with log-determinants that cancel to it
    assert_tensors("gap", posterior_gap(vae, x), np.zeros(N), size=K)
    found = vae.elbo(x, corners())
    assert_tensors("elbo", found.elbo, log_evidence(vae, x), size=terms_of(found))


def test_at_the_exact_posterior_the_elbos_expected_gradient_of_the_encoder_is_zero():
    vae, x = linear(orthogonal=True), data()
    set_exact_posterior(vae)
    _, gradients = vae.loss_and_grad(x, corners())
    largest = float(np.abs(gradients.vector).max())  # the decoder's, of terms as large as those that cancel
    for name, view in gradients.items():
        if name.startswith("encoder"):
            assert_tensors(name, view, np.zeros_like(view), size=largest)
        else:
            assert np.abs(view).max() > 1e-2 * largest, name


def test_a_decoder_bias_of_the_data_mean_maximises_the_evidence():
    """The decoder's gradient at the exact posterior is that of -log p(x): zero in b at b = mean(x)."""
    vae, x = linear(orthogonal=True), data()
    vae.start_output_bias(x)
    set_exact_posterior(vae)
    _, gradients = vae.loss_and_grad(x, corners())
    found = gradients["decoder.out.b"]
    assert_tensors("decoder.out.b", found, np.zeros_like(found), size=float(np.abs(x).max()) / SIGMA**2)


@pytest.mark.parametrize("change", ["likelihood without 1/2", "KL without 1/2", "no constant"])
def test_a_wrong_bound_is_not_the_evidence_less_the_gap(change):
    vae, x = linear(orthogonal=False), data()
    right = vae.elbo(x, corners())
    constant = D * (math.log(2 * math.pi) / 2 + math.log(SIGMA))
    wrong = {
        "likelihood without 1/2": 2 * (right.log_likelihood + constant) - constant - right.kl,
        "KL without 1/2": right.log_likelihood - 2 * right.kl,
        "no constant": right.elbo + D * math.log(2 * math.pi) / 2,
    }[change]
    expected = log_evidence(vae, x) - posterior_gap(vae, x)
    assert (np.abs(wrong - expected) > 1e-3).all()


# ---- the importance-weighted bound ----


def bounds(vae: VAE, x: np.ndarray, samples: int, draws: int) -> np.ndarray:
    """Independent importance-weighted bounds, each the mean over the batch."""
    shape = (samples, N, K)
    return np.array(
        [-vae.loss_and_grad(x, noise.standard_normal(7, step, shape), objective="iwae")[0] for step in range(draws)]
    )


def test_the_importance_weighted_bound_rises_to_the_evidence_from_below():
    vae, x = linear(orthogonal=False), data()
    vae.parameters["encoder.logvar.W"][...] = 0
    vae.parameters["encoder.logvar.b"][...] = 0  # the prior's width: weights with a finite variance
    vae.parameters["encoder.mu.W"][...] *= 0.2
    evidence = log_evidence(vae, x).mean()
    expected_elbo = vae.elbo(x, corners()).elbo.mean()
    last, last_error = -np.inf, 0.0
    for samples in (1, 4, 16, 256, 4096):
        values = bounds(vae, x, samples, draws=200 if samples < 4096 else 20)
        mean, error = values.mean(), values.std(ddof=1) / math.sqrt(len(values))
        if samples == 1:
            assert abs(mean - expected_elbo) <= SIGMAS * error
        assert mean <= evidence + SIGMAS * error
        assert mean >= last - SIGMAS * math.hypot(error, last_error)
        last, last_error = mean, error
    assert expected_elbo < evidence - 0.5
    assert abs(mean - evidence) < 0.02 + SIGMAS * error, f"{mean} for {evidence}"


@pytest.mark.parametrize("samples", [1, 2, 17])
def test_at_the_exact_posterior_every_importance_weight_is_the_evidence(samples):
    vae, x = linear(orthogonal=True), data()
    set_exact_posterior(vae)
    values = bounds(vae, x, samples, draws=3)
    eps = np.concatenate([noise.standard_normal(7, step, (samples, N, K)) for step in range(3)])
    size = max(terms_of(vae.elbo(x, e)) for e in eps)
    assert_tensors("bounds", values, np.full(3, log_evidence(vae, x).mean()), size=size)
