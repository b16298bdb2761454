"""The BLAS of compiled code: where its routine is, and how many threads it may use while a step runs.

The engine's threads each call BLAS for a tile of a product. BLAS's own threads would be too many then; and where they
are left to it, OpenBLAS's idle threads spin for milliseconds after each product, on cores that the kernels between the
products need. So the BLAS of compiled code, SciPy's, is held to one thread for as long as a step lasts, whoever loaded
it and whenever, and then has its number back. NumPy's, often a library of its own, is not used in a step.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy
from numba.extending import get_cython_function_address

__all__ = ["ONE_THREAD", "controllable", "routine"]


@functools.cache
def routine(dtype: np.dtype[Any]) -> int:
    """The address of sgemm or dgemm; SciPy offers them to compiled code under this name on every platform."""
    return int(get_cython_function_address("scipy.linalg.cython_blas", "sgemm" if dtype == np.float32 else "dgemm"))


class _Control(NamedTuple):
    """The two functions of a loaded BLAS."""

    get: Callable[[], int]
    set: Callable[[int], None]


def controllable() -> bool:
    """Whether SciPy's BLAS is one whose threads can be counted and set."""
    return _control() is not None


class _OneThread:
    """Hold BLAS to one thread inside this context; the last to leave it, of several threads, restores the number."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = self.before = 0

    def __enter__(self) -> None:
        if control := _control():
            with self.lock:
                if self.users == 0:
                    self.before = control.get()
                    control.set(1)
                self.users += 1

    def __exit__(self, *error: object) -> None:
        if control := _control():
            with self.lock:
                self.users -= 1
                if self.users == 0:
                    control.set(self.before)


ONE_THREAD = _OneThread()


@functools.cache
def _control() -> _Control | None:
    """OpenBLAS's functions, under whichever of its names, in the library that SciPy has loaded."""
    routine(np.dtype("float64"))  # loads it
    for library in _libraries():
        try:
            loaded = ctypes.CDLL(library)
        except OSError:
            continue
        for prefix in ("scipy_", ""):
            for suffix in ("", "64_", "_64"):
                get = getattr(loaded, f"{prefix}openblas_get_num_threads{suffix}", None)
                put = getattr(loaded, f"{prefix}openblas_set_num_threads{suffix}", None)
                if get is not None and put is not None:
                    put.restype, put.argtypes = None, [ctypes.c_int]
                    return _Control(get, put)
    return None


def _libraries() -> list[str]:
    """The shared libraries that may be SciPy's BLAS: those beside the package, then what the process has mapped."""
    home = Path(scipy.__file__).parent
    beside = [p for folder in (home.parent / "scipy.libs", home / ".dylibs") for p in sorted(folder.glob("*openblas*"))]
    found = [str(path) for path in beside]
    with contextlib.suppress(OSError):
        maps = Path("/proc/self/maps").read_text()
        # NumPy ships an OpenBLAS of its own, which SciPy does not call
        found += sorted(p for p in set(re.findall(r"/\S*openblas\S*", maps)) if "numpy.libs" not in p)
    return found
