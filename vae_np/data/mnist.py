"""MNIST, and whatever comes in a folder of the same four IDX files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vae_np.data.arrays import from_array
from vae_np.data.dataset import Dataset
from vae_np.data.idx import read_idx

__all__ = ["FILES", "check_part", "load_mnist", "read_mnist"]

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
"""Images and labels of each part."""
PARTS = {"train": ("train",), "test": ("t10k", "test")}
"""What a part is called in the files' names."""
NAME = re.compile(
    r"(?P<set>(?:.*[-_])?)(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx[123]-(ubyte|int)(\.gz)?",
    re.IGNORECASE,
)
"""As in train-images-idx3-ubyte, emnist-letters-test-labels-idx1-ubyte.gz and qmnist-train-labels-idx2-int."""
QMNIST_COLUMNS = 8
"""Of QMNIST's labels, whose first one is the class."""
TRANSPOSED = "images: EMNIST's files hold them transposed; --transpose (transpose=True) turns them upright"
SHOWN = 6
"""Files of a folder that an error names."""


def load_mnist(
    folder: str | os.PathLike[str],
    *,
    part: Literal["train", "test"] = "train",
    dtype: DTypeLike = "float64",
    transpose: bool = False,
) -> Dataset:
    """Images and labels from a folder of MNIST's IDX files.

    Parameters
    ----------
    folder : path
        Holds e.g. train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or with .gz, also written
        train-images.idx3-ubyte. Data sets in the same form, such as Fashion-MNIST, are read alike, and so are EMNIST's
        names (emnist-letters-train-images-idx3-ubyte) and QMNIST's (qmnist-test-labels-idx2-int).
    part : "train" or "test"
        The test files' names begin with t10k, or have test in its place.
    dtype : float32 or float64
    transpose : bool
        Swap rows and columns, as EMNIST's images need it.

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
    images, labels, note = read_mnist(folder, part)
    name = Path(folder).resolve().name
    notes = (note,) if note and not transpose else ()
    return from_array(images, labels, source=str(folder), name=name, dtype=dtype, transpose=transpose, notes=notes)


def read_mnist(folder: str | os.PathLike[str], part: str) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Images (N, H, W) and labels (N,) of one part, as the files have them, and a line if they are turned."""
    check_part(part)
    folder = Path(folder)
    image_path, label_path = _find(folder, part)
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"{image_path}: images are bytes of shape (N, H, W); these are {images.dtype} of {images.shape}"
        )
    if labels.ndim == 2 and labels.shape[1] == QMNIST_COLUMNS:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"{label_path}: labels are integers of shape (N,); these are {labels.dtype} of {labels.shape}")
    if len(labels) != len(images):
        raise ValueError(f"{label_path}: {len(labels)} labels; {image_path.name} has {len(images)} images")
    upright = "" if "emnist" not in image_path.name.lower() else TRANSPOSED
    return images, labels, upright


def check_part(part: str) -> None:
    """ValueError unless ``part`` is one."""
    if part not in FILES:
        raise ValueError(f"part must be 'train' or 'test'; got {part!r}")


def _find(folder: Path, part: str) -> tuple[Path, Path]:
    """The images and the labels of a part, in whichever spelling they are there."""
    there = sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    found: dict[str, dict[str, str]] = {"images": {}, "labels": {}}
    for what, names in found.items():
        for name in sorted(there, key=lambda name: (name.endswith(".gz"), "." in name.removesuffix(".gz"), name)):
            match = NAME.fullmatch(name)
            if match and match["what"] == what and match["part"] in PARTS[part]:
                names.setdefault(match["set"].rstrip("-_").lower(), name)
    sets = sorted(found["images"].keys() | found["labels"].keys())
    if len(sets) > 1:
        called = ", ".join(name or "one without a name" for name in sets)
        raise ValueError(f"{folder} holds several data sets: {called}; give each a folder of its own")
    if sets and all(found.values()):
        return folder / found["images"][sets[0]], folder / found["labels"][sets[0]]
    raise FileNotFoundError(_missing(folder, part, there, [what for what, names in found.items() if not names]))


def _missing(folder: Path, part: str, there: list[str], lacks: list[str]) -> str:
    """What was looked for and what there is; only in an empty place MNIST may be what is wanted."""
    standard = dict(zip(("images", "labels"), FILES[part], strict=True))
    names = " and ".join(f"{standard[what]} (or .gz, or .idx for -idx, or after a set's name)" for what in lacks)
    fact = "lacks files in the form of MNIST's" if folder.is_dir() else "is not a folder"
    if not there:
        return f"{folder} {fact}; looked for {names}; the source 'mnist' downloads MNIST into the cache"
    more = ", ..." if len(there) > SHOWN else ""
    return f"{folder} {fact}; looked for {names}; it holds {', '.join(there[:SHOWN])}{more}"
