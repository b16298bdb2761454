"""A likelihood for each group of a table's columns: numbers, counts, classes and truths beside each other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.doors import chosen, parse, split_options
from vae_np.formulas.likelihoods.base import NOTHING, Likelihood

__all__ = ["Columns", "Group"]

Array = NDArray[Any]
RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")
PLACE = re.compile(r"\b(columns?) ([0-9]+)(?: to ([0-9]+))?")
"""What a check says of where a value stands."""


class Group(NamedTuple):
    """One part: its likelihood, and which columns are its own, counted from 0."""

    likelihood: Likelihood
    columns: tuple[int, ...]


class Columns(Likelihood):
    """Each group g of columns has a likelihood of its own, and given z the groups are independent.

        log p(x | z) = sum_g log p_g(x_g | raw_g)

    Every part is normalised by itself, over numbers, counts or classes, so that the sum is a log-density with respect
    to the product of their measures: a table of several kinds of columns has one log p(x).

    The decoder's raw output has the parts' outputs one after the other, in the order of the groups. What a part learns
    is ``likelihood.<its name there>_<g>``, such as ``likelihood.logvar_0`` of a Gaussian that is the first group. With
    ``scale="standard"`` the columns of parts that admit all real numbers are standardised, and no others.

    Parameters
    ----------
    groups : sequence of (likelihood, columns)
        A likelihood is an object, a name (perhaps with options) or a config; columns are one number, a sequence of
        numbers, or a text such as ``"0-3+7"``. Together the groups have every column once.

    Notes
    -----
    As a word: ``columns:gaussian(sigma=per-feature)=0-3,categorical=4-6,poisson=7+9,bernoulli=8``.

    Examples
    --------
    >>> Columns([("gaussian", "0-1"), ("categorical", [2, 3, 4]), ("poisson", 5)]).raw_size(6)
    6
    """

    name = "columns"

    def __init__(self, groups: Iterable[Any]) -> None:
        if isinstance(groups, (str, Mapping)) or not isinstance(groups, Iterable):
            raise TypeError(f"groups must be pairs of a likelihood and its columns; got {groups!r}")
        self.groups = tuple(_group(given) for given in groups)
        if not self.groups:
            raise ValueError("groups must have at least one pair of a likelihood and its columns")
        order = [column for group in self.groups for column in group.columns]
        self.n_features = len(order)
        if twice := [column for column, times in Counter(order).items() if times > 1]:
            raise ValueError(f"each column belongs to one group; column {twice[0]} is in more than one")
        if missing := sorted(set(range(max(order) + 1)) - set(order)):
            raise ValueError(f"each column belongs to one group; column {missing[0]} is in none")
        ends = [group.likelihood.support for group in self.groups]
        self.support = (min(low for low, _ in ends), max(high for _, high in ends))
        self._index = [_as_slice(group.columns) for group in self.groups]

    @classmethod
    def read(cls, text: str) -> dict[str, Any]:
        """The groups that ``gaussian(sigma=learned)=0-3,categorical=4-6`` stands for."""
        groups = []
        for part in split_options(text):
            word, equals, columns = part.rpartition("=")
            name, bracket, options = word.partition("(")
            if not (equals and name) or bool(bracket) != options.endswith(")"):
                raise ValueError(f"groups are such as columns:gaussian=0-3,categorical=4-6; got {part!r}")
            groups.append((parse(f"{name}:{options[:-1]}" if bracket else name), columns))
        return {"groups": groups}

    def config(self) -> dict[str, Any]:
        """The name and the groups, each a part's config and the text of its columns."""
        groups = [[group.likelihood.checked_config(), _as_text(group.columns)] for group in self.groups]
        return {"name": self.name, "groups": groups}

    def __repr__(self) -> str:
        parts = ", ".join(f"({group.likelihood!r}, {_as_text(group.columns)!r})" for group in self.groups)
        return f"{type(self).__name__}([{parts}])"

    def raw_size(self, n_features: int) -> int:
        """The sum of the parts' sizes; ``ValueError`` where there are other columns than the groups have."""
        if n_features != self.n_features:
            raise ValueError(f"the groups of the columns likelihood have {self.n_features} columns, not {n_features}")
        return sum(self._widths())

    def _widths(self) -> list[int]:
        return [group.likelihood.raw_size(len(group.columns)) for group in self.groups]

    def real(self, n_features: int) -> NDArray[np.bool_]:
        """As the parts say, each of its own columns."""
        found = np.zeros(n_features, bool)
        for group, index in zip(self.groups, self._index, strict=True):
            found[index] = group.likelihood.real(len(group.columns))
        return found

    def own_shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        """Those of the parts, by their names there and the group's number."""
        return {
            f"{name}_{g}": shape
            for g, (p, columns) in enumerate(self.groups)
            for name, shape in p.own_shapes(len(columns)).items()
        }

    def parts(self, raw: Array, own: Mapping[str, Array]) -> Iterator[tuple[Likelihood, Any, slice, dict[str, Array]]]:
        """Of each group its likelihood, its columns, where its raw output begins and ends, and its own arrays."""
        begin = 0
        for g, (group, index, width) in enumerate(zip(self.groups, self._index, self._widths(), strict=True)):
            p = group.likelihood
            mine = {name: own[f"{name}_{g}"] for name in p.own_shapes(len(group.columns))}
            yield p, index, slice(begin, begin + width), mine
            begin += width

    def _gathered(self, raw: Array, own: Mapping[str, Array], of: Callable[..., Array]) -> Array:
        """``of(likelihood, columns, raw, own)`` of each group, at the group's columns."""
        out = np.empty((*raw.shape[:-1], self.n_features), np.result_type(raw, *own.values()))
        for p, index, place, mine in self.parts(raw, own):
            out[..., index] = of(p, index, raw[..., place], mine)
        return out

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """Each column's by its part."""
        return self._gathered(raw, own, lambda p, index, r, o: p.checked_log_density(x[..., index], r, o))

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """Each part's where its raw output stands, and the parts' own by their names here."""
        out, down = np.empty(raw.shape, raw.dtype), dict[str, Array]()
        for g, (p, index, place, mine) in enumerate(self.parts(raw, own)):
            out[..., place], of_own = p.gradient(x[..., index], raw[..., place], mine)
            down |= {f"{name}_{g}": array for name, array in of_own.items()}
        return out, down

    def mean(self, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """Each part's."""
        return self._gathered(raw, own, lambda p, index, r, o: p.mean(r, o))

    def sample(self, raw: Array, generator: np.random.Generator, own: Mapping[str, Array] = NOTHING) -> Array:
        """Each part's, one after the other."""
        return self._gathered(raw, own, lambda p, index, r, o: p.sample(r, generator, o))

    def start(self, mean: Array, variance: Array) -> Array:
        """Each part's."""
        starts = [
            group.likelihood.start(mean[index], variance[index])
            for group, index in zip(self.groups, self._index, strict=True)
        ]
        return np.concatenate(starts)

    def start_own(self, mean: Array, variance: Array) -> dict[str, Array]:
        """Each part's, by its name here."""
        return {
            f"{name}_{g}": value
            for g, (group, index) in enumerate(zip(self.groups, self._index, strict=True))
            for name, value in group.likelihood.start_own(mean[index], variance[index]).items()
        }

    def examples(self, u: Array) -> Array:
        """Each part's."""
        x = np.empty_like(u)
        for group, index in zip(self.groups, self._index, strict=True):
            x[..., index] = group.likelihood.examples(u[..., index])
        return x

    def check(self, x: Array, name: str = "x") -> None:
        """Each part's, of its columns; what it raises names them by their numbers in the table."""
        if x.ndim < 2 or x.shape[-1] != self.n_features:
            return  # the model says what is wrong with the shape
        for group, index in zip(self.groups, self._index, strict=True):
            try:
                group.likelihood.check(x[..., index], name)
            except ValueError as error:
                raise ValueError(_in_the_table(str(error), group.columns)) from None


def _group(given: Any) -> Group:
    """A pair of a likelihood and its columns."""
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence) or len(given) != 2:
        raise TypeError(f"a group must be a pair of a likelihood and its columns; got {given!r}")
    likelihood, columns = given
    return Group(chosen(Likelihood, likelihood), _numbers(columns))


