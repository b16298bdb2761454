"""A data frame with columns of several kinds, as numbers with a likelihood for each group of them, and back."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.doors import chosen
from vae_np.formulas.likelihoods import (
    Bernoulli,
    Categorical,
    Columns,
    Gaussian,
    Likelihood,
    NegativeBinomial,
    Poisson,
)
from vae_np.model.choosing import FLOOR, gaussian_of
from vae_np.model.tables.column import Column, levels_of
from vae_np.model.tables.kinds import Choice, kind_of_values, letter_of
from vae_np.model.tables.refusals import refuse_inexact, refuse_strange

__all__ = ["Table", "is_frame"]

Array = NDArray[Any]
NUMBERS = Gaussian()
"""Stands for the Gaussian that the table's numbers get together."""
OF_KIND: dict[str, Likelihood] = {
    "bernoulli": Bernoulli(),
    "categorical": Categorical(),
    "poisson": Poisson(),
    "negative-binomial": NegativeBinomial(),
    "gaussian": NUMBERS,
}


def is_frame(x: object) -> bool:
    """Whether this is a data frame of pandas."""
    return all(hasattr(x, name) for name in ("iloc", "columns", "dtypes"))


class Table:
    """What a data frame's columns are, found from the first one and kept: `code` makes numbers, `frame` a frame again.

    Each column gets a likelihood by its dtype and its values (`kinds`); those of one likelihood are one group of a
    `Columns`, a class is a group of its own. The numbers among them have, together, the Gaussian that the whole table
    would have: one learned deviation where all lie in [0, 1], else one a column, and standardised.

    Parameters
    ----------
    frame : pandas.DataFrame
    likelihoods : mapping of column to likelihood, optional
        Those that are not to be chosen: an object, or a name. ``"gaussian"`` joins the numbers.

    Attributes
    ----------
    columns : tuple of Column
    likelihood : Likelihood
        Of the table's numbers: a `Columns`, or the one that all of them have.
    scale : str
        What `VAE` is given for it.
    width : int
        The number of columns of numbers.

    Raises
    ------
    ValueError
        If a value is missing, a column holds dates or names, or ``likelihoods`` names no column.

    Examples
    --------
    >>> import pandas
    >>> frame = pandas.DataFrame({"size": [1.5, 2.5, 0.5], "colour": ["red", "blue", "red"]})
    >>> table = Table(frame)
    >>> table.code(frame)
    array([[1.5, 0. , 1. ],
           [2.5, 1. , 0. ],
           [0.5, 0. , 1. ]])
    >>> table
    column  values      likelihood   why
    size    0.5 to 2.5  gaussian     numbers
    colour  blue, red   categorical  2 levels
    """

    def __init__(self, frame: Any, likelihoods: Mapping[Any, Any] | None = None) -> None:
        if not is_frame(frame):
            raise TypeError(f"a table is made of a pandas DataFrame; got {type(frame).__name__}")
        if not isinstance(likelihoods, (Mapping, type(None))):
            raise TypeError(f"likelihoods must be a mapping of column to likelihood; got {likelihoods!r}")
        given, names = dict(likelihoods or {}), list(frame.columns)
        if unknown := [name for name in given if name not in names]:
            raise ValueError(f"likelihood names column {unknown[0]!r}, and there is none; there are {names}")
        if len(set(names)) < len(names):
            raise ValueError(f"columns must have different names; {max(names, key=names.count)!r} is there twice")
        if not len(frame) or not names:
            shape = f"{len(frame)} sample(s) and {len(names)} feature(s)"
            raise ValueError(f"Found array with {shape}, while a minimum of 1 is required of both")
        self.columns = tuple(_column(name, frame[name], given.get(name)) for name in names)
        self.dtype = np.dtype(np.float32 if all(str(column.dtype) == "float32" for column in self.columns) else float)
        self._starts = np.cumsum([0, *(column.width for column in self.columns)])
        self.width = int(self._starts[-1])
        self.likelihood, self.scale = self._joined(self.code(frame))

    @property
    def number_names(self) -> list[str]:
        """Of the columns of numbers, (width,): a class's name is there once for each level."""
        return [str(column.name) for column in self.columns for _ in range(column.width)]

    @property
    def names(self) -> list[Hashable]:
        """Of the frame's columns."""
        return [column.name for column in self.columns]

    def _joined(self, x: Array) -> tuple[Likelihood, str]:
        """The groups of one likelihood each, and whether what is real is standardised."""
        groups: list[tuple[Likelihood, list[int]]] = []
        for column, begin in zip(self.columns, self._starts, strict=False):
            mine = list(range(begin, begin + column.width))
            same = [group for of, group in groups if _alike(of, column.likelihood) and not column.levels]
            if same:
                same[0].extend(mine)
            else:
                groups.append((column.likelihood, mine))
        scale = "standard" if any(of.real(1)[0] and of is not NUMBERS for of, _ in groups) else "none"
        for g, (of, mine) in enumerate(groups):
            if of is NUMBERS:
                likelihood, own_scale = gaussian_of(x[:, mine])
                if scale == "standard":  # since another column wants that
                    likelihood = Gaussian("per-feature", floor=FLOOR)
                groups[g], scale = (likelihood, mine), "standard" if "standard" in (scale, own_scale) else "none"
        return (groups[0][0] if len(groups) == 1 else Columns(groups)), scale

    def code(self, frame: Any) -> Array:
        """(N, width) of numbers, classes as zeros and ones; an array is taken where every column is a number.

        ``ValueError`` names a column that is missing or new, and what a column cannot hold: a level that it had not,
        a negative count.
        """
        if not is_frame(frame):
            return self._code_array(frame)
        self._check_names(list(frame.columns))
        parts = [column.code(frame[column.name]) for column in self.columns]
        return np.ascontiguousarray(np.concatenate(parts, axis=1), self.dtype)

    def _code_array(self, x: Any) -> Array:
        if words := [column.name for column in self.columns if column.levels]:
            raise ValueError(f"X must be a DataFrame, as in fit: column {words[0]!r} holds classes")
        array = np.asarray(x)
        if array.ndim != 2 or array.shape[1] != self.width:
            raise ValueError(f"X must have {self.width} columns; it has shape {array.shape}")
        if array.dtype.kind in "mMc":
            raise ValueError(f"X must hold numbers; it holds {array.dtype}")
        parts = [column.checked(of) for column, of in zip(self.columns, array.T, strict=True)]
        return np.ascontiguousarray(np.stack(parts, axis=1), self.dtype)

    def _check_names(self, names: list[Hashable]) -> None:
        """In the words of scikit-learn."""
        if names == self.names:
            return
        found = "The feature names should match those that were passed during fit.\n"
        new, gone = [n for n in names if n not in self.names], [n for n in self.names if n not in names]
        for what, which in (("unseen at fit time", new), ("seen at fit time, yet now missing", gone)):
            if which:
                found += f"Feature names {what}:\n" + "".join(f"- {name}\n" for name in which[:5])
        if not new and not gone:
            found += "Feature names must be in the same order as they were in fit.\n"
        raise ValueError(found)

    def frame(self, x: ArrayLike, *, mean: bool = False, index: Any = None) -> Any:
        """A DataFrame with the first one's columns and dtypes, of numbers (N, width).

        Draws become levels, truths and whole numbers. With ``mean`` these are expectations, such as `VAE.decode` gives:
        a class is then its likeliest level, a truth whether it is likelier than not, and whole numbers are float64.
        A dtype that cannot hold what was drawn (300 in int8) gives way to int64, or to float64.

        Parameters
        ----------
        x : array, shape (N, width)
        mean : bool
        index : optional
            Of the frame, N labels; numbers from 0 if left out.

        Raises
        ------
        ValueError
            If x has another shape, or a number that is not finite: it names the column.
        """
        import pandas

        array = np.asarray(x, np.float64)
        if array.ndim != 2 or array.shape[1] != self.width:
            raise ValueError(f"a frame is made of rows of {self.width} numbers; the shape is {array.shape}")
        parts = {
            column.name: column.values(array[:, begin : begin + column.width], mean)
            for column, begin in zip(self.columns, self._starts, strict=False)
        }
        found = pandas.DataFrame(parts, columns=self.names)
        return found if index is None else found.set_axis(index, axis=0)

    def by_column(self, values: Array) -> Array:
        """Sums over what belongs to one column of the frame: (N, width) to (N, columns)."""
        summed: Array = np.add.reduceat(values, self._starts[:-1], axis=-1)
        return summed

    def __repr__(self) -> str:
        rows = [("column", "values", "likelihood", "why")]
        rows += [(str(c.name), c.span, c.likelihood.name, c.why) for c in self.columns]
        widths = [max(len(row[j]) for row in rows) for j in range(4)]
        lines = ["  ".join(f"{word:<{w}}" for word, w in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(line.rstrip() for line in lines)


def _alike(one: Likelihood, other: Likelihood) -> bool:
    """Whether they are one group: the numbers are one with themselves alone."""
    return one is other or (one == other and one is not NUMBERS and other is not NUMBERS)


def _column(name: Hashable, values: Any, given: Any) -> Column:
    """The column, with the likelihood that was given or the one that it wants."""
    refuse_strange(name, values)
    if given is None:
        if not hasattr(values.dtype, "categories"):
            refuse_inexact(name, values)
        choice = kind_of_values(values)
        likelihood = OF_KIND[choice.kind]
    else:
        likelihood, choice = _given(name, given), Choice("gaussian", "given")
    levels = levels_of(name, values, likelihood)
    try:
        likelihood.raw_size(len(levels) or 1)
    except ValueError as error:
        raise ValueError(f"likelihood of column {name!r}: {error}") from None
    return Column(name, values.dtype, likelihood, choice.why, levels, _span(values, levels), letter_of(values))


def _given(name: Hashable, given: Any) -> Likelihood:
    """A likelihood for one column, of an object, a name or a config; errors name the column."""
    try:
        likelihood = NUMBERS if isinstance(given, str) and given == "gaussian" else chosen(Likelihood, given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"likelihood of column {name!r}: {error}") from None
    if isinstance(likelihood, Columns):
        raise ValueError(f"the likelihood of column {name!r} must be one of a column; got {likelihood!r}")
    return likelihood


def _span(values: Any, levels: tuple[Any, ...]) -> str:
    """Its values in words: levels, or from the least to the largest."""
    if levels:
        words = [str(level) for level in levels]
        shown = ", ".join(words[:4])
        return f"{shown}, ..." if len(words) > 4 else shown
    try:
        x = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        return str(values.dtype)
    return f"{x.min():.4g} to {x.max():.4g}"
