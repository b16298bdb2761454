"""The categorical likelihood: groups of columns of which one is 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from vae_np.formulas.likelihoods.base import NOTHING
from vae_np.formulas.likelihoods.wide import Wide, widened
from vae_np.formulas.numerics import log1p, normalised_exp
from vae_np.support.checks import check_each, whole

__all__ = ["Categorical"]

Array = NDArray[Any]


@dataclass(eq=False, repr=False)
class Categorical(Wide):
    """Each group of C neighbouring columns is one-hot: class c with the probability softmax(a)_c of the group's logits.

        log p(x | a) = sum_c x_c (a_c - log sum_c' e^a_c')

    The value of a feature is its own summand, which is 0 where x_c is; the sum over the features has each group's
    log p once. With the largest logit a_* it is computed as (a_c - a_*) - log1p(sum_{c' != *} e^(a_c' - a_*)), so that
    a probability close to 1 keeps the digits of its logarithm.

    Parameters
    ----------
    classes : int, optional
        C, which must divide the number of columns; all columns are one group if left out. A text of L characters over
        an alphabet of C is a row of L C columns.
    """

    classes: int | None = None

    name = "categorical"
    support = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.classes is not None:
            self.classes = whole("classes", self.classes, at_least=2)

    def raw_size(self, n_features: int) -> int:
        """D, logits."""
        classes = n_features if self.classes is None else self.classes
        if n_features % classes:
            raise ValueError(f"classes={classes} of the {self.name} likelihood must divide the {n_features} columns")
        return n_features

    def one_hot(self, codes: ArrayLike, dtype: DTypeLike = np.float64) -> Array:
        """X (N, G C) of codes (N, G), whole numbers from 0 to C - 1: what the model takes. `codes` is its inverse.

        Examples
        --------
        >>> Categorical(3).one_hot([[2, 0]])
        array([[0., 0., 1., 1., 0., 0.]])
        """
        if self.classes is None:
            raise ValueError("codes need the number of classes: Categorical(classes=...)")
        given, last = np.asarray(codes), self.classes - 1
        must, what = f"whole numbers from 0 to {last}", f"codes of {self.classes} classes"
        check_each(given, lambda b: (b >= 0) & (b <= last) & (b == np.floor(b)), must=must, name="codes", what=what)
        x = np.eye(self.classes, dtype=dtype)[given.astype(np.intp)]
        return x.reshape(*given.shape[:-1], -1)

    def codes(self, x: Array) -> NDArray[np.intp]:
        """The class of each group, (N, G), of x (N, G C): of probabilities, as `mean` gives them, the likeliest."""
        found: NDArray[np.intp] = np.argmax(self.groups(x), axis=-1)
        return found

    def groups(self, a: Array) -> Array:
        """(..., D) as (..., G, C)."""
        classes = a.shape[-1] if self.classes is None else self.classes
        return a.reshape(*a.shape[:-1], a.shape[-1] // max(1, classes), classes)  # -1 is not known of no rows

    def value(self, x: Array, raw: Array, own: Mapping[str, Array]) -> Array:
        """x_c (a_c - a_*) - x_c log1p(sum of the others)."""
        a = self.groups(raw)
        top = np.argmax(a.real, axis=-1, keepdims=True)
        shifted = a - np.take_along_axis(a, top, axis=-1)
        others = np.exp(shifted)
        np.put_along_axis(others, top, 0, axis=-1)
        log_p = shifted - log1p(others.sum(axis=-1, keepdims=True))
        hot = np.broadcast_to(x, raw.shape)
        return np.where(hot == 0, 0, hot * log_p.reshape(raw.shape)) + 0 * raw

    def slope(self, x: Array, raw: Array, own: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """d/da_c = x_c - softmax(a)_c; where x_c is 1 the sum of the others' probabilities: 1 - p loses its digits."""
        p, hot = normalised_exp(self.groups(raw), axis=-1), self.groups(np.broadcast_to(x, raw.shape))
        others = np.where(hot == 0, p, 0).sum(axis=-1, keepdims=True)
        return np.where(hot == 0, -p, hot * others).reshape(raw.shape), {}

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """softmax(a)."""
        return np.asarray(normalised_exp(self.groups(widened(raw)), axis=-1).reshape(raw.shape), raw.dtype)

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """One-hot at the largest of the logits, each with Gumbel noise of its own (Gumbel 1954)."""
        a = self.groups(widened(raw))
        winner = np.argmax(a + generator.gumbel(size=a.shape), axis=-1, keepdims=True)
        x = np.zeros(a.shape, raw.dtype)
        np.put_along_axis(x, winner, 1, axis=-1)
        return x.reshape(raw.shape)

    def start(self, mean: Array, variance: Array) -> Array:
        """The log of each class's share, held at 0.001 or more."""
        start: Array = np.log(np.maximum(mean, 0.001))
        return start

    def check(self, x: Array, name: str = "x") -> None:
        """``ValueError`` that names the first value that is not 0 or 1, or the first group without exactly one 1."""
        what = f"the {self.name} likelihood"
        check_each(x, lambda block: (block == 0) | (block == 1), must="0 or 1", name=name, what=what)
        x = np.asarray(x)
        if x.ndim < 2 or x.shape[-1] % (self.classes or x.shape[-1]):
            return  # the model says what is wrong with the shape
        ones = self.groups(x).sum(axis=-1)
        if (wrong := np.argwhere(ones != 1)).size:
            *row, group = map(int, wrong[0])
            size = self.classes or x.shape[-1]
            raise ValueError(
                f"{name} must have exactly one 1 in each group of {size} columns for {what}; row {row[0]}, columns"
                f" {group * size} to {group * size + size - 1} have {int(ones[tuple(wrong[0])])}"
                f" ({len(wrong)} of {ones.size} groups violate this; counted from 0)"
            )

    def examples(self, u: Array) -> Array:
        """The largest of each group is 1."""
        groups = self.groups(u)
        x = np.zeros_like(groups)
        np.put_along_axis(x, np.argmax(groups, axis=-1, keepdims=True), 1, axis=-1)
        return x.reshape(u.shape)
