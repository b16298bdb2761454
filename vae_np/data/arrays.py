"""The way from an array as a file holds it to a data set: its rows, its scale, its labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vae_np.data.dataset import Dataset
from vae_np.data.shapes import as_rows
from vae_np.support.checks import check_finite, columns_named, float_dtype

__all__ = ["check_labels", "from_array"]

Array = NDArray[Any]
GREY_IMAGE, GREY_TABLE = 128, 250
"""The least maximum of integers up to 255 that are taken for grey values, of images and of plain rows."""

COARSE = 16
"""So many steps of float32 in a column's whole range are few."""


def from_array(
    raw: Array,
    labels: Array | None,
    *,
    source: str,
    name: str,
    scale: str | float = "auto",
    dtype: DTypeLike = "float64",
    auto: float | None = None,
    transpose: bool = False,
    notes: tuple[str, ...] = (),
    **names: Any,
) -> Dataset:
    """The data set of an array as it was read; ``names`` are the attributes of `Dataset` that say what is called how.

    ``source`` begins every error. ``auto`` is the divisor that scale="auto" stands for where it is known; otherwise it
    follows from the array's type and values, and ``notes`` tell where it is not as usual. ``transpose`` swaps the rows
    and columns of images. An array that already has the form asked for is not copied.
    """
    target = float_dtype(dtype)
    rows, image_shape = as_rows(raw, source, transpose)
    images = image_shape is not None
    divisor, note = _divisor(rows, scale, images, source) if auto is None or scale != "auto" else (auto, "")
    notes += (note,) if note else ()
    if divisor == 1 and rows.dtype == target and rows.flags.c_contiguous:
        x = rows
    else:
        x = np.empty(rows.shape, target)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is found below
            # rounded once: in float64 first, unless both numbers of a quotient are exact in float32
            exact = np.can_cast(rows.dtype, target) and float(target.type(divisor)) == divisor
            np.divide(rows, divisor, out=x, dtype=target if exact else np.float64, casting="same_kind")
    _check_finite(x, rows, source, names.get("feature_names"))
    notes += _lost_digits(x, rows, divisor, names.get("feature_names")) + _one_value(x, rows)
    return Dataset(
        x,
        None if labels is None else check_labels(labels, len(x), source),
        image_shape,
        name,
        notes=notes,
        divided_by=divisor,
        **names,
    )


def _one_value(x: Array, rows: Array) -> tuple[str, ...]:
    """A line where all values are one, also in the numbers that were read."""
    first = x[0, 0]
    if (x[0] == first).all() and (x == first).all() and (rows == rows[0, 0]).all():
        return (f"all {x.size} values are {first:g}: there is nothing to learn from them",)
    return ()


def _lost_digits(x: Array, rows: Array, divisor: float, names: Sequence[str] | None) -> tuple[str, ...]:
    """A line that names the columns whose values differ by little more than the rounding of x, if there are any.

    They do where the range of a column is below `COARSE` of the distances between x's numbers of its size, or between 0
    and the first of them that is no subnormal number: training takes those for 0.
    """
    long = rows.dtype.kind in "iu" and rows.dtype.itemsize == 8  # which NumPy casts to float64 as if it were safe
    if np.can_cast(rows.dtype, x.dtype) and not long:
        return ()
    low, high = rows.min(axis=0), rows.max(axis=0)
    if long:  # modulo 2^64 the difference is right, which may overflow as a signed one
        half = (high.astype(np.uint64) - low.astype(np.uint64)).astype(np.float64) / 2 / divisor
    else:
        half = ((high / 2 - low / 2) / divisor).astype(np.float64)
    size = np.maximum(np.abs(low.astype(np.float64)), np.abs(high.astype(np.float64))) / divisor
    lost = np.flatnonzero((half > 0) & (half < _coarse(size, x.dtype) / 2))
    if not len(lost):
        return ()
    j = int(lost[0])
    some = f"column {j if names is None else names[j]}, from {_digits(low[j])} to {_digits(high[j])}"
    more = f", and {len(lost) - 1} more" if len(lost) > 1 else ""
    helps = "--dtype float64 keeps it"
    if (half[lost] < _coarse(size[lost], np.dtype(np.float64)) / 2).any():
        helps = "subtract what is common, or leave such columns out"
    return (f"{x.dtype}: its rounding is much of what varies in {some}{more}; {helps}",)


