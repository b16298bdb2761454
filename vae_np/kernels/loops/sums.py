"""Long sums whose error does not grow with their length.

A block of at most `BLOCK` terms is added in the model's precision, in vectors; the blocks' sums are added in float64,
with what rounding loses of them beside it (Knuth's two-sum). So a sum of any number of terms t is off by at most

    (BLOCK - 1) u sum |t|,    u = 2^-24 or 2^-53,

where the plain running sum has the number of terms for BLOCK; in sixteen lanes it is about a sixteenth of that. Column
sums, over the rows of a batch, do the same for a row of sums at once, `ROWS` rows a block: `column_sums`.

Each of these sums has one order, whatever the threads and the machine's vectors: a block is added by `lanes.block_sum`,
and blocks begin where they begin for one thread.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vae_np.kernels.compiler.by_type import typed
from vae_np.kernels.compiler.decorators import loop, scalar, unsigned, view

__all__ = [
    "BLOCK",
    "ROWS",
    "Columns",
    "add",
    "add_rows",
    "bring_back",
    "clear",
    "column_sums",
    "column_sums_of_blocks",
    "put_away",
    "rounded",
]

BLOCK = 256
"""Terms of a sum in vectors, which take every eighth or sixteenth."""
ROWS = 64
"""Rows of a block of column sums, which take one after the other."""
_INF = np.float64(np.inf)


class Columns(NamedTuple):
    """Room for a thread's sums of columns: of the block in hand, (P,), and float64 of the blocks before, less what was
    lost."""

    part: Any
    total: Any
    lost: Any


@scalar
def add(total: Any, lost: Any, part: Any) -> tuple[Any, Any]:
    """Total + part, and lost + what this rounding loses."""
    wide = np.float64(part)
    new = total + wide
    taken = new - total
    return new, lost + ((total - (new - taken)) + (wide - taken))


@scalar
def rounded(total: Any, lost: Any, like: Any) -> Any:
    """Total + lost, in like's precision; of an infinite total, what is lost is NaN and means nothing."""
    return typed(like, total + lost if abs(total) < _INF else total)


@view
def clear(sums: Any, c0: Any, c1: Any) -> None:
    """The sums of columns [c0, c1) are 0."""
    for j in range(unsigned(c0), unsigned(c1)):
        sums.part[j] = 0
        sums.total[j] = 0
        sums.lost[j] = 0


@loop
def add_rows(rows: Any, r0: Any, r1: Any, part: Any, c0: Any, c1: Any) -> None:
    """Rows [r0, r1) of columns [c0, c1) are added to a block's sums, one after the other."""
    for r in range(unsigned(r0), unsigned(r1)):
        for j in range(unsigned(c0), unsigned(c1)):
            part[j] += rows[r, j]


@loop
def column_sums(rows: Any, sums: Any, c0: Any, c1: Any) -> None:
    """The totals of columns [c0, c1) over all rows (R, P): `ROWS` at a time, one after the other."""
    part, total, lost = sums.part, sums.total, sums.lost
    clear(sums, c0, c1)
    count = rows.shape[0]
    for first in range(0, count, ROWS):
        add_rows(rows, first, min(first + ROWS, count), part, c0, c1)
        for j in range(unsigned(c0), unsigned(c1)):
            total[j], lost[j] = add(total[j], lost[j], part[j])
            part[j] = 0


@loop
def column_sums_of_blocks(parts: Any, sums: Any, c0: Any, c1: Any) -> None:
    """What `column_sums` finds, of the sums of its blocks, (blocks, P)."""
    total, lost = sums.total, sums.lost
    clear(sums, c0, c1)
    for i in range(parts.shape[0]):
        for j in range(unsigned(c0), unsigned(c1)):
            total[j], lost[j] = add(total[j], lost[j], parts[i, j])


@view
def put_away(rows: Any, i: Any, sums: Any, at: Any) -> None:
    """Row i, a block's sum over samples, to those of the blocks before, from column ``at`` on."""
    for j in range(rows.shape[1]):
        sums.total[at + j], sums.lost[at + j] = add(sums.total[at + j], sums.lost[at + j], rows[i, j])
        rows[i, j] = 0


@view
def bring_back(rows: Any, i: Any, sums: Any, at: Any) -> None:
    """All blocks' sums to row i."""
    for j in range(rows.shape[1]):
        total, lost = add(sums.total[at + j], sums.lost[at + j], rows[i, j])
        rows[i, j] = rounded(total, lost, rows[i, j])
        sums.total[at + j] = 0
        sums.lost[at + j] = 0
