"""What every loader returns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.support.checks import float_dtype

__all__ = ["Dataset", "ImageShape"]

Array = NDArray[Any]
ImageShape = tuple[int, int] | tuple[int, int, int]
"""Height and width; with colours the channels before them or after them, as the data have them."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples as rows, with what is known about them.

    Attributes
    ----------
    x : array, shape (N, D)
        float32 or float64 in C order. It may be a read-only map of a file.
    labels : int array, shape (N,), or None
    image_shape : tuple of int, or None
        Height and width, if a row is an image of D = height * width pixels; of colour images (3, H, W) or (H, W, 3), in
        the order in which the row has their values (4 for 3 where there is a fourth channel).
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
    notes : tuple of str
        What was assumed in reading the source, a line each; `print` shows them.
    divided_by : float
        What the source's numbers were divided by.

    Raises
    ------
    ValueError
        If the parts do not have these forms.
    """

    x: Array
    labels: NDArray[np.integer[Any]] | None
    image_shape: ImageShape | None
    name: str
    label_names: tuple[str, ...] | None = None
    rows: NDArray[np.integer[Any]] | None = None
    feature_names: tuple[str, ...] | None = None
    index: NDArray[np.str_] | None = None
    index_name: str = ""
    label_name: str = ""
    notes: tuple[str, ...] = ()
    divided_by: float = 1.0

    def __post_init__(self) -> None:
        """Check the parts against each other."""
        x, labels, image = self.x, self.labels, self.image_shape
        if x.ndim != 2 or not x.flags.c_contiguous:
            raise ValueError(f"x must be (N, D) in C order; its shape is {x.shape}, strides {x.strides}")
        float_dtype(x.dtype)
        if labels is not None and (labels.shape != x.shape[:1] or labels.dtype.kind not in "iu"):
            raise ValueError(f"labels must be {len(x)} integers; got {labels.dtype} with shape {labels.shape}")
        if image is not None and math.prod(image) != x.shape[1]:
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
            words.append(f"images {'x'.join(map(str, self.image_shape))}")
        if self.labels is not None:
            distinct = len(np.unique(self.labels))
            words.append(f"{distinct} label{'s' * (distinct != 1)}")
        if self.index is not None:
            words.append(f"index {self.index_name!r}" if self.index_name else "an index")
        return "\n".join([f"Dataset({', '.join(words)})", *self.notes])

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
