"""One door for every source of data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from numpy.typing import DTypeLike, NDArray

from vae_np.data.arrays import from_array
from vae_np.data.csv_classes import Classes
from vae_np.data.csv_files import read_csv
from vae_np.data.dataset import Dataset
from vae_np.data.digits import DEEPEST, read_digits
from vae_np.data.idx import read_idx
from vae_np.data.mnist import TRANSPOSED, check_part, read_mnist
from vae_np.data.numpy_files import read_npy, read_npz
from vae_np.support.checks import float_dtype

__all__ = ["kind_of", "load"]

Array = NDArray[Any]

ACCEPTED = (
    "'digits', 'mnist', a folder of MNIST's IDX files, or a file .npy, .npz, .csv, .csv.gz, .idx, .idx.gz or *ubyte*"
)


def load(
    source: str | os.PathLike[str],
    *,
    dtype: DTypeLike = "float64",
    part: Literal["train", "test"] = "train",
    scale: str | float = "auto",
    labels: str | None = None,
    key: str | None = None,
    index: Literal["auto", "first", "none"] = "auto",
    header: Literal["auto", "yes", "no"] = "auto",
    transpose: bool = False,
    classes: Classes | None = None,
) -> Dataset:
    """Load a data set by its name or from a folder or file.

    Parameters
    ----------
    source : str or path
        - "digits", the embedded digits;
        - "mnist", from the cache, or downloaded into it (see `vae_np.data.download.download_mnist`);
        - a folder of MNIST's IDX files (see `load_mnist`);
        - an IDX file, plain or packed, whose name ends in .idx or .idx.gz or contains "ubyte";
        - .npy; .npz; .csv or .csv.gz with or without a header line (one in which no field is a number).
        A folder that is called like a data set is "./mnist" or a Path. Arrays have shape (N, D), or that of images,
        (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels: these are flattened, in the array's order, and
        set image_shape. What `scipy.sparse.save_npz` wrote becomes dense, if that takes at most half of the memory.
    dtype : float32 or float64
        What the values become.
    part : "train" or "test"
        Of MNIST, of a folder, or of an .npz file with the arrays x_train and x_test.
    scale : "auto", "none" or float
        A number divides the values, "none" leaves them. "auto" divides uint8 by 255 (and the digits by 16), but where
        all are 0 and 1, which it leaves; it leaves floats, booleans and integers in -1..1, and refuses other integers.
        A csv file in which every number is whole holds integers.
    labels : str, optional
        "first" or "last", the column of a csv file that holds the labels: integers, or texts, which become 0, 1, ... in
        sorted order (see ``label_names`` of `Dataset`). Of an .npz file the array of the labels, integers, by default
        the one that belongs to ``key``. "none" leaves labels out.
    key : str, optional
        The array of an .npz file; by default x, data or x_train (x_test for the test part), or the only one. Its labels
        are y or labels, and y_train to x_train; where others look like labels a line in ``notes`` says so.
    index : "auto", "first" or "none"
        Whether the first column of a csv file names the rows and is no feature (see ``index`` of `Dataset`). "auto":
        where it counts the rows from 0 or from 1, where the header names the other columns and not it, and where it is
        called id, index or row and holds distinct integers or texts. labels="first" leaves it no room.
    header : "auto", "yes" or "no"
        Whether the first line of a csv file names the columns. "auto": where no field is a number, and where its
        numbers are unlike those below, which a line in ``notes`` of the `Dataset` then says; what may be either is
        refused.

    transpose : bool
        Swap rows and columns of images, as EMNIST's need it.
    classes : sequence of (sequence of str, or None), optional
        Of each column of a csv file that is a feature the texts of its classes, which become a group of zeros and ones
        with names such as town=Bern, or None for numbers. A text that is none of them is refused with its place.

    Returns
    -------
    Dataset
        An .npy file that already has the dtype, C order and the scale asked for is mapped, not read: it may be larger
        than the memory.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If an argument does not fit the source, the file is malformed or empty, or a value is not finite. For what is
        wrong with a file the message starts with its name.
    TypeError
        If the source is no name and no path, such as an array.
    """
    float_dtype(dtype)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(
            f"a source is the name of a data set or a path; got {type(source).__name__} (arrays and"
            " sparse matrices need no loading)"
        )
    check_part(part)
    if index not in ("auto", "first", "none"):
        raise ValueError(f"index must be 'auto', 'first' or 'none'; got {index!r}")
    if header not in ("auto", "yes", "no"):
        raise ValueError(f"header must be 'auto', 'yes' or 'no'; got {header!r}")
    if classes is not None and kind_of(source) != "csv":
        raise ValueError(f"{source}: classes= is for csv files")
    if index == labels == "first":
        raise ValueError("the first column cannot hold both the index and the labels")
    kind = kind_of(source)
    if labels not in ("first", "last", "none", None) and kind != "npz":
        raise ValueError(f"labels must be 'first', 'last', 'none' or None; got {labels!r}")
    _check_options(kind, source, part, labels, key, index, header)
    how: dict[str, Any] = {"scale": scale, "dtype": dtype, "transpose": transpose}
    if kind == "csv":
        column: Any = None if labels == "none" else labels
        table = read_csv(Path(source), column, index, header, classes)
        raw, y = table.values, table.labels
        how |= {"label_names": table.label_names, "feature_names": table.names, "label_name": table.label_name}
        how |= {"index": table.row_names, "index_name": table.index_name, "notes": table.notes}
    else:
        raw, y, notes = _read(kind, source, part, key, labels)
        y = None if labels == "none" else y
        how["notes"] = tuple(note for note in notes if not transpose or note != TRANSPOSED)
    if kind == "digits":
        how["auto"] = DEEPEST
    name = Path(source).resolve().name if kind == "folder" else Path(source).name
    return from_array(raw, y, source=os.fspath(source), name=name, **how)


def kind_of(source: str | os.PathLike[str]) -> str:
    """What the source is: digits, mnist, folder, npy, npz, csv or idx."""
    if source in ("digits", "mnist"):
        return str(source)
    path = Path(source)
    if path.is_dir():
        return "folder"
    if not path.exists():
        raise FileNotFoundError(f"{source}: no such file or folder; a source is {ACCEPTED}")
    name = path.name.lower()
    for kind, endings in (("npy", ".npy"), ("npz", ".npz"), ("csv", (".csv", ".csv.gz"))):
        if name.endswith(endings):
            return kind
    if name.endswith((".idx", ".idx.gz")) or "ubyte" in name:
        return "idx"
    raise ValueError(f"{source}: the name does not tell the format; a source is {ACCEPTED}")


def _check_options(
    kind: str, source: object, part: str, labels: str | None, key: str | None, index: str, header: str
) -> None:
    """Refuse what would be ignored."""
    if key is not None and kind != "npz":
        raise ValueError(f"{source}: key= (--key) is for .npz files")
    if labels not in (None, "none") and kind not in ("csv", "npz"):
        raise ValueError(f"{source}: labels= (--labels) is for csv and .npz files")
    if index == "first" and kind != "csv":
        raise ValueError(f"{source}: index= (--index) is for csv files")
    if header != "auto" and kind != "csv":
        raise ValueError(f"{source}: header= (--header) is for csv files")
    if part != "train" and kind not in ("mnist", "folder", "npz"):
        raise ValueError(f"{source}: it has no part {part!r}; MNIST, folders and .npz files have")


def _cached_mnist() -> Path:
    """The folder of MNIST, downloaded if need be."""
    from vae_np.data.download import download_mnist  # its imports are slow and seldom needed

    return download_mnist()


def _read(
    kind: str, source: str | os.PathLike[str], part: str, key: str | None, labels: str | None
) -> tuple[Array, Array | None, tuple[str, ...]]:
    """The array of what is no csv file, its labels, and lines on what was done."""
    if kind == "digits":
        return *read_digits(), ()
    path = Path(source)
    note = ""
    y: Array | None = None
    if kind in ("mnist", "folder"):
        raw, y, note = read_mnist(_cached_mnist() if kind == "mnist" else path, part)
    elif kind == "npz":
        raw, y, note = read_npz(path, key, part, labels)
    else:
        raw = read_npy(path) if kind == "npy" else read_idx(path)
        note = TRANSPOSED if kind == "idx" and "emnist" in path.name.lower() and raw.ndim == 3 else ""
    return raw, y, (note,) if note else ()
