"""Counts with an exposure: their oracle at a + log e, its place, and rates that are found whatever the exposures."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import oracles.tables as exact
import pytest

import vae_np
from vae_np.formulas.likelihoods import Exposure, NegativeBinomial, Poisson

U = np.finfo(np.float64).eps / 2
RNG = np.random.default_rng(0)
N = 60
X = np.column_stack([RNG.poisson(3, N), RNG.poisson(40, N), 10.0 ** RNG.uniform(-3, 3, N)])
RAW = RNG.normal(size=(N, 2)) * 2
OWN = {"logdispersion": np.array([-1.0, 0.7])}


def worst(likelihood, oracle, own) -> float:
    """In roundings of the terms, of which log e has its share of raw's slope."""
    found, errors = likelihood.log_density(X, RAW, own), []
    s = [[v] for v in own["logdispersion"]] if own else [[], []]
    for n in range(N):
        for d in range(2):
            with mp.workdps(60):
                a = mp.mpf(float(RAW[n, d])) + mp.log(mp.mpf(float(X[n, 2])))
                value, size = oracle(X[n, d], a, *s[d])
                size += abs(X[n, d] - mp.exp(a)) * (abs(a) + abs(mp.log(mp.mpf(float(X[n, 2])))))
                errors.append(float(abs(mp.mpf(float(found[n, d])) - value) / size) / U)
    return max(errors)


@pytest.mark.parametrize(
    ("of", "oracle", "own"), [("poisson", exact.poisson, {}), ("negative-binomial", exact.negative_binomial, OWN)]
)
def test_it_is_the_oracle_of_the_counts_at_the_log_mean_and_log_exposure(of, oracle, own):
    assert worst(Exposure(of), oracle, own) <= 6
    np.testing.assert_array_equal(Exposure(of).log_density(X, RAW, own)[:, 2], 0)

    class Divided(Exposure):
        def _shifted(self, x, raw):
            return raw - np.log(x[..., -1:])

    assert worst(Divided(of), oracle, own) > 1e6


def test_of_a_unit_of_exposure_it_is_the_counts_themselves():
    x = X.copy()
    x[:, 2] = 1
    for likelihood, own in ((Poisson(), {}), (NegativeBinomial(), OWN)):
        ours = Exposure(likelihood)
        np.testing.assert_array_equal(ours.log_density(x, RAW, own)[:, :2], likelihood.log_density(x[:, :2], RAW, own))
        np.testing.assert_array_equal(ours.gradient(x, RAW, own)[0], likelihood.gradient(x[:, :2], RAW, own)[0])
        np.testing.assert_array_equal(ours.mean(RAW, own)[:, :2], likelihood.mean(RAW, own))


@pytest.mark.parametrize("word", ["exposure:poisson", "exposure:negative-binomial(dispersion=learned)"])
def test_a_model_finds_the_rate_whatever_the_exposures(word, tmp_path):
    """Without latents' help: two rates of 2 and 30 a unit, seen for a fiftieth to fifty units."""
    rng = np.random.default_rng(1)
    e = 10.0 ** rng.uniform(-1.7, 1.7, (800, 1))
    x = np.concatenate([rng.poisson(e * [2.0, 30.0]), e], axis=1)
    vae = vae_np.VAE(3, hidden=(4,), latent=1, likelihood=word, backend="numpy")
    vae_np.fit(vae, x, epochs=20, optimizer=vae_np.Adam(0.01), beta=50.0, output_bias="data", progress=False)
    rates = vae.decode(np.zeros((1, 1)))[0]
    np.testing.assert_allclose(rates, [2, 30, 1], rtol=0.1)
    assert (vae.sample(5)[:, 2] == 1).all()
    vae.save(tmp_path / "m.npz")
    assert vae_np.load(tmp_path / "m.npz").likelihood == vae.likelihood


def test_it_is_a_part_of_a_table():
    vae = vae_np.VAE(
        5, hidden=(4,), latent=2, backend="numpy",
        likelihood="columns:gaussian=0,exposure(poisson)=1-2,exposure(negative-binomial(dispersion=learned))=3+4",
    )  # fmt: skip
    x = vae.likelihood.examples(np.random.default_rng(1).random((5, 5)))
    assert vae_np.gradcheck.check_model(vae, x, np.random.default_rng(2).normal(size=(5, 2))).ok


@pytest.mark.parametrize(("j", "value"), [(2, 0.0), (2, -1.0), (2, np.inf), (1, 0.5), (0, -1.0), (0, np.nan)])
def test_what_is_no_count_and_no_exposure_is_refused(j, value):
    x = X.copy()
    x[3, j] = value
    with pytest.raises(ValueError, match=f"positive exposures in the last column, for .*row 3, column {j} is"):
        Exposure().check(x)


def test_other_likelihoods_have_no_exposure():
    with pytest.raises(ValueError, match="belongs to poisson or negative-binomial counts"):
        Exposure("gaussian")
    with pytest.raises(ValueError, match="the last column of at least two"):
        vae_np.VAE(1, likelihood="exposure:poisson")
    with pytest.raises(ValueError, match="an exposure is such as"):
        vae_np.VAE(2, likelihood="exposure:poisson(")
