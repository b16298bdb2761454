"""The floor of a learned variance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import vae_np
from vae_np.formulas.likelihoods.gaussian import spread

X, M = np.array([[0.3, -2.0]]), np.array([[0.25, 4.0]])


@pytest.mark.parametrize("s", [-700.0, -30.0, -2.0, 0.0, 3.0, 700.0])
@pytest.mark.parametrize("floor", [1e-6, 0.1, 1.0, 50.0])
def test_the_variance_is_the_square_of_the_floor_plus_e_to_the_s(floor, s):
    inverse, logvar, slope = spread(np.array(s), floor)
    variance = math.fsum([floor**2, math.exp(s)])
    assert inverse == pytest.approx(1 / math.sqrt(variance), rel=1e-15)
    assert logvar == pytest.approx(math.log(variance), rel=1e-14, abs=1e-15)
    assert slope == pytest.approx(math.exp(s) / variance, rel=1e-15)


def test_the_density_is_the_normal_one_of_that_variance():
    own = {"logvar": np.array([-50.0, 2.0])}
    found = vae_np.Gaussian("per-feature", floor=0.5).log_density(X, M, own)
    deviation = np.sqrt(0.25 + np.exp(own["logvar"]))
    np.testing.assert_allclose(found, stats.norm.logpdf(X, M, deviation), rtol=1e-14)


def test_samples_have_that_deviation():
    likelihood = vae_np.Gaussian("learned", floor=0.5)
    draws = likelihood.sample(np.zeros((100_000, 1)), np.random.default_rng(0), {"logvar": np.array([-40.0])})
    assert draws.std() == pytest.approx(0.5, rel=5 / math.sqrt(2e5))


def test_it_starts_at_the_datas_variance_or_twice_the_floors():
    variance = np.array([4.0, 0.0])
    own = vae_np.Gaussian("per-feature", floor=0.5).start_own(np.zeros(2), variance)
    np.testing.assert_allclose(0.25 + np.exp(own["logvar"]), [4, 0.5], rtol=1e-15)


def test_no_floor_leaves_the_bits_as_they_are():
    own = {"logvar": np.array([-0.3])}
    r = (X - M) * np.exp(0.15)
    np.testing.assert_array_equal(
        vae_np.Gaussian("learned").log_density(X, M, own), -0.5 * (r * r - 0.3 + math.log(2 * math.pi))
    )


def test_a_constant_feature_cannot_drive_the_loss_without_bound():
    """With Adam at 1e-2 its variance falls as long as nothing holds it."""
    x = np.random.default_rng(0).normal(size=(64, 3))
    x[:, 1] = 0.25

    def gained(floor: float) -> float:
        likelihood = vae_np.Gaussian("per-feature", floor=floor)
        vae = vae_np.VAE(3, hidden=(), latent=1, likelihood=likelihood, backend="numpy")
        vae_np.fit(vae, x, epochs=300, optimizer=vae_np.Adam(1e-2), output_bias="data", progress=False)
        own = vae.architecture.own(vae.parameters)
        density = vae.likelihood.log_density(x, vae.engine.decode(vae.encode(x)[0]), own)
        return float(density[:, 1].mean())

    highest = -0.5 * math.log(2 * math.pi * 0.1**2)
    assert gained(0.1) < highest
    assert gained(0.0) > highest + 0.5


@pytest.mark.parametrize("floor", [-1, 1e-20, math.nan, math.inf])
def test_a_floor_that_is_none_is_refused(floor):
    with pytest.raises(ValueError, match="floor must be 0, or lie between"):
        vae_np.Gaussian("learned", floor=floor)


def test_a_sigma_that_is_a_number_has_no_floor():
    with pytest.raises(ValueError, match=r"floor belongs to a learned sigma; sigma is 2\.0"):
        vae_np.Gaussian(2.0, floor=0.1)
