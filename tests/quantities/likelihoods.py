"""The likelihoods and their derivatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import oracles

from quantities.notes import CANCELS, GREY, NUMPY, SQUARED
from quantities.points import above_the_subnormal, near_the_mean, near_the_mean_of_a_sigma, pixel_and
from quantities.quantity import Array, Quantity
from vae_np.formulas.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian


def learned(x: Array, m: Array, s: Array) -> Array:
    """The Gaussian likelihood with its log-variances as own parameters."""
    return Gaussian("learned").log_density(x, m, {"logvar": s})


def of_sigma(method: Callable[[Gaussian, Array, Array], Array]) -> Callable[..., Array]:
    """A method of the Gaussian of a given sigma, a likelihood a point; of NaN there is none."""

    def function(x: Array, m: Array, sigma: Array) -> Array:
        out = np.full_like(m + x, np.nan)
        for i in np.flatnonzero(sigma > 0):
            out[i : i + 1] = method(Gaussian(float(sigma[i])), x[i : i + 1], m[i : i + 1])
        return out

    return function


def heteroscedastic(part: int) -> Callable[..., Array]:
    """A half of the heteroscedastic Gaussian's gradient."""
    likelihood = Gaussian("heteroscedastic")
    return lambda x, m, s: likelihood.gradient(x[:, None], np.stack([m, s], axis=-1))[0][:, part]


FLOORED = Gaussian("heteroscedastic", floor=float(oracles.FLOOR))


def floored(x: Array, m: Array, s: Array) -> Array:
    """The Gaussian likelihood with a floor of the variance."""
    return FLOORED.log_density(x[:, None], np.stack([m, s], axis=-1))[:, 0]


def floored_slope(part: int) -> Callable[..., Array]:
    """A half of its gradient."""
    return lambda x, m, s: FLOORED.gradient(x[:, None], np.stack([m, s], axis=-1))[0][:, part]


LIKELIHOOD_ROWS = [
    Quantity("Bernoulli", Bernoulli().log_density, oracles.bernoulli, pixel_and()),
    Quantity(
        "Bernoulli, d/da",
        lambda x, a: Bernoulli().gradient(x, a)[0],
        oracles.bernoulli_a,
        pixel_and(),
        note=GREY,
        derivative_of="Bernoulli",
        argument=1,
    ),
    Quantity(
        "continuous Bernoulli",
        ContinuousBernoulli().log_density,
        oracles.continuous_bernoulli,
        pixel_and(),
        (4, 6),
        note=f"{CANCELS}; {NUMPY}",
    ),
    Quantity(
        "continuous Bernoulli, d/da",
        lambda x, a: ContinuousBernoulli().gradient(x, a)[0],
        oracles.continuous_bernoulli_a,
        pixel_and(),
        note=GREY,
        derivative_of="continuous Bernoulli",
        argument=1,
    ),
    Quantity(
        "Gaussian likelihood",
        learned,
        oracles.gaussian,
        near_the_mean,
        (5, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
    ),
    Quantity(
        "Gaussian likelihood, d/dm",
        heteroscedastic(0),
        oracles.gaussian_m,
        near_the_mean,
        (5, 8),
        note=SQUARED,
        derivative_of="Gaussian likelihood",
        argument=1,
    ),
    Quantity(
        "Gaussian likelihood, d/ds",
        heteroscedastic(1),
        oracles.gaussian_s,
        near_the_mean,
        (5, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
        derivative_of="Gaussian likelihood",
        argument=2,
    ),
    Quantity(
        "Gaussian likelihood, sigma a number",
        of_sigma(Gaussian.log_density),
        oracles.gaussian_of_sigma,
        near_the_mean_of_a_sigma,
        note=CANCELS,
        headroom=2,
    ),
    Quantity(
        "Gaussian likelihood, sigma a number, d/dm",
        of_sigma(lambda likelihood, x, m: likelihood.gradient(x, m)[0]),
        oracles.gaussian_of_sigma_m,
        near_the_mean_of_a_sigma,
        derivative_of="Gaussian likelihood, sigma a number",
        argument=1,
    ),
    Quantity(
        "Gaussian likelihood with a floor",
        floored,
        oracles.floored_gaussian,
        near_the_mean,
        (8, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
    ),
    Quantity(
        "Gaussian likelihood with a floor, d/dm",
        floored_slope(0),
        oracles.floored_gaussian_m,
        near_the_mean,
        (8, 8),
        note=SQUARED,
        derivative_of="Gaussian likelihood with a floor",
        argument=1,
    ),
    Quantity(
        "Gaussian likelihood with a floor, d/ds",
        floored_slope(1),
        oracles.floored_gaussian_s,
        above_the_subnormal,
        (8, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
        derivative_of="Gaussian likelihood with a floor",
        argument=2,
    ),
]
