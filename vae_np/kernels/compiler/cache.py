"""Where machine code is kept, and what makes it stale.

Numba's cache has an index a function, which names a file for each signature. Three things are its own here:

- the folder is `cache_folder`'s or the user's: Numba's choice is beside the source, files in site-packages that pip
  does not know;
- what is kept is stale when *any* file of `vae_np.kernels` changed, since what a kernel calls is compiled into it;
- a file is named after what it is for, and not the next free number: two processes that compile one function for two
  precisions at the same time both find the same number free, and the index of the one then names the other's code.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import IndexDataCacheFile

from vae_np.support.files import cache_folder

__all__ = ["NamedByKey", "cache_outside_the_package", "tell_uncached", "watch_the_folder"]

_TOLD: set[str] = set()


class NamedByKey(IndexDataCacheFile):
    """An index whose files have names of their own; what cannot be read is as if it were not there."""

    def load(self, key: Any) -> Any:
        """The code of a key, or None."""
        with contextlib.suppress(Exception):  # rubbish may be any pickle's error
            return super().load(key)
        return None

    def _load_index(self) -> dict[Any, str]:
        with contextlib.suppress(Exception):
            found: dict[Any, str] = super()._load_index()
            return found
        return {}

    def save(self, key: Any, data: Any) -> None:
        """Keep the code first and then its name, so that an index never names what is another's or not there yet.

        What another process wrote in the meantime may be lost, and is then compiled again. What the index does not
        name goes: it is of an older source.
        """
        content = self._dump((self._source_stamp, key))
        name = self._data_name(int.from_bytes(hashlib.sha256(content).digest()[:8], "big"))
        self._save_data(name, data)
        overloads = {**self._load_index(), key: name}
        self._save_index(overloads)
        kept = set(overloads.values())
        for file in Path(self._cache_path).glob(f"{self._index_name.removesuffix('.nbi')}.*.nbc"):
            if file.name not in kept:
                with contextlib.suppress(OSError):
                    file.unlink()


def watch_the_folder(compiled: Any, faults: list[str]) -> None:  # pragma: no cover - only where something is compiled
    """Let the cache of a function know that other files are compiled into it; say where it is, if not where meant."""
    if faults:
        _tell_elsewhere("; ".join(faults), compiled._cache.cache_path)
    with contextlib.suppress(AttributeError):  # Numba's own; without it only an edit of these files goes unnoticed
        compiled._cache._guard_against_spurious_io_errors = functools.partial(_kept_if_it_can, compiled._cache)
        index = compiled._cache._cache_file
        index._source_stamp = (index._source_stamp, _folder_stamp())
        index.__class__ = NamedByKey


@functools.cache
def tell_uncached() -> None:
    """Warn, once, that nothing compiled can be kept, and why."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    try:
        folder = Path(named) if named else cache_folder() / "numba"
        reason = _fault(str(folder)) or f"Numba finds no folder to write to, nor uses {folder}"
    except RuntimeError:  # of Path.home
        reason = "there is no home folder"
    _warn_uncached(reason)


@contextlib.contextmanager
def _kept_if_it_can(kept: Any) -> Iterator[None]:
    """A folder that fills up, or can no longer be written, must not stop what is compiled: it is told, once."""
    try:
        yield
    except OSError as error:
        reason = f"{Path(kept.cache_path).parent}: {error.strerror}"
        if reason not in _TOLD:
            _TOLD.add(reason)
            _warn_uncached(reason)


def _warn_uncached(reason: str) -> None:
    warnings.warn(
        f"compiled code cannot be kept ({reason}), so that every start compiles anew, for a minute or so: set"
        " NUMBA_CACHE_DIR or VAE_NP_CACHE to a folder that can be written",
        stacklevel=3,
    )


def _tell_elsewhere(faults: str, place: str) -> None:
    """Warn, once, that what is compiled is not kept where it was to be; each folder's has a place of its own."""
    if faults in _TOLD:
        return
    _TOLD.add(faults)
    warnings.warn(f"compiled code cannot be kept in {faults}: it is kept in {place}", stacklevel=2)


@functools.cache
def _fault(folder: str) -> str:
    """Why a folder cannot be written, "" if it can."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"{folder} ({error.strerror})"


@contextlib.contextmanager
def cache_outside_the_package() -> Iterator[list[str]]:  # pragma: no cover - as above
    """Numba's cache in the folder that the user has named, else in `cache_folder`; why where one cannot be written."""
    config: Any = numba.config
    before, folders = config.CACHE_DIR, []
    if before:
        folders.append(str(before))
    with contextlib.suppress(RuntimeError):  # no home
        folders.append(str(cache_folder() / "numba"))
    faults = list(itertools.takewhile(bool, map(_fault, folders)))
    config.CACHE_DIR = next(iter(folders[len(faults) :]), "")
    try:
        yield faults
    finally:
        config.CACHE_DIR = before


@functools.cache
def _folder_stamp() -> tuple[tuple[str, int, int], ...]:  # pragma: no cover - as above
    """Path, time and size of every source file of `vae_np.kernels`."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    return tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files)
