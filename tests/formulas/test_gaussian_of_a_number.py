"""The Gaussian whose sigma is a number: 1/sigma is used itself, and not e^(-s/2) of a rounded s = 2 log sigma."""

from __future__ import annotations

import numpy as np
import pytest

from vae_np.formulas.likelihoods import Gaussian
from vae_np.support.noise import normal_numbers

FLOATS = [np.float64, np.float32]
SIGMAS = [1e-30, 1e-10, 1e-4, 0.7, 3.0, 100.0, 1e17]
pytestmark = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than double here")


def worst_errors(value, slope, sigma: float, dtype, n: int = 20_000) -> tuple[float, float]:
    """The worst error in ULP of log p (of the terms' sum) and of d/dm, against long double, at n draws."""
    generator = np.random.default_rng(8)
    m = (sigma * generator.normal(0, 1, n)).astype(dtype)
    x = (m + sigma * generator.normal(0, 3, n)).astype(dtype)
    d = x.astype(np.longdouble) - m
    square, s = (d / np.longdouble(sigma)) ** 2, 2 * np.log(np.longdouble(sigma))
    exact = -0.5 * (square + s + np.log(2 * np.longdouble(np.pi))), d / np.longdouble(sigma) / np.longdouble(sigma)
    sizes = 0.5 * (square + np.abs(s) + 1.8), np.abs(exact[1])
    found = value(x, m), slope(x, m)
    fits = sizes[0] < np.finfo(dtype).max / 4, sizes[1] < np.finfo(dtype).max / 4
    assert all(f.dtype == dtype for f in found)
    return tuple(
        float((np.abs(f - e) / np.spacing(size.astype(dtype)))[ok].max(initial=0))
        for f, e, size, ok in zip(found, exact, sizes, fits, strict=True)
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sigma", SIGMAS)
def test_a_gaussian_of_any_sigma_is_right_to_4_ulp(sigma, dtype):
    likelihood = Gaussian(sigma)
    with np.errstate(over="ignore"):
        errors = worst_errors(likelihood.log_density, lambda x, m: likelihood.gradient(x, m)[0], sigma, dtype)
    print(f"sigma {sigma:g}, {np.dtype(dtype)}: log p {errors[0]:.1f}, d/dm {errors[1]:.1f} ULP")
    assert max(errors) <= 4


def test_a_sample_deviates_by_sigma_itself():
    m = np.zeros(5)
    noise = normal_numbers(np.random.default_rng(1), (5,))
    np.testing.assert_array_equal(Gaussian(1e-30).sample(m, np.random.default_rng(1)), 1e-30 * noise)
    assert Gaussian(0.1).sample(m.astype(np.float32), np.random.default_rng(1)).dtype == np.float32


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.inf, np.nan, 5e-324, 5.5e-309])
def test_a_sigma_without_a_finite_reciprocal_is_refused(sigma):
    with pytest.raises(ValueError, match="sigma must be positive and finite, and so must 1/sigma"):
        Gaussian(sigma)
