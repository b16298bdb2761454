"""The inner loop of a matrix product, in LLVM's vectors: a tile of sums that stay in registers.

    c[r, j] = fma(a[r, K-1], b[K-1, j], ... fma(a[r, 1], b[1, j], fma(a[r, 0], b[0, j], c[r, j] or 0)))

for some rows and some vectors of columns. Each entry is one chain of fused multiply-adds over k in order: whatever the
tile, the vector's width, the threads or the processor, the bits are the same. (Without fused multiply-add LLVM calls
the C library's, which is exact and slow.)

Of the registers a tile takes rows x vectors for its sums, ``vectors`` for b and one for a: 4 x 3 of 16, 8 x 3 of 32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from vae_np.kernels.compiler.intrinsics import I64, compiled_or, entry, fma_of
from vae_np.kernels.compiler.lanes import WIDE, Vector

__all__ = ["ROWS", "VECTORS", "copy_vectors", "tile", "transpose"]

ROWS: tuple[int, ...] = (8, 4, 2, 1) if WIDE else (4, 2, 1)
"""Rows of a tile: the most that there are registers for, and what is left at an edge."""
VECTORS = 3
"""Vectors of a tile's row."""


def _make_tile(rows: int, vectors: int) -> Any:
    """The tile of so many rows and vectors."""

    @intrinsic
    def compiled(typing: Any, a: Any, ia: Any, row_step: Any, k_step: Any, b: Any, ib: Any, b_step: Any, count: Any,
                 c: Any, ic: Any, c_step: Any, last: Any, goes_on: Any, soon: Any, i_soon: Any,
                 soon_step: Any) -> Any:  # fmt: skip
        w = types.int64
        signature = types.void(a, w, w, w, b, w, w, w, c, w, w, w, w, soon, w, w)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, ia, row_step, k_step, b, ib, b_step, count, c, ic, c_step, last, goes_on, soon, i_soon, soon_step = args
            kinds = signature.args
            v = Vector(context, builder, kinds[0])
            fma = fma_of(builder, v.kind, v.suffix)
            of_a, of_b, of_c, later = (
                entry(context, builder, kinds[i], array, offset)
                for i, array, offset in ((0, a, ia), (4, b, ib), (8, c, ic), (13, soon, i_soon))
            )
            row_of_a = [builder.mul(row_step, I64(r)) for r in range(rows)]
            row_of_c = [builder.gep(of_c, [builder.mul(c_step, I64(r))]) for r in range(rows)]
            sums = [[cgutils.alloca_once(builder, v.kind) for _ in range(vectors)] for _ in range(rows)]
            whole = builder.icmp_signed(">=", last, I64(v.lanes))

            def each() -> Iterator[tuple[int, int]]:
                yield from ((r, i) for r in range(rows) for i in range(vectors))

            def with_edge(do: Callable[[int, int, Any], None]) -> None:
                """Do it for all vectors, the last of a row with its mask if it is not whole."""
                with builder.if_else(whole, likely=True) as (then, otherwise):
                    with then:
                        for r, i in each():
                            do(r, i, None)
                    with otherwise:
                        mask = v.mask(last)
                        for r, i in each():
                            do(r, i, mask if i == vectors - 1 else None)

            def begin(r: int, i: int, mask: Any) -> None:
                at = I64(i * v.lanes)
                found = v.load(row_of_c[r], at) if mask is None else v.load_some(row_of_c[r], at, mask)
                builder.store(found, sums[r][i])

            def end(r: int, i: int, mask: Any) -> None:
                at, total = I64(i * v.lanes), builder.load(sums[r][i])
                if mask is None:
                    v.store(total, row_of_c[r], at)
                else:
                    v.store_some(total, row_of_c[r], at, mask)

            with builder.if_else(builder.icmp_signed("!=", goes_on, I64(0))) as (then, otherwise):
                with then:
                    with_edge(begin)
                with otherwise:
                    for r, i in each():
                        v.prefetch(row_of_c[r], I64(i * v.lanes), True)
                        builder.store(v.zero, sums[r][i])
            with cgutils.for_range(builder, count) as loop:
                at_a = builder.gep(of_a, [builder.mul(loop.index, k_step)])
                at_b = builder.gep(of_b, [builder.mul(loop.index, b_step)])
                v.prefetch(later, builder.mul(loop.index, soon_step), False)
                row_of_b = [v.load(at_b, I64(i * v.lanes)) for i in range(vectors)]
                for r in range(rows):
                    factor = v.everywhere(builder.load(builder.gep(at_a, [row_of_a[r]])))
                    for i in range(vectors):
                        builder.store(fma(factor, row_of_b[i], builder.load(sums[r][i])), sums[r][i])
            with_edge(end)
            return context.get_dummy_value()

        return signature, generate

    return compiled


