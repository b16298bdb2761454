"""The Laplace likelihood: an absolute error, which outliers move less than a squared one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.dispersed import LocationScale

__all__ = ["Laplace"]

Array = NDArray[Any]


@dataclass(eq=False, repr=False)
class Laplace(LocationScale):
    """The density of x about m that falls by e over each length b = e^s, to both sides.

        log p(x | m, s) = -|x - m| e^-s - s - log 2

    m is mean and median; the variance is 2 b^2. At x = m, where |x - m| bends, its derivative is taken for 0.

    Parameters
    ----------
    scale : float or str
        b: a number, ``"learned"`` (a parameter ``likelihood.logscale`` of shape (1,)), ``"per-feature"`` (of shape
        (D,)) or ``"heteroscedastic"`` (the decoder puts out m and s).

    Notes
    -----
    "L1 loss" summed over the features is -log p of ``Laplace(scale=1.0)``, less the constant D log 2.
    """

    scale: float | str = "per-feature"

    name = "laplace"
    support = (-math.inf, math.inf)
    spread = "scale"

    def log_p(self, x: Array, m: Array, s: Array) -> Array:
        """-|x - m| e^-s - s - log 2."""
        d = x - m
        return -np.where(d.real < 0, -d, d) * np.exp(-s) - s - math.log(2)

    def slopes(self, x: Array, m: Array, s: Array) -> tuple[Array, Array]:
        """d/dm = sign(x - m) e^-s, d/ds = |x - m| e^-s - 1."""
        d, inverse = x - m, np.exp(-s)
        return np.sign(d) * inverse, np.abs(d) * inverse - 1

    def standard(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """By NumPy."""
        y: Array = generator.laplace(size=shape)
        return y

    def log_dispersion(self, mean: Array, variance: Array) -> Array:
        """1/2 log(variance / 2), the variance held at e^-10 or more, as the Gaussian's."""
        s: Array = 0.5 * np.log(np.maximum(variance, math.exp(-10)) / 2)
        return s
