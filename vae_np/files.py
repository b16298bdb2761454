"""Files that are whole or absent: written beside their place, forced to the disk, then renamed into it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["write_atomic"]


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader, or a crash at any moment, sees the old file or the new one.

    The bytes go to a temporary file in the same folder, ``fsync`` forces them to the disk, ``os.replace`` puts the
    file into its place, and the folder itself is synced so that the rename lasts too.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written to, or the disk is full; it names ``path``. What stood there is
        untouched, and no temporary file stays behind.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; a file was to be written there")
    try:
        _write(path, data)
    except OSError as error:
        if error.errno is None:
            raise
        # what the system says names the temporary file, or none
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    _sync_folder(path.parent)


def _write(path: Path, data: bytes) -> None:
    """Temporary file, fsync, rename; whatever happens, no temporary file stays."""
    # mkstemp's own mode is 0600; a file that people share gets the mode that open() would give it
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename last; file systems that cannot sync a folder are left alone."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
