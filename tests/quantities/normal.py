"""The diagonal Gaussian: KL, samples and log-densities."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import oracles

from quantities.notes import CANCELS, SQUARED
from quantities.points import LOGVAR, WIDE, near_the_mean, product, real
from quantities.quantity import Array, Quantity
from vae_np.formulas import gaussian


def columns(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of (N, K) arrays that sums over K, on one column."""
    return lambda *args: function(*[a[:, None] for a in args])


def matrices(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of (N, K) arrays to such an array, on one column."""
    return lambda *args: function(*[a[:, None] for a in args])[:, 0]


def ones_backward(function: Callable[..., tuple[Array, ...]], part: int) -> Callable[..., Array]:
    """One result of a backward function of (cotangent (N,), *(N, K))."""
    return lambda *args: function(np.ones_like(args[0]), *[a[:, None] for a in args])[part][:, 0]


GAUSSIAN_ROWS = [
    Quantity("KL", matrices(gaussian.kl_terms), oracles.kl_term, product(WIDE, (math.inf,) * 2), headroom=2),
    Quantity(
        "KL, d/dmu",
        lambda mu, s: gaussian.kl_backward(np.ones_like(mu), mu, s)[0],
        oracles.kl_term_mu,
        product(WIDE, LOGVAR),
        (0, 0),
        derivative_of="KL",
    ),
    Quantity(
        "KL, d/dlogvar",
        lambda mu, s: gaussian.kl_backward(np.ones_like(mu), mu, s)[1],
        oracles.kl_term_logvar,
        product(WIDE, (math.inf,) * 2),
        headroom=2,
        derivative_of="KL",
        argument=1,
    ),
    Quantity(
        "z = mu + e^(s/2) eps",
        matrices(gaussian.reparameterise),
        oracles.reparameterise,
        product(WIDE, LOGVAR, WIDE),
        note=CANCELS,
    ),
    Quantity(
        "z, d/dlogvar",
        lambda mu, s, eps: gaussian.reparameterise_backward(np.ones_like(mu), s, eps)[1],
        oracles.reparameterise_logvar,
        product(WIDE, LOGVAR, WIDE),
        derivative_of="z = mu + e^(s/2) eps",
        argument=1,
    ),
    Quantity(
        "log N(z; mu, e^s)",
        columns(gaussian.log_normal),
        oracles.log_normal,
        near_the_mean,
        (5, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
    ),
    Quantity(
        "log N, d/dz",
        ones_backward(gaussian.log_normal_backward, 0),
        oracles.log_normal_z,
        near_the_mean,
        (5, 8),
        note=SQUARED,
        derivative_of="log N(z; mu, e^s)",
    ),
    Quantity(
        "log N, d/dmu",
        ones_backward(gaussian.log_normal_backward, 1),
        oracles.log_normal_mu,
        near_the_mean,
        (5, 8),
        note=SQUARED,
        derivative_of="log N(z; mu, e^s)",
        argument=1,
    ),
    Quantity(
        "log N, d/dlogvar",
        ones_backward(gaussian.log_normal_backward, 2),
        oracles.log_normal_logvar,
        near_the_mean,
        (5, 8),
        note=f"{CANCELS}; {SQUARED}",
        headroom=2,
        derivative_of="log N(z; mu, e^s)",
        argument=2,
    ),
    Quantity("log N(z; 0, 1)", columns(gaussian.log_standard_normal), oracles.log_standard_normal, real(), headroom=2),
    Quantity(
        "log N(z; 0, 1), d/dz",
        lambda z: gaussian.log_standard_normal_backward(np.ones_like(z), z[:, None])[:, 0],
        oracles.log_standard_normal_z,
        real(),
        (0, 0),
        derivative_of="log N(z; 0, 1)",
    ),
]
