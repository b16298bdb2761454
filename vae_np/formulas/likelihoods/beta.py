"""The Beta likelihood of shares: numbers strictly between 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.gamma import stirling, stirling_slope
from vae_np.formulas.likelihoods.base import NOTHING
from vae_np.formulas.likelihoods.dispersed import Dispersed
from vae_np.formulas.numerics import LOG_2PI, phi, sigmoid, softplus
from vae_np.support.checks import check_each

__all__ = ["Beta"]

Array = NDArray[Any]


@dataclass(eq=False, repr=False)
class Beta(Dispersed):
    """x ~ Beta(phi m, phi (1 - m)) with the mean m = sigmoid(a) and the precision phi = e^s.

        log p(x | a, s) = log Gamma(phi) - log Gamma(A) - log Gamma(B) + (A - 1) log x + (B - 1) log(1 - x),
        A = phi m,    B = phi (1 - m)

    The variance is m (1 - m) / (1 + phi). Of a large phi these terms nearly cancel; with t -> e^t - 1 - t, written F
    here (`numerics.phi`), and Stirling's rest S they are

        log p = -A F(log x - log m) - B F(log(1 - x) - log(1 - m)) + S(phi) - S(A) - S(B)
                + 1/2 (s + log m + log(1 - m) - log 2 pi) - log x - log(1 - x).

    Parameters
    ----------
    precision : float or str
        phi: a number, ``"learned"`` (a parameter ``likelihood.logprecision`` of shape (1,)), ``"per-feature"`` (of
        shape (D,)) or ``"heteroscedastic"`` (the decoder puts out a and s).

    Notes
    -----
    Ferrari & Cribari-Neto (2004), "Beta regression for modelling rates and proportions". 0 and 1 themselves have no
    log-density: for grey values that reach them there is the `ContinuousBernoulli`.
    """

    precision: float | str = "per-feature"

    name = "beta"
    support = (0.0, 1.0)
    spread = "precision"

    def log_p(self, x: Array, m: Array, s: Array) -> Array:
        """As above, with m for a."""
        log_m, log_rest, log_x, log_other = -softplus(-m), -softplus(m), np.log(x), np.log1p(-x)
        total = np.exp(s)
        a, b = total * sigmoid(m), total * sigmoid(-m)
        far = a * phi(log_x - log_m) + b * phi(log_other - log_rest)
        rest = stirling(total, s) - stirling(a, s + log_m) - stirling(b, s + log_rest)
        return rest - far + 0.5 * (s + log_m + log_rest - LOG_2PI) - log_x - log_other

    def slopes(self, x: Array, m: Array, s: Array) -> tuple[Array, Array]:
        """dA/da = phi m (1 - m) = -dB/da, dA/ds = A, dB/ds = B, and z psi(z) = z log z - 1/2 + z S'(z)."""
        log_m, log_rest, log_x, log_other = -softplus(-m), -softplus(m), np.log(x), np.log1p(-x)
        total, mean, other = np.exp(s), sigmoid(m), sigmoid(-m)
        a, b = total * mean, total * other
        of_a, of_b = stirling_slope(a, s + log_m), stirling_slope(b, s + log_rest)
        dm = a * other * (log_x - log_other - m) + mean * of_b - other * of_a + 0.5 * (other - mean)
        far = a * phi(log_x - log_m) + b * phi(log_other - log_rest)
        return dm, stirling_slope(total, s) - of_a - of_b + 0.5 - far

    def draw(self, m: Array, s: Array, generator: np.random.Generator) -> Array:
        """A Beta number."""
        least, total = np.finfo(np.float64).tiny, np.exp(s)
        x: Array = generator.beta(np.maximum(total * sigmoid(m), least), np.maximum(total * sigmoid(-m), least))
        return x

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """`draw`, where it rounds to 0 or 1 the next number inside."""
        x = super().sample(raw, generator, own)
        return np.clip(x, np.finfo(x.dtype).tiny, np.nextafter(x.dtype.type(1), x.dtype.type(0)))

    def expectation(self, m: Array, s: Array) -> Array:
        """sigmoid(a)."""
        return sigmoid(m)

    def location(self, mean: Array) -> Array:
        """The log-odds of the mean, held in [0.001, 0.999]."""
        p = np.clip(mean, 0.001, 0.999)
        odds: Array = np.log(p / (1 - p))
        return odds

    def log_dispersion(self, mean: Array, variance: Array) -> Array:
        """The phi of the data's variance, held in [0.1, 10000]."""
        p = np.clip(mean, 0.001, 0.999)
        return np.log(np.clip(p * (1 - p) / np.maximum(variance, 1e-12) - 1, 0.1, 1e4))

    def check(self, x: Array, name: str = "x") -> None:
        """``ValueError`` that names the first value that is not strictly between 0 and 1."""
        what = f"the {self.name} likelihood"
        check_each(x, lambda block: (block > 0) & (block < 1), must="strictly between 0 and 1", name=name, what=what)

    def examples(self, u: Array) -> Array:
        """From 0.02 to 0.98."""
        return 0.02 + 0.96 * u
