"""The kinds by whose type a likelihood's loop is chosen: named tuples, some of them with arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "Absent",
    "Bernoulli",
    "Beta",
    "BetaKind",
    "Categorical",
    "CategoricalKind",
    "ContinuousBernoulli",
    "DiscretisedLogistic",
    "DiscretisedLogisticKind",
    "FlooredHeteroscedastic",
    "FlooredKind",
    "Gaussian",
    "GaussianKind",
    "Heteroscedastic",
    "Laplace",
    "LaplaceKind",
    "Multinomial",
    "NegativeBinomial",
    "NegativeBinomialKind",
    "Poisson",
    "StudentT",
    "StudentTKind",
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


class _Dispersed(NamedTuple):
    """A location and the log s of a scale: s (D,) and e^-s, both empty where the decoder puts out s; ds (S N, D), the
    weighted gradient of s (of no rows where it is not learned); its slope, 1; and the likelihood's own numbers.
    """

    s: Any
    inverse: Any
    ds: Any
    slope: Any
    first: Any
    second: Any
    third: Any


class Laplace(_Dispersed):
    """log p = -|x - m| e^-s - s - log 2."""


class StudentT(_Dispersed):
    """Of nu degrees of freedom: nu, the constant of log p, log nu."""


class DiscretisedLogistic(_Dispersed):
    """Of L levels: L - 1 and its logarithm."""


class NegativeBinomial(_Dispersed):
    """Counts of the mean e^m and the dispersion e^s."""


class Beta(_Dispersed):
    """Of the mean sigmoid(m) and the precision e^s."""


class LaplaceKind(NamedTuple):
    """A `Laplace` before it has its arrays."""

    kind: int = 0


class StudentTKind(NamedTuple):
    """A `StudentT` before it has its arrays."""

    kind: int = 0


class DiscretisedLogisticKind(NamedTuple):
    """A `DiscretisedLogistic` before it has its arrays."""

    kind: int = 0


class NegativeBinomialKind(NamedTuple):
    """A `NegativeBinomial` before it has its arrays."""

    kind: int = 0


class BetaKind(NamedTuple):
    """A `Beta` before it has its arrays."""

    kind: int = 0


class Poisson(NamedTuple):
    """log p = x a - e^a - log x!."""

    kind: int = 0


class Categorical(NamedTuple):
    """log p = sum_c x_c log softmax(a)_c over groups of so many columns."""

    classes: Any


class CategoricalKind(NamedTuple):
    """A `Categorical` before it has its number of classes."""

    kind: int = 0


class Multinomial(NamedTuple):
    """log p = log n! - sum_d log x_d! + sum_d x_d log softmax(a)_d."""

    kind: int = 0


class Absent(NamedTuple):
    """No kernel: nothing is done."""

    kind: int = 0
