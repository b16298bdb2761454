"""The Gaussian likelihood: fixed, learned, per-feature or heteroscedastic deviation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.base import NOTHING, Likelihood
from vae_np.formulas.numerics import LOG_2PI
from vae_np.support.noise import normal_numbers

__all__ = ["Gaussian", "Spread", "spread"]

Array = NDArray[Any]
LEAST = 1e-15
"""Of a floor: its square and that square's reciprocal are normal numbers, also in float32."""
LEARNED = ("learned", "per-feature", "heteroscedastic")


class Spread(NamedTuple):
    """What s makes of a variance: 1/sigma, log sigma^2, and d log sigma^2 / ds."""

    inverse: Array
    logvar: Array
    slope: Any


def spread(s: Array, floor: float) -> Spread:
    """sigma^2 = floor^2 + e^s, or e^s where there is no floor.

    With q the smaller of the two terms over the larger, at most 1, log sigma^2 is the larger's logarithm + log(1 + q)
    and its derivative 1 / (1 + q) or q / (1 + q): nothing cancels and nothing overflows. s may be complex.
    """
    if floor == 0:
        return Spread(np.exp(-s / 2), s, 1)
    up = s.real > 2 * math.log(floor)  # e^s is the larger
    h, one = np.exp(np.where(up, -s, s) / 2), s.real.dtype.type(1)  # e^-s would underflow where e^(-s/2) does not
    q = np.square(h * np.where(up, one * floor, one / floor))
    inverse = np.where(up, h, one / floor) / np.sqrt(1 + q)
    return Spread(inverse, np.where(up, s, one * 2 * math.log(floor)) + np.log1p(q), np.where(up, 1, q) / (1 + q))


class Gaussian(Likelihood):
    """x_d ~ N(m_d, exp(s_d)) for the decoder's mean m and a log-variance s.

        log p(x | m, s) = -1/2 ((x - m)^2 e^-s + s + log 2 pi)

    With a floor the variance is floor^2 + e^s: it falls smoothly to floor^2 and no further, so that a constant feature
    does not drive its log-density, and the loss, without bound.

    Parameters
    ----------
    sigma : float or str
        - a number: the deviation of every feature, s = 2 log(sigma), and e^(-s/2) is 1/sigma itself: s, rounded, would
          put its error, |s| times as large, into the exponent;
        - ``"learned"``: one s for all features, a parameter ``likelihood.logvar`` of shape (1,) that starts at 0;
        - ``"per-feature"``: one s a feature, ``likelihood.logvar`` of shape (D,);
        - ``"heteroscedastic"``: the decoder puts out (m, s), its output layer is 2 D wide, means first.
    floor : float
        The least deviation of a learned sigma, in the units that the decoder has; 0 for none.

    Raises
    ------
    ValueError
        If sigma is neither one of these words nor a positive number that is finite as its reciprocal is, or the floor
        is negative, too small, or belongs to a sigma that is a number.

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

    def __init__(self, sigma: float | str = 1.0, floor: float = 0.0) -> None:
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
        self.floor = float(floor)
        if self.floor != 0 and not LEAST <= self.floor <= 1 / LEAST:
            raise ValueError(f"floor must be 0, or lie between {LEAST} and {1 / LEAST}; got {floor!r}")
        if self.floor and self.logvar is not None:
            raise ValueError(f"floor belongs to a learned sigma; sigma is {self.sigma}")

    def config(self) -> dict[str, Any]:
        """The name, sigma and floor."""
        return {"name": self.name, "sigma": self.sigma, "floor": self.floor}

    def raw_size(self, n_features: int) -> int:
        """D, or 2 D where the decoder puts out the log-variances as well."""
        return 2 * n_features if self.sigma == "heteroscedastic" else n_features

    def own_shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        """``logvar``, where it is learned."""
        if self.sigma == "learned":
            return {"logvar": (1,)}
        return {"logvar": (n_features,)} if self.sigma == "per-feature" else {}

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """-1/2 (r^2 + log sigma^2 + log 2 pi) with r = (x - m) / sigma, as in `gaussian.log_normal`."""
        if self.logvar is not None:
            r = self._standardised(x, raw)
            return np.asarray(-0.5 * (r * r + (self.logvar + LOG_2PI)), raw.dtype)
        m, s = self.mean_logvar(raw, own)
        inverse, logvar, _ = spread(s, self.floor)
        r = (x - m) * inverse
        return -0.5 * (r * r + logvar + LOG_2PI)

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """d/dm = r / sigma, d/ds = 1/2 (r^2 - 1) dlog sigma^2 / ds, of which the last factor is 1 without a floor."""
        if self.logvar is not None:
            return np.asarray(self._standardised(x, raw) / self.sigma, raw.dtype), {}
        m, s = self.mean_logvar(raw, own)
        inverse, _, slope = spread(s, self.floor)
        r = (x - m) * inverse
        dm = r * inverse
        ds = 0.5 * (r * r - 1) * slope
        return (np.concatenate([dm, ds], axis=-1), {}) if self.sigma == "heteroscedastic" else (dm, {"logvar": ds})

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """m."""
        return self.mean_logvar(raw, own)[0]

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """m + sigma eps."""
        m, s = self.mean_logvar(raw, own)
        sigma = np.float64(self.sigma) if self.logvar is not None else np.exp(spread(s, self.floor).logvar / 2)
        return np.asarray(m + sigma * normal_numbers(generator, m.shape), m.dtype)

    def start(self, mean: Array, variance: Array) -> Array:
        """The mean, and where the decoder puts it out, the log-variance of the data, held at -10 or more."""
        if self.sigma != "heteroscedastic":
            return mean
        return np.concatenate([mean, self._start_logvar(variance)])

    def start_own(self, mean: Array, variance: Array) -> dict[str, Array]:
        """The log of the data's variance about its mean, one or one a feature, where it is learned."""
        if self.sigma not in ("learned", "per-feature"):
            return {}
        return {"logvar": self._start_logvar(variance.mean(keepdims=True) if self.sigma == "learned" else variance)}

    def _start_logvar(self, variance: Array) -> Array:
        """s at which the variance is the data's, held at -10 or more, or where there is a floor at the floor's."""
        least = self.floor**2 or math.exp(-10)
        started: Array = np.log(np.maximum(variance - self.floor**2, least))
        return started

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
