"""Data frames as the estimators take them: with a likelihood for each column, or as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import validate_data

from vae_np.model.tables import Table, is_frame
from vae_np.model.tables.refusals import refuse_inexact

__all__ = ["as_given", "check_rows", "learned", "named", "start_scaling"]

Array = NDArray[Any]
FLOATS = [np.float64, np.float32]


def is_table(X: ArrayLike, likelihood: Any) -> bool:
    """Whether each column's likelihood is to be found: of a frame, unless one likelihood for all is named.

    One of numbers alone whose columns have no names, as scikit-learn sees it, is an array.
    """
    by_column = isinstance(likelihood, Mapping)
    if by_column and not is_frame(X):
        raise ValueError("likelihood by column needs a DataFrame, whose columns have names")
    if by_column or not is_frame(X) or not (isinstance(likelihood, str) and likelihood == "auto"):
        return by_column
    frame: Any = X
    named = any(isinstance(name, str) for name in frame.columns)
    return named or any(getattr(dtype, "kind", "O") not in "biuf" for dtype in frame.dtypes)


def check_kinds(X: Any) -> None:
    """``ValueError`` that names a column of dates, or of whole numbers that float64 does not tell apart."""
    if is_frame(X):
        columns = [(name, X.iloc[:, j]) for j, name in enumerate(X.columns)]
    else:
        array = X if isinstance(X, np.ndarray) else np.empty(0)
        if array.dtype.kind in "mM":
            raise ValueError(f"X must hold numbers; it holds {array.dtype}")
        columns = list(enumerate(array.T)) if array.ndim == 2 and array.dtype.kind in "iu" else []
    for name, values in columns:
        if str(getattr(values.dtype, "kind", "O")) in "mM":
            raise ValueError(f"column {name!r} holds {values.dtype}: make numbers of it, or leave it out")
        refuse_inexact(name, values)


def start_scaling(estimator: Any, x: Array) -> None:
    """Of a new model, with the columns' names for a warning of those that are constant."""
    model, table = estimator.model_, estimator.table_
    if model.scale != "none" and model.scaling is None:
        names = getattr(estimator, "feature_names_in_", None) if table is None else table.number_names
        model.start_scaling(x, names)


def check_rows(estimator: Any, X: Any) -> None:
    """Of a frame, in scikit-learn's words for arrays."""
    if not np.shape(X)[0]:
        name = type(estimator).__name__
        raise ValueError(
            f"Found array with 0 sample(s) (shape={np.shape(X)}) while a minimum of 1 is required by {name}."
        )


def learned(estimator: Any, X: ArrayLike, likelihood: Any) -> tuple[Table | None, Array]:
    """The table that a frame is, and its numbers, or those of an array; names and counts are noted."""
    if not is_table(X, likelihood):
        check_kinds(X)
        x: Array = validate_data(estimator, X, dtype=FLOATS, order="C")
        return None, x
    validate_data(estimator, X, skip_check_array=True)
    check_rows(estimator, X)
    table = Table(X, likelihood if isinstance(likelihood, Mapping) else None)
    return table, table.code(X)


def named(estimator: Any, X: ArrayLike, likelihood: Any) -> ArrayLike:
    """X as an estimator gives it to the autoencoder that it holds, its names and counts noted: a table as it is."""
    whole = is_table(X, likelihood)  # the autoencoder then finds what its columns are
    if not whole:
        check_kinds(X)
    x: ArrayLike = validate_data(
        estimator, X, **({"skip_check_array": True} if whole else {"dtype": FLOATS, "order": "C"})
    )
    check_rows(estimator, x)
    return x


def as_given(estimator: Any, X: ArrayLike, table: Table | None, dtype: np.dtype[Any]) -> Array:
    """The numbers of an X after `fit`, checked as scikit-learn does."""
    if table is None:
        check_kinds(X)
        x: Array = validate_data(estimator, X, dtype=dtype, order="C", reset=False)
        return x
    if is_frame(X):
        validate_data(estimator, X, reset=False, skip_check_array=True)
        check_rows(estimator, X)
        return table.code(X).astype(dtype, copy=False)
    words = any(column.levels for column in table.columns)
    how: dict[str, Any] = {"skip_check_array": True} if words else {"dtype": dtype, "order": "C"}
    return table.code(validate_data(estimator, X, reset=False, **how)).astype(dtype, copy=False)
