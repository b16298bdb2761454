"""The standard normal prior, Kingma & Welling's (2014)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.gaussian import log_standard_normal, log_standard_normal_backward
from vae_np.formulas.priors.base import Arrays, Prior
from vae_np.support.noise import normal_numbers

__all__ = ["Standard"]

Array = NDArray[Any]


class Standard(Prior):
    """p(z) = N(0, I). Kingma & Welling (2014), section 3."""

    name = "standard"

    def log_density(self, z: Array, own: Arrays) -> Array:
        """`gaussian.log_standard_normal`."""
        return log_standard_normal(z)

    def gradient(self, dlog: Array, z: Array, own: Arrays) -> tuple[Array, dict[str, Array]]:
        """`gaussian.log_standard_normal_backward`."""
        return log_standard_normal_backward(dlog, z), {}

    def sample(self, n: int, latent: int, generator: np.random.Generator, own: Arrays, dtype: Any) -> Array:
        """Standard normal noise."""
        return normal_numbers(generator, (n, latent)).astype(dtype)
