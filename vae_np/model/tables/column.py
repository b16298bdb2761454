"""One column of a table: as numbers for the model, and back."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.likelihoods import Categorical, Likelihood, NegativeBinomial, Poisson
from vae_np.model.tables.refusals import refuse_inexact, refuse_strange

__all__ = ["Column", "levels_of"]

Array = NDArray[Any]
MOST_LEVELS = 20
"""A text of more levels than that, most of them once, is a name and no class."""
SHOWN = 3
PLACE = re.compile(r"(; row [0-9]+), column 0(?= is )")
"""What a check says of the one column that it was given."""


@dataclass(frozen=True, eq=False)
class Column:
    """What is known of it since the first table.

    Parameters
    ----------
    name : label in the frame
    dtype : dtype in the frame, of pandas or NumPy
    likelihood : Likelihood
    why : str
        What made it that one.
    levels : tuple
        Of a class, in the order of its columns of zeros and ones; else empty.
    span : str
        Its values in words.
    kind : str
        The letter of its values' NumPy dtype, O where they are neither truths nor numbers: `kinds.letter_of`.
    """

    name: Hashable
    dtype: Any
    likelihood: Likelihood
    why: str
    levels: tuple[Any, ...] = ()
    span: str = ""
    kind: str = "O"

    @property
    def width(self) -> int:
        """How many columns of numbers it is."""
        return len(self.levels) or 1

    def code(self, values: Any) -> Array:
        """(N, width) of float64; ``ValueError`` names the column and what it cannot hold."""
        refuse_strange(self.name, values)
        return self._one_hot(values) if self.levels else self.checked(values)[:, None]

    def _one_hot(self, values: Any) -> Array:
        place = {level: j for j, level in enumerate(self.levels)}
        found = [place.get(value, -1) for value in values.tolist()]
        if -1 in found:
            unknown = list(dict.fromkeys(v for v, j in zip(values.tolist(), found, strict=True) if j < 0))[:SHOWN]
            raise ValueError(f"Found unknown categories {unknown} in column {self.name!r} during transform")
        return np.eye(len(self.levels))[np.array(found, np.intp)]

    def checked(self, values: Any) -> Array:
        """(N,) of float64, numbers that the likelihood admits."""
        column = f"column {self.name!r}"
        try:
            x = np.asarray(values, np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{column} must hold numbers, as its {self.likelihood.name} likelihood has them: {error}"
            ) from None
        refuse_inexact(self.name, values)
        low, high = self.likelihood.support
        counts = isinstance(self.likelihood, (Poisson, NegativeBinomial))
        good = (x >= low) & (x <= high) & np.isfinite(x) & ((x == np.floor(x)) if counts else True)
        if not good.all():
            row = int(np.argmin(good))
            must = "whole counts" if counts else f"numbers in [{low:g}, {high:g}]"
            if not np.isfinite(x[row]):
                raise ValueError(f"Input X contains infinity or a value too large: {column}, row {row}")
            raise ValueError(
                f"{column} must hold {must}, as its {self.likelihood.name} likelihood has them;"
                f" row {row} has {x[row]:g} ({int((~good).sum())} of {len(x)} values violate this; counted from 0)"
            )
        try:
            self.likelihood.check(x[:, None], column)
        except ValueError as error:
            raise ValueError(PLACE.sub(r"\1", str(error))) from None
        return x

    def values(self, x: Array, mean: bool) -> Any:
        """What stands in the frame, of (N, width): draws, or where these are means, what is likeliest or expected.

        In the dtype of the first frame, but for expectations of whole numbers, which are float64, and for numbers that
        this dtype cannot hold. ``ValueError`` for what is not finite.
        """
        if not (finite := np.isfinite(x).all(axis=1)).all():
            row = int(np.argmin(finite))
            raise ValueError(f"column {self.name!r} of a frame must be made of finite numbers; row {row} has {x[row]}")
        if self.levels:
            return self._levels(np.argmax(x, axis=1))
        numbers = x[:, 0]
        if self.kind == "b":
            return self._as_first(numbers >= 0.5)
        if self.kind not in "iu":
            return self._as_first(numbers.astype(np.float64))
        return numbers.astype(np.float64) if mean else self._whole(np.rint(numbers))

    def _whole(self, numbers: Array) -> Any:
        """Of integers in the first frame: the next dtype that holds all where its own does not."""
        own = np.dtype(f"{self.kind}{self.dtype.itemsize}") if hasattr(self.dtype, "itemsize") else np.dtype(np.int64)
        for dtype in (own, np.dtype(np.int64)):
            ends = np.iinfo(dtype)
            if ((numbers >= float(ends.min)) & (numbers < float(ends.max) + 1)).all():
                found = numbers.astype(dtype)
                return self._as_first(found) if dtype == own else found
        return numbers.astype(np.float64)

    def _as_first(self, values: Array) -> Any:
        """As the dtype of the first frame, of NumPy or pandas; as it is where that has no room for it."""
        import pandas

        with np.errstate(over="ignore"):
            found = pandas.Series(values).astype(self.dtype).array
        overflows = self.kind == "f" and np.isinf(np.asarray(found, np.float64)).any()
        return values if overflows else found

    def _levels(self, codes: NDArray[np.intp]) -> Any:
        import pandas

        levels = pandas.Index(self.levels, tupleize_cols=False)
        if hasattr(self.dtype, "categories"):
            return pandas.Categorical(levels.take(codes), dtype=self.dtype)
        return pandas.Series(levels.take(codes)).astype(self.dtype).array


def levels_of(name: Hashable, values: Any, likelihood: Likelihood) -> tuple[Any, ...]:
    """The levels of a class: those that its dtype declares, or those that are there, in order; else none."""
    if not isinstance(likelihood, Categorical):
        return ()
    declared = getattr(values.dtype, "categories", None)
    found = list(dict.fromkeys(values.tolist())) if declared is None else declared.tolist()
    if declared is None and len(found) > max(MOST_LEVELS, len(values) / 2):
        texts = [value for value in found if isinstance(value, str)]
        if 0 < len(texts) < len(found):
            some = ", ".join(map(repr, texts[:SHOWN]))
            raise ValueError(
                f"column {name!r} has texts among its numbers, {some}: make numbers of them, or leave it out"
            )
        raise ValueError(
            f"column {name!r} has {len(found)} different values in {len(values)} rows, which are names and no classes:"
            " leave it out, or make a category of it"
        )
    if declared is not None:
        return tuple(found)
    try:
        return tuple(sorted(found))
    except TypeError:
        return tuple(sorted(found, key=lambda value: (type(value).__name__, str(value))))
