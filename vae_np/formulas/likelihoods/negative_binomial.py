"""The negative binomial likelihood of counts that vary more than a Poisson's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.gamma import log_peak, stirling, stirling_slope
from vae_np.formulas.likelihoods.dispersed import Dispersed
from vae_np.formulas.likelihoods.wide import poisson_counts
from vae_np.formulas.numerics import log1p, phi, sigmoid, softplus
from vae_np.support.checks import check_counts

__all__ = ["NegativeBinomial"]

Array = NDArray[Any]


def _log1p_of(s: Array, other: Array, e_other: Array) -> Array:
    """log(1 + e^(s + other)); a small one from the product, since s + other is rounded, and e^ would multiply that."""
    total = s + other
    large = total.real > 0
    product = np.exp(np.where(large, 0, s)) * np.where(large, 1, e_other)
    return np.where(large, softplus(total), log1p(product))


@dataclass(eq=False, repr=False)
class NegativeBinomial(Dispersed):
    """Counts of the mean mu = e^a and the variance mu + alpha mu^2, alpha = e^s: a Poisson whose rate is Gamma.

        log p(x | a, s) = log Gamma(x + r) - log Gamma(r) - log x! + x log(mu / (r + mu)) + r log(r / (r + mu)),
        r = 1 / alpha

    As alpha falls to 0 it becomes the Poisson, and these terms grow without bound. Divided by what they would be at the
    mean x, and with phi(t) = e^t - 1 - t, `gamma.log_peak` P and Stirling's rest S, they are

        log p = -P(x) - x phi(a - log x + d) - r phi(d) - 1/2 log(1 + alpha x) + S(r + x) - S(r),
        d     = log(1 + alpha x) - log(1 + alpha mu)

    for x > 0, in which nothing large cancels, and -r log(1 + alpha mu) at x = 0 (Loader 2000).

    Parameters
    ----------
    dispersion : float or str
        alpha: a number, ``"learned"`` (a parameter ``likelihood.logdispersion`` of shape (1,)), ``"per-feature"``
        (of shape (D,)) or ``"heteroscedastic"`` (the decoder puts out a and s).

    Notes
    -----
    For dispersions between e^-700 and e^700.
    """

    dispersion: float | str = "per-feature"

    name = "negative-binomial"
    support = (0.0, math.inf)
    spread = "dispersion"

    def log_p(self, x: Array, m: Array, s: Array) -> Array:
        """As above, with m for a."""
        none = x == 0
        count = np.where(none, 1, x)
        log_x, r, mu = np.log(count), np.exp(-s), np.exp(m)
        of_x, of_mu = _log1p_of(s, log_x, count), _log1p_of(s, m, mu)
        d = of_x - of_mu
        rest = stirling(r + count, np.log(r + count)) - stirling(r, -s) - 0.5 * of_x
        some = rest - log_peak(count) - count * phi(m - log_x + d) - r * phi(d)
        tiny = (s + m).real < -40  # log(1 + alpha mu) is alpha mu, which may underflow where mu does not
        return np.where(none, -np.where(tiny, mu, r * of_mu), some)

    def slopes(self, x: Array, m: Array, s: Array) -> tuple[Array, Array]:
        """d/da = (x - mu) / (1 + alpha mu), and d/ds, of whose terms the two with d in phi make r phi(d)."""
        none = x == 0
        count = np.where(none, 1, x)
        log_x, r, mu = np.log(count), np.exp(-s), np.exp(m)
        share = sigmoid(s + m)  # alpha mu / (1 + alpha mu)
        dm = np.where(s + m > 0, x * sigmoid(-s - m) - r * share, (x - mu) * sigmoid(-s - m))
        of_x, of_mu = _log1p_of(s, log_x, count), _log1p_of(s, m, mu)
        rest = stirling_slope(r, -s) - np.exp(-of_x) * stirling_slope(r + count, np.log(r + count))
        some = rest + 0.5 * np.expm1(-of_x)
        return dm, np.where(none, 0, some) + r * phi(np.where(none, 0, of_x) - of_mu)

    def draw(self, m: Array, s: Array, generator: np.random.Generator) -> Array:
        """A Poisson count of a rate that is mu times a Gamma of mean 1 and variance alpha."""
        r = np.broadcast_to(np.exp(-s), m.shape)
        return poisson_counts(np.exp(m) * (generator.standard_gamma(r) / r), generator)

    def expectation(self, m: Array, s: Array) -> Array:
        """mu."""
        mu: Array = np.exp(m)
        return mu

    def location(self, mean: Array) -> Array:
        """The log of the mean, held at 0.001 or more."""
        start: Array = np.log(np.maximum(mean, 0.001))
        return start

    def log_dispersion(self, mean: Array, variance: Array) -> Array:
        """The alpha of the data's variance, held in [0.01, 100]."""
        m = np.maximum(mean, 0.001)
        alpha: Array = np.log(np.clip((variance - m) / (m * m), 0.01, 100))
        return alpha

    def check(self, x: Array, name: str = "x") -> None:
        """``ValueError`` that names the first value that is no count: negative, fractional or beyond 2^53."""
        check_counts(x, name=name, what=f"the {self.name} likelihood")

    def examples(self, u: Array) -> Array:
        """Counts from 0 to 6."""
        return np.floor(7 * u * 0.9999)
