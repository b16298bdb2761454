"""Counts whose rates are those of a unit of exposure: of time, area, or people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.doors import chosen, parse
from vae_np.formulas.likelihoods.base import NOTHING, Likelihood
from vae_np.formulas.likelihoods.negative_binomial import NegativeBinomial
from vae_np.formulas.likelihoods.poisson import Poisson
from vae_np.formulas.likelihoods.wide import widened
from vae_np.support.checks import check_each

__all__ = ["Exposure"]

Array = NDArray[Any]


class Exposure(Likelihood):
    """The last column is the exposure e > 0 of the row, the others are counts of the mean e times what is decoded.

        log p(x | a, e) = sum_d log p_of(x_d | a_d + log e),    a_d the log-mean of a unit of exposure

    The exposure is given and not modelled: log p(x) is that of the counts given it, and its own term is 0. The encoder
    sees it. `mean` and `sample` are of a unit of exposure: rates, and counts with the last column 1.

    Parameters
    ----------
    of : str, Likelihood or config
        `Poisson` or `NegativeBinomial`.

    Notes
    -----
    As a word: ``exposure:poisson`` or ``exposure:negative-binomial(dispersion=learned)``.
    """

    name = "exposure"
    support = (0.0, math.inf)

    def __init__(self, of: Any = "poisson") -> None:
        self.of = chosen(Likelihood, of)
        if not isinstance(self.of, (Poisson, NegativeBinomial)):
            raise ValueError(f"an exposure belongs to poisson or negative-binomial counts; got {self.of!r}")

    @classmethod
    def read(cls, text: str) -> dict[str, Any]:
        """The counts that ``negative-binomial(dispersion=learned)`` stands for."""
        name, bracket, options = text.partition("(")
        if not name or bool(bracket) != options.endswith(")"):
            raise ValueError(f"an exposure is such as exposure:poisson; got {text!r}")
        return {"of": parse(f"{name}:{options[:-1]}" if bracket else name)}

    def config(self) -> dict[str, Any]:
        """The name and the config of the counts."""
        return {"name": self.name, "of": self.of.checked_config()}

    def raw_size(self, n_features: int) -> int:
        """What the counts take; ``ValueError`` without a column of them."""
        if n_features < 2:
            raise ValueError("an exposure is the last column of at least two")
        return self.of.raw_size(n_features - 1)

    def own_shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        """Those of the counts."""
        return self.of.own_shapes(n_features - 1)

    def _shifted(self, x: Array, raw: Array) -> Array:
        """Raw, in double precision, with log e added to the log-means, which stand first."""
        d = x.shape[-1] - 1
        shifted = widened(raw) + np.zeros((*x.shape[:-1], 1))
        shifted[..., :d] += np.log(widened(x[..., d:]))
        return shifted

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """That of the counts, and 0 for the exposure."""
        found = self.of.log_density(x[..., :-1], self._shifted(x, raw), own)
        none = np.zeros((*found.shape[:-1], 1), found.dtype)
        return np.asarray(np.concatenate([found, none], axis=-1), np.result_type(raw, *own.values()))

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """That of the counts: d(a + log e)/da = 1."""
        draw, down = self.of.gradient(x[..., :-1], self._shifted(x, raw), own)
        return np.asarray(draw, raw.dtype), {name: np.asarray(array, raw.dtype) for name, array in down.items()}

    @staticmethod
    def _with_one(counts: Array) -> Array:
        return np.concatenate([counts, np.ones_like(counts[..., :1])], axis=-1)

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """The means of a unit of exposure, and 1."""
        return self._with_one(self.of.mean(raw, own))

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """Counts of a unit of exposure, and 1."""
        return self._with_one(self.of.sample(raw, generator, own))

    def start(self, mean: Array, variance: Array) -> Array:
        """That of the counts over the mean exposure."""
        return self.of.start(mean[:-1] / mean[-1], variance[:-1] / mean[-1] ** 2)

    def start_own(self, mean: Array, variance: Array) -> dict[str, Array]:
        """Likewise: the variance of what a Poisson adds is then too small by the exposure, where training can start."""
        return self.of.start_own(mean[:-1] / mean[-1], variance[:-1] / mean[-1] ** 2)

    def examples(self, u: Array) -> Array:
        """Counts, and exposures from 1/2 to 3/2."""
        return np.concatenate([self.of.examples(u[..., :-1]), u[..., -1:] + u.dtype.type(0.5)], axis=-1)

    def check(self, x: Array, name: str = "x") -> None:
        """``ValueError`` that names the first value that is no count, or no positive exposure."""
        what = f"the {self.name} likelihood"
        last = np.arange(x.shape[-1]) == x.shape[-1] - 1

        def valid(block: Array) -> NDArray[np.bool_]:
            return np.asarray(np.where(last, block > 0, (block >= 0) & (block == np.floor(block))))

        check_each(x, valid, must="whole counts, and positive exposures in the last column,", name=name, what=what)
