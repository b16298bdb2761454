"""Likelihoods that are computed in double precision whatever the model's."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.base import NOTHING, Likelihood

__all__ = ["Wide", "poisson_counts", "widened"]

Array = NDArray[Any]
MOST_RATE = 2.0**63 - 10 * 2.0**31.5
"""NumPy's: ten deviations below the largest int64."""


def widened(a: Array) -> Array:
    """A as float64 or complex128."""
    return np.asarray(a, np.result_type(a, np.float64))


def poisson_counts(rate: Array, generator: np.random.Generator) -> Array:
    """A count of each rate, float64; ``ValueError`` for a rate beyond 9.2e18, the largest that is drawn."""
    if not (drawn := rate <= MOST_RATE).all():
        raise ValueError(
            f"counts are drawn of rates of at most {MOST_RATE:.3g}; the decoder gives {rate[~drawn][0]:.3g}"
            f" ({int((~drawn).sum())} of {rate.size} rates)"
        )
    return generator.poisson(rate).astype(np.float64)


class Wide(Likelihood):
    """A likelihood whose gamma functions and differences want more digits than a float32 has; rounded at the end."""

    @abc.abstractmethod
    def value(self, x: Array, raw: Array, own: Mapping[str, Array]) -> Array:
        """`log_density` of float64 numbers, raw and own perhaps complex."""

    @abc.abstractmethod
    def slope(self, x: Array, raw: Array, own: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """`gradient` of float64 numbers."""

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """`value`, in raw's precision."""
        wide = {name: widened(a) for name, a in own.items()}
        found = self.value(widened(x), widened(raw), wide)
        return np.asarray(found, np.result_type(raw, *own.values()))

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """`slope`, in raw's precision."""
        draw, down = self.slope(widened(x), widened(raw), {name: widened(a) for name, a in own.items()})
        return np.asarray(draw, raw.dtype), {name: np.asarray(a, raw.dtype) for name, a in down.items()}
