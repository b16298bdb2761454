"""The continuous Bernoulli likelihood, in natural parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.base import NOTHING, Likelihood
from vae_np.formulas.numerics import expm1_mean, log_expm1_over

__all__ = ["ContinuousBernoulli"]

Array = NDArray[Any]


class ContinuousBernoulli(Likelihood):
    """The density proportional to lambda^x (1 - lambda)^(1 - x) on [0, 1], with a = logit(lambda).

        log p(x | a) = a x - log((e^a - 1) / a)

    The published form, x log(lambda) + (1 - x) log(1 - lambda) + log C(lambda) with
    C = 2 artanh(1 - 2 lambda) / (1 - 2 lambda), is 0/0 at lambda = 1/2. In the natural parameter a it is an exponential
    family whose normaliser, the integral of e^(a x) over [0, 1], is smooth at a = 0 (`numerics.log_expm1_over`).

    Loaiza-Ganem & Cunningham (2019), "The continuous Bernoulli: fixing a pervasive error in variational autoencoders".
    """

    name = "continuous-bernoulli"
    support = (0.0, 1.0)

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """(x - 1) a - A(-a) for a > 0 and x a - A(a) elsewhere, with A(a) = log((e^a - 1) / a)."""
        # A(a) = a + A(-a): the part of A that grows is joined to x a before anything is rounded
        positive = raw.real > 0
        tilt = np.where(positive, (x - 1) * raw, x * raw)
        return tilt - log_expm1_over(np.where(positive, -raw, raw))

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """d/da = x - E[x | a]; for a > 0 as (x - 1) + E[x | -a]."""
        tail = expm1_mean(-np.abs(raw))
        return np.where(raw > 0, (x - 1) + tail, x - tail), {}

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """e^a / (e^a - 1) - 1/a, which is not lambda."""
        return expm1_mean(raw)

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """The inverse distribution function, log(1 + u (e^a - 1)) / a, of a uniform u; u itself at a = 0.

        For a > 0 it is 1 minus the draw for -a, so that e^a never overflows.
        """
        u = generator.random(raw.shape, dtype=raw.dtype.type)
        t = -np.abs(raw)
        flat = t > -1e-30  # there the draw is u to within rounding, and u expm1(t) may underflow
        t = np.where(flat, -1, t)
        draw = np.where(flat, u, np.log1p(u * np.expm1(t)) / t)
        return np.where(raw > 0, 1 - draw, draw)

    def start(self, mean: Array, variance: Array) -> Array:
        """The natural parameter whose mean is the data's, held in [0.01, 0.99], by bisection (E[x | a] increases)."""
        m = np.clip(np.asarray(mean, np.float64), 0.01, 0.99)
        low, high = np.full_like(m, -128.0), np.full_like(m, 128.0)
        for _ in range(60):  # bisection: 256 / 2^60 is below any rounding
            middle = (low + high) / 2
            above = expm1_mean(middle) > m
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return ((low + high) / 2).astype(np.asarray(mean).dtype)
