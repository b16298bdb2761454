"""Packing for products, in LLVM's vectors: the factors' blocks side by side as `micro`'s tiles read them."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from vae_np.kernels.compiler.intrinsics import I64, compiled_or, entry
from vae_np.kernels.compiler.lanes import Vector
from vae_np.kernels.compiler.micro import ROWS, VECTORS

__all__ = ["AT_ONCE", "copy_left", "copy_vectors", "transpose"]

QUARTER = 128
"""Bits that may be exchanged for nothing: loads take them from wherever they are to wherever they shall be in a
register, where exchanges across such a border are slow."""
AT_ONCE = 4
"""Tiles of x^T whose numbers are copied at once: what a line of the cache has is used while it is there."""


@intrinsic
def _transpose(typing: Any, a: Any, ia: Any, a_step: Any, rows: Any, count: Any, out: Any, io: Any, o_step: Any) -> Any:
    w = types.int64

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, ia, a_step, rows, count, out, io, o_step = args
        kinds = signature.args
        v = Vector(context, builder, kinds[0])
        quarter = Vector(context, builder, kinds[0], QUARTER // v.size)
        source, target = entry(context, builder, kinds[0], a, ia), entry(context, builder, kinds[5], out, io)
        found = [cgutils.alloca_once(builder, v.kind) for _ in range(v.lanes)]
        last = builder.sub(rows, I64(1))

        def row(r: int) -> Any:
            """Where it begins; the last one in the place of those that are not there."""
            return builder.mul(a_step, builder.select(builder.icmp_signed("<", I64(r), last), I64(r), last))

        def exchange(lines: list[Any], d: int) -> list[Any]:
            """The blocks of d beside the diagonal of each 2 d x 2 d."""
            new = list(lines)
            for r in (r for r in range(v.lanes) if not r & d):
                low = [i if not i & d else v.lanes + i - d for i in range(v.lanes)]
                high = [i + d if not i & d else v.lanes + i for i in range(v.lanes)]
                new[r] = v.shuffle(lines[r], lines[r + d], low)
                new[r + d] = v.shuffle(lines[r], lines[r + d], high)
            return new

        def by_quarters() -> list[Any]:
            """Lines whose large blocks are exchanged as they are read."""
            begins = [row(r) for r in range(v.lanes)]
            lines = []
            for i in range(v.lanes):
                column = I64(i // quarter.lanes * quarter.lanes)
                parts = [
                    quarter.load(source, builder.add(begins[r], column))
                    for r in range(i % quarter.lanes, v.lanes, quarter.lanes)
                ]
                while len(parts) > 1:
                    both = list(range(2 * parts[0].type.count))
                    parts = [v.shuffle(*pair, both) for pair in zip(parts[::2], parts[1::2], strict=True)]
                lines += parts
            return lines

        def at_an_edge(mask: Any) -> list[Any]:
            """The same of fewer columns."""
            lines = [v.load(source, row(r), mask) for r in range(v.lanes)]
            for d in _powers(quarter.lanes, v.lanes):
                lines = exchange(lines, d)
            return lines

        def read(mask: Any) -> None:
            lines = by_quarters() if mask is None else at_an_edge(mask)
            for line, place in zip(lines, found, strict=True):
                builder.store(line, place)

        v.with_edge(count, read)
        lines = [builder.load(place) for place in found]
        for d in _powers(1, quarter.lanes):
            lines = exchange(lines, d)
        for r, line in enumerate(lines):
            v.store(line, target, builder.mul(o_step, I64(r)))
        return context.get_dummy_value()

    return types.void(a, w, w, w, w, out, w, w), generate


def _powers(begin: int, end: int) -> list[int]:
    """The powers of 2 from ``begin`` on, below ``end``."""
    return [1 << p for p in range(begin.bit_length() - 1, end.bit_length() - 1)]


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
                        v.store(v.load(begin, at, mask if i == vectors - 1 else None), to, at)

            v.with_edge(last, copy)
            return context.get_dummy_value()

        return types.void(a, w, w, w, out, w, w), generate

    return compiled


def _make_copy_left(rows: int, tiles: int) -> Any:
    """Of so many tiles of so many rows."""

    @intrinsic
    def compiled(typing: Any, a: Any, ia: Any, k_step: Any, count: Any, out: Any, io: Any) -> Any:
        w = types.int64

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, ia, k_step, count, out, io = args
            kinds = signature.args
            v = Vector(context, builder, kinds[0], rows)
            source, target = entry(context, builder, kinds[0], a, ia), entry(context, builder, kinds[4], out, io)
            to = [builder.gep(target, [builder.mul(count, I64(i * rows))]) for i in range(tiles)]
            with cgutils.for_range(builder, count) as loop:
                begin = builder.gep(source, [builder.mul(loop.index, k_step)])
                at = builder.mul(loop.index, I64(rows))
                for i in range(tiles):
                    v.store(v.load(begin, I64(i * rows)), to[i], at)
            return context.get_dummy_value()

        return types.void(a, w, w, w, out, w), generate

    return compiled


def _never(*args: Any) -> None:
    """With the JIT off products are NumPy's: see `dense_products`."""
    raise NotImplementedError


transpose = compiled_or(_transpose, _never)
"""(a, ia, a_step, rows, count, out, io, o_step): a block of as many rows as a vector has lanes, of a's entry ia on, is
written transposed; of ``rows`` rows and ``count`` columns the rest is whatever is there."""
copy_left = {(rows, tiles): _make_copy_left(rows, tiles) for rows in ROWS for tiles in (1, AT_ONCE)}
"""copy_left[rows, tiles](a, ia, k_step, count, out, io): of ``count`` rows of a, so many numbers that lie side by side
are the tiles' rows; each tile's go where it reads them one behind the other, and the tiles one behind the other."""
copy_vectors = {vectors: _make_copy(vectors) for vectors in range(1, VECTORS + 1)}
"""copy_vectors[n](a, ia, a_step, count, out, io, last): ``count`` rows of n vectors, one behind the other."""
