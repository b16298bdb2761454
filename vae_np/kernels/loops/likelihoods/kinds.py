"""The kinds by whose type a likelihood's loop is chosen: named tuples, some of them with arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Absent", "Bernoulli", "ContinuousBernoulli", "Gaussian", "GaussianKind", "Heteroscedastic"]


class Bernoulli(NamedTuple):
    """log p = x a - log(1 + e^a)."""

    kind: int = 0


class ContinuousBernoulli(NamedTuple):
    """log p = x a - log((e^a - 1) / a)."""

    kind: int = 0


class Gaussian(NamedTuple):
    """log p = -1/2 (((x - m) e^(-s/2))^2 + s + log 2 pi): s (D,), its `inverse_deviation`, and room for ds (T, D)."""

    s: Any
    inverse: Any
    rest: Any
    ds: Any


class GaussianKind(NamedTuple):
    """A `Gaussian` before it has its arrays."""

    kind: int = 0


class Heteroscedastic(NamedTuple):
    """The same with m and s the two halves of raw (S N, 2 D)."""

    kind: int = 0


class Absent(NamedTuple):
    """No kernel: nothing is done."""

    kind: int = 0