def _coarse(size: Array, dtype: np.dtype[Any]) -> Array:
    """What a range is to exceed, for it not to be lost in the rounding of numbers of a certain size."""
    found = np.finfo(dtype)
    return np.asarray(COARSE * np.maximum(size * float(found.eps), float(found.tiny)))


def _digits(value: Any) -> str:
    """A number with all that float64 has of it, an integer with all of its digits."""
    return str(value) if isinstance(value, np.integer) else f"{value:.17g}"


def _check_finite(x: Array, rows: Array, source: str, names: tuple[str, ...] | None) -> None:
    """That x is finite; what is so only in the numbers that were read is too large for its dtype."""
    try:
        check_finite(x, source)
    except ValueError:
        check_finite(rows, source)
        row, column = (int(place[0]) for place in np.nonzero(~np.isfinite(x)))
        value = rows[row, column]
        with np.errstate(over="ignore"):
            holds = x.dtype == np.float32 and np.isfinite(np.float64(value))
        remedy = "; dtype='float64' (--dtype float64) holds it" if holds else ""
        fact = f"{str(value) if rows.dtype.itemsize > 8 else format(value, 'g')}, beyond {x.dtype}"
        place = columns_named(f"row {row}, column {column}", names)
        raise ValueError(f"{source}: {place} is {fact}{remedy} (counted from 0)") from None


def _divisor(rows: Array, scale: str | float, images: bool, source: str) -> tuple[float, str]:
    """The number that ``scale`` divides this array by, and a line that says so where the values made it unusual."""
    if scale == "none":
        return 1.0, ""
    if scale != "auto":
        if isinstance(scale, (str, bool)) or not (math.isfinite(scale) and scale > 0):
            raise ValueError(f"scale must be 'auto', 'none' or a positive number; got {scale!r}")
        return float(scale), ""
    if rows.dtype == np.uint8:
        return _divisor_of_bytes(int(rows.max()))
    if rows.dtype.kind in "iu":
        low, high = rows.min(), rows.max()
        if low < -1 or high > 1:
            raise ValueError(_choices(int(low), int(high), rows.dtype, images, source))
    return 1.0, ""


def _divisor_of_bytes(high: int) -> tuple[float, str]:
    """The same for uint8 whose largest value is ``high``: most are grey values of 255 levels, and some are bits."""
    if high <= 1:
        return 1.0, "scale: the uint8 values are 0 and 1 and stay so (--scale 255 divides them)" * high
    if high < GREY_IMAGE:
        line = (
            f"scale: the uint8 values, at most {high}, are divided by 255 (--scale {high}, if that is the full value)"
        )
        return 255.0, line
    return 255.0, ""


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
    if source.lower().endswith((".csv", ".csv.gz")) and not grey:
        words[1] += ", --likelihood table, a kind for each column"
    return (
        f"{source}: integers from {low} to {high} ({dtype}) have no obvious scale; give {', '.join(words[:2])}, or"
        f" {words[2]} (in Python scale='none', with VAE(scale='standard') or without, or scale={largest})"
    )


def check_labels(labels: Array, n: int, source: str) -> NDArray[np.int64]:
    """Labels as (N,) int64; whole floats and a column (N, 1) are accepted."""
    if labels.shape not in ((n,), (n, 1)) or labels.dtype.kind not in "biuf":
        raise ValueError(f"{source}: {n} rows need {n} integer labels; got {labels.dtype} with shape {labels.shape}")
    flat = labels.reshape(n)
    if flat.dtype.kind == "f":
        whole = np.isfinite(flat) & (flat == np.floor(flat)) & (np.abs(flat) < 2.0**53)
        if not whole.all():
            row = int(np.argmin(whole))
            raise ValueError(f"{source}: labels must be integers; that of row {row} (counted from 0) is {flat[row]}")
    return flat.astype(np.int64)
