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

__all__ = ["LINE", "MOST", "take_nonzero", "weighted_sum"]

LINE = 64
"""Bytes of a vector of a weighted sum, whatever the machine's are: a line of the cache."""
MOST = 5
"""Such vectors at once: ten registers of 256 bits, of sixteen."""


def _make_weighted_sum(vectors: int) -> Any:
    """One such function for so many vectors."""

    @intrinsic
    def weighted_sum(typing: Any, out: Any, o: Any, w: Any, first: Any, step: Any, index: Any, value: Any, at: Any,
                     end: Any, limit: Any, last: Any, goes_on: Any, ahead: Any, soon: Any) -> Any:  # fmt: skip
        integer = types.int64
        signature = integer(out, integer, w, integer, integer, index, value, *[integer] * 5, ahead, integer)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            out, o, w, first, step, _, _, at, end, limit, last, goes_on, ahead, soon = args
            kinds = signature.args
            v = Vector(context, builder, kinds[0], LINE * 8 // kinds[0].dtype.bitwidth)
            fma = fma_of(builder, v.kind, v.suffix)
            weights, target = entry(context, builder, kinds[2], w, first), entry(context, builder, kinds[0], out, o)
            places, values = (entry(context, builder, kinds[i], args[i], I64(0)) for i in (5, 6))
            sums = [cgutils.alloca_once(builder, v.kind) for _ in range(vectors)]
            now = cgutils.alloca_once_value(builder, at)
            later = entry(context, builder, kinds[12], ahead, soon)
            for i in range(vectors):
                v.prefetch(later, I64(i * v.lanes), False)

            def take(mask: Any) -> None:
                """All of it, the last vector with its mask."""

                def load(pointer: Any, offset: Any, i: int) -> Any:
                    return v.load(pointer, offset, mask if i == vectors - 1 else None)

                begin = builder.icmp_signed("!=", goes_on, I64(0))
                with builder.if_else(begin) as (then, otherwise):
                    with then:
                        for i, total in enumerate(sums):
                            builder.store(load(target, I64(i * v.lanes), i), total)
                    with otherwise:
                        for total in sums:
                            builder.store(v.zero, total)
                check, body, done = (builder.append_basic_block(name) for name in ("check", "body", "done"))
                look = builder.append_basic_block("look")
                builder.branch(check)
                builder.position_at_end(check)
                place = builder.load(now)
                builder.cbranch(builder.icmp_signed("<", place, end), look, done)
                builder.position_at_end(look)
                row = builder.sext(builder.load(builder.gep(places, [place])), I64)
                builder.cbranch(builder.icmp_signed("<", row, limit), body, done)
                builder.position_at_end(body)
                factor = v.everywhere(builder.load(builder.gep(values, [place])))
                of_row = builder.gep(weights, [builder.mul(row, step)])
                for i, total in enumerate(sums):
                    part = load(of_row, I64(i * v.lanes), i)
                    builder.store(fma(factor, part, builder.load(total)), total)
                builder.store(builder.add(place, I64(1)), now)
                builder.branch(check)
                builder.position_at_end(done)
                for i, total in enumerate(sums):
                    v.store(builder.load(total), target, I64(i * v.lanes), mask if i == vectors - 1 else None)

            v.with_edge(last, take)
            return builder.load(now)

        return signature, generate

    def plain(out: Any, o: int, w: Any, first: int, step: int, index: Any, value: Any, at: int, end: int, limit: int,
              last: int, goes_on: int, ahead: Any, soon: int) -> int:  # fmt: skip
        o, first, step, at = int(o), int(first), int(step), int(at)  # NumPy's integers of two kinds make a float
        width = (vectors - 1) * (LINE // out.itemsize) + min(int(last), LINE // out.itemsize)
        total = out.reshape(-1)[o : o + width]
        if not goes_on:
            total[:] = 0
        while at < end and index.flat[at] < limit:
            begin = first + int(index.flat[at]) * step
            total += value.flat[at] * w.reshape(-1)[begin : begin + width]
            at += 1
        return at

    return compiled_or(weighted_sum, plain)


weighted_sum = {vectors: _make_weighted_sum(vectors) for vectors in range(1, MOST + 1)}
"""weighted_sum[n](out, o, w, first, step, index, value, at, end, limit, last, goes_on, ahead, soon): out[o:] = sum_p
value[p] w[first + index[p] step:] over the p from ``at`` on that are less than ``end`` and whose index is less than
``limit``, added to what is there if goes_on; n vectors of `LINE` bytes, the last of ``last`` numbers. The p it ends at.
As many vectors of ahead, from its entry ``soon`` on, may come from memory meanwhile; no address is wrong."""


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
