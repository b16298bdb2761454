"""What a likelihood is: log p(x | raw) for the decoder's raw output, its gradient, mean, sampling and support.

To add one, write one file in this folder with a subclass of `Likelihood` that has a ``name``: it is then known to
``VAE(likelihood=name)``, to the command line and to the tests of all likelihoods. (A compiled kernel may follow, in
``kernels``; without one the formula is used.)

Everything is per feature, shape (..., D), and in nats with all constants; the sum over features is taken in `elbo`.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.doors import Named
from vae_np.support.checks import check_values

__all__ = ["Likelihood"]

Array = NDArray[Any]
NOTHING: Mapping[str, Array] = {}


class Likelihood(Named):
    """p(x | z), where the decoder turns z into ``raw``.

    ``own`` holds the likelihood's own learned arrays by name (a learned variance, say), empty for most.
    """

    what = "likelihood"
    support: tuple[float, float]
    """The closed interval in which every x must lie."""
    has_levels: ClassVar[bool] = False
    """Whether x are levels of grey, whose log p is told in bits a dimension as well."""

    def checked_log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """`log_density`, or ``ValueError`` if it has not the shape (..., D): summed already, say."""
        found = self.log_density(x, raw, own)
        shape = (*raw.shape[:-1], x.shape[-1])
        if found.shape != shape:
            raise ValueError(
                f"log_density of {self!r} must have shape {shape}, a value a feature; it has {found.shape}"
            )
        return found

    def raw_size(self, n_features: int) -> int:
        """How many numbers the decoder puts out for D features: D unless said otherwise."""
        return n_features

    def real(self, n_features: int) -> NDArray[np.bool_]:
        """Which features may be any real number, (D,): those that ``scale="standard"`` standardises."""
        return np.full(n_features, self.support == (-math.inf, math.inf))

    def own_shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the likelihood's own learned arrays, each (1,) or (D,); they start at 0.

        An array's `gradient` has its own size as the last axis, or its features' if it is one number.
        """
        return {}

    @abc.abstractmethod
    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """log p(x_d | raw) of each feature, shape (..., D), in nats; raw may be complex."""

    @abc.abstractmethod
    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """The derivative of `log_density` with respect to raw (shape of raw), and to ``own`` (each (..., D))."""

    @abc.abstractmethod
    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """E[x | raw], shape (..., D)."""

    @abc.abstractmethod
    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """One draw of x for each row of raw, shape (..., D)."""

    @abc.abstractmethod
    def start(self, mean: Array, variance: Array) -> Array:
        """The output bias at which the decoder, ignoring z, fits data of these per-feature moments."""

    def start_own(self, mean: Array, variance: Array) -> dict[str, Array]:
        """The own arrays with which `start` fits data of these moments; those left out stay as they are."""
        return {}

    def examples(self, u: Array) -> Array:
        """Numbers of the support from u (N, D) in [0, 1]: what gradient checks and timings are given for data."""
        return u

    def check(self, x: Array, name: str = "x") -> None:
        """Raise ``ValueError`` that names the first value outside the support; NaN and infinity always are."""
        check_values(x, *self.support, name=name, what=f"the {self.name} likelihood")
