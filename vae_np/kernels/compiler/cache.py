"""Where machine code is kept, and what makes it stale.

Numba's cache has an index a function, which names a file for each signature. Four things are its own here:

- the folder is the user's or `cache_folder`'s: Numba's choice is beside the source, files in site-packages that pip
  does not know;
- a folder that can be read and not written, as of a container's image, is read;
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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import IndexDataCacheFile

from vae_np.support.files import cache_folder, usual_cache_folder

__all__ = ["NamedByKey", "cache_outside_the_package", "tell_uncached", "watch_the_folder"]

_TOLD: set[str] = set()


class NamedByKey(IndexDataCacheFile):
    """An index whose files have names of their own; what cannot be read is as if it were not there."""

    others: Sequence[NamedByKey] = ()
    """Of the folders that were to be this one's, and cannot be written."""
    refused: Sequence[str] = ()
    """Which these are, and why."""

    def load(self, key: Any) -> Any:
        """The code of a key, or None."""
        with contextlib.suppress(Exception):  # rubbish may be any pickle's error
            if (found := super().load(key)) is not None:
                return found
        return next((code for index in self.others if (code := index.load(key)) is not None), None)

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
        if self.refused:
            place = Path(self._cache_path)  # of a module's own name below a folder, or beside the source
            _tell_elsewhere("; ".join(self.refused), place if place.name == "__pycache__" else place.parent)
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


def watch_the_folder(compiled: Any, refused: dict[str, str]) -> None:  # pragma: no cover - only where it is compiled
    """Let the cache of a function know that other files are compiled into it, and which folders it may only read."""
    with contextlib.suppress(AttributeError):  # Numba's own; without it only an edit of these files goes unnoticed
        compiled._cache._guard_against_spurious_io_errors = functools.partial(_kept_if_it_can, compiled._cache)
        index = compiled._cache._cache_file
        index._source_stamp = (index._source_stamp, _folder_stamp())
        index.__class__ = NamedByKey
        index.refused = list(refused.values())
        locator, name = compiled._cache._impl.locator, index._index_name.removesuffix(".nbi")
        places = [Path(folder) / locator.get_suitable_cache_subpath(locator._py_file) for folder in refused]
        index.others = [NamedByKey(str(place), name, index._source_stamp) for place in places]


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


def _tell_elsewhere(faults: str, place: Path) -> None:
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
def cache_outside_the_package() -> Iterator[dict[str, str]]:  # pragma: no cover - as above
    """Numba's cache in the first folder that can be written: the one that the user has named, `cache_folder`'s, the
    usual one. Those before it, and why not."""
    config: Any = numba.config
    before, folders = config.CACHE_DIR, []
    if before:
        folders.append(str(before))
    for folder in (cache_folder, usual_cache_folder):
        with contextlib.suppress(RuntimeError):  # no home
            folders.append(str(folder() / "numba"))
    faults = list(itertools.takewhile(bool, map(_fault, folders)))
    config.CACHE_DIR = next(iter(folders[len(faults) :]), "")
    try:
        yield dict(zip(folders, faults, strict=False))
    finally:
        config.CACHE_DIR = before


@functools.cache
def _folder_stamp() -> tuple[tuple[str, int, int], ...]:  # pragma: no cover - as above
    """Path, time and size of every source file of `vae_np.kernels`."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    return tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files)