def _numbers(columns: Any) -> tuple[int, ...]:
    """The columns of ``"0-3+7"``, of a number or of numbers."""
    if isinstance(columns, str):
        numbers: list[int] = []
        for part in columns.split("+"):
            found = RANGE.fullmatch(part)
            low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
            if low > high:
                raise ValueError(f"columns are such as 0-3 or 0-3+7; got {columns!r}")
            numbers += range(low, high + 1)
        return tuple(numbers)
    given = [columns] if isinstance(columns, (int, np.integer)) else list(columns)
    if not given or not all(isinstance(j, (int, np.integer)) and not isinstance(j, bool) and j >= 0 for j in given):
        raise ValueError(f"columns must be numbers from 0 on; got {columns!r}")
    return tuple(int(j) for j in given)


def _as_text(columns: Sequence[int]) -> str:
    """What `_numbers` makes them of."""
    runs: list[list[int]] = []
    for j in columns:
        if runs and j == runs[-1][1] + 1:
            runs[-1][1] = j
        else:
            runs.append([j, j])
    return "+".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _as_slice(columns: Sequence[int]) -> Any:
    """Neighbours are taken without a copy."""
    first, n = columns[0], len(columns)
    return slice(first, first + n) if tuple(columns) == tuple(range(first, first + n)) else np.array(columns)


def _in_the_table(message: str, columns: Sequence[int]) -> str:
    """A part's message, with the numbers of its own columns as those of the table."""

    def place(found: re.Match[str]) -> str:
        low, high = int(found[2]), int(found[3] or found[2])
        if high >= len(columns):
            return found[0]
        if found[3] is None:
            return f"{found[1]} {columns[low]}"
        return f"{found[1]} {_as_text(columns[low : high + 1])}"

    return PLACE.sub(place, message)
