"""Checks of arguments: numbers, and arrays a block of rows at a time; what they raise names the first culprit."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "LARGEST_WHOLE",
    "check_counts",
    "check_each",
    "check_finite",
    "check_named",
    "check_pair",
    "check_returned",
    "check_sizes",
    "check_values",
    "columns_named",
    "float_dtype",
    "non_negative",
    "positive",
    "real",
    "whole",
]

Array = NDArray[Any]

COLUMN = re.compile(r"\bcolumn ([0-9]+)\b")
LARGEST_WHOLE = 2**53
"""Up to here float64 has every whole number."""
BLOCK = 1 << 20
"""Numbers looked at together: bounds the memory of a check, so that a mapped file may be larger than it."""


def check_values(x: Array, low: float, high: float, *, name: str = "x", what: str = "") -> None:
    """Check that every value of ``x`` is finite and lies in [low, high].

    Parameters
    ----------
    x : array, shape (N, ...)
        Real numbers, usually (N, D). It is looked at in blocks of rows, so a mapped file stays on the disk.
    low, high : float
        The ends belong to the range, except infinite ones.
    name : str
        What the message calls ``x``.
    what : str
        What asks for the range, e.g. "the Bernoulli likelihood".

    Raises
    ------
    ValueError
        With row, column and value of the first violation, and how many there are. NaN always violates.
    TypeError
        If ``x`` is not an array of real numbers.
    """
    if not low <= high:
        raise ValueError(f"low must not exceed high; got {low} and {high}")
    found = _first_outside(x, low, high)
    if found:
        ends = f"{'(' if low == -np.inf else '['}{low:g}, {high:g}{')' if high == np.inf else ']'}"
        reason = f" for {what}" if what else ""
        place, value, count = found
        raise ValueError(
            f"{name} must lie in {ends}{reason}; {place} is {value}"
            f" ({count} of {x.size} values violate this; counted from 0)"
        )


def check_each(x: Array, valid: Callable[[Array], NDArray[np.bool_]], *, must: str, name: str, what: str) -> None:
    """``ValueError`` with row, column and value of the first number of ``x`` that is not ``valid``, and how many.

    ``valid`` takes a block of rows; ``must`` says in words what it asks for. NaN and infinity are never valid.
    """
    found = _first_invalid(x, lambda block: valid(block) & np.isfinite(block))
    if found:
        place, value, count = found
        raise ValueError(
            f"{name} must be {must} for {what}; {place} is {value}"
            f" ({count} of {x.size} values violate this; counted from 0)"
        )


def check_counts(x: Array, *, name: str, what: str) -> None:
    """`check_each` for 0, 1, 2, ..., up to where float64 has every whole number."""
    check_each(x, lambda block: (block >= 0) & (block == np.floor(block)), must="whole counts", name=name, what=what)
    check_each(x, lambda block: block <= LARGEST_WHOLE, must=f"at most 2^53 = {LARGEST_WHOLE}", name=name, what=what)


def check_finite(x: Array, source: str) -> None:
    """ValueError that starts with ``source`` and names the first NaN or infinity of ``x``, if any."""
    found = _first_outside(x, -np.inf, np.inf)
    if found:
        place, value, count = found
        raise ValueError(f"{source}: {place} is {value} ({count} of {x.size} values are not finite; counted from 0)")


def check_returned(
    source: object, method: str, name: str, value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    """That what a class that a user may have written returned is an array of this very shape and dtype.

    Another would be broadcast or rounded without a word. Where ``dtype`` is complex, as in the complex step, what does
    not depend on the parameters may be real. ``ValueError`` or ``TypeError`` names the class and its method.
    """
    if not isinstance(value, (np.ndarray, np.generic)):
        what = type(value).__name__
        raise TypeError(f"{type(source).__name__}.{method}: {name} must be an array of shape {shape}; it is a {what}")
    if value.shape != shape:
        raise ValueError(f"{type(source).__name__}.{method}: {name} must have shape {shape}; it has {value.shape}")
    if value.dtype != dtype and (dtype.kind != "c" or value.dtype != dtype.type().real.dtype):
        raise TypeError(f"{type(source).__name__}.{method}: {name} must be {dtype}; it is {value.dtype}")


def check_named(
    source: object, method: str, what: str, found: Any, arrays: Mapping[str, Array], dtype: np.dtype[Any]
) -> None:
    """`check_returned` of arrays by name, such as cotangents, each as its array; one may be left out, none unknown."""
    if not isinstance(found, Mapping):
        got = type(found).__name__
        raise TypeError(f"{type(source).__name__}.{method}: the {what} arrays must be a dict; they are a {got}")
    for name, value in found.items():
        if name not in arrays:
            known = ", ".join(arrays) or "none"
            raise ValueError(f"{type(source).__name__}.{method}: there is no {what} array {name!r}; there are {known}")
        check_returned(source, method, f"the array of {name}", value, arrays[name].shape, dtype)


def check_sizes(source: object, method: str, found: Any) -> None:
    """That arrays are told by name, an identifier, and by width or shape, of sizes of at least 1."""
    where = f"{type(source).__name__}.{method}"
    if not isinstance(found, Mapping):
        raise TypeError(f"{where} must return a dict of names and sizes; it returned {found!r}")
    for name, shape in found.items():
        if not (isinstance(name, str) and name.isidentifier()):
            raise ValueError(f"{where}: the name of an array must be a Python identifier; got {name!r}")
        for size in shape if isinstance(shape, tuple) else (shape,):
            whole(f"{where}: the size of {name}", size, at_least=1)


def check_pair(source: object, method: str, what: str, value: Any) -> None:
    """``TypeError`` unless a method has returned a tuple of two."""
    if not (isinstance(value, tuple) and len(value) == 2):
        raise TypeError(f"{type(source).__name__}.{method} must return {what}; it returned a {type(value).__name__}")


def columns_named(text: str, names: Sequence[str] | None) -> str:
    """What a check says, with the name beside a column's number where the columns have names."""

    def named(found: re.Match[str]) -> str:
        column = int(found[1])
        return f"{found[0]} ({names[column]!r})" if names is not None and column < len(names) else found[0]

    return COLUMN.sub(named, text)


