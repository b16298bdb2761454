"""Files that are whole or absent: written beside their place, forced to the disk, then renamed into it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

__all__ = ["cache_folder", "temporary_prefix", "usual_cache_folder", "write_atomic"]


def cache_folder() -> Path:
    """Where downloads and compiled code are kept: $VAE_NP_CACHE, else `usual_cache_folder`."""
    own = os.environ.get("VAE_NP_CACHE")
    return Path(own).expanduser() if own else usual_cache_folder()


def usual_cache_folder() -> Path:
    """$XDG_CACHE_HOME/vae-np, else ~/.cache/vae-np."""
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "vae-np"


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader, or a crash at any moment, sees the old file or the new one.

    The bytes go to a temporary file in the same folder, ``fsync`` forces them to the disk, ``os.replace`` puts the
    file into its place, and the folder itself is synced so that the rename lasts too. A link is followed: what it
    leads to is replaced. A file that was there before passes on its permissions. What is no regular file, a named pipe
    or a device, is written into as it stands: a file in its place would take it from its reader.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written to, the disk is full, or nobody reads the pipe; it names ``path``.
        A file that stood there is untouched, and no temporary file stays behind.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; a file was to be written there")
    place = Path(os.path.realpath(path))
    try:
        if _is_special(path):
            _write_into(path, data)
            return
        _write(place, data)
    except OSError as error:
        if error.errno is None:
            raise
        # what the system says names the temporary file, or none
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    _sync_folder(place.parent)


def temporary_prefix(path: Path) -> str:
    """How the name of a temporary file for ``path`` begins; a long name, which would exceed 255 bytes, by its hash."""
    name = os.fsencode(path.name)
    return f".{path.name if len(name) <= 200 else hashlib.blake2b(name, digest_size=16).hexdigest()}."


def _write(path: Path, data: bytes) -> None:
    """Temporary file, fsync, rename; whatever happens, no temporary file stays."""
    # mkstemp's own mode is 0600; a file that people share keeps its mode, a new one gets that which open() would give
    mode = stat.S_IMODE(path.stat().st_mode) & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=temporary_prefix(path), suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            _set_mode(file.fileno(), temporary, mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _set_mode(handle: int, path: str, mode: int) -> None:
    """Give a file that is open its permissions; Windows has fchmod since Python 3.13."""
    if hasattr(os, "fchmod"):
        os.fchmod(handle, mode)
    else:
        os.chmod(path, mode)


def _is_special(path: Path) -> bool:
    """Whether something is there that is no regular file; links are followed by the system, also to nameless pipes."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _write_into(path: Path, data: bytes) -> None:
    """Write to a pipe or a device; nothing is made where it has gone meanwhile."""
    with open(os.open(path, os.O_WRONLY), "wb", buffering=0) as file:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]


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