@intrinsic
def _transpose(typing: Any, a: Any, ia: Any, a_step: Any, rows: Any, count: Any, out: Any, io: Any, o_step: Any) -> Any:
    w = types.int64

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, ia, a_step, rows, count, out, io, o_step = args
        kinds = signature.args
        v = Vector(context, builder, kinds[0])
        source, target = entry(context, builder, kinds[0], a, ia), entry(context, builder, kinds[5], out, io)
        found = [cgutils.alloca_once(builder, v.kind) for _ in range(v.lanes)]

        def load(mask: Any) -> None:
            last = builder.sub(rows, I64(1))
            for r, place in enumerate(found):  # the last row in the place of those that are not there
                row = builder.select(builder.icmp_signed("<", I64(r), last), I64(r), last)
                at = builder.mul(a_step, row)
                builder.store(v.load(source, at) if mask is None else v.load_some(source, at, mask), place)

        with builder.if_else(builder.icmp_signed(">=", count, I64(v.lanes)), likely=True) as (then, otherwise):
            with then:
                load(None)
            with otherwise:
                load(v.mask(count))
        lines = [builder.load(place) for place in found]
        for d in (1 << p for p in range(int(math.log2(v.lanes)))):  # exchange the blocks of d beside the diagonal
            for r in (r for r in range(v.lanes) if not r & d):
                low = [i if not i & d else v.lanes + i - d for i in range(v.lanes)]
                high = [i + d if not i & d else v.lanes + i for i in range(v.lanes)]
                first, second = lines[r], lines[r + d]
                lines[r], lines[r + d] = v.shuffle(first, second, low), v.shuffle(first, second, high)
        for r, line in enumerate(lines):
            v.store(line, target, builder.mul(o_step, I64(r)))
        return context.get_dummy_value()

    return types.void(a, w, w, w, w, out, w, w), generate


def _make_copy(vectors: int) -> Any:
    """Rows of so many vectors."""

    @intrinsic
    def compiled(typing: Any, a: Any, ia: Any, a_step: Any, count: Any, out: Any, io: Any, last: Any) -> Any:
        w = types.int64

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, ia, a_step, count, out, io, last = args
            kinds = signature.args
            v = Vector(context, builder, kinds[0])
            source, target = entry(context, builder, kinds[0], a, ia), entry(context, builder, kinds[4], out, io)

            def copy(mask: Any) -> None:
                with cgutils.for_range(builder, count) as loop:
                    begin = builder.gep(source, [builder.mul(loop.index, a_step)])
                    to = builder.gep(target, [builder.mul(loop.index, I64(vectors * v.lanes))])
                    for i in range(vectors):
                        at = I64(i * v.lanes)
                        masked = mask is not None and i == vectors - 1
                        v.store(v.load_some(begin, at, mask) if masked else v.load(begin, at), to, at)

            with builder.if_else(builder.icmp_signed(">=", last, I64(v.lanes)), likely=True) as (then, otherwise):
                with then:
                    copy(None)
                with otherwise:
                    copy(v.mask(last))
            return context.get_dummy_value()

        return types.void(a, w, w, w, out, w, w), generate

    return compiled


def _never(*args: Any) -> None:
    """With the JIT off products are NumPy's: see `dense_products`."""
    raise NotImplementedError


tile = {(rows, vectors): _make_tile(rows, vectors) for rows in ROWS for vectors in range(1, VECTORS + 1)}
"""tile[rows, vectors](a, ia, row_step, k_step, b, ib, b_step, count, c, ic, c_step, last, goes_on, soon, i_soon,
soon_step): a[r, k] is a's entry ia + r row_step + k k_step, and so on; the last vector of a row of c has ``last``
numbers, if fewer than its lanes; the sums go on from what is in c, or begin with 0. While it multiplies, ``count``
lines of the cache may come from memory, where soon's entries i_soon + k soon_step are: what will be read next."""
transpose = compiled_or(_transpose, _never)
"""(a, ia, a_step, rows, count, out, io, o_step): a block of as many rows as a vector has lanes, of a's entry ia on, is
written transposed; of ``rows`` rows and ``count`` columns the rest is whatever is there."""
copy_vectors = {vectors: _make_copy(vectors) for vectors in range(1, VECTORS + 1)}
"""copy_vectors[n](a, ia, a_step, count, out, io, last): ``count`` rows of n vectors, one behind the other."""
