"""Vectors of LLVM where an intrinsic is made, and sums whose order is written out: sixteen lanes by index.

A sum of a block of terms is lane i's sum of the terms i, i + 16, i + 32 ..., one after the other; then the upper half
of the lanes is added to the lower until one is left. However wide the machine's vectors are, that is one order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from vae_np.kernels.compiler.intrinsics import I32, I64, compiled_or, entry, fma_of

__all__ = ["BITS", "LANES", "WIDE", "Vector", "block_sum", "target", "whole_vectors", "wide_squares", "wide_sum"]

LANES = 16
"""Partial sums of a block."""


def _has_avx512() -> bool:
    """Whether the code that Numba makes may use it: the processor has it, and the user did not forbid it."""
    config: Any = numba.config
    features = config.CPU_FEATURES
    if features is None:
        features = llvmlite.binding.get_host_cpu_features().flatten()
    return {"+avx512f", "+avx512vl"} <= set(features.split(","))


def target() -> str:
    """The processor that Numba makes code for: the machine's, or another that the user has named."""
    config: Any = numba.config
    return str(config.CPU_NAME or llvmlite.binding.get_host_cpu_name())


WIDE = _has_avx512()
BITS = 512 if WIDE else 256


class Vector:
    """The vectors of an array's numbers: the machine's, or of so many lanes."""

    def __init__(self, context: Any, builder: Any, kind: Any, lanes: int | None = None) -> None:
        self.builder, self.size = builder, kind.dtype.bitwidth
        self.lanes, self.align = lanes or BITS // self.size, self.size // 8
        self.kind = ir.VectorType(context.get_value_type(kind.dtype), self.lanes)
        self.zero = ir.Constant(self.kind, [0.0] * self.lanes)
        self.undefined = ir.Constant(self.kind, ir.Undefined)
        self.suffix = f"v{self.lanes}f{self.size}"

    def at(self, pointer: Any, offset: Any) -> Any:
        """The address of the vector that begins ``offset`` numbers after a number."""
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), self.kind.as_pointer())

    def load(self, pointer: Any, offset: Any, mask: Any = None) -> Any:
        """The vector there, wherever it begins; of a mask's lanes alone, with 0 for those that are not touched."""
        place = self.at(pointer, offset)
        if mask is None:
            return self.builder.load(place, align=self.align)
        form = ir.FunctionType(self.kind, [place.type, I32, mask.type, self.kind])
        name = f"llvm.masked.load.{self.suffix}.p0{self.suffix}"
        function = cgutils.get_or_insert_function(self.builder.module, form, name)
        return self.builder.call(function, [place, I32(self.align), mask, self.zero])

    def store(self, value: Any, pointer: Any, offset: Any, mask: Any = None) -> None:
        """The vector to there; of a mask's lanes alone, while the others are not touched."""
        place = self.at(pointer, offset)
        if mask is None:
            self.builder.store(value, place, align=self.align)
            return
        form = ir.FunctionType(ir.VoidType(), [self.kind, place.type, I32, mask.type])
        name = f"llvm.masked.store.{self.suffix}.p0{self.suffix}"
        function = cgutils.get_or_insert_function(self.builder.module, form, name)
        self.builder.call(function, [value, place, I32(self.align), mask])

    def everywhere(self, number: Any) -> Any:
        """The number in all lanes."""
        single = self.builder.insert_element(self.undefined, number, I32(0))
        return self.builder.shuffle_vector(single, self.undefined, self._lanes_of([0] * self.lanes))

    def mask(self, count: Any) -> Any:
        """The first ``count`` lanes."""
        whole = ir.VectorType(I32, self.lanes)
        single = self.builder.insert_element(ir.Constant(whole, ir.Undefined), self.builder.trunc(count, I32), I32(0))
        limit = self.builder.shuffle_vector(single, ir.Constant(whole, ir.Undefined), self._lanes_of([0] * self.lanes))
        return self.builder.icmp_signed("<", ir.Constant(whole, list(range(self.lanes))), limit)

    def with_edge(self, count: Any, do: Callable[[Any], None]) -> None:
        """Write the code of ``do`` for a whole vector, with None, and for ``count`` numbers of one, with their mask."""
        whole = self.builder.icmp_signed(">=", count, I64(self.lanes))
        with self.builder.if_else(whole, likely=True) as (then, otherwise):
            with then:
                do(None)
            with otherwise:
                do(self.mask(count))

    def prefetch(self, pointer: Any, offset: Any, write: bool) -> None:
        """Let the line of the cache there come, to the first one to be written or to the second to be read soon; no
        address is wrong."""
        place = self.builder.bitcast(self.builder.gep(pointer, [offset]), ir.IntType(8).as_pointer())
        form = ir.FunctionType(ir.VoidType(), [place.type, I32, I32, I32])
        function = cgutils.get_or_insert_function(self.builder.module, form, "llvm.prefetch.p0")
        self.builder.call(function, [place, I32(int(write)), I32(3 if write else 2), I32(1)])

    def shuffle(self, a: Any, b: Any, lanes: list[int]) -> Any:
        """The lanes of a, and after them b's, that are named."""
        return self.builder.shuffle_vector(a, b, self._lanes_of(lanes))

    def _lanes_of(self, lanes: list[int]) -> Any:
        return ir.Constant(ir.VectorType(I32, len(lanes)), lanes)


