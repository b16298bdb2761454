"""The discretised logistic likelihood of pixel levels: a probability for each of 256 grey values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.dispersed import Dispersed
from vae_np.formulas.numerics import log1p, log_expm1_over, sigmoid, softplus
from vae_np.support.checks import check_each, whole

__all__ = ["DiscretisedLogistic"]

Array = NDArray[Any]
ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""Of k / (L - 1) in float32, and of its product with L - 1, in units of the level."""


@dataclass(eq=False, repr=False)
class DiscretisedLogistic(Dispersed):
    """The level k of x = k / (L - 1) is that to which a logistic number of mean m and scale b = e^s rounds.

        p(x | m, s) = sigmoid(B) - sigmoid(A),    A, B = (x -+ h - m) / b,    h = 1 / (2 (L - 1))

    where sigmoid(A) is 0 at the lowest level and sigmoid(B) is 1 at the highest, so that all L probabilities add up to
    1. The difference cancels where b is large, and is 0 - 0 or 1 - 1 far from m; it is also the product

        p = sigmoid(-A) sigmoid(B) (1 - e^-w),    w = 2 h / b,

    of which each factor has a logarithm that is exact everywhere; the last one, and one of the others, is missing at
    the two ends.

    log p(x) in nats, over D log 2, is what the field calls bits a dimension: `vae_np.Evaluation.bits_per_dimension`.

    Parameters
    ----------
    scale : float or str
        b, in units of x: a number, ``"learned"`` (a parameter ``likelihood.logscale`` of shape (1,)), ``"per-feature"``
        (of shape (D,)) or ``"heteroscedastic"`` (the decoder puts out m and s).
    levels : int
        L: 256 for bytes over 255.

    Notes
    -----
    Kingma et al. (2016), "Improved variational inference with inverse autoregressive flow", and Salimans et al. (2017),
    "PixelCNN++". These are probabilities, not densities: log p is at most 0, and no spike on a grey value pays.
    """

    scale: float | str = "learned"
    levels: int = 256

    name = "discretised-logistic"
    support = (0.0, 1.0)
    spread = "scale"
    has_levels = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.levels = whole("levels", self.levels, at_least=2)

    def _edges(self, x: Array, m: Array, s: Array) -> tuple[Array, Array, Array, Array, Array]:
        """A and B, whether x is above the lowest and below the highest level, and w."""
        steps = self.levels - 1
        level, inverse = np.where(np.isfinite(x), np.rint(x * steps), x), np.exp(-s)
        low, high = ((level + side * 0.5) / steps - m for side in (-1, 1))
        return low * inverse, high * inverse, ~(level <= 0), ~(level >= steps), inverse / steps

    def log_p(self, x: Array, m: Array, s: Array) -> Array:
        """-log(1 + e^A) above the lowest level, -log(1 + e^-B) below the highest, log(1 - e^-w) between them."""
        a, b, above, below, w = self._edges(x, m, s)
        wide = w.real > 1  # there log(1 - e^-w) itself, elsewhere that of its quotient by w, and log w
        near = np.where(wide, 1, w)
        gap = np.where(
            wide, log1p(-np.exp(-np.where(wide, w, 1))), log_expm1_over(-near) - s - math.log(self.levels - 1)
        )
        return np.where(above & below, gap, 0) - np.where(above, softplus(a), 0) - np.where(below, softplus(-b), 0)

    def slopes(self, x: Array, m: Array, s: Array) -> tuple[Array, Array]:
        """The same three terms: sigmoid(A) / b - sigmoid(-B) / b, and A sigmoid(A) - B sigmoid(-B) - w / (e^w - 1)."""
        a, b, above, below, w = self._edges(x, m, s)
        up, down = np.where(above, sigmoid(a), 0), np.where(below, sigmoid(-b), 0)
        far = w > 700
        middle = np.where(far, 0, np.where(w == 0, 1, np.where(far, 1, w) / np.expm1(np.where(far | (w == 0), 1, w))))
        gap = np.where(above & below, middle, 0)
        return (up - down) * np.exp(-s), np.where(above, a, 0) * up - np.where(below, b, 0) * down - gap

    def draw(self, m: Array, s: Array, generator: np.random.Generator) -> Array:
        """A logistic number, rounded to its level."""
        steps = self.levels - 1
        x = m + np.exp(s) * generator.logistic(size=m.shape)
        return np.clip(np.rint(x * steps), 0, steps) / steps

    def expectation(self, m: Array, s: Array) -> Array:
        """The sum over the levels above the lowest of the probability to reach each, over L - 1."""
        steps = self.levels - 1
        inverse, total = np.exp(-s), np.zeros(np.broadcast_shapes(m.shape, s.shape))
        for k in range(1, self.levels):
            total += sigmoid((m - (k - 0.5) / steps) * inverse)
        return total / steps

    def location(self, mean: Array) -> Array:
        """The mean."""
        return mean

    def log_dispersion(self, mean: Array, variance: Array) -> Array:
        """The scale of a logistic number of that variance, which is held at the square of half a level or more."""
        least = (0.5 / (self.levels - 1)) ** 2
        s: Array = 0.5 * np.log(3 * np.maximum(variance, least)) - math.log(math.pi)
        return s

    def check(self, x: Array, name: str = "x") -> None:
        """``ValueError`` that names the first value that is no level k / (L - 1)."""
        steps, what = self.levels - 1, f"the {self.name} likelihood"

        def is_level(block: Array) -> NDArray[np.bool_]:
            k = np.where(np.isfinite(block), block, -1).astype(np.float64) * steps
            close = np.abs(k - np.rint(k)) <= ROUNDING * np.maximum(1, np.abs(k))
            return (block >= 0) & (block <= 1) & close

        check_each(x, is_level, must=f"whole multiples of 1/{steps} in [0, 1]", name=name, what=what)

    def examples(self, u: Array) -> Array:
        """The nearest levels."""
        return np.rint(u * (self.levels - 1)) / u.dtype.type(self.levels - 1)
