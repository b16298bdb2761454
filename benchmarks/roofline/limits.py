"""What this machine can do on one core: loops that only move, only multiply and add, or only divide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numba
import numpy as np
from timing import Call

from roofline.counts import Work
from vae_np.kernels.compiler.decorators import kernel
from vae_np.kernels.compiler.intrinsics import fused
from vae_np.kernels.compiler.lanes import BITS, whole_vectors
from vae_np.kernels.compiler.micro import ROWS, VECTORS, tile
from vae_np.support.memory import aligned_zeros

__all__ = ["Limits", "inner_loop", "inner_loop_operations", "probes"]

LENGTH, TIMES, CHAIN = 512, 200, 12
"""Of the arrays that arithmetic is measured on, well within the nearest cache; how often over; operations in a row."""
DEPTH, WIDTH = 64, VECTORS * BITS // 8
"""Of the products of a tile that are measured likewise: the length of its sums, and the bytes of its row."""
_tile = tile[ROWS[0], VECTORS]


@kernel
def _copy(a: Any, b: Any) -> None:
    for i in range(a.shape[0]):
        a[i] = b[i]


@kernel
def _triad(a: Any, b: Any, c: Any, s: Any) -> None:
    for i in range(a.shape[0]):
        a[i] = fused(s, c[i], b[i])


@kernel
def _update(a: Any, s: Any) -> None:
    for i in range(a.shape[0]):
        a[i] = s * a[i]


@numba.njit(nogil=True, fastmath={"reassoc"})
def _read(a: Any) -> Any:
    total = a[0]
    for i in range(a.shape[0]):
        total += a[i]
    return total


@kernel
def _multiply_and_add(x: Any, out: Any, s: Any, t: Any) -> None:
    """Four chains an element, since a result takes several cycles; all between load and store stays in registers."""
    whole_vectors()
    for _ in range(TIMES):
        for i in range(x.shape[0]):
            a = x[i]
            b, c, d = a + s, a + t, a - s
            for _ in range(CHAIN):
                a, b, c, d = fused(a, s, t), fused(b, s, t), fused(c, s, t), fused(d, s, t)
            out[i] = (a + b) + (c + d)


@kernel
def _tiles(a: Any, panel: Any, c: Any) -> None:
    """The inner loop of a product, with all that it reads in the nearest cache."""
    for _ in range(TIMES):
        _tile(a, 0, DEPTH, 1, panel, 0, WIDTH // a.itemsize, DEPTH, c, 0, WIDTH // a.itemsize, WIDTH, 0, panel, 0, 0)


@kernel
def _divide(x: Any, out: Any, s: Any) -> None:
    whole_vectors()
    for _ in range(TIMES):
        for i in range(x.shape[0]):
            out[i] = s / x[i]


def probes(works: Iterable[Work], dtype: Any) -> dict[str, Call]:
    """The calls to be timed in the same rounds as the kernels; memory is measured at each one's footprint."""
    calls: dict[str, Call] = {}
    for work in works:
        length = max(6, int(work.footprint) // np.dtype(dtype).itemsize)
        if f"copy {length}" not in calls:
            calls |= _movers(length, dtype)
    for kind in dict.fromkeys((np.dtype(dtype).name, "float64")):  # some kernels of float32 compute in float64
        calls |= _reckoners(kind)
    return calls


def _movers(length: int, dtype: Any) -> dict[str, Call]:
    """All on the same memory, as is a kernel's own call after call."""
    memory, one = np.ones(length, dtype), np.dtype(dtype).type(1)
    halves, thirds = np.split(memory[: length // 2 * 2], 2), np.split(memory[: length // 3 * 3], 3)
    return {
        f"copy {length}": partial(_copy, *halves),
        f"triad {length}": partial(_triad, *thirds, one * 0),
        f"update {length}": partial(_update, memory, one),
        f"read {length}": partial(_read, memory),
    }


def inner_loop(kind: str) -> Call:
    """The products of a tile again and again, on arrays of its own."""
    width = WIDTH // np.dtype(kind).itemsize
    return partial(_tiles, *(aligned_zeros(n, kind) for n in (ROWS[0] * DEPTH, DEPTH * width, ROWS[0] * width)))


def inner_loop_operations(kind: str) -> int:
    """Multiplications and additions of one call of it."""
    return TIMES * 2 * DEPTH * ROWS[0] * (WIDTH // np.dtype(kind).itemsize)


def _reckoners(kind: str) -> dict[str, Call]:
    number = np.dtype(kind).type
    x, out = np.ones(LENGTH, kind), np.empty(LENGTH, kind)
    return {
        f"chains {kind}": partial(_multiply_and_add, x, out, number(0.5), number(0.25)),
        f"tiles {kind}": inner_loop(kind),
        f"divisions {kind}": partial(_divide, x, out, number(1.5)),
    }


class Limits(NamedTuple):
    """The times of the `probes`, in milliseconds, and whose they are."""

    found: Mapping[str, float]
    dtype: str

    def bandwidth(self, work: Work) -> float:
        """Bytes a second of memory as large as what is visited: the best of the loops that move as the kernel does."""
        itemsize = np.dtype(self.dtype).itemsize
        length = max(6, int(work.footprint) // itemsize)
        moved = {"copy": length // 2 * 2, "triad": length // 3 * 3}
        if work.bytes > work.footprint:  # it writes where it has read
            moved["update"] = 2 * length
        if not work.writes:
            moved = {"read": length}
        return max(1e3 * itemsize * n / self.found[f"{name} {length}"] for name, n in moved.items())

    def operations(self, kind: str | None = None) -> float:
        """Additions and multiplications a second, in registers."""
        return 1e3 * LENGTH * TIMES * (8 * CHAIN + 6) / self.found[f"chains {kind or self.dtype}"]

    def divisions(self) -> float:
        """A second."""
        return 1e3 * LENGTH * TIMES / self.found[f"divisions {self.dtype}"]

    def tiles(self, kind: str | None = None) -> float:
        """Operations a second of a product whose factors are in the nearest cache: as many as there are."""
        kind = kind or self.dtype
        return 1e3 * inner_loop_operations(kind) / self.found[f"tiles {kind}"]

    def of(self, work: Work) -> tuple[float, str]:
        """The least time, in milliseconds, that the work can take, and what takes it."""
        arithmetic = work.operations / self.operations() + work.wide / self.operations("float64")
        seconds = {
            "memory": work.bytes / self.bandwidth(work),
            "arithmetic": arithmetic,
            "division": work.divisions / self.divisions(),
            "product": work.product / self.tiles(),
        }
        slowest = max(seconds, key=seconds.__getitem__)
        return 1e3 * seconds[slowest], slowest