@intrinsic
def _whole_vectors(typing: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        set.add(builder.function.attributes, f'"prefer-vector-width"="{BITS}"')  # which llvmlite has no name for
        return context.get_dummy_value()

    return types.void(), generate


whole_vectors = compiled_or(_whole_vectors, lambda: None)
"""Said in a function, lets its loops have the machine's widest registers. LLVM takes half of them where there are 512
bits, since the first processors that had them slowed down with them; products have them anyway."""


def _make_sum(wide: bool, squares: bool) -> Any:
    """The sum of a block's terms, or of their squares; in float64 if wide."""

    @intrinsic
    def compiled(typing: Any, a: Any, at: Any, count: Any) -> Any:
        result = types.float64 if wide else a.dtype

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            array, at, count = args
            v = Vector(context, builder, signature.args[0], LANES)
            kind = ir.VectorType(context.get_value_type(result), LANES)
            begin = entry(context, builder, signature.args[0], array, at)
            fma = fma_of(builder, kind, f"v{LANES}f{result.bitwidth}")
            total = cgutils.alloca_once(builder, kind)
            builder.store(ir.Constant(kind, [0.0] * LANES), total)

            def add(terms: Any) -> None:
                if kind != v.kind:
                    terms = builder.fpext(terms, kind)
                before = builder.load(total)
                builder.store(fma(terms, terms, before) if squares else builder.fadd(before, terms), total)

            whole = builder.sdiv(count, I64(LANES))
            with cgutils.for_range(builder, whole) as loop:
                add(v.load(begin, builder.mul(loop.index, I64(LANES))))
            left = builder.mul(whole, I64(LANES))
            with builder.if_then(builder.icmp_signed("<", left, count)):
                add(v.load(begin, left, v.mask(builder.sub(count, left))))
            lanes, found = LANES, builder.load(total)
            while lanes > 1:
                lanes //= 2
                halves = (
                    builder.shuffle_vector(
                        found, ir.Constant(found.type, ir.Undefined), ir.Constant(ir.VectorType(I32, lanes), part)
                    )
                    for part in (list(range(lanes)), list(range(lanes, 2 * lanes)))
                )
                found = builder.fadd(*halves)
            return builder.extract_element(found, I32(0))

        return result(a, types.int64, types.int64), generate

    def plain(a: Any, at: int, count: int) -> Any:
        terms = a[int(at) : int(at + count)]
        terms = terms.astype(np.float64) if wide else terms
        rows = np.zeros((-(-len(terms) // LANES), LANES), terms.dtype)
        rows.reshape(-1)[: len(terms)] = terms * terms if squares else terms
        total = np.zeros(LANES, terms.dtype)
        for row in rows:
            total += row
        while len(total) > 1:
            total = total[: len(total) // 2] + total[len(total) // 2 :]
        return total[0]

    return compiled_or(compiled, plain)


block_sum = _make_sum(wide=False, squares=False)
"""block_sum(a, at, count): the sum of a[at : at + count] in its own precision."""
wide_sum = _make_sum(wide=True, squares=False)
"""The same in float64."""
wide_squares = _make_sum(wide=True, squares=True)
"""The sum of their squares in float64."""
