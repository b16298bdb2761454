"""The kinds by whose type a likelihood's loop is chosen: named tuples, some of them with arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "Absent",
    "Bernoulli",
    "ContinuousBernoulli",
    "FlooredHeteroscedastic",
    "FlooredKind",
    "Gaussian",
    "GaussianKind",
    "Heteroscedastic",
]


class Bernoulli(NamedTuple):
    """log p = x a - log(1 + e^a)."""

    kind: int = 0


class ContinuousBernoulli(NamedTuple):
    """log p = x a - log((e^a - 1) / a)."""

    kind: int = 0


class Gaussian(NamedTuple):
    """log p = -1/2 (((x - m) / sigma)^2 + s + log 2 pi): s = log sigma^2 (D,), 1/sigma in two parts, ds (S N, D),
    the weighted gradient of s (of no rows where s is not learned), and the derivative of s with respect to what is
    learned, 1 without a floor.
    """

    s: Any
    inverse: Any
    rest: Any
    ds: Any
    slope: Any


class GaussianKind(NamedTuple):
    """A `Gaussian` before it has its arrays."""

    kind: int = 0


class Heteroscedastic(NamedTuple):
    """The same with m and s the two halves of raw (S N, 2 D)."""

    kind: int = 0


class FlooredHeteroscedastic(NamedTuple):
    """The same with the variance floor^2 + e^s; ``log_square`` is log floor^2."""

    floor: Any
    log_square: Any


class FlooredKind(NamedTuple):
    """A `FlooredHeteroscedastic` before it has its floor."""

    kind: int = 0


class Absent(NamedTuple):
    """No kernel: nothing is done."""

    kind: int = 0
