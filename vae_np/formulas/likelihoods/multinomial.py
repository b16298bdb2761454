"""The multinomial likelihood of documents as bags of words: counts of words, given how many there are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.gamma import log_peak
from vae_np.formulas.likelihoods.base import NOTHING
from vae_np.formulas.likelihoods.wide import Wide, widened
from vae_np.formulas.numerics import log1p, normalised_exp, phi
from vae_np.support.checks import check_counts, check_values, whole

__all__ = ["Multinomial"]

Array = NDArray[Any]


@dataclass(eq=False, repr=False)
class Multinomial(Wide):
    """Counts x of D words in a document of n = sum_d x_d, each the word d with the probability p_d = softmax(a)_d.

        log p(x | a, n) = log n! - sum_d log x_d! + sum_d x_d log p_d

    The length n is given and not modelled: log p is that of the counts given it, 0 of an empty document. In a long one
    these terms are large and nearly cancel. Independent Poisson counts of the rates n p_d, given their total, are this
    distribution, so that with phi(t) = e^t - 1 - t and `gamma.log_peak` P, P(x) = log x! - x log x + x, it is

        log p(x | a, n) = P(n) - sum_{x_d > 0} (x_d phi(log p_d - log(x_d / n)) + P(x_d)) - sum_{x_d = 0} n p_d,

    of terms of one sign but for P(n) = 1/2 log(2 pi n) + ..., which is small. The value of a feature is its own term
    and x_d / n of P(n); the sum over the features has the document's log p.

    Parameters
    ----------
    length : int
        How many words the documents have that are drawn and expected: with 1, the default, `mean` are the
        probabilities of the words, and `sample` draws one. Data may have any lengths; `documents` draws of any.

    Notes
    -----
    A float32 holds counts up to 2^24.
    """

    length: int = 1

    name = "multinomial"
    support = (0.0, math.inf)

    def __post_init__(self) -> None:
        self.length = whole("length", self.length, at_least=1)

    def raw_size(self, n_features: int) -> int:
        """D, logits; ``ValueError`` of a single word, whose count is the length that is given."""
        if n_features < 2:
            raise ValueError(f"the {self.name} likelihood needs at least two words; got {n_features} column")
        return n_features

    def value(self, x: Array, raw: Array, own: Mapping[str, Array]) -> Array:
        """As above; log p_d is (a_d - a_*) - log1p(sum_{d' != *} e^(a_d' - a_*)) with the largest logit a_*."""
        top = np.argmax(raw.real, axis=-1, keepdims=True)
        shifted = raw - np.take_along_axis(raw, top, axis=-1)
        e = np.exp(shifted)  # 1 of the largest itself
        p = e / np.sum(e, axis=-1, keepdims=True)
        np.put_along_axis(e, top, 0, axis=-1)
        log_p = shifted - log1p(e.sum(axis=-1, keepdims=True))
        n = np.broadcast_to(x.sum(axis=-1, keepdims=True), raw.shape)
        found: Array = -n * p
        some = np.broadcast_to(x != 0, raw.shape)  # few of a document's: only these need logarithms
        count, length = np.broadcast_to(x, raw.shape)[some], n[some]
        share = count / length
        found[some] = share * log_peak(length) - count * phi(log_p[some] - np.log(share)) - log_peak(count)
        return found

    def slope(self, x: Array, raw: Array, own: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """d/da_d = x_d - n p_d; of a probability above 1/2 as n (1 - p_d) - (n - x_d), with 1 - p_d of the others."""
        p, n = normalised_exp(raw, axis=-1), x.sum(axis=-1, keepdims=True)
        slope = x - n * p
        top = np.argmax(p, axis=-1, keepdims=True)
        largest = np.take_along_axis(p, top, axis=-1)
        np.put_along_axis(p, top, 0, axis=-1)
        rest = p.sum(axis=-1, keepdims=True)
        held = np.take_along_axis(np.broadcast_to(x, raw.shape), top, axis=-1)
        precise = np.where(largest > 0.5, n * rest - (n - held), np.take_along_axis(slope, top, axis=-1))
        np.put_along_axis(slope, top, precise, axis=-1)
        return slope, {}

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """``length`` times softmax(a)."""
        return np.asarray(self.length * normalised_exp(widened(raw), axis=-1), raw.dtype)

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """A document of ``length`` words for each row."""
        return np.asarray(self.documents(normalised_exp(widened(raw), axis=-1), self.length, generator), raw.dtype)

    @staticmethod
    def documents(shares: ArrayLike, lengths: ArrayLike, generator: np.random.Generator) -> Array:
        """Counts of documents of these lengths, a number or one a row, of the words' probabilities or what is so to 1.

        Parameters
        ----------
        shares : array, shape (..., D)
            Not negative, and not all 0 in a row.
        lengths : array
        generator : numpy.random.Generator

        Examples
        --------
        >>> Multinomial.documents(np.array([[1.0, 0.0], [0.0, 2.0]]), [3, 5], np.random.default_rng(0))
        array([[3., 0.],
               [0., 5.]])
        """
        n, p = np.atleast_1d(np.asarray(lengths)), widened(np.asarray(shares))
        if not isinstance(generator, np.random.Generator):
            raise TypeError(f"generator must be a numpy.random.Generator; got {generator!r}")
        check_counts(n, name="lengths", what="documents")
        check_values(p, 0, math.inf, name="shares", what="documents")
        whole_share = p.sum(axis=-1, keepdims=True)
        if not (whole_share > 0).all():
            raise ValueError(f"shares must not be 0 of every word; row {int(np.argmin(whole_share.ravel()))} has none")
        return generator.multinomial(n.astype(np.int64), p / whole_share).astype(np.float64)

    def start(self, mean: Array, variance: Array) -> Array:
        """The log of each word's share of all words, held at 0.001 of an equal share or more."""
        words = max(float(mean.sum()), 1e-300)
        start: Array = np.log(np.maximum(mean / words, 0.001 / len(mean)))
        return start

    def check(self, x: Array, name: str = "x") -> None:
        """``ValueError`` that names the first value that is no count: negative, fractional or beyond 2^53."""
        check_counts(x, name=name, what=f"the {self.name} likelihood")

    def examples(self, u: Array) -> Array:
        """Counts from 0 to 6."""
        return np.floor(7 * u * 0.9999)
