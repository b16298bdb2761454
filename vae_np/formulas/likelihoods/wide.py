"""Likelihoods that are computed in double precision whatever the model's."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.base import NOTHING, Likelihood

__all__ = ["Wide", "widened"]

Array = NDArray[Any]


def widened(a: Array) -> Array:
    """A as float64 or complex128."""
    return np.asarray(a, np.result_type(a, np.float64))


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
