"""The digits that come with the package."""

from __future__ import annotations

import gzip
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vae_np.data.arrays import from_array
from vae_np.data.dataset import Dataset

__all__ = ["load_digits", "read_digits"]

DEEPEST = 16.0
"""The largest value of a pixel."""


def load_digits(dtype: DTypeLike = "float64") -> Dataset:
    """1,797 handwritten digits of 8x8 pixels, embedded in the package.

    Parameters
    ----------
    dtype : float32 or float64

    Returns
    -------
    Dataset
        x of shape (1797, 64) in [0, 1] (the file's 0..16 divided by 16), with labels 0..9.

    Notes
    -----
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository (1998), CC BY
    4.0; see ATTRIBUTION.md beside this module.
    """
    images, labels = read_digits()
    return from_array(images, labels, source="digits", name="digits", dtype=dtype, auto=DEEPEST)


def read_digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """Images (1797, 8, 8) in 0..16 and labels (1797,), as the file has them."""
    packed = files("vae_np.data").joinpath("digits.csv.gz").read_bytes()
    text = gzip.decompress(packed).decode("ascii").replace("\n", ",")
    table = np.fromstring(text, np.uint8, sep=",").reshape(1797, 65)
    return table[:, :64].reshape(-1, 8, 8), table[:, 64]
