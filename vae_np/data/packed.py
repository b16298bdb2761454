"""Files that may be packed with gzip, told by their first bytes and not by their name."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

__all__ = ["DAMAGED", "GZIP_MAGIC", "open_packed"]

GZIP_MAGIC = b"\x1f\x8b"

DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)
"""What reading a damaged gzip file raises."""


def open_packed(path: Path) -> BinaryIO | gzip.GzipFile:
    """Open for reading; what is read is unpacked if the file is packed."""
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP_MAGIC
    return gzip.open(path, "rb") if packed else open(path, "rb")
