"""Subnormal numbers: what they cost a step, and the processor's mode in which they are 0.

Numbers below the smallest normal one (float32 1.2e-38, float64 2.2e-308) cost Intel's processors some hundred cycles
each. Training is full of them: a unit that is dead, or a pixel that is seldom inked, has gradients of 0, so that its
m = beta1 m shrinks and after some hundred steps stays for good at the smallest subnormals, where the next rounds back
up; and the square of a float32 gradient below 1e-19 is one. A long run of a small network took
several times longer than its first steps.

So the passes of a training step flush them to 0, results and operands alike, as XLA does on CPUs. What moves in theta
is below any digit of it: at most 1e-30 of the learning rate. The terms and gradients that are asked for on their own
(`VAE.loss_and_grad`, `VAE.elbo` and the like) are computed with gradual underflow.

Only x86 has the mode here; other processors are not known to need it, and do not flush.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from vae_np.kernels.compiler.decorators import inner
from vae_np.kernels.compiler.intrinsics import compiled_or

__all__ = ["begin_flush", "end_flush"]

FLUSH = 0x8000 | 0x0040  # of MXCSR: results, operands
_I32 = ir.IntType(32)
_KNOWN = platform.machine() in {"x86_64", "AMD64", "i686"}


def _mxcsr(builder: Any, name: str, place: Any) -> None:
    """Store the register to, or load it from, a place on the stack."""
    address = ir.IntType(8).as_pointer()
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [address]), f"llvm.x86.sse.{name}"
    )
    builder.call(function, [builder.bitcast(place, address)])


@intrinsic
def _mode(typing: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = cgutils.alloca_once_value(builder, _I32(0))
        if _KNOWN:
            _mxcsr(builder, "stmxcsr", place)
        return builder.zext(builder.load(place), ir.IntType(64))

    return types.int64(), generate


@intrinsic
def _set_mode(typing: Any, mode: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = cgutils.alloca_once_value(builder, builder.trunc(args[0], _I32))
        if _KNOWN:
            _mxcsr(builder, "ldmxcsr", place)
        return context.get_dummy_value()

    return types.void(types.int64), generate


mode = compiled_or(_mode, lambda: 0)
"""What the processor does with subnormal numbers, and all else that its register says."""
set_mode = compiled_or(_set_mode, lambda mode: None)
"""Set it."""


@inner
def begin_flush(wanted: Any) -> Any:
    """From here on subnormal numbers are 0 to this thread, if that is wanted; the mode it had, for `end_flush`."""
    before = mode()
    if wanted:
        set_mode(before | FLUSH)
    return before


@inner
def end_flush(before: Any) -> None:
    """The mode as it was."""
    set_mode(before)
