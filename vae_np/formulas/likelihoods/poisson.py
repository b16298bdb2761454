"""The Poisson likelihood of counts, by the log of its rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.gamma import log_peak
from vae_np.formulas.likelihoods.base import NOTHING
from vae_np.formulas.likelihoods.wide import Wide, poisson_counts
from vae_np.formulas.numerics import phi
from vae_np.support.checks import check_counts

__all__ = ["Poisson"]

Array = NDArray[Any]


class Poisson(Wide):
    """x = 0, 1, 2, ... with the rate e^a for the decoder's a.

        log p(x | a) = x a - e^a - log x!

    Of a large count these terms are large and nearly cancel. With phi(t) = e^t - 1 - t it is, for x > 0,

        log p(x | a) = -x phi(a - log x) - (log x! - x log x + x),

    two terms of one sign: how far the rate is from the count, and `gamma.log_peak`, 1/2 log(2 pi x) + 1/(12 x) - ...

    Notes
    -----
    A float32 holds counts up to 2^24. Variance and mean are equal; for counts that vary more there is the
    `NegativeBinomial`.
    """

    name = "poisson"
    support = (0.0, math.inf)

    def value(self, x: Array, raw: Array, own: Mapping[str, Array]) -> Array:
        """-x phi(a - log x) - log_peak(x), and -e^a at x = 0."""
        none = x == 0
        count = np.where(none, 1, x)
        return np.where(none, -np.exp(raw), -count * phi(raw - np.log(count)) - log_peak(count))

    def slope(self, x: Array, raw: Array, own: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """d/da = x - e^a."""
        return x - np.exp(raw), {}

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """e^a."""
        rate: Array = np.exp(raw)
        return rate

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """A count of that rate; ``ValueError`` for a rate beyond 9.2e18."""
        return poisson_counts(np.exp(np.asarray(raw, np.float64)), generator).astype(raw.dtype)

    def start(self, mean: Array, variance: Array) -> Array:
        """The log of the mean, held at 0.001 or more: a column of zeros does not start at -inf."""
        start: Array = np.log(np.maximum(mean, 0.001))
        return start

    def check(self, x: Array, name: str = "x") -> None:
        """``ValueError`` that names the first value that is no count: negative, fractional or beyond 2^53."""
        check_counts(x, name=name, what=f"the {self.name} likelihood")

    def examples(self, u: Array) -> Array:
        """Counts from 0 to 6."""
        return np.floor(7 * u * 0.9999)
