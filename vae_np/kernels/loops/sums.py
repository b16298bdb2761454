"""Long sums whose error does not grow with their length.

A block of at most `BLOCK` terms is added in the model's precision, in vectors; the blocks' sums are added in float64,
with what rounding loses of them beside it (Knuth's two-sum). So a sum of any number of terms t is off by at most

    (BLOCK - 1) u sum |t|,    u = 2^-24 or 2^-53,

where the plain running sum has the number of terms for BLOCK. In vectors of eight it is about an eighth of that.
Column sums, over the rows of a batch, do the same for a row of sums at once: `Columns`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vae_np.kernels.compiler.by_type import typed
from vae_np.kernels.compiler.decorators import scalar, unsigned, view

__all__ = ["BLOCK", "ROWS", "Columns", "add", "add_columns", "bring_back", "clear", "flush", "put_away", "rounded"]

BLOCK = 256
"""Terms of a sum in vectors, which take every eighth or sixteenth."""
ROWS = 64
"""Rows of a block of column sums, which take one after the other."""
_INF = np.float64(np.inf)


class Columns(NamedTuple):
    """The sums of each column: of the block in hand, (P,), and float64 of the blocks before, less what was lost."""

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
def clear(sums: Any) -> None:
    """All sums are 0."""
    for j in range(sums.part.shape[0]):
        sums.part[j] = 0
        sums.total[j] = 0
        sums.lost[j] = 0


@view
def flush(sums: Any, c0: Any, c1: Any) -> None:
    """The block's sums of columns [c0, c1) to those of the blocks before."""
    for j in range(unsigned(c0), unsigned(c1)):
        sums.total[j], sums.lost[j] = add(sums.total[j], sums.lost[j], sums.part[j])
        sums.part[j] = 0


@view
def add_columns(rows: Any, sums: Any, r0: Any, r1: Any) -> None:
    """The sums of the rows [r0, r1)."""
    clear(sums)
    for first in range(r0, r1, ROWS):
        for r in range(unsigned(first), unsigned(min(first + ROWS, r1))):
            for j in range(rows.shape[1]):
                sums.part[j] += rows[r, j]
        flush(sums, 0, rows.shape[1])


@view
def put_away(rows: Any, i: Any, sums: Any) -> None:
    """Row i, a block's sum over samples, to those of the blocks before."""
    for j in range(rows.shape[1]):
        sums.total[j], sums.lost[j] = add(sums.total[j], sums.lost[j], rows[i, j])
        rows[i, j] = 0


@view
def bring_back(rows: Any, i: Any, sums: Any) -> None:
    """All blocks' sums to row i."""
    for j in range(rows.shape[1]):
        total, lost = add(sums.total[j], sums.lost[j], rows[i, j])
        rows[i, j] = rounded(total, lost, rows[i, j])
        sums.total[j] = 0
        sums.lost[j] = 0
