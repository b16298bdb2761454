"""NumPy's own files, read without pickle and not on their headers' word."""

from __future__ import annotations

import contextlib
import errno
import lzma
import math
import os
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vae_np.data.arrays import check_labels
from vae_np.data.sparse_files import looks_sparse, read_sparse

__all__ = ["read_npy", "read_npz"]

Array = NDArray[Any]

MOST_DIMENSIONS = 32

# literal_eval of a damaged header can raise nearly anything
DAMAGED_HEADER = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError)

DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # an unknown way of packing
    RuntimeError,  # a password is needed
    KeyError,
)


def read_npy(path: Path) -> Array:
    """Map an .npy file into memory, to read only: what is not touched is not read."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        shape, fortran, dtype = _header(file, str(path), size)
        start = file.tell()
    return np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")


def read_npz(path: Path, key: str | None, part: str, labels: str | None = None) -> tuple[Array, Array | None, str]:
    """The data and the labels, if there are any, of an .npz file, and a line where more or less was done than reading.

    The data is the array ``key``; without one it is x, data or x_<part> (x_<part> only, for the test part), or the only
    array beside the labels. The labels are the array ``labels``, none for "none"; else y or labels, and to a key that
    starts with x belongs what has y in its place. What `scipy.sparse.save_npz` wrote is read as a dense array.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(_readable(file)) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
            keys = [name.removesuffix(".npy") for name in members]
            if key is None and part == "train" and looks_sparse(keys):
                return _sparse(archive, path)
            chosen = _choose(path, keys, key, part, labels)
            x = _member(archive, path, chosen)
            return x, *_labels(archive, path, keys, chosen, x.shape[0] if x.ndim else 0, labels)
    except (ValueError, OSError, *DAMAGED_ZIP) as error:
        if str(error).startswith(f"{path}: ") or _of_the_system(error):
            raise
        raise ValueError(f"{path}: not a whole .npz file ({_line(error)})") from error


def _labels(
    archive: zipfile.ZipFile, path: Path, keys: list[str], chosen: str, n: int, labels: str | None
) -> tuple[Array | None, str]:
    """The labels of n rows of the array ``chosen``, if there are any and they are wanted, and a line on others."""
    if labels == "none":
        return None, ""
    if labels is not None and labels not in keys:
        raise ValueError(f"{path}: no array {labels} for the labels; it holds {', '.join(keys)}")
    partner = [f"y{chosen[1:]}"] if chosen.startswith("x") else []
    key = labels or next((k for k in [*partner, "y", "labels"] if k in keys and k != chosen), None)
    if key is None:
        return None, _unread(archive, path, [k for k in keys if k != chosen], n)
    try:
        return check_labels(_member(archive, path, key), n, f"{path}: array {key!r}"), ""
    except ValueError as error:
        raise ValueError(f"{error}; labels='none' (--labels none) leaves the labels out") from error


def _unread(archive: zipfile.ZipFile, path: Path, keys: list[str], n: int) -> str:
    """A line that names arrays that look like labels of n rows by their type and shape."""
    found = []
    for key in keys:
        with archive.open(f"{key}.npy") as file, contextlib.suppress(ValueError):  # one that is not needed may be any
            shape, _, dtype = _header(file, str(path), archive.getinfo(f"{key}.npy").file_size)
            if shape in ((n,), (n, 1)) and dtype.kind in "iu":
                found.append(key)
    if not found:
        return ""
    return f"labels: none are read of {path.name}; --labels {found[0]} reads the integers in its array {found[0]}"


def _sparse(archive: zipfile.ZipFile, path: Path) -> tuple[Array, None, str]:
    """The whole archive as one matrix."""
    with archive.open("format.npy") as file:
        form = npy.read_array(file, allow_pickle=False, max_header_size=1000)
    word = form.item() if form.dtype.kind in "SU" and form.size == 1 else repr(form.dtype)
    word = word.decode("ascii", "replace") if isinstance(word, bytes) else word
    x, line = read_sparse(path, word, lambda name: _member(archive, path, name, empty=True))
    return x, None, line


def _readable(file: IO[bytes]) -> IO[bytes]:
    """The file, once a byte of it was read: zipfile calls a file that cannot be read no zip file."""
    file.read(1)
    return file


def _of_the_system(error: BaseException) -> bool:
    """Whether reading failed; a damaged archive makes zipfile seek where no place is, or bz2 raise OSError."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def _choose(path: Path, keys: list[str], key: str | None, part: str, labels: str | None) -> str:
    """The key of the data."""
    wanted = [key] if key is not None else ["x", "data", "x_train"] if part == "train" else ["x_test"]
    for candidate in wanted:
        if candidate in keys:
            return candidate
    others = [k for k in keys if k not in ("y", "labels", labels)]
    if key is None and part == "train" and len(others) == 1:
        return others[0]
    raise ValueError(
        f"{path}: no array {' or '.join(wanted)}; it holds {', '.join(keys) or 'no arrays'}"
        + ("" if key is not None else " (choose one with key=, --key)")
    )


def _member(archive: zipfile.ZipFile, path: Path, key: str, empty: bool = False) -> Array:
    """One array of an archive, once its header agrees with the room it takes; ``empty`` is one of a sparse matrix."""
    where = f"{path}: array {key!r}"
    name = f"{key}.npy"
    with archive.open(name) as file:
        _header(file, where, archive.getinfo(name).file_size, empty)
    with archive.open(name) as file:
        try:
            return np.asarray(npy.read_array(file, allow_pickle=False))
        except ValueError as error:
            raise ValueError(f"{where}: {_line(error)}") from error


def _header(file: IO[bytes], where: str, size: int, empty: bool = False) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an array of real numbers that fills the rest of the ``size`` bytes."""
    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version} of the format is not for plain numbers")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except DAMAGED_HEADER as error:
        raise ValueError(f"{where}: not a whole .npy header ({_line(error)})") from error
    if dtype.hasobject:
        raise ValueError(f"{where}: holds Python objects, which are not read; save numbers instead")
    if dtype.kind not in "biuf":
        raise ValueError(f"{where}: real numbers are needed; the array holds {dtype}")
    if len(shape) > MOST_DIMENSIONS or any(n < 0 for n in shape):
        raise ValueError(f"{where}: the header gives an impossible shape, {shape}")
    if 0 in shape and not empty:
        raise ValueError(f"{where}: there is no data; the shape is {shape}")
    needed, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if needed != there:
        raise ValueError(f"{where}: byte {file.tell()}: {dtype} of shape {shape} needs {needed} bytes; {there} follow")
    return shape, fortran, dtype


def _line(error: BaseException) -> str:
    """An error's text on one line."""
    return " ".join(str(error).split()) or type(error).__name__
