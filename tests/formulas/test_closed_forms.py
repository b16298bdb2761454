"""The linear-Gaussian model, whose evidence and posterior have closed forms; and the moments of everything sampled.

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
from scipy import stats

from vae_np.formulas import gaussian
from vae_np.formulas.likelihoods import LIKELIHOODS, Bernoulli, ContinuousBernoulli, Gaussian, Likelihood
from vae_np.model.vae import VAE
from vae_np.support import noise

D, K, N, SIGMA = 5, 3, 4, 0.7
SIGMAS = 5.0
"""Standard errors by which a sampled moment may be off: by chance one in two million."""


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


# ---- the evidence ----


def test_the_two_closed_forms_of_the_evidence_agree():
    vae, x = linear(orthogonal=False), data()
    W, b = weights(vae)
    normal = stats.multivariate_normal(b, W.T @ W + SIGMA**2 * np.eye(D))
    np.testing.assert_allclose(normal.logpdf(x), log_evidence(vae, x), rtol=1e-12)


@pytest.mark.parametrize("orthogonal", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_expected_elbo_is_the_evidence_less_the_kl_to_the_posterior(orthogonal, seed):
    vae, x = linear(orthogonal, seed), data(seed)
    evidence, gap = log_evidence(vae, x), posterior_gap(vae, x)
    elbo = vae.elbo(x, corners()).elbo
    np.testing.assert_allclose(elbo, evidence - gap, rtol=1e-12)
    assert (gap > 0.01).all()
    assert (elbo < evidence).all()


def test_the_corners_integrate_as_gauss_hermite_nodes_do():
    vae, x = linear(orthogonal=False), data()
    eps, probability = normal_nodes()
    each = np.array([vae.elbo(x, e).elbo for e in eps])
    np.testing.assert_allclose(probability @ each, vae.elbo(x, corners()).elbo, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_expected_elbo_is_the_evidence_at_the_exact_posterior(seed):
    vae, x = linear(orthogonal=True, seed=seed), data(seed)
    set_exact_posterior(vae)
    np.testing.assert_allclose(posterior_gap(vae, x), 0, atol=1e-13)
    np.testing.assert_allclose(vae.elbo(x, corners()).elbo, log_evidence(vae, x), rtol=1e-12, atol=1e-10)


def test_at_the_exact_posterior_the_elbos_expected_gradient_of_the_encoder_is_zero():
    vae, x = linear(orthogonal=True), data()
    set_exact_posterior(vae)
    _, gradients = vae.loss_and_grad(x, corners())
    for name in gradients:
        largest = np.abs(gradients[name]).max()
        assert (largest < 1e-12) == name.startswith("encoder"), f"{name}: {largest}"


def test_a_decoder_bias_of_the_data_mean_maximises_the_evidence():
    """The decoder's gradient at the exact posterior is that of -log p(x): zero in b at b = mean(x)."""
    vae, x = linear(orthogonal=True), data()
    vae.start_output_bias(x)
    set_exact_posterior(vae)
    _, gradients = vae.loss_and_grad(x, corners())
    assert np.abs(gradients["decoder.out.b"]).max() < 1e-12


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
    np.testing.assert_allclose(values, log_evidence(vae, x).mean(), rtol=1e-12)


# ---- moments ----


