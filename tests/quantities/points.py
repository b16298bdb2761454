"""Where quantities are evaluated: points for (dtype, n, seed), one array an argument."""

from __future__ import annotations

import math

import numpy as np
import strategies

from quantities.quantity import Array, Points

WIDE = (1e150, 1e18)
LOGVAR = (1400.0, 170.0)
"""Limits of log-variances: e^(s/2) and e^(-s/2) are finite there, though e^s and e^-s are not."""


def real(limit64: float = math.inf, limit32: float = math.inf) -> Points:
    """All magnitudes up to a limit."""

    def points(dtype, n, seed):
        limit = limit64 if np.dtype(dtype) == np.float64 else limit32
        return [strategies.magnitudes(dtype, max(16, n // 3), seed, limit)]

    return points


def above(limit64: float, limit32: float) -> Points:
    """All magnitudes from a limit on."""

    def points(dtype, n, seed):
        a = real()(dtype, n, seed)[0]
        return [a[a >= (limit64 if np.dtype(dtype) == np.float64 else limit32)]]

    return points


def below(limit64: float, limit32: float) -> Points:
    """All magnitudes below a limit, and a few just below it."""

    def points(dtype, n, seed):
        limit = limit64 if np.dtype(dtype) == np.float64 else limit32
        a = real()(dtype, n, seed)[0]
        near = limit - np.random.default_rng(seed).uniform(0, 2, n // 4)
        return [np.concatenate([a[a < limit], near.astype(dtype)])]

    return points


def product(*limits: tuple[float, float]) -> Points:
    """Independent arguments, each of all magnitudes up to its limit for (float64, float32)."""

    def points(dtype, n, seed):
        columns = [real(*limit)(dtype, n, seed + i)[0] for i, limit in enumerate(limits)]
        return strategies.paired(columns, n, seed)

    return points


def pixel_and(limit64: float = math.inf, limit32: float = math.inf) -> Points:
    """A pixel x and a raw output a."""

    def points(dtype, n, seed):
        a, x = strategies.paired([*real(limit64, limit32)(dtype, n, seed), strategies.unit_interval(dtype, n)], n, seed)
        return [x, a]

    return points


def near_the_mean(dtype, n, seed) -> list[Array]:
    """(z, mu, s): half with a z that is some deviations from mu, half with independent values."""
    generator = np.random.default_rng(seed)
    s, mu, z = strategies.paired([real(*LOGVAR)(dtype, n, seed)[0], *product(WIDE, WIDE)(dtype, n, seed)], n, seed)
    eps = generator.standard_normal(len(s)) * 10.0 ** generator.uniform(-3, 2, len(s))
    with np.errstate(over="ignore"):
        close = (mu + np.exp(s / 2) * eps).astype(dtype)
    return [np.where((generator.random(len(s)) < 0.5) & np.isfinite(close), close, z).astype(dtype), mu, s]


def above_the_subnormal(dtype, n, seed) -> list[Array]:
    """`near_the_mean` where e^s over the square of a floor is no subnormal number, which has fewer digits."""
    points = near_the_mean(dtype, n, seed)
    keep = points[2] > (-80 if dtype == np.float32 else -700)
    return [p[keep] for p in points]


def near_the_mean_of_a_sigma(dtype, n, seed) -> list[Array]:
    """(x, m, sigma), sigma = e^(s/2)."""
    z, mu, s = near_the_mean(dtype, n, seed)
    return [z, mu, np.exp(s / 2)]
