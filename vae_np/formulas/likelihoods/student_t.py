"""Student's t likelihood: a Gaussian's shape with tails that forgive outliers."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.gamma import stirling
from vae_np.formulas.likelihoods.dispersed import LocationScale
from vae_np.formulas.numerics import LOG_2PI, log1p, sigmoid, softplus
from vae_np.support import portable
from vae_np.support.checks import real

__all__ = ["StudentT"]

Array = NDArray[Any]


@functools.lru_cache(maxsize=64)
def log_constant(df: float) -> float:
    """log Gamma((nu + 1)/2) - log Gamma(nu/2) - 1/2 log(nu pi), nu > 1; of a large nu the first two would cancel.

    With the same bits everywhere, for kernels take it as it is.
    """
    z = np.array([df / 2, df / 2 + 0.5])
    low, high = stirling(z, portable.log(z), portable.log1p)
    return float(z[0] * portable.log1p(0.5 / z[0]) - 0.5 + (high - low) - 0.5 * LOG_2PI)


@dataclass(eq=False, repr=False)
class StudentT(LocationScale):
    """x = m + b t, b = e^s, with Student's t of nu degrees of freedom.

        log p(x | m, s) = log Gamma((nu + 1)/2) - log Gamma(nu/2) - 1/2 log(nu pi) - s
                          - (nu + 1)/2 log(1 + r^2 / nu),    r = (x - m) e^-s

    Far from m the logarithm is that of r^2 itself, which never overflows: an outlier costs (nu + 1) log|r| nats, where
    a Gaussian's costs r^2 / 2. As nu grows it becomes the Gaussian with sigma = b. The variance is b^2 nu / (nu - 2)
    where nu > 2, else infinite.

    Parameters
    ----------
    df : float
        nu, above 1, where there is a mean.
    scale : float or str
        b: a number, ``"learned"`` (a parameter ``likelihood.logscale`` of shape (1,)), ``"per-feature"`` (of shape
        (D,)) or ``"heteroscedastic"`` (the decoder puts out m and s).
    """

    df: float = 4.0
    scale: float | str = "per-feature"

    name = "student-t"
    support = (-math.inf, math.inf)
    spread = "scale"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.df = real("df", self.df)
        if self.df <= 1:
            raise ValueError(f"df must be above 1, where a Student's t has a mean; got {self.df!r}")

    def _log_square(self, d: Array, s: Array) -> Array:
        """log(r^2 / nu), of d > 0."""
        return 2 * (np.log(d) - s) - math.log(self.df)

    def log_p(self, x: Array, m: Array, s: Array) -> Array:
        """log1p(r^2 / nu) near m, and log(1 + e^q), q = log(r^2 / nu), beyond r^2 = nu."""
        d = x - m
        d = np.where(d.real < 0, -d, d)
        r = d * np.exp(-s)
        far = r.real > math.sqrt(self.df)
        tail = softplus(self._log_square(np.where(far, d, 1), s))
        r = np.where(far, 0, r)
        return log_constant(self.df) - s - 0.5 * (self.df + 1) * np.where(far, tail, log1p(r * r / self.df))

    def slopes(self, x: Array, m: Array, s: Array) -> tuple[Array, Array]:
        """d/dm = (nu + 1) r e^-s / (nu + r^2), d/ds = (nu + 1) r^2 / (nu + r^2) - 1."""
        d, inverse = x - m, np.exp(-s)
        r = d * inverse
        far = np.abs(r) > math.sqrt(self.df)
        share = sigmoid(self._log_square(np.where(far, np.abs(d), 1), s))  # r^2 / (nu + r^2)
        r = np.where(far, 0, r)
        near = r * inverse / (self.df + r * r)
        dm = (self.df + 1) * np.where(far, share / np.where(far, d, 1), near)
        return dm, (self.df + 1) * np.where(far, share, r * r / (self.df + r * r)) - 1

    def standard(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """By NumPy."""
        y: Array = generator.standard_t(self.df, size=shape)
        return y

    def log_dispersion(self, mean: Array, variance: Array) -> Array:
        """1/2 log(variance (nu - 2)/nu), that factor held at 0.1 and the variance at e^-10 or more."""
        share = max(0.1, (self.df - 2) / self.df)
        s: Array = 0.5 * np.log(np.maximum(variance, math.exp(-10)) * share)
        return s