def assert_moments(samples: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> None:
    """Mean and variance of samples (draws, ...) within SIGMAS standard errors; the fourth moment is the samples'."""
    draws = len(samples)
    z = (samples.mean(axis=0) - mean) / np.sqrt(variance / draws)
    worst = np.unravel_index(np.argmax(np.abs(z)), z.shape)
    assert np.abs(z[worst]) <= SIGMAS, f"the mean at {worst} is {z[worst]:.1f} standard errors off"
    square = (samples - mean) ** 2
    error = np.sqrt(square.var(axis=0) / draws)
    z = (square.mean(axis=0) - variance) / np.maximum(error, 1e-6 * variance)
    worst = np.unravel_index(np.argmax(np.abs(z)), z.shape)
    assert np.abs(z[worst]) <= SIGMAS, f"the variance at {worst} is {z[worst]:.1f} standard errors off"


MU = np.array([[-2.0, 0.0, 0.3], [1e-3, 5.0, -40.0]])
LOGVAR = np.array([[-6.0, -1.0, 0.25], [1.0, 2.0, -0.05]])
DRAWS = 100_000


def draws_of(sampler, dtype) -> np.ndarray:
    eps = noise.standard_normal(11, 0, (DRAWS * len(MU), MU.shape[1]), dtype).reshape(DRAWS, *MU.shape)
    return sampler(MU.astype(dtype), LOGVAR.astype(dtype), eps).astype(np.float64)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_reparameterised_noise_has_the_posteriors_mean_and_variance(dtype):
    assert_moments(draws_of(gaussian.reparameterise, dtype), MU.astype(dtype), np.exp(LOGVAR))


@pytest.mark.parametrize(
    "sampler",
    [
        pytest.param(lambda mu, s, eps: mu + np.exp(s) * eps, id="the variance for the deviation"),
        pytest.param(lambda mu, s, eps: mu + s * eps, id="the log-variance for the deviation"),
        pytest.param(lambda mu, s, eps: mu + np.exp(s / 2), id="no noise"),
        pytest.param(lambda mu, s, eps: mu + 0.01 * np.exp(s / 2) * eps, id="a hundredth of the noise"),
        pytest.param(lambda mu, s, eps: mu + np.exp(s / 2) * np.abs(eps), id="half of the noise"),
        pytest.param(lambda mu, s, eps: mu + 1.02 * np.exp(s / 2) * eps, id="2 % too wide"),
    ],
)
def test_the_moments_betray_a_wrong_sampler(sampler):
    with pytest.raises(AssertionError, match="standard errors off"):
        assert_moments(draws_of(sampler, np.float64), MU, np.exp(LOGVAR))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_noise_is_standard_normal_and_its_columns_are_uncorrelated(dtype):
    eps = noise.standard_normal(5, 3, (DRAWS // 10, 3), dtype).astype(np.float64)
    assert_moments(eps, np.zeros(3), np.ones(3))
    pairs = [eps[:, 0] * eps[:, 1], eps[:, 1] * eps[:, 2], eps[:-1, 0] * eps[1:, 0], eps[:-64, 0] * eps[64:, 0]]
    for product in pairs:
        assert abs(product.mean()) <= SIGMAS * product.std() / math.sqrt(len(product))
    assert stats.kstest(eps.ravel(), "norm").pvalue > 1e-6


A = np.array([-60.0, -8.0, -1.0, -1e-3, -1e-9, 0.0, 1e-7, 0.5, 3.0, 15.0, 200.0])
MEANS = np.array([-1.5, 0.0, 2.0])


def bernoulli_variance(raw):
    p = 1 / (1 + np.exp(-raw))
    return p * (1 - p)


def continuous_variance(raw):
    return np.array([float(oracles.continuous_bernoulli_variance(float(a))) for a in raw])


CASES = [
    pytest.param(Bernoulli(), np.array([-6.0, -1.0, 0.0, 0.3, 5.0]), {}, bernoulli_variance, id="bernoulli"),
    pytest.param(ContinuousBernoulli(), A, {}, continuous_variance, id="continuous-bernoulli"),
    pytest.param(Gaussian(0.3), MEANS, {}, lambda raw: np.full(3, 0.09), id="gaussian, 0.3"),
    pytest.param(
        Gaussian("learned"),
        MEANS,
        {"logvar": np.array([-1.2])},
        lambda raw: np.full(3, math.exp(-1.2)),
        id="gaussian, learned",
    ),
    pytest.param(
        Gaussian("per-feature"),
        MEANS,
        {"logvar": np.array([-2.0, 0.0, 1.0])},
        lambda raw: np.exp([-2.0, 0.0, 1.0]),
        id="gaussian, per-feature",
    ),
    pytest.param(
        Gaussian("heteroscedastic"),
        np.concatenate([MEANS, [-3.0, 0.1, 0.9]]),
        {},
        lambda raw: np.exp([-3.0, 0.1, 0.9]),
        id="gaussian, heteroscedastic",
    ),
]


def test_every_likelihood_has_a_case():
    ours = {cls for cls in LIKELIHOODS.values() if cls.__module__.startswith("vae_np.")}
    assert {type(case.values[0]) for case in CASES} == ours


def sampled(likelihood: Likelihood, raw: np.ndarray, own, dtype, draws: int = DRAWS) -> np.ndarray:
    rows = np.broadcast_to(raw.astype(dtype), (draws, len(raw)))
    own = {name: array.astype(dtype) for name, array in own.items()}
    samples = likelihood.sample(rows, noise.stream(3, "sample"), own)
    assert samples.dtype == dtype
    return samples.astype(np.float64)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("likelihood", "raw", "own", "variance"), CASES)
def test_a_likelihoods_samples_have_its_mean_and_variance_and_lie_in_its_support(likelihood, raw, own, variance, dtype):
    samples = sampled(likelihood, raw, own, dtype)
    assert_moments(samples, likelihood.mean(raw, own), variance(raw))
    likelihood.check(samples)


@pytest.mark.parametrize(("likelihood", "raw", "own", "variance"), CASES)
def test_the_moments_betray_samples_of_a_slightly_other_distribution(likelihood, raw, own, variance):
    other = {name: array + 0.1 for name, array in own.items()}
    samples = sampled(likelihood, raw + 0.1, other, np.float64)
    with pytest.raises(AssertionError, match="standard errors off"):
        assert_moments(samples, likelihood.mean(raw, own), variance(raw))


class Quantiles:
    """A generator whose uniform numbers are those given."""

    def __init__(self, u: np.ndarray) -> None:
        self.u = u

    def random(self, shape, dtype):
        return self.u.astype(dtype)


@pytest.mark.parametrize("a", [-700.0, -30.0, -1.0, -1e-3, -1e-7, -1e-12, -1e-300, 0.0])
def test_the_continuous_bernoullis_draw_is_its_inverse_distribution_function(a):
    u = np.linspace(0, 1, 64, endpoint=False)
    for sign in (1, -1):
        draw = ContinuousBernoulli().sample(np.full(64, sign * a), Quantiles(u))
        for p, x in zip(u, draw, strict=True):
            with mp.workdps(700):
                exact = mp.log(1 + mp.mpf(p) * mp.expm1(a)) / a if a else mp.mpf(p)
                exact = exact if sign * a <= 0 else 1 - exact
            assert abs(x - exact) <= 4 * np.finfo(float).eps * max(abs(exact), float(sign * a > 0)), f"u = {p}: {x}"
