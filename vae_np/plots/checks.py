"""What the pictures demand of their arrays: shapes and finite values, or a ValueError that says so."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.plots.colours import channel_axis

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


def check_image_shape(name: str, columns: int, image_shape: Sequence[int] | None) -> tuple[int, ...] | None:
    """``image_shape`` as (height, width), or with channels, after checking that it has ``columns`` values."""
    if image_shape is None:
        return None
    shape = tuple(image_shape)
    if any(int(side) != side or side < 1 for side in shape) or not (len(shape) == 2 or channel_axis(shape) >= 0):
        raise ValueError(
            "image_shape must be (height, width), both at least 1, or with 3 or 4 channels before or after them;"
            f" it is {shape}"
        )
    shape = tuple(map(int, shape))
    if math.prod(shape) != columns:
        raise ValueError(f"image_shape {shape} needs {math.prod(shape)} columns; {name} has {columns}")
    return shape


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
