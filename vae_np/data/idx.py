"""IDX, the format of MNIST: two zero bytes, a type code, the rank, the sizes, the numbers, all big-endian."""

from __future__ import annotations

import gzip
import math
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vae_np.data.packed import DAMAGED, open_packed

__all__ = ["read_idx"]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_DIMENSIONS = 32
CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read an IDX file, plain or packed with gzip.

    Parameters
    ----------
    path : path
        Whether it is packed is told by the content, not by the name.

    Returns
    -------
    array
        In the machine's byte order: uint8, int8, int16, int32, float32 or float64.

    Raises
    ------
    ValueError
        If the file is not IDX, is damaged, or holds fewer or more bytes than its header promises; the message starts
        with the file and the byte (of the unpacked content). Memory is taken as bytes arrive, never on the header's
        word.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    with open_packed(path) as file:
        return _read(_Counted(file, path), path)


class _Counted:
    """A file that knows how far it was read, and reports damage with that place."""

    def __init__(self, file: BinaryIO | gzip.GzipFile, path: Path) -> None:
        self.file, self.path, self.place = file, path, 0

    def read(self, size: int) -> bytearray:
        """Up to ``size`` bytes, fewer only at the end of the file; memory grows with what is there."""
        data = bytearray()
        try:
            while len(data) < size and (chunk := self.file.read(min(CHUNK, size - len(data)))):
                data += chunk
                self.place += len(chunk)
        except DAMAGED as error:
            raise ValueError(
                f"{self.path}: byte {self.place}: the gzip data is damaged after this ({error})"
            ) from error
        return data


def _read(file: _Counted, path: Path) -> NDArray[Any]:
    """Header, sizes, numbers, end."""
    magic = file.read(4)
    if len(magic) < 4:
        raise ValueError(f"{path}: byte {len(magic)}: the file ends within the 4-byte IDX header")
    if magic[:2] != b"\0\0":
        raise ValueError(f"{path}: byte 0: an IDX file starts with 00 00; this one with {magic[:2].hex(' ')}")
    if magic[2] not in TYPES:
        known = ", ".join(f"{code:02x}" for code in TYPES)
        raise ValueError(f"{path}: byte 2: type code {magic[2]:02x} is none of {known}")
    rank = magic[3]
    if not 1 <= rank <= MOST_DIMENSIONS:
        raise ValueError(f"{path}: byte 3: {rank} dimensions; 1 to {MOST_DIMENSIONS} can be read")
    sizes = file.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise ValueError(f"{path}: byte {file.place}: the file ends within the {rank} sizes of its header")
    shape = struct.unpack(f">{rank}I", sizes)
    dtype = np.dtype(TYPES[magic[2]])
    return _numbers(file, path, shape, dtype)


def _numbers(file: _Counted, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The numbers behind the header, which must end where it says."""
    promised = math.prod(shape) * dtype.itemsize
    fact = f"shape {shape} of {dtype.itemsize}-byte numbers needs {promised} bytes after the header"
    data = file.read(promised)
    if len(data) < promised:
        raise ValueError(f"{path}: byte {file.place}: the file ends early: {fact}; it has {len(data)}")
    if file.read(1):
        raise ValueError(f"{path}: byte {file.place - 1}: the file goes on after its end: {fact}")
    try:
        numbers = np.frombuffer(data, dtype).reshape(shape)
    except ValueError as error:  # an empty array with sizes that NumPy cannot hold
        raise ValueError(f"{path}: byte 4: shape {shape} is too large") from error
    return numbers.astype(dtype.newbyteorder("="), copy=False)
