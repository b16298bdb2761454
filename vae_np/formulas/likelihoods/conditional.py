"""p(x | z, c) where a row is [x, c]: the condition is given and not modelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.base import NOTHING, Likelihood
from vae_np.support.checks import check_values, whole

__all__ = ["Conditional", "conditional", "of_data"]

Array = NDArray[Any]


class Conditional(Likelihood):
    """The likelihood of a conditional model (Sohn, Lee & Yan 2015), whose rows are [x, c].

        log p(x | raw) = sum_d log p_of(x_d | raw),    d in the columns of x

    The last C columns are the condition, which the decoder has turned into raw together with z; their own terms are 0,
    and `mean` and `sample` leave them out. ``VAE(..., condition=C)`` makes one; it has no name, and a model's file has
    what it is made of.

    Parameters
    ----------
    of : Likelihood
        That of x.
    columns : int
        C.
    """

    def __init__(self, of: Likelihood, columns: int) -> None:
        self.of, self.columns = of, whole("condition", columns, at_least=1)
        self.support = of.support
        self.name, self.has_levels = getattr(of, "name", type(of).__name__), of.has_levels  # type: ignore[misc]

    def config(self) -> dict[str, Any]:
        """What two of them are compared by."""
        return {"of": self.of.config(), "columns": self.columns}

    def raw_size(self, n_features: int) -> int:
        """What x takes."""
        return self.of.raw_size(n_features - self.columns)

    def real(self, n_features: int) -> NDArray[np.bool_]:
        """Of the columns of x; a condition is left as it is."""
        return np.concatenate([self.of.real(n_features - self.columns), np.zeros(self.columns, bool)])

    def own_shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        """Those of x."""
        return self.of.own_shapes(n_features - self.columns)

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """That of x, and 0 for the condition."""
        found = self.of.checked_log_density(x[..., : -self.columns], raw, own)
        return np.concatenate([found, np.zeros((*found.shape[:-1], self.columns), found.dtype)], axis=-1)

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """That of x."""
        return self.of.gradient(x[..., : -self.columns], raw, own)

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """E[x | raw], (..., D)."""
        return self.of.mean(raw, own)

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """A draw of x, (..., D)."""
        return self.of.sample(raw, generator, own)

    def start(self, mean: Array, variance: Array) -> Array:
        """That of x."""
        return self.of.start(mean[: -self.columns], variance[: -self.columns])

    def start_own(self, mean: Array, variance: Array) -> dict[str, Array]:
        """That of x."""
        return self.of.start_own(mean[: -self.columns], variance[: -self.columns])

    def examples(self, u: Array) -> Array:
        """Those of x, and u itself for the condition."""
        return np.concatenate([self.of.examples(u[..., : -self.columns]), u[..., -self.columns :]], axis=-1)

    def check(self, x: Array, name: str = "x") -> None:
        """That x is in its support and the condition finite."""
        self.of.check(x[..., : -self.columns], name)
        check_values(x[..., -self.columns :], -np.inf, np.inf, name=f"the condition of {name}")


def conditional(of: Likelihood, columns: int) -> Likelihood:
    """The likelihood of rows with so many columns of a condition, itself for 0."""
    if isinstance(of, Conditional):
        raise TypeError(f"condition={of.columns} makes a conditional likelihood; {of!r} is one already")
    return Conditional(of, columns) if columns else of


def of_data(likelihood: Likelihood) -> Likelihood:
    """That of x alone."""
    return likelihood.of if isinstance(likelihood, Conditional) else likelihood
