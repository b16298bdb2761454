"""How many threads BLAS may use while a step runs.

A step shares its cores with nobody: the engine cuts the batch into blocks of examples, a thread each, and each thread
calls BLAS for its own block. BLAS's own threads would be too many then; and where they are left to it, OpenBLAS's idle
threads spin for milliseconds after each product, on cores that the kernels between the products need. So BLAS is held
to one thread for as long as a step lasts, whoever loaded it and whenever, and then has its number back.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

__all__ = ["controllable", "one_thread"]


class _Control(NamedTuple):
    """The two functions of a loaded BLAS."""

    get: Callable[[], int]
    set: Callable[[int], None]


_lock = threading.Lock()
_users = 0
_before = 0


def controllable() -> bool:
    """Whether NumPy's BLAS is one whose threads can be counted and set."""
    return _control() is not None


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS to one thread inside this context; the last to leave it, of several threads, restores the number."""
    global _users, _before
    control = _control()
    if control is None:
        yield
        return
    with _lock:
        if _users == 0:
            _before = control.get()
            control.set(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                control.set(_before)


@functools.cache
def _control() -> _Control | None:
    """OpenBLAS's functions, under whichever of its names, in the library that NumPy has loaded."""
    for library in _libraries():
        try:
            loaded = ctypes.CDLL(library)
        except OSError:
            continue
        for prefix in ("scipy_", ""):
            for suffix in ("64_", "_64", ""):
                get = getattr(loaded, f"{prefix}openblas_get_num_threads{suffix}", None)
                put = getattr(loaded, f"{prefix}openblas_set_num_threads{suffix}", None)
                if get is not None and put is not None:
                    put.restype, put.argtypes = None, [ctypes.c_int]
                    return _Control(get, put)
    return None


def _libraries() -> list[str]:
    """The shared libraries that may be NumPy's BLAS: those beside the package, then what the process has mapped."""
    home = Path(np.__file__).parent
    beside = [p for folder in (home.parent / "numpy.libs", home / ".dylibs") for p in sorted(folder.glob("*openblas*"))]
    found = [str(path) for path in beside]
    with contextlib.suppress(OSError):
        maps = Path("/proc/self/maps").read_text()
        # SciPy ships an OpenBLAS of its own, which NumPy does not call
        found += sorted(p for p in set(re.findall(r"/\S*openblas\S*", maps)) if "scipy.libs" not in p)
    return found
