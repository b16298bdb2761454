"""What Numba has no words for: a fused multiply-add, memory by address, and atomic words for threads to meet at.

Each is a function of one or two instructions, or a call, written as LLVM's intermediate code; with the JIT off the same
names are plain Python on NumPy arrays. Memory is given as (array, offset): the offset counts entries from the array's
first.
"""

from __future__ import annotations

import ctypes
import math
import platform
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from vae_np.kernels.compiler.decorators import COMPILED, PLAIN_STAGES

__all__ = [
    "add",
    "call_stage",
    "compare_and_set",
    "compiled_or",
    "cube_at",
    "entry",
    "fma_of",
    "fused",
    "load",
    "matrix_at",
    "pause",
    "set_word",
    "vector_at",
    "wide_product",
]

I1, I8, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
_PAUSES: dict[str, tuple[str, list[int]]] = {
    **dict.fromkeys(["x86_64", "AMD64"], ("llvm.x86.sse2.pause", [])),
    **dict.fromkeys(["aarch64", "arm64"], ("llvm.aarch64.hint", [1])),
}
_lock = threading.Lock()


def compiled_or(intrinsic_function: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled form, or the plain one with the JIT off."""
    return intrinsic_function if COMPILED else plain


def entry(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    """The address of an array's entry."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])


# ---- stages


@intrinsic
def _call_stage(typing: Any, address: Any, plan: Any, i: Any, j: Any, t: Any) -> Any:
    signature = types.void(types.int64, plan, types.int64, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[1])(context, builder, args[1]).data
        function = ir.FunctionType(ir.VoidType(), [I64] * 4)
        arguments = [builder.ptrtoint(data, I64), *args[2:]]
        builder.call(builder.inttoptr(args[0], function.as_pointer()), arguments)
        return context.get_dummy_value()

    return signature, generate


def _plain_call_stage(address: int, plan: Any, i: int, j: int, t: int) -> None:
    PLAIN_STAGES[int(address)](plan.__array_interface__["data"][0], i, j, t)


call_stage = compiled_or(_call_stage, _plain_call_stage)
"""Calls the stage at an address with (the plan's address, i, j, t)."""


# ---- numbers


def fma_of(builder: Any, kind: Any, suffix: str) -> Callable[..., Any]:
    """a b + c, rounded once, of LLVM's type ``kind``, which its intrinsics call ``suffix``."""
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fma.{suffix}")
    return lambda a, b, c: builder.call(function, [a, b, c])


@intrinsic
def _fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.return_type
        return fma_of(builder, context.get_value_type(kind), f"f{kind.bitwidth}")(*args)

    return a(a, a, a), generate


fused = compiled_or(_fused, lambda a, b, c: a * b + c)
"""a b + c, rounded once where it is compiled, on every processor: without such an instruction LLVM calls the C
library's, which is exact and slow. With the JIT off it is rounded twice."""


@intrinsic
def _wide_product(typing: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(value, wide) for value in args))
        high, low = builder.trunc(builder.lshr(product, wide(64)), I64), builder.trunc(product, I64)
        return context.make_tuple(builder, signature.return_type, [high, low])

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), generate


def _plain_wide_product(a: Any, b: Any) -> tuple[Any, Any]:
    product = int(a) * int(b)
    return np.uint64(product >> 64), np.uint64(product & (2**64 - 1))


wide_product = compiled_or(_wide_product, _plain_wide_product)
"""The high and the low word of the product of two unsigned words."""


# ---- memory by address


def _array_intrinsic(dimensions: int) -> Any:
    """An array of so many dimensions on memory by address."""

    @intrinsic
    def array_at(typing: Any, address: Any, offset: Any, like: Any, shape: Any) -> Any:
        array_type = types.Array(like, dimensions, "C")
        signature = array_type(types.int64, types.int64, like, types.UniTuple(types.int64, dimensions))

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            address, offset, _, shape = args
            array = context.make_array(array_type)(context, builder)
            size = context.get_abi_sizeof(context.get_data_type(like))
            begin = builder.add(address, builder.mul(offset, I64(size)))
            lengths = [builder.extract_value(shape, i) for i in range(dimensions)]
            strides = [I64(size)]
            for length in lengths[:0:-1]:
                strides.insert(0, builder.mul(strides[0], length))
            data = builder.inttoptr(begin, array.data.type)
            populate_array(array, data=data, shape=lengths, strides=strides, itemsize=I64(size), meminfo=None)
            return array._getvalue()

        return signature, generate

    return array_at


def _plain_array_at(address: int, offset: int, like: Any, shape: tuple[int, ...]) -> Any:
    dtype = np.asarray(like).dtype
    size = math.prod(map(int, shape)) * dtype.itemsize
    memory: Any = (ctypes.c_char * size).from_address(int(address) + int(offset) * dtype.itemsize)
    return np.frombuffer(memory, dtype).reshape(shape)


vector_at = compiled_or(_array_intrinsic(1), _plain_array_at)
"""vector_at(address, offset, like, (length,)): numbers of the type of the number ``like``, from the offset-th after an
address; whoever gave it keeps its owner alive."""
matrix_at = compiled_or(_array_intrinsic(2), _plain_array_at)
"""The same with two dimensions."""
cube_at = compiled_or(_array_intrinsic(3), _plain_array_at)
"""The same with three."""


# ---- atomic words


def _word(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return entry(context, builder, signature.args[0], args[0], args[1])


@intrinsic
def _load(typing: Any, words: Any, i: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_word(context, builder, signature, args), "acquire", 8)

    return types.int64(words, types.int64), generate


@intrinsic
def _set_word(typing: Any, words: Any, i: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("xchg", _word(context, builder, signature, args), args[2], "seq_cst")

    return types.int64(words, types.int64, types.int64), generate


@intrinsic
def _add(typing: Any, words: Any, i: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _word(context, builder, signature, args), args[2], "seq_cst")

    return types.int64(words, types.int64, types.int64), generate


@intrinsic
def _compare_and_set(typing: Any, words: Any, i: Any, expected: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _word(context, builder, signature, args)
        return builder.extract_value(builder.cmpxchg(place, args[2], args[3], "seq_cst", "seq_cst"), 0)

    return types.int64(words, types.int64, types.int64, types.int64), generate


@intrinsic
def _pause(typing: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if platform.machine() in _PAUSES:
            name, numbers = _PAUSES[platform.machine()]
            function = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.VoidType(), [I32] * len(numbers)), name
            )
            builder.call(function, [I32(number) for number in numbers])
        return context.get_dummy_value()

    return types.void(), generate


def _plain_exchange(words: Any, i: int, new: Callable[[int], int]) -> int:
    with _lock:
        before = int(words[i])
        words[i] = new(before)
    return before


load = compiled_or(_load, lambda words, i: int(words[i]))
"""The word as another thread left it, with all that it wrote before."""
set_word = compiled_or(_set_word, lambda words, i, value: _plain_exchange(words, i, lambda _: value))
"""Sets the word, and returns what it was."""
add = compiled_or(_add, lambda words, i, value: _plain_exchange(words, i, lambda before: before + value))
"""Adds to the word, and returns what it was."""
compare_and_set = compiled_or(
    _compare_and_set,
    lambda words, i, expected, value: _plain_exchange(words, i, lambda b: value if b == expected else b),
)
"""Sets the word if it is as expected, and returns what it was."""
pause = compiled_or(_pause, lambda: time.sleep(0))
"""Tells the core that this loop only waits."""
