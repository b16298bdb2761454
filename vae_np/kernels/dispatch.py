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

from vae_np.kernels.policy import _SCALAR, COMPILED

__all__ = ["by_kind", "typed"]


def typed(like: Any, value: float) -> Any:
    """``value`` in the precision of ``like``: a bare 0.5 would turn a float32 expression into float64."""
    return type(like)(value)


def _typed(like: Any, value: Any) -> Callable[[Any, Any], Any]:
    if like == numba.types.float32:
        return lambda like, value: np.float32(value)
    return lambda like, value: np.float64(value)


if COMPILED:
    overload(typed, jit_options=_SCALAR, strict=False)(_typed)


def by_kind(functions: Mapping[type, Callable[..., Any]], arguments: int = 1) -> Callable[..., Any]:
    """One name for a function a kind, taking the kind and 1 or 2 scalars.

    A kind is an instance of a named tuple: its type picks the function, its fields (if the function wants any) are the
    numbers that come with it.
    """
    if arguments == 1:

        def choose(kind: Any, a: Any) -> Any:
            return functions[type(kind)](a)

        def compiled(kind: Any, a: Any) -> Any:
            function = functions[kind.instance_class]
            return lambda kind, a: function(a)

    else:

        def choose(kind: Any, x: Any, a: Any) -> Any:  # type: ignore[misc]
            return functions[type(kind)](x, a)

        def compiled(kind: Any, x: Any, a: Any) -> Any:  # type: ignore[misc]
            function = functions[kind.instance_class]
            return lambda kind, x, a: function(x, a)

    if COMPILED:
        overload(choose, jit_options=_SCALAR, strict=False)(compiled)
    return choose
