"""A mixture of learned diagonal Gaussians."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.numerics import LOG_2PI, column_sums, log_sum_exp, normalised_exp
from vae_np.formulas.priors.base import Arrays, Prior
from vae_np.support.checks import whole
from vae_np.support.noise import normal_numbers

__all__ = ["Mixture"]

Array = NDArray[Any]


class Mixture(Prior):
    """p(z) = sum_m pi_m N(z; mean_m, diag exp(logvar_m)), with pi = softmax(logits).

        log p(z) = log sum_m exp(l_m),    l_m = log pi_m + log N(z; mean_m, exp(logvar_m))

    logits (M,), mean and logvar (M, K) are own arrays.

    Parameters
    ----------
    components : int
        M.

    Notes
    -----
    The gradient is that of the terms, weighted by the responsibilities r_m = exp(l_m - log p(z)), which are taken as
    exp(l_m - max l) over their own sum: they add up to 1 whatever the size of l (Bishop 2006, "Pattern recognition and
    machine learning", section 9.2; as a VAE's prior, Dilokthanakul et al. 2016, Jiang et al. 2017).
    """

    name = "mixture"

    def __init__(self, components: int = 10) -> None:
        self.components = whole("components", components, at_least=1)

    def config(self) -> dict[str, Any]:
        """The name and the number of components."""
        return {"name": self.name, "components": self.components}

    def own_shapes(self, latent: int) -> dict[str, tuple[int, ...]]:
        """Logits, means and log-variances."""
        return {"logits": (self.components,), "mean": (self.components, latent), "logvar": (self.components, latent)}

    def own_start(self, latent: int, generator: np.random.Generator) -> dict[str, Array]:
        """Means from N(0, 1/2) and variances of 1/2: about N(0, I) as a whole, and no two components alike."""
        shape = (self.components, latent)
        return {"mean": math.sqrt(0.5) * normal_numbers(generator, shape), "logvar": np.full(shape, math.log(0.5))}

    def log_density(self, z: Array, own: Arrays) -> Array:
        """log sum_m exp(l_m), (S, N)."""
        return log_sum_exp(self._terms(z, own)[0], axis=-1)

    def gradient(self, dlog: Array, z: Array, own: Arrays) -> tuple[Array, dict[str, Array]]:
        """With d_m = dlog r_m and y_m = (z - mean_m) exp(-logvar_m / 2), summed over samples and examples:

        dz       = -sum_m d_m y_m exp(-logvar_m / 2)
        dlogits  = sum (d_m - pi_m sum_j d_j)
        dmean    = sum d_m y_m exp(-logvar_m / 2)
        dlogvar  = sum d_m (y_m^2 - 1) / 2
        """
        terms, y, scale = self._terms(z, own)
        return self._pull(dlog[..., None] * normalised_exp(terms, axis=-1), y, scale, own)

    def _pull(self, d: Array, y: Array, scale: Array, own: Arrays) -> tuple[Array, dict[str, Array]]:
        """`gradient` of cotangents d_m (S, N, M) of the l_m, whatever they are."""
        weight = d[..., None]
        with np.errstate(over="ignore", invalid="ignore"):  # 0 times what a component far away would pull is not taken
            pull = np.where(weight == 0, 0, weight * y * scale)
            widen = np.where(weight == 0, 0, weight * (0.5 * (y * y - 1)))
        down = {
            "logits": _total(d) - d.sum() * normalised_exp(own["logits"], axis=-1),
            "mean": _total(pull),
            "logvar": _total(widen),
        }
        return -pull.sum(axis=-2), down

    def sample(self, n: int, latent: int, generator: np.random.Generator, own: Arrays, dtype: Any) -> Array:
        """A component each, by pi, then its Gaussian."""
        return self.sample_of(self.sample_components(n, generator, own), generator, own, dtype)

    def sample_components(self, n: int, generator: np.random.Generator, own: Arrays) -> NDArray[np.intp]:
        """``n`` draws of m by pi, (n,)."""
        pi = normalised_exp(own["logits"].astype(np.float64), axis=-1)
        return np.minimum(np.searchsorted(np.cumsum(pi), generator.random(n), side="right"), self.components - 1)

    def sample_of(self, m: NDArray[np.intp], generator: np.random.Generator, own: Arrays, dtype: Any) -> Array:
        """A draw of each of these components, (n, K)."""
        eps = normal_numbers(generator, (len(m), own["mean"].shape[1])).astype(dtype)
        draw: Array = own["mean"][m] + np.exp(own["logvar"][m] / 2) * eps
        return draw

    def component_probabilities(self, z: Array, own: Arrays) -> Array:
        """p(m|z) = r_m, (S, N, M)."""
        return normalised_exp(self._terms(z, own)[0], axis=-1)

    def landmarks(self, own: Arrays) -> Array:
        """The means, by falling weight."""
        means: Array = own["mean"][np.argsort(-own["logits"], kind="stable")]
        return means

    def _terms(self, z: Array, own: Arrays) -> tuple[Array, Array, Array]:
        """l (S, N, M), y (S, N, M, K) and exp(-logvar / 2) (M, K)."""
        logits, mean, logvar = own["logits"], own["mean"], own["logvar"]
        scale = np.exp(-logvar / 2)
        y = (z[..., None, :] - mean) * scale
        log_normal = -0.5 * (y * y + logvar + LOG_2PI).sum(axis=-1)
        return logits - log_sum_exp(logits, axis=-1) + log_normal, y, scale


def _total(terms: Array) -> Array:
    """The sum over samples and examples of (S, N, ...)."""
    return column_sums(terms.reshape(-1, *terms.shape[2:]))
