"""The Gaussian likelihood: fixed, learned, per-feature or heteroscedastic deviation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.base import NOTHING, Likelihood
from vae_np.formulas.numerics import LOG_2PI

__all__ = ["Gaussian"]

Array = NDArray[Any]
LEARNED = ("learned", "per-feature", "heteroscedastic")


class Gaussian(Likelihood):
    """x_d ~ N(m_d, exp(s_d)) for the decoder's mean m and a log-variance s.

        log p(x | m, s) = -1/2 ((x - m)^2 e^-s + s + log 2 pi)

    Parameters
    ----------
    sigma : float or str
        - a number: the deviation of every feature, s = 2 log(sigma), and e^(-s/2) is 1/sigma itself: s, rounded, would
          put its error, |s| times as large, into the exponent;
        - ``"learned"``: one s for all features, a parameter ``likelihood.logvar`` of shape (1,) that starts at 0;
        - ``"per-feature"``: one s a feature, ``likelihood.logvar`` of shape (D,);
        - ``"heteroscedastic"``: the decoder puts out (m, s), its output layer is 2 D wide, means first.

    Raises
    ------
    ValueError
        If sigma is neither one of these words nor a positive number that is finite as its reciprocal is.

    Notes
    -----
    **Where "MSE" belongs.** A squared error summed over the features, with the factor 1/2, is -log p of this likelihood
    with sigma = 1, less the constant (D/2) log 2 pi; so that error plus the KL is -ELBO of ``Gaussian(sigma=1.0)`` less
    the constant. Without the factor 1/2 it is ``sigma=sqrt(1/2)``. A squared error **averaged** over the D features
    plus the KL is, times D/2,

        1/2 sum_d (x_d - m_d)^2 + (D/2) KL,

    the objective of ``Gaussian(sigma=1.0)`` with beta = D/2 (392 for 28x28 pixels: the posterior collapses and the
    samples blur), or equally beta = 1 with sigma^2 = D/2. ``"learned"`` finds the sigma that balances the two terms;
    at its optimum sigma^2 is the mean squared error (Rybkin et al. 2021, "Simple and effective VAE training with
    calibrated decoders").
    """

    name = "gaussian"
    support = (-math.inf, math.inf)

    def __init__(self, sigma: float | str = 1.0) -> None:
        self.sigma: float | str
        self.logvar: float | None = None
        if isinstance(sigma, str):
            if sigma not in LEARNED:
                raise ValueError(f"sigma must be a positive number or one of {', '.join(LEARNED)}; got {sigma!r}")
            self.sigma = sigma
        else:
            self.sigma = float(sigma)
            if not (math.isfinite(self.sigma) and self.sigma > 0 and math.isfinite(1 / self.sigma)):
                raise ValueError(f"sigma must be positive and finite, and so must 1/sigma; got {sigma!r}")
            self.logvar = 2 * math.log(self.sigma)

    def config(self) -> dict[str, Any]:
        """The name and sigma."""
        return {"name": self.name, "sigma": self.sigma}

    def raw_size(self, n_features: int) -> int:
        """D, or 2 D where the decoder puts out the log-variances as well."""
        return 2 * n_features if self.sigma == "heteroscedastic" else n_features

    def own_shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        """``logvar``, where it is learned."""
        if self.sigma == "learned":
            return {"logvar": (1,)}
        return {"logvar": (n_features,)} if self.sigma == "per-feature" else {}

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """-1/2 (r^2 + s + log 2 pi) with the standardised r = (x - m) e^(-s/2), as in `gaussian.log_normal`."""
        if self.logvar is not None:
            r = self._standardised(x, raw)
            return np.asarray(-0.5 * (r * r + (self.logvar + LOG_2PI)), raw.dtype)
        m, s = self.mean_logvar(raw, own)
        r = (x - m) * np.exp(-s / 2)
        return -0.5 * (r * r + s + LOG_2PI)

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """d/dm = r e^(-s/2) = (x - m) e^-s, d/ds = 1/2 (r^2 - 1)."""
        if self.logvar is not None:
            return np.asarray(self._standardised(x, raw) / self.sigma, raw.dtype), {}
        m, s = self.mean_logvar(raw, own)
        scale = np.exp(-s / 2)
        r = (x - m) * scale
        dm = r * scale
        ds = 0.5 * (r * r - 1)
        return (np.concatenate([dm, ds], axis=-1), {}) if self.sigma == "heteroscedastic" else (dm, {"logvar": ds})

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """m."""
        return self.mean_logvar(raw, own)[0]

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """m + e^(s/2) eps."""
        m, s = self.mean_logvar(raw, own)
        sigma = np.exp(s / 2) if self.logvar is None else np.float64(self.sigma)
        return np.asarray(m + sigma * generator.standard_normal(m.shape, dtype=m.dtype.type), m.dtype)

    def start(self, mean: Array, variance: Array) -> Array:
        """The mean, and where the decoder puts it out, the log-variance of the data, held at -10 or more."""
        if self.sigma != "heteroscedastic":
            return mean
        return np.concatenate([mean, np.log(np.maximum(variance, math.exp(-10)))])

    def start_own(self, mean: Array, variance: Array) -> dict[str, Array]:
        """The log of the data's variance about its mean, one or one a feature, where it is learned."""
        if self.sigma not in ("learned", "per-feature"):
            return {}
        spread = variance.mean(keepdims=True) if self.sigma == "learned" else variance
        return {"logvar": np.log(np.maximum(spread, math.exp(-10)))}

    def _standardised(self, x: Array, m: Array) -> Array:
        """(x - m) / sigma of a given sigma, in double precision: it enters squared, and a float32 has no 1e-50."""
        return np.subtract(x, m, dtype=np.result_type(m, np.float64)) / self.sigma

    def mean_logvar(self, raw: Array, own: Mapping[str, Array]) -> tuple[Array, Array]:
        """m and s, s broadcastable to m."""
        if self.sigma == "heteroscedastic":
            half = raw.shape[-1] // 2
            return raw[..., :half], raw[..., half:]
        if self.logvar is not None:
            return raw, np.asarray(self.logvar, raw.real.dtype)
        return raw, own["logvar"]
