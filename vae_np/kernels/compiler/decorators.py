"""How everything compiled is compiled: the one place that decides.

`kernel` is for loops over arrays, `scalar` for the elementwise mathematics that LLVM inlines into
them and vectorises, `by_precision` gives one name to a float64 and a float32 implementation.

- `error_model="numpy"`: the default checks every division for zero, which stops vectorisation.
- Nothing is reassociated or contracted: what is computed is what is written, so that every processor has the same
  bits. A fused multiply-add is written `intrinsics.fused`, and a sum that is to be a vector of partial sums
  `lanes.block_sum`.
- Machine code is kept on the disk, see `compiler.cache`.
- With `NUMBA_DISABLE_JIT=1` all of it is plain Python on NumPy scalars.
"""

import ctypes
import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core.ccallback import CFunc
from numba.core.compiler import Compiler
from numba.extending import overload

from vae_np.kernels.compiler.cache import cache_outside_the_package, tell_uncached, watch_the_folder

F = TypeVar("F", bound=Callable[..., Any])
Elementwise = Callable[[Any], Any]

COMPILED: bool = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

_KERNEL: Any = {
    "error_model": "numpy",
    "nogil": True,
    "boundscheck": False,
}
# what only compiled code calls needs no way in from Python, which takes about as long to compile as a small function
_INNER: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_SCALAR: Any = {"error_model": "numpy", "forceinline": True}


unsigned = np.uint64
"""For the bounds of a loop that are not 0 and a length: an index that might be negative is tested at every access, as
Python counts it from the end, and the loop is not vectorised."""


def kernel(function: F) -> F:
    """Compile a loop over arrays."""
    if COMPILED:
        return _compile(function, _KERNEL)

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):  # as compiled: overflow gives inf, in silence
            return function(*args, **kwargs)

    return plain  # type: ignore[return-value]


def inner(function: F) -> F:
    """Compile a part of a kernel that only kernels call: a call from Python would crash."""
    return numba.njit(**_KERNEL, **_INNER)(function) if COMPILED else function


def view(function: F) -> F:
    """The same, to be inlined."""
    return numba.njit(**_SCALAR, **_INNER)(function) if COMPILED else function


def loop(function: F) -> F:
    """A kernel that stages are made of: written out where compiled code calls it, compiled by itself if Python does.

    What such a kernel is made of is `inner`: written out in one another they cost a product a third of its compilation.
    """
    return _compile(function, _KERNEL | {"inline": "always"}) if COMPILED else kernel(function)


def stage(function: Callable[..., None]) -> int:
    """Compile a function of four whole numbers that compiled code calls by its address; that address.

    With the JIT off it is a number in `PLAIN_STAGES`.
    """
    if not COMPILED:
        PLAIN_STAGES.append(function)
        return len(PLAIN_STAGES) - 1
    return _compiled_stage(function)


def _compiled_stage(function: Callable[..., None]) -> int:  # pragma: no cover - only where something is compiled
    """The address of its code."""
    signature = ((numba.types.int64,) * 4, numba.types.void)
    compiled = CFunc(function, signature, {}, _KERNEL | {"nopython": True}, Compiler)
    with cache_outside_the_package() as refused:
        try:
            compiled.enable_caching()
            watch_the_folder(compiled, refused)
        except RuntimeError:
            tell_uncached()
        compiled.compile()
    _KEPT.append(compiled)  # or its code would go with it
    address: Any = compiled.address
    return int(address)


def python_stage(function: Callable[..., None]) -> int:
    """The same for a function that stays Python: compiled code calls back, and it takes the interpreter's lock.

    It must not raise: there is nobody to hear of it.
    """
    if not COMPILED:
        return stage(function)
    callback = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(function)  # pragma: no cover - as above
    _KEPT.append(callback)
    return ctypes.cast(callback, ctypes.c_void_p).value or 0


PLAIN_STAGES: list[Callable[..., None]] = []
_KEPT: list[Any] = []


def scalar(function: F) -> F:
    """Compile elementwise mathematics, to be inlined into kernels; they are cached, and it with them."""
    return numba.njit(**_SCALAR)(function) if COMPILED else function


def recompiled(function: Callable[..., Any], **names: Any) -> Any:
    """A function of `support` as a `scalar`, just as it stands, with these in the place of what it calls."""
    return scalar(FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__))


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


def _compile(function: F, options: dict[str, Any]) -> F:  # pragma: no cover - as above
    """njit with a disk cache, or without one where no folder can be written."""
    try:
        with cache_outside_the_package() as refused:
            compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # "no locator available": no folder of those that Numba tries can be written
        tell_uncached()
        return numba.njit(**options)(function)
    watch_the_folder(compiled, refused)
    return compiled
