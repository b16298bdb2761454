"""What `condition=` is turned into: rows [x, c] of a conditional model, and the decoder's input [z, c]."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.network import Architecture
from vae_np.model.inputs import as_array, check_float
from vae_np.support.checks import check_values

__all__ = ["condition_rows", "decoder_rows", "joined"]

Array = NDArray[Any]


def condition_rows(condition: ArrayLike, n: int, columns: int, dtype: np.dtype[Any]) -> Array:
    """The condition of n rows, (n, C), in the model's dtype; an error that states the fact where it is none.

    Parameters
    ----------
    condition : int, or array of shape (n,), (C,), (1, C) or (n, C)
        Whole numbers of an integer dtype without a second axis are labels from 0 to C - 1, made one-hot: one for all
        rows, or one each. All else is numbers: a row each, or one for all. Of one column, C = 1, all are numbers.
        So integers (1, 0, 0) are the labels of three rows; a row for all is (1.0, 0.0, 0.0), or of shape (1, 3).
    """
    given = as_array("condition", condition)
    flat = given.ndim < 2 and columns > 1
    if labels := flat and given.dtype.kind in "iu":
        found = one_hot(given.reshape(-1), columns, dtype)
    elif flat and given.dtype.kind in "fb" and given.shape != (columns,):
        raise ValueError(
            f"condition must be labels of an integer dtype, which .astype(int) makes of {given.dtype}, or numbers of"
            f" shape ({columns},) or ({n}, {columns}); it is {given.dtype} of shape {given.shape}"
        )
    else:
        found = check_float("condition", given[..., None] if columns == 1 and given.ndim < 2 else given, columns, dtype)
        found = found[None] if found.ndim == 1 else found
        check_values(found, -math.inf, math.inf, name="condition")
    if found.ndim != 2 or len(found) not in (1, n):
        row = f", and integers without a second axis are read as labels: a row for all has shape (1, {columns})"
        raise ValueError(
            f"condition must be labels, one for all or one for each of {n} rows, or numbers of shape ({columns},) or"
            f" ({n}, {columns}); it has shape {given.shape}{row if labels else ''}"
        )
    return np.broadcast_to(found, (n, columns))


def one_hot(labels: Array, classes: int, dtype: np.dtype[Any]) -> Array:
    """A row for each label, 1 in its column; ``ValueError`` for a class that is not known."""
    unknown = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(unknown):
        raise ValueError(
            f"condition must be classes from 0 to {classes - 1}; row {unknown[0]} has {labels[unknown[0]]}"
            f" ({len(unknown)} of {len(labels)} are unknown)"
        )
    found = np.zeros((len(labels), classes), dtype)
    found[np.arange(len(labels)), labels] = 1
    return found


def joined(a: Architecture, dtype: np.dtype[Any], x: ArrayLike, condition: ArrayLike, name: str = "x") -> Array:
    """The rows [x, c], (N, D + C)."""
    check_conditional(a)
    array = check_float(name, x, a.n_data, dtype)
    if array.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, examples and features; it has shape {array.shape}")
    return np.concatenate([array, condition_rows(condition, len(array), a.condition, dtype)], axis=1)


def decoder_rows(a: Architecture, z: Array, condition: ArrayLike | None) -> Array:
    """What the decoder is given for z (..., K): z itself, or [z, c]; the condition is one for all or one a row."""
    if condition is None:
        if a.condition:
            raise ValueError(f"the model is conditional: condition= must give labels or {a.condition} numbers a row")
        return z
    check_conditional(a)
    rows = condition_rows(condition, z.shape[-2] if z.ndim > 1 else 1, a.condition, z.dtype)
    shape = (*z.shape[:-1], a.condition)
    return np.concatenate([z, np.broadcast_to(rows, shape) if z.ndim > 1 else rows[0]], axis=-1)


def check_conditional(a: Architecture) -> None:
    """``ValueError`` where a condition is given to a model that takes none."""
    if not a.condition:
        raise ValueError("the model is not conditional and takes no condition=; VAE(..., condition=C) makes one")
