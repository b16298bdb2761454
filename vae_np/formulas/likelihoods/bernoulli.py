"""The Bernoulli likelihood, in logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.base import NOTHING, Likelihood
from vae_np.formulas.numerics import sigmoid, softplus
from vae_np.support import portable

__all__ = ["Bernoulli"]

Array = NDArray[Any]


class Bernoulli(Likelihood):
    """p(x = 1) = sigmoid(a) for the decoder's logits a.

        log p(x | a) = x a - log(1 + e^a)

    evaluated without cancellation: with log(1 + e^a) = max(a, 0) + log1p(e^-|a|) it is a sum of terms that are at most
    0.

    Grey values x in (0, 1) are accepted, as in most of the field, and then the expression is the cross-entropy: it is
    no log-density in x, since it does not integrate to 1. `ContinuousBernoulli` adds the missing normaliser.

    Kingma & Welling (2014), appendix C.1.
    """

    name = "bernoulli"
    support = (0.0, 1.0)

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """(x - 1) a - log1p(e^-a) for a > 0, and x a - log1p(e^a) elsewhere."""
        positive = raw.real > 0
        return np.where(positive, (x - 1) * raw, x * raw) - softplus(np.where(positive, -raw, raw))

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """d/da = x - sigmoid(a); for a > 0 as (x - 1) + sigmoid(-a), so that x = 1 loses nothing where sigmoid is 1."""
        tail = sigmoid(-np.abs(raw))
        return np.where(raw > 0, (x - 1) + tail, x - tail), {}

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """sigmoid(a)."""
        return sigmoid(raw)

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """1 with probability sigmoid(a), else 0."""
        return (generator.random(raw.shape, dtype=raw.dtype.type) < sigmoid(raw)).astype(raw.dtype)

    def start(self, mean: Array, variance: Array) -> Array:
        """The log-odds of the mean, held in [0.001, 0.999] so that a pixel that is always 0 does not start at -inf."""
        p = np.clip(mean, 0.001, 0.999)  # an initial value, not a quantity that is differentiated
        return np.asarray(portable.log(p / (1 - p)), p.dtype)
