"""NumPy's own files, read without pickle and not on their headers' word."""

from __future__ import annotations

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


def read_npz(path: Path, key: str | None, part: str) -> tuple[Array, Array | None, str]:
    """The data and the labels, if there are any, of an .npz file, and a line where more was done than reading.

    The data is the array ``key``; without one it is x, data or x_<part> (x_<part> only, for the test part), or the only
    array beside the labels. The labels are y or labels; to a key that starts with x belongs what has y in its place.
    What `scipy.sparse.save_npz` wrote is read as a dense array.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(_readable(file)) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
            keys = [name.removesuffix(".npy") for name in members]
            if key is None and part == "train" and looks_sparse(keys):
                return _sparse(archive, path)
            chosen = _choose(path, keys, key, part)
            partner = [f"y{chosen[1:]}"] if chosen.startswith("x") else []
            label_key = next((k for k in [*partner, "y", "labels"] if k in keys and k != chosen), None)
            x = _member(archive, path, chosen)
            return x, None if label_key is None else _member(archive, path, label_key), ""
    except (ValueError, OSError, *DAMAGED_ZIP) as error:
        if str(error).startswith(f"{path}: ") or _of_the_system(error):
            raise
        raise ValueError(f"{path}: not a whole .npz file ({_line(error)})") from error


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


def _choose(path: Path, keys: list[str], key: str | None, part: str) -> str:
    """The key of the data."""
    wanted = [key] if key is not None else ["x", "data", "x_train"] if part == "train" else ["x_test"]
    for candidate in wanted:
        if candidate in keys:
            return candidate
    others = [k for k in keys if k not in ("y", "labels")]
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
