"""How everything compiled is compiled: the one place that decides.

`kernel` is for loops over arrays, `scalar` for the elementwise mathematics that LLVM inlines into
them and vectorises, `by_precision` gives one name to a float64 and a float32 implementation.

- `error_model="numpy"`: the default checks every division for zero, which stops vectorisation.
- Kernels may reassociate (a sum becomes a vector of partial sums) and contract (a*b + c is one
  fused operation). Nothing may assume that NaN or infinity do not exist.
- Scalars may contract only: reassociation would cancel (t + MAGIC) - MAGIC, which rounds t, and
  every compensation. Instructions keep these flags when they are inlined into a kernel.
- Machine code is cached on disk. A cached kernel is stale when *any* file of this folder changed,
  since what it calls is compiled into it; Numba alone looks at the kernel's own file.
- With `NUMBA_DISABLE_JIT=1` all of it is plain Python on NumPy scalars.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.extending import overload

from vae_np.files import cache_folder

F = TypeVar("F", bound=Callable[..., Any])
Elementwise = Callable[[Any], Any]

COMPILED: bool = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

_KERNEL: Any = {
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract"},
    "nogil": True,
    "boundscheck": False,
}
_SCALAR: Any = {"error_model": "numpy", "fastmath": {"contract"}, "forceinline": True}


def kernel(function: F) -> F:
    """Compile a loop over arrays."""
    if COMPILED:
        return _compile(function, _KERNEL)

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):  # as compiled: overflow gives inf, in silence
            return function(*args, **kwargs)

    return plain  # type: ignore[return-value]


def scalar(function: F) -> F:
    """Compile elementwise mathematics, to be inlined into kernels."""
    return _compile(function, _SCALAR) if COMPILED else function


def by_precision(double: Elementwise, single: Elementwise) -> Callable[[Elementwise], Elementwise]:
    """Let the decorated name (its body is only a docstring) choose between two implementations.

    In a kernel the type of the argument chooses, at compile time; in plain Python each call does.
    """

    def decorate(name: Elementwise) -> Elementwise:
        @functools.wraps(name)
        def choose(x: Any) -> Any:
            return single(x) if isinstance(x, np.float32) else double(np.float64(x))

        def compiled(x: Any) -> Elementwise | None:
            if not isinstance(x, numba.types.Float):
                return None
            implementation = single if x.bitwidth == 32 else double
            return lambda x: implementation(x)

        if COMPILED:
            overload(choose, jit_options=_SCALAR, strict=False)(compiled)
        return choose

    return decorate


def _compile(function: F, options: dict[str, Any]) -> F:
    """njit with a disk cache, or without one where no folder can be written."""
    try:
        with _cache_outside_the_package():
            compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # "cannot locate suitable file": no folder of those that Numba tries
        return numba.njit(**options)(function)
    with contextlib.suppress(AttributeError):  # Numba's own; without it only an edit of this folder goes unnoticed
        index = compiled._cache._cache_file
        index._source_stamp = (index._source_stamp, _folder_stamp())
    return compiled


@contextlib.contextmanager
def _cache_outside_the_package() -> Iterator[None]:
    """Numba's cache in `cache_folder`, unless the user has named another.

    Numba's own choice is beside the source: files in site-packages that pip does not know, so that an uninstalled
    package leaves a folder that can still be imported.
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    if not before:
        with contextlib.suppress(RuntimeError, OSError):  # no home, or no right to write there
            folder = cache_folder() / "numba"
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


@functools.cache
def _folder_stamp() -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every source file of this folder."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((f.name, f.stat().st_mtime_ns, f.stat().st_size) for f in files)