def _first_outside(x: Array, low: float, high: float) -> tuple[str, Any, int] | None:
    """Place and value of the first number that is not finite or not in [low, high], and how many."""
    big = np.finfo(x.dtype).max if x.dtype.kind == "f" else np.inf

    def inside(block: Array) -> NDArray[np.bool_]:
        # the usual case needs no masks; every comparison here is false for NaN
        if max(low, -big) <= block.min() and block.max() <= min(high, big):
            return np.ones((), bool)
        return (block >= low) & (block <= high) & np.isfinite(block)

    return _first_invalid(x, inside)


def _first_invalid(x: Array, valid: Callable[[Array], NDArray[np.bool_]]) -> tuple[str, Any, int] | None:
    """Place and value of the first number that is not valid, and how many; a block of rows at a time."""
    if x.ndim == 0 or x.dtype.kind not in "biuf":
        raise TypeError(f"an array of real numbers is needed; got {x.dtype} with shape {x.shape}")
    first: tuple[str, Any] | None = None
    count = 0
    step = max(1, BLOCK * len(x) // max(1, x.size))
    for begin in range(0, len(x), step):
        block = np.asarray(x[begin : begin + step])
        if block.size == 0:
            continue
        inside = valid(block)
        outside = inside.size - int(np.count_nonzero(inside))
        if outside and first is None:
            index = tuple(int(i) for i in np.unravel_index(np.argmin(inside), inside.shape))
            first = _place(begin + index[0], index[1:]), block[index]
        count += outside
    return None if first is None else (*first, count)


def _place(row: int, rest: tuple[int, ...]) -> str:
    """ "row 3, column 5", or what an array of another rank needs."""
    if not rest:
        return f"row {row}"
    return f"row {row}, column {rest[0] if len(rest) == 1 else rest}"


def float_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """``dtype`` as NumPy knows it, if it is float32 or float64 of this machine's byte order."""
    found = np.dtype(dtype)
    if found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype must be float32 or float64; got {found}")
    return found


def real(name: str, value: Any) -> float:
    """Return a finite number as a float; ``TypeError`` or ``ValueError`` that names it."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number; got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite; got {value!r}")
    return float(value)


def non_negative(name: str, value: Any) -> float:
    """Return a finite number of at least 0 as a float, or raise as `real` does."""
    number = real(name, value)
    if number < 0.0:
        raise ValueError(f"{name} must not be negative; got {number!r}")
    return number


def positive(name: str, value: Any) -> float:
    """Return a finite number above 0 as a float, or raise as `real` does."""
    number = real(name, value)
    if number <= 0.0:
        raise ValueError(f"{name} must be positive; got {number!r}")
    return number


def whole(name: str, value: Any, *, at_least: int) -> int:
    """Return an integer of at least so much as an int; ``TypeError`` or ``ValueError`` else."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer; got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer; got {value!r}") from None
    if number < at_least:
        raise ValueError(f"{name} must be at least {at_least}; got {number}")
    return number
