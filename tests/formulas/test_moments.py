"""Everything sampled has the moments of its distribution, and other samplers are found out by theirs."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import oracles
import pytest
from moments import SIGMAS, assert_moments
from scipy import stats

from vae_np.formulas import gaussian
from vae_np.formulas.likelihoods import (
    LIKELIHOODS,
    Bernoulli,
    Beta,
    Categorical,
    Columns,
    ContinuousBernoulli,
    DiscretisedLogistic,
    Exposure,
    Gaussian,
    Laplace,
    Likelihood,
    Multinomial,
    NegativeBinomial,
    Poisson,
    StudentT,
)
from vae_np.support import noise

# ---- the noise and the posterior ----

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


# ---- the likelihoods ----

A = np.array([-60.0, -8.0, -1.0, -1e-3, -1e-9, 0.0, 1e-7, 0.5, 3.0, 15.0, 200.0])
MEANS = np.array([-1.5, 0.0, 2.0])


def bernoulli_variance(raw):
    p = 1 / (1 + np.exp(-raw))
    return p * (1 - p)


def continuous_variance(raw):
    return np.array([float(oracles.continuous_bernoulli_variance(float(a))) for a in raw])


def level_variance(raw):
    """Of the five levels, from their probabilities one by one."""
    k, scale = np.arange(5), np.exp([-1.0, -2.5, -0.5])
    edges = np.concatenate([[-np.inf], (k[1:] - 0.5) / 4, [np.inf]])
    p = np.diff(stats.logistic.cdf(edges[:, None], raw, scale), axis=0)
    mean = (p * k[:, None] / 4).sum(axis=0)
    return (p * (k[:, None] / 4 - mean) ** 2).sum(axis=0)


LOGITS = np.array([0.3, -1.0, 1.5, 2.0, 0.0, -0.5])
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
    pytest.param(
        NegativeBinomial("per-feature"),
        MEANS,
        {"logdispersion": np.array([-3.0, 0.5, -1.0])},
        lambda raw: np.exp(raw) + np.exp([-3.0, 0.5, -1.0]) * np.exp(2 * raw),
        id="negative-binomial, per-feature",
    ),
    pytest.param(
        Laplace("learned"),
        MEANS,
        {"logscale": np.array([0.3])},
        lambda raw: np.full(3, 2 * math.exp(0.6)),
        id="laplace",
    ),
    pytest.param(
        StudentT(12.0, "per-feature"),
        MEANS,
        {"logscale": np.array([-1.0, 0.0, 0.8])},
        lambda raw: np.exp([-2.0, 0.0, 1.6]) * 1.2,
        id="student-t",
    ),
    pytest.param(
        Beta("per-feature"),
        MEANS,
        {"logprecision": np.array([0.5, 3.0, 1.5])},
        lambda raw: bernoulli_variance(raw) / (1 + np.exp([0.5, 3.0, 1.5])),
        id="beta",
    ),
    pytest.param(
        DiscretisedLogistic("per-feature", levels=5),
        np.array([-0.2, 0.4, 0.9]),
        {"logscale": np.array([-1.0, -2.5, -0.5])},
        level_variance,
        id="discretised-logistic",
    ),
    pytest.param(Categorical(3), LOGITS, {}, lambda raw: (p := Categorical(3).mean(raw)) * (1 - p), id="categorical"),
    pytest.param(
        Multinomial(length=40), LOGITS, {}, lambda raw: (p := Multinomial().mean(raw)) * (1 - p) * 40, id="multinomial"
    ),
    pytest.param(
        Columns([("poisson", "1+3"), ("gaussian:sigma=learned", [2, 0]), ("bernoulli", 4)]),
        np.array([-3.0, 2.5, -1.5, 2.0, 0.3]),
        {"logvar_1": np.array([-1.2])},
        lambda raw: np.array(
            [math.exp(-1.2), math.exp(raw[0]), math.exp(-1.2), math.exp(raw[1]), bernoulli_variance(raw[4])]
        ),
        id="columns",
    ),
    pytest.param(Exposure(), np.array([-1.0, 2.5]), {}, lambda raw: np.append(np.exp(raw), 0.0), id="exposure"),
    pytest.param(Poisson(), np.array([-3.0, 0.0, 2.5, 12.0]), {}, np.exp, id="poisson"),
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
    # not the same for all, which a softmax would not notice
    samples = sampled(likelihood, raw + 0.1 + 0.1 * (np.arange(len(raw)) % 2), other, np.float64)
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
