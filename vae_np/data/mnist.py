"""MNIST, and whatever comes in a folder of the same four IDX files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vae_np.data.dataset import Dataset, from_array
from vae_np.data.idx import read_idx

__all__ = ["FILES", "check_part", "load_mnist", "read_mnist"]

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""Images and labels of each part."""


def load_mnist(
    folder: str | os.PathLike[str],
    *,
    part: Literal["train", "test"] = "train",
    dtype: DTypeLike = "float64",
) -> Dataset:
    """Images and labels from a folder of MNIST's IDX files.

    Parameters
    ----------
    folder : path
        Holds e.g. train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or with .gz, also written
        train-images.idx3-ubyte. Data sets in the same form, such as Fashion-MNIST, are read alike.
    part : "train" or "test"
        The test files' names begin with t10k.
    dtype : float32 or float64

    Returns
    -------
    Dataset
        x of shape (60000, 784) or (10000, 784) in [0, 1] (the bytes divided by 255), with labels; the name is the
        folder's.

    Raises
    ------
    FileNotFoundError
        If the images or the labels are missing; it lists the names that were looked for.
    ValueError
        If a file is damaged, or images and labels do not fit together.
    """
    images, labels = read_mnist(folder, part)
    name = Path(folder).resolve().name
    return from_array(images, labels, source=str(folder), name=name, dtype=dtype)


def read_mnist(folder: str | os.PathLike[str], part: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Images (N, H, W) and labels (N,) of one part, as the files have them."""
    check_part(part)
    folder = Path(folder)
    image_path, label_path = _find(folder, FILES[part])
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"{image_path}: images are bytes of shape (N, H, W); these are {images.dtype} of {images.shape}"
        )
    if labels.ndim != 1 or labels.dtype != np.uint8:
        raise ValueError(f"{label_path}: labels are bytes of shape (N,); these are {labels.dtype} of {labels.shape}")
    if len(labels) != len(images):
        raise ValueError(f"{label_path}: {len(labels)} labels; {image_path.name} has {len(images)} images")
    return images, labels


def check_part(part: str) -> None:
    """ValueError unless ``part`` is one."""
    if part not in FILES:
        raise ValueError(f"part must be 'train' or 'test'; got {part!r}")


def _find(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """The file that stands for each name, in whichever spelling is there."""
    spellings = [_spellings(name) for name in names]
    found = [[folder / s for s in group if (folder / s).is_file()] for group in spellings]
    if not all(found):
        missing = [" or ".join(group) for group, paths in zip(spellings, found, strict=True) if not paths]
        fact = "lacks MNIST files" if folder.is_dir() else "is not a folder"
        raise FileNotFoundError(
            f"{folder} {fact}; looked for {', and for '.join(missing)}."
            f" To download them, call vae_np.data.download.download_mnist({str(folder)!r}),"
            " or vae_np.data.load('mnist') to keep them in the cache"
        )
    return [paths[0] for paths in found]


def _spellings(name: str) -> list[str]:
    """The standard name and what else it is called."""
    dotted = name.replace("-idx", ".idx")
    return [name, f"{name}.gz", dotted, f"{dotted}.gz"]
