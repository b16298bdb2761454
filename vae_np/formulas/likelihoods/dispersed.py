"""Likelihoods of a location and a dispersion, which is a number, learned, or the decoder's."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods.base import NOTHING
from vae_np.formulas.likelihoods.wide import Wide, widened
from vae_np.support.checks import positive

__all__ = ["Dispersed", "LocationScale"]

Array = NDArray[Any]
LEARNED = ("learned", "per-feature", "heteroscedastic")


class Dispersed(Wide):
    """p(x | m, s): a location m from the decoder, and the log s of a positive number, the ``dispersion``.

    A subclass is a dataclass with a field of the dispersion's own name (a scale, a precision), which is

    - a number: the same for every feature;
    - ``"learned"``: one for all features, its log s a parameter ``likelihood.log...`` of shape (1,) that starts at 0;
    - ``"per-feature"``: one a feature, of shape (D,);
    - ``"heteroscedastic"``: the decoder puts out (m, s), its output layer is 2 D wide, m first.
    """

    spread: ClassVar[str]
    """The name of the field."""

    def __post_init__(self) -> None:
        given = getattr(self, self.spread)
        if isinstance(given, str):
            if given not in LEARNED:
                raise ValueError(
                    f"{self.spread} must be a positive number or one of {', '.join(LEARNED)}; got {given!r}"
                )
            self.fixed: float | None = None
        else:
            number = positive(self.spread, given)
            setattr(self, self.spread, number)
            self.fixed = math.log(number)

    @abc.abstractmethod
    def log_p(self, x: Array, m: Array, s: Array) -> Array:
        """log p(x | m, s) of each feature."""

    @abc.abstractmethod
    def slopes(self, x: Array, m: Array, s: Array) -> tuple[Array, Array]:
        """Its derivatives with respect to m and to s."""

    @abc.abstractmethod
    def draw(self, m: Array, s: Array, generator: np.random.Generator) -> Array:
        """One x for each m."""

    @abc.abstractmethod
    def expectation(self, m: Array, s: Array) -> Array:
        """E[x | m, s]."""

    @abc.abstractmethod
    def location(self, mean: Array) -> Array:
        """m at which the expectation is that of the data."""

    @abc.abstractmethod
    def log_dispersion(self, mean: Array, variance: Array) -> Array:
        """s at which the variance is that of the data, held where training can start."""

    @property
    def _own(self) -> str:
        return f"log{self.spread}"

    @property
    def _kind(self) -> float | str:
        kind: float | str = getattr(self, self.spread)
        return kind

    def raw_size(self, n_features: int) -> int:
        """D, or 2 D where the decoder puts out s as well."""
        return 2 * n_features if self._kind == "heteroscedastic" else n_features

    def own_shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        """The log of the dispersion, where it is learned."""
        if self._kind == "learned":
            return {self._own: (1,)}
        return {self._own: (n_features,)} if self._kind == "per-feature" else {}

    def parts(self, raw: Array, own: Mapping[str, Array]) -> tuple[Array, Array]:
        """m and s, s broadcastable to m."""
        if self._kind == "heteroscedastic":
            half = raw.shape[-1] // 2
            return raw[..., :half], raw[..., half:]
        return raw, np.asarray(self.fixed, raw.real.dtype) if self.fixed is not None else own[self._own]

    def value(self, x: Array, raw: Array, own: Mapping[str, Array]) -> Array:
        """`log_p`."""
        return self.log_p(x, *self.parts(raw, own))

    def slope(self, x: Array, raw: Array, own: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """`slopes`, where the dispersion belongs."""
        m, s = self.parts(raw, own)
        dm, ds = self.slopes(x, m, s)
        if self._kind == "heteroscedastic":
            return np.concatenate([dm, ds], axis=-1), {}
        return dm, {} if self.fixed is not None else {self._own: ds}

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """`expectation`."""
        m, s = self.parts(widened(raw), {name: widened(a) for name, a in own.items()})
        return np.asarray(self.expectation(m, s), raw.dtype)

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """`draw`."""
        m, s = self.parts(widened(raw), {name: widened(a) for name, a in own.items()})
        return np.asarray(self.draw(m, s, generator), raw.dtype)

    def start(self, mean: Array, variance: Array) -> Array:
        """`location`, and where the decoder puts it out `log_dispersion`."""
        m = self.location(mean)
        return m if self._kind != "heteroscedastic" else np.concatenate([m, self.log_dispersion(mean, variance)])

    def start_own(self, mean: Array, variance: Array) -> dict[str, Array]:
        """`log_dispersion`, or the log of the mean of all features' dispersions."""
        if self._kind not in ("learned", "per-feature"):
            return {}
        s = self.log_dispersion(mean, variance)
        return {self._own: s if self._kind == "per-feature" else np.log(np.exp(s).mean(keepdims=True))}


class LocationScale(Dispersed):
    """x = m + e^s y of a number y whose distribution is standard and whose mean is 0."""

    @abc.abstractmethod
    def standard(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Draws of y."""

    def draw(self, m: Array, s: Array, generator: np.random.Generator) -> Array:
        """m + e^s y."""
        x: Array = m + np.exp(s) * self.standard(m.shape, generator)
        return x

    def expectation(self, m: Array, s: Array) -> Array:
        """m."""
        return m

    def location(self, mean: Array) -> Array:
        """The mean."""
        return mean
