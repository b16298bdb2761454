"""What the pictures demand of their arrays: shapes and finite values, or a ValueError that says so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_image_shape", "check_names", "check_positive", "finite_matrix"]


def finite_matrix(name: str, values: ArrayLike, ndim: int = 2) -> NDArray[np.float64]:
    """``values`` as a float64 array with ``ndim`` axes, none of them empty, and all finite."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers; its dtype is {array.dtype}")
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{name} must have {ndim} axes and not be empty; its shape is {array.shape}")
    array = array.astype(np.float64)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        first = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{name} must be finite; {len(bad)} of its {array.size} values are not, "
            f"the first is {array[first]} at {list(first)}"
        )
    return array


def check_image_shape(name: str, columns: int, image_shape: Sequence[int] | None) -> tuple[int, int] | None:
    """``image_shape`` as (height, width), after checking that it has ``columns`` pixels."""
    if image_shape is None:
        return None
    shape = tuple(image_shape)
    if len(shape) != 2 or any(int(side) != side or side < 1 for side in shape):
        raise ValueError(f"image_shape must be (height, width), both at least 1; it is {shape}")
    height, width = int(shape[0]), int(shape[1])
    if height * width != columns:
        raise ValueError(f"image_shape {(height, width)} needs {height * width} columns; {name} has {columns}")
    return height, width


def check_names(names: Sequence[str], columns: int) -> list[str]:
    """``names`` as a list of one text a column."""
    found = [str(name) for name in names]
    if len(found) != columns:
        raise ValueError(f"names must have {columns} entries, one a column; they are {len(found)}")
    return found


def check_positive(name: str, value: int, least: int = 1) -> int:
    """``value`` as an int that is at least ``least``."""
    if int(value) != value or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}; it is {value}")
    return int(value)
