"""Sums and selections that stay in vector registers, where no loop that Numba compiles would leave them."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from vae_np.kernels.compiler.intrinsics import I32, I64, compiled_or, entry, fma_of
from vae_np.kernels.compiler.lanes import BITS, Vector

__all__ = ["take_nonzero", "weighted_sum"]


def _make_weighted_sum(vectors: int) -> Any:
    """One such function for so many vectors."""

    @intrinsic
    def weighted_sum(typing: Any, out: Any, o: Any, w: Any, first: Any, step: Any, index: Any, value: Any, at: Any,
                     count: Any) -> Any:  # fmt: skip
        integer = types.int64
        signature = types.void(out, integer, w, integer, integer, index, value, integer, integer)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            out, o, w, first, step, index, value, at, count = args
            kinds = signature.args
            v = Vector(context, builder, kinds[0])
            fma = fma_of(builder, v.kind, v.suffix)
            weights, target = entry(context, builder, kinds[2], w, first), entry(context, builder, kinds[0], out, o)
            sums = [cgutils.alloca_once(builder, v.kind) for _ in range(vectors)]
            for place in sums:
                builder.store(v.zero, place)
            with cgutils.for_range(builder, count) as loop:
                place = builder.add(at, loop.index)
                row = builder.sext(builder.load(entry(context, builder, kinds[5], index, place)), I64)
                factor = v.everywhere(builder.load(entry(context, builder, kinds[6], value, place)))
                begin = builder.mul(row, step)
                for i, total in enumerate(sums):
                    part = v.load(weights, builder.add(begin, I64(i * v.lanes)))
                    builder.store(fma(factor, part, builder.load(total)), total)
            for i, total in enumerate(sums):
                v.store(builder.load(total), target, I64(i * v.lanes))
            return context.get_dummy_value()

        return signature, generate

    def plain(out: Any, o: int, w: Any, first: int, step: int, index: Any, value: Any, at: int, count: int) -> None:
        width = vectors * BITS // 8 // out.itemsize
        total = np.zeros(width, out.dtype)
        for p in range(at, at + count):
            begin = first + index.flat[p] * step
            total += value.flat[p] * w.reshape(-1)[begin : begin + width]
        out.reshape(-1)[o : o + width] = total

    return compiled_or(weighted_sum, plain)


weighted_sum = {vectors: _make_weighted_sum(vectors) for vectors in (1, 12)}
"""out[o:] = sum_p value[p] w[first + index[p] step:] over p in [at, at + count), so many vectors of `BITS` wide."""


@intrinsic
def _take_nonzero(typing: Any, x: Any, ix: Any, j: Any, place: Any, value: Any, at: Any) -> Any:
    whole = types.int64
    signature = types.int64(x, whole, whole, place, value, whole)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (x, ix, j, place, value, at), kinds = args, signature.args
        real, lanes = context.get_value_type(kinds[0].dtype), BITS // kinds[0].dtype.bitwidth
        numbers, places, bits = (ir.VectorType(kind, lanes) for kind in (real, I32, ir.IntType(1)))
        undefined = ir.Constant(places, ir.Undefined)

        def pointer(kind: Any, array: Any, offset: Any, vector: Any) -> Any:
            return builder.bitcast(entry(context, builder, kind, array, offset), vector.as_pointer())

        def store_packed(data: Any, mask: Any, suffix: str, target: Any, align: int) -> None:
            form = ir.FunctionType(data.type, [data.type, data.type, bits])
            name = f"llvm.x86.avx512.mask.compress.v{lanes}{suffix}"
            packed = cgutils.get_or_insert_function(builder.module, form, name)
            # not the instruction that packs into memory, which is very slow on some processors
            builder.store(builder.call(packed, [data, ir.Constant(data.type, None), mask]), target, align=align)

        size = kinds[0].dtype.bitwidth // 8
        found = builder.load(pointer(kinds[0], x, ix, numbers), align=size)
        mask = builder.fcmp_unordered("une", found, ir.Constant(numbers, None))
        first = builder.insert_element(undefined, builder.trunc(j, I32), I32(0))
        first = builder.shuffle_vector(first, undefined, ir.Constant(places, [0] * lanes))
        columns = builder.add(first, ir.Constant(places, list(range(lanes))))
        store_packed(found, mask, f"f{8 * size}", pointer(kinds[4], value, at, numbers), size)
        store_packed(columns, mask, "i32", pointer(kinds[3], place, at, places), 4)
        count = builder.ctpop(builder.bitcast(mask, ir.IntType(lanes)))
        return builder.zext(count, I64)

    return signature, generate


def _plain_take_nonzero(x: Any, ix: int, j: int, place: Any, value: Any, at: int) -> int:
    lanes = BITS // 8 // x.itemsize
    found = x.reshape(-1)[ix : ix + lanes]
    (columns,) = np.nonzero(found)
    place.reshape(-1)[at : at + len(columns)] = j + columns
    value.reshape(-1)[at : at + len(columns)] = found[columns]
    return len(columns)


take_nonzero = compiled_or(_take_nonzero, _plain_take_nonzero)
"""Of the `BITS` of numbers from x's entry ``ix`` on, which are those from column j on: what is not 0 to value[at:], its
columns to place[at:]; how many they are. As many entries are written, whatever they are. Only where `WIDE`."""
