"""What every loader returns, and the way there from an array as a file holds it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from vae_np.support.checks import check_finite, float_dtype

__all__ = ["Dataset", "from_array"]

Array = NDArray[Any]
GREY_IMAGE, GREY_TABLE = 128, 250
"""The least maximum of integers up to 255 that are taken for grey values, of images and of plain rows."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples as rows, with what is known about them.

    Attributes
    ----------
    x : array, shape (N, D)
        float32 or float64 in C order. It may be a read-only map of a file.
    labels : int array, shape (N,), or None
    image_shape : (int, int) or None
        Height and width, if a row is an image of D = height * width pixels.
    name : str
    label_names : tuple of str, optional
        The texts of labels that are texts in the file; the labels are then places in it.
    rows : int array, shape (N,), optional
        Which rows of the source these are, counted from 0; None for all of them, in their order.
    feature_names : tuple of str, optional
        The columns' names, as the header of a csv file has them.
    index : str array, shape (N,), optional
        The rows' names: the texts of a column that is no feature, which a csv file calls ``index_name``.
    label_name : str
        What a csv file's header calls the column of the labels; "" where there is none.

    Raises
    ------
    ValueError
        If the parts do not have these forms.
    """

    x: Array
    labels: NDArray[np.integer[Any]] | None
    image_shape: tuple[int, int] | None
    name: str
    label_names: tuple[str, ...] | None = None
    rows: NDArray[np.integer[Any]] | None = None
    feature_names: tuple[str, ...] | None = None
    index: NDArray[np.str_] | None = None
    index_name: str = ""
    label_name: str = ""

    def __post_init__(self) -> None:
        """Check the parts against each other."""
        x, labels, image = self.x, self.labels, self.image_shape
        if x.ndim != 2 or not x.flags.c_contiguous:
            raise ValueError(f"x must be (N, D) in C order; its shape is {x.shape}, strides {x.strides}")
        float_dtype(x.dtype)
        if labels is not None and (labels.shape != x.shape[:1] or labels.dtype.kind not in "iu"):
            raise ValueError(f"labels must be {len(x)} integers; got {labels.dtype} with shape {labels.shape}")
        if image is not None and image[0] * image[1] != x.shape[1]:
            raise ValueError(f"an image of shape {image} cannot have {x.shape[1]} pixels")
        names = self.label_names
        if names is not None and (labels is None or not ((labels >= 0) & (labels < len(names))).all()):
            raise ValueError(f"labels with {len(names)} label_names must be integers from 0 to {len(names) - 1}")
        if self.feature_names is not None and len(self.feature_names) != x.shape[1]:
            raise ValueError(f"x has {x.shape[1]} columns and {len(self.feature_names)} feature_names")
        if self.index is not None and self.index.shape != x.shape[:1]:
            raise ValueError(f"index must have {len(x)} entries; its shape is {self.index.shape}")

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        n, d = self.x.shape
        words = [f"{self.name}: {n} x {d} {self.x.dtype}"]
        if self.image_shape is not None:
            words.append(f"images {self.image_shape[0]}x{self.image_shape[1]}")
        if self.labels is not None:
            distinct = len(np.unique(self.labels))
            words.append(f"{distinct} label{'s' * (distinct != 1)}")
        if self.index is not None:
            words.append(f"index {self.index_name!r}" if self.index_name else "an index")
        return f"Dataset({', '.join(words)})"

    def take(self, rows: ArrayLike | slice) -> Dataset:
        """The examples ``rows`` (indices, a mask or a slice), in their order, as a data set of its own."""
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            if rows.size == 0 and rows.dtype.kind == "f":  # an empty list
                rows = rows.astype(np.intp)
            if rows.ndim != 1:
                raise ValueError(f"rows must be one-dimensional; got shape {rows.shape}")
        labels = None if self.labels is None else self.labels[rows]
        index = None if self.index is None else self.index[rows]
        x = np.ascontiguousarray(self.x[rows])
        return replace(self, x=x, labels=labels, rows=self.row_numbers[rows], index=index)

    @property
    def row_numbers(self) -> NDArray[np.integer[Any]]:
        """Which rows of the source these are, counted from 0."""
        return np.arange(len(self)) if self.rows is None else self.rows


def from_array(
    raw: Array,
    labels: Array | None,
    *,
    source: str,
    name: str,
    scale: str | float = "auto",
    dtype: DTypeLike = "float64",
    auto: float | None = None,
    **names: Any,
) -> Dataset:
    """The data set of an array as it was read; ``names`` are the attributes of `Dataset` that say what is called how.

    ``source`` begins every error. ``auto`` is the divisor that scale="auto" stands for where it is known; otherwise it
    follows from the array's type. An array that already has the form asked for is not copied.
    """
    target = float_dtype(dtype)
    rows, image_shape = _rows(raw, source)
    images = image_shape is not None
    divisor = _divisor(rows, scale, images, source) if auto is None or scale != "auto" else auto
    if divisor == 1 and rows.dtype == target and rows.flags.c_contiguous:
        x = rows
    else:
        x = np.empty(rows.shape, target)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is found below
            # rounded once: in float64 first, unless both numbers of a quotient are exact in float32
            exact = np.can_cast(rows.dtype, target) and float(target.type(divisor)) == divisor
            np.divide(rows, divisor, out=x, dtype=target if exact else np.float64, casting="same_kind")
    _check_finite(x, rows, source)
    return Dataset(x, _labels(labels, len(x), source), image_shape, name, **names)


def _check_finite(x: Array, rows: Array, source: str) -> None:
    """That x is finite; what is so only in the numbers that were read is too large for its dtype."""
    try:
        check_finite(x, source)
    except ValueError:
        check_finite(rows, source)
        row, column = (int(place[0]) for place in np.nonzero(~np.isfinite(x)))
        remedy = "; dtype='float64' (--dtype float64) holds it" if x.dtype == np.float32 else ""
        fact = f"{rows[row, column]:g}, beyond {x.dtype}"
        raise ValueError(f"{source}: row {row}, column {column} is {fact}{remedy} (counted from 0)") from None


def _rows(raw: Array, source: str) -> tuple[Array, tuple[int, int] | None]:
    """An array of one of the accepted shapes as (N, D), and the shape of its images."""
    if raw.dtype.kind not in "biuf":
        raise ValueError(f"{source}: real numbers are needed; the array holds {raw.dtype}")
    if raw.ndim == 4 and raw.shape[3] != 1:
        raise ValueError(
            f"{source}: images must be grey, (N, H, W) or (N, H, W, 1); the shape is {raw.shape},"
            f" {raw.shape[3]} channels (flatten colour images to (N, D) to treat each value as a feature)"
        )
    if raw.ndim not in (2, 3, 4):
        raise ValueError(f"{source}: the shape must be (N, D) or (N, H, W); it is {raw.shape}")
    if raw.size == 0:
        raise ValueError(f"{source}: there is no data; the shape is {raw.shape}")
    image_shape = None if raw.ndim == 2 else (int(raw.shape[1]), int(raw.shape[2]))
    return raw.reshape(len(raw), -1), image_shape


def _divisor(rows: Array, scale: str | float, images: bool, source: str) -> float:
    """The number that ``scale`` divides this array by."""
    if scale == "none":
        return 1.0
    if scale != "auto":
        if isinstance(scale, (str, bool)) or not (math.isfinite(scale) and scale > 0):
            raise ValueError(f"scale must be 'auto', 'none' or a positive number; got {scale!r}")
        return float(scale)
    if rows.dtype == np.uint8:
        return 255.0
    if rows.dtype.kind in "iu":
        low, high = rows.min(), rows.max()
        if low < -1 or high > 1:
            raise ValueError(_choices(int(low), int(high), rows.dtype, images, source))
    return 1.0


def _choices(low: int, high: int, dtype: np.dtype[Any], images: bool, source: str) -> str:
    """What may be done with integers, in the command line's words and in Python's.

    What floats get by default comes first; but grey values, whose brightest here need not be white, are of 255 levels.
    """
    grey = low >= 0 and (GREY_IMAGE if images else GREY_TABLE) <= high <= 255
    largest = 255 if grey else max(abs(low), abs(high))
    words = [
        "--scale standard, with which the model standardises each feature",
        "--scale none, which leaves them",
        f"--scale {largest} to divide by it",
    ]
    if grey:
        words = [f"{words.pop()}, as grey values want", *words]
    return (
        f"{source}: integers from {low} to {high} ({dtype}) have no obvious scale; give {', '.join(words[:2])}, or"
        f" {words[2]} (in Python scale='none', with VAE(scale='standard') or without, or scale={largest})"
    )


def _labels(labels: Array | None, n: int, source: str) -> NDArray[np.int64] | None:
    """Labels as (N,) int64; whole floats and a column (N, 1) are accepted."""
    if labels is None:
        return None
    if labels.shape not in ((n,), (n, 1)) or labels.dtype.kind not in "biuf":
        raise ValueError(f"{source}: {n} rows need {n} integer labels; got {labels.dtype} with shape {labels.shape}")
    flat = labels.reshape(n)
    if flat.dtype.kind == "f":
        whole = np.isfinite(flat) & (flat == np.floor(flat)) & (np.abs(flat) < 2.0**53)
        if not whole.all():
            row = int(np.argmin(whole))
            raise ValueError(f"{source}: labels must be integers; that of row {row} (counted from 0) is {flat[row]}")
    return flat.astype(np.int64)
