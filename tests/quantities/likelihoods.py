"""The likelihoods and their derivatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import oracles

from quantities.notes import CANCELS, GREY, NUMPY, SQUARED
from quantities.points import near_the_mean, pixel_and
from quantities.quantity import Array, Quantity
from vae_np.formulas.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian


def learned(x: Array, m: Array, s: Array) -> Array:
    """The Gaussian likelihood with its log-variances as own parameters."""
    return Gaussian("learned").log_density(x, m, {"logvar": s})


def heteroscedastic(part: int) -> Callable[..., Array]:
    """A half of the heteroscedastic Gaussian's gradient."""
    likelihood = Gaussian("heteroscedastic")
    return lambda x, m, s: likelihood.gradient(x[:, None], np.stack([m, s], axis=-1))[0][:, part]


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
]
