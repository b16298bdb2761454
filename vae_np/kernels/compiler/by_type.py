"""Choosing by type inside a kernel: the constants of a precision, and the functions of a kind.

Both are decided when the kernel is compiled, so they cost nothing in the loop; with the JIT off Python decides at the
call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from vae_np.kernels.compiler.decorators import _SCALAR, COMPILED

__all__ = ["by_kind", "loop_by_kind", "typed"]


def typed(like: Any, value: float) -> Any:
    """``value`` in the precision of ``like``: a bare 0.5 would turn a float32 expression into float64."""
    return type(like)(value)


def _typed(like: Any, value: Any) -> Callable[[Any, Any], Any]:
    if like == numba.types.float32:
        return lambda like, value: np.float32(value)
    return lambda like, value: np.float64(value)


if COMPILED:
    overload(typed, jit_options=_SCALAR, strict=False)(_typed)


def by_kind(functions: Mapping[type, Callable[..., Any]]) -> Callable[..., Any]:
    """One name for a function of scalars a kind: ``name(kind, *scalars)``.

    A kind is an instance of a named tuple: its type picks the function.
    """

    def choose(kind: Any, *args: Any) -> Any:
        return functions[type(kind)](*args)

    def compiled(kind: Any, *args: Any) -> Any:
        function = functions[kind.instance_class]
        return lambda kind, *args: function(*args)

    if COMPILED:
        overload(choose, jit_options=_SCALAR, strict=False)(compiled)
    return choose


def loop_by_kind(functions: Mapping[type, Callable[..., Any]], *, of_scalars: bool = False) -> Callable[..., Any]:
    """The same for kernels, which are given the kind as well: for its own choices, or the arrays that come with it.

    ``of_scalars``: the functions are scalars' that need the kind's own numbers, and stand inside a loop.
    """

    def choose(kind: Any, *args: Any) -> Any:
        return functions[type(kind)](kind, *args)

    def compiled(kind: Any, *args: Any) -> Any:
        function = functions[kind.instance_class]
        return lambda kind, *args: function(kind, *args)

    if COMPILED:
        overload(choose, jit_options=_SCALAR if of_scalars else {"error_model": "numpy"}, strict=False)(compiled)
    return choose
