"""What a model takes from its users: arrays of its dtype and shape, or an error that states the fact."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.support.errors import NonFiniteError
from vae_np.support.sparse import dense, is_sparse

__all__ = ["as_array", "check_finite_rows", "check_float", "check_noise", "check_widths"]

Array = NDArray[Any]


def check_float(name: str, values: ArrayLike, columns: int, dtype: np.dtype[Any], condition: int = 0) -> Array:
    """An array with that many columns in the model's dtype; integers and bools are converted, other floats are not.

    So many of the columns are a conditional model's ``condition``; where they are missing, the message says so.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost; fill it or drop the rows")
    if not isinstance(values, np.ndarray) and isinstance(getattr(values, "x", None), np.ndarray):
        raise TypeError(f"{name} is a {type(values).__name__}; give its rows, .x")
    array = as_array(name, values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; it has dtype {array.dtype}")
    if array.ndim < 1 or array.shape[-1] != columns:
        got = array.shape[-1] if array.ndim else "none"
        if condition and got == columns - condition:
            raise ValueError(
                f"the model is conditional: {name} has its {got} columns and no condition, {condition} more; a method"
                " takes condition=, a function rows(x, condition) of the model for x"
            )
        raise ValueError(f"{name} must have {columns} columns; it has {got}")
    if array.dtype.kind == "f" and array.dtype.newbyteorder("=") != dtype:  # of either order of bytes
        raise TypeError(f"{name} is {array.dtype} and the model is {dtype}; convert it, with {name}.astype('{dtype}')")
    return np.ascontiguousarray(array, dtype)


def as_array(name: str, values: Any) -> Array:
    """The array of whatever holds numbers: a list, a sparse matrix, a data frame with columns of several types."""
    if is_sparse(values):
        return dense(values, name)
    array = np.asarray(values)
    if array.dtype.kind != "O":
        return array
    names = list(getattr(values, "columns", range(array.shape[-1]))) if array.ndim == 2 else [None]
    for j, column in enumerate(names):
        entries = array.ravel() if column is None else array[:, j]
        strange = [entry for entry in entries if not isinstance(entry, (Real, np.bool_))]
        if strange:
            where = "it" if column is None else f"column {column!r}"
            raise TypeError(
                f"{name} must hold real numbers; {where} holds {type(strange[0]).__name__}, {str(strange[0])[:40]!r}:"
                " leave it out, encode it (pandas.get_dummies), or fill in what is missing"
            )
    return array.astype(np.float64)


def check_noise(eps: ArrayLike, n: int, k: int, dtype: np.dtype[Any]) -> tuple[Array, tuple[int, ...]]:
    """Eps as (S, N, K), and the shape it came in."""
    if n == 0:
        raise ValueError("x has no examples")
    array = check_float("eps", eps, k, dtype)
    if array.ndim not in (2, 3) or array.shape[-2] != n or 0 in array.shape:
        raise ValueError(f"eps must be (N, K) or (S, N, K) with N = {n}, K = {k}; it has shape {array.shape}")
    return array.reshape(-1, n, k), array.shape


def check_finite_rows(stage: str, values: Array) -> Array:
    """The array, (..., N, width), if it is finite; `NonFiniteError` names the stage and its rows otherwise."""
    finite = np.isfinite(values)
    if not finite.all():
        rows = np.flatnonzero(~finite.all(axis=-1).reshape(-1))
        raise NonFiniteError("values that are not finite", stage, rows)
    return values


def check_widths(name: str, widths: Any) -> tuple[int, ...]:
    """The widths as a tuple; a bare number is a common slip."""
    if isinstance(widths, (int, np.integer)):
        raise TypeError(f"{name} must be a sequence of widths, such as ({widths},); got {widths!r}")
    if isinstance(widths, str) or not isinstance(widths, Iterable):
        raise TypeError(f"{name} must be a sequence of widths, such as (64,); got {widths!r}")
    return tuple(widths)
