"""The inner loop of a matrix product, in LLVM's vectors: a tile of sums that stay in registers.

    c[r, j] = fma(a[r, K-1], b[K-1, j], ... fma(a[r, 1], b[1, j], fma(a[r, 0], b[0, j], c[r, j] or 0)))

for some rows and some vectors of columns. Each entry is one chain of fused multiply-adds over k in order: whatever the
tile, the vector's width, the threads or the processor, the bits are the same. (Without fused multiply-add LLVM calls
the C library's, which is exact and slow.)

Of the registers a tile takes rows x vectors for its sums, ``vectors`` for b and one for a: 4 x 3 of 16, 8 x 3 of 32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from vae_np.kernels.compiler.intrinsics import I64, entry, fma_of
from vae_np.kernels.compiler.lanes import WIDE, Vector

__all__ = ["ROWS", "VECTORS", "packing_tile", "tile"]

ROWS: tuple[int, ...] = (8, 4, 1) if WIDE else (4, 1)
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
        return types.void(a, w, w, w, b, w, w, w, c, w, w, w, w, soon, w, w), _code_of(rows, vectors)

    return compiled


def _make_packing(rows: int, vectors: int) -> Any:
    """The same, and b's rows go to a panel."""

    @intrinsic
    def compiled(typing: Any, a: Any, ia: Any, row_step: Any, k_step: Any, b: Any, ib: Any, b_step: Any, count: Any,
                 c: Any, ic: Any, c_step: Any, last: Any, goes_on: Any, soon: Any, i_soon: Any, soon_step: Any,
                 panel: Any) -> Any:  # fmt: skip
        w = types.int64
        return types.void(a, w, w, w, b, w, w, w, c, w, w, w, w, soon, w, w, panel), _code_of(rows, vectors)

    return compiled


def _code_of(rows: int, vectors: int) -> Callable[..., Any]:
    """What writes a tile's code."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, ia, row_step, k_step, b, ib, b_step, count, c, ic, c_step, last, goes_on, soon, i_soon, soon_step = args[:16]
        kinds, panel = signature.args, args[16:]
        v = Vector(context, builder, kinds[0])
        fma = fma_of(builder, v.kind, v.suffix)
        of_a, of_b, of_c, later = (
            entry(context, builder, kinds[i], array, offset)
            for i, array, offset in ((0, a, ia), (4, b, ib), (8, c, ic), (13, soon, i_soon))
        )
        row_of_a = [builder.mul(row_step, I64(r)) for r in range(rows)]
        row_of_c = [builder.gep(of_c, [builder.mul(c_step, I64(r))]) for r in range(rows)]
        sums = [[cgutils.alloca_once(builder, v.kind) for _ in range(vectors)] for _ in range(rows)]
        at = [I64(i * v.lanes) for i in range(vectors)]
        each = [(r, i) for r in range(rows) for i in range(vectors)]

        def masks(mask: Any) -> list[Any]:
            """Of a row's vectors the last one's is not whole."""
            return [None] * (vectors - 1) + [mask]

        def with_edge(do: Callable[[list[Any]], None]) -> None:
            """Do it with every vector whole, or with the mask of the last one."""
            v.with_edge(last, lambda mask: do(masks(mask)))

        def begin(masks: list[Any]) -> None:
            for r, i in each:
                builder.store(v.load(row_of_c[r], at[i], masks[i]), sums[r][i])

        def multiply(masks: list[Any]) -> None:
            with cgutils.for_range(builder, count) as loop:
                at_a = builder.gep(of_a, [builder.mul(loop.index, k_step)])
                at_b = builder.gep(of_b, [builder.mul(loop.index, b_step)])
                v.prefetch(later, builder.mul(loop.index, soon_step), False)
                row_of_b = [v.load(at_b, at[i], masks[i]) for i in range(vectors)]
                if panel:
                    to = entry(context, builder, kinds[16], panel[0], builder.mul(loop.index, I64(vectors * v.lanes)))
                    for i in range(vectors):
                        v.store(row_of_b[i], to, at[i])
                for r in range(rows):
                    factor = v.everywhere(builder.load(builder.gep(at_a, [row_of_a[r]])))
                    for i in range(vectors):
                        builder.store(fma(factor, row_of_b[i], builder.load(sums[r][i])), sums[r][i])

        def end(masks: list[Any]) -> None:
            for r, i in each:
                v.store(builder.load(sums[r][i]), row_of_c[r], at[i], masks[i])

        with builder.if_else(builder.icmp_signed("!=", goes_on, I64(0))) as (then, otherwise):
            with then:
                with_edge(begin)
            with otherwise:
                for r, i in each:
                    v.prefetch(row_of_c[r], at[i], True)
                    builder.store(v.zero, sums[r][i])
        if panel:
            with_edge(multiply)
        else:
            multiply(masks(None))  # a panel's last vector has its whole room
        with_edge(end)
        return context.get_dummy_value()

    return generate


tile = {(rows, vectors): _make_tile(rows, vectors) for rows in ROWS for vectors in range(1, VECTORS + 1)}
"""tile[rows, vectors](a, ia, row_step, k_step, b, ib, b_step, count, c, ic, c_step, last, goes_on, soon, i_soon,
soon_step): a[r, k] is a's entry ia + r row_step + k k_step, and so on; the last vector of a row of c has ``last``
numbers, if fewer than its lanes; the sums go on from what is in c, or begin with 0. While it multiplies, ``count``
lines of the cache may come from memory, where soon's entries i_soon + k soon_step are: what will be read next."""
packing_tile = {vectors: _make_packing(ROWS[0], vectors) for vectors in range(1, VECTORS + 1)}
"""packing_tile[vectors](..., panel) has the most rows, and reads b where it lies, a last vector's ``last`` numbers
alone; what it reads it leaves in the panel, row after row, for the tiles after it: packing by itself would wait for
memory, and here the arithmetic goes on meanwhile."""
