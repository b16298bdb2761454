"""Minibatches in one loop: rows gathered by number, and binarised with the numbers that `noise.uniform` would draw.

The generator is Philox 4x64 with ten rounds (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as
1, 2, 3"), as NumPy has it: the counter is raised before each block of four words; a float64 takes the upper 53 bits of
a word, a float32 the upper 24 of each half of one, the lower half first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.compiler.by_type import typed
from vae_np.kernels.compiler.decorators import kernel, scalar
from vae_np.kernels.compiler.intrinsics import matrix_at, wide_product
from vae_np.support.noise import TILE

__all__ = ["gather", "philox"]

_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_W0, _W1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_LOW = np.uint64(0xFFFFFFFF)
_32, _8, _11 = np.uint64(32), np.uint64(8), np.uint64(11)
SINGLE, DOUBLE = 1.0 / 2**24, 1.0 / 2**53


@scalar
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Four random words of a counter and a key."""
    for _ in range(10):
        high0, low0 = wide_product(_M0, c0)
        high1, low1 = wide_product(_M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = k0 + _W0, k1 + _W1
    return c0, c1, c2, c3


@scalar
def _mark(flat: Any, e: Any, end: Any, u: Any) -> None:
    if e < end:
        flat[e] = typed(u, 1.0) if u < flat[e] else typed(u, 0.0)


@scalar
def _mark_word(flat: Any, e: Any, end: Any, word: Any) -> None:
    """One number of float64, or two of float32, from a word."""
    like = flat[0]
    if flat.itemsize == 8:
        _mark(flat, e, end, typed(like, np.float64(np.int64(word >> _11)) * DOUBLE))
    else:
        _mark(flat, 2 * e, end, typed(like, np.float64(np.int64((word & _LOW) >> _8)) * SINGLE))
        _mark(flat, 2 * e + 1, end, typed(like, np.float64(np.int64(word >> _32 >> _8)) * SINGLE))


@kernel
def _binarise(flat: Any, end: Any, tile: Any, key: Any, step: Any) -> None:
    """The first ``end`` numbers of a tile, which begins at flat[0]."""
    numbers = 4 if flat.itemsize == 8 else 8
    zero, place = np.uint64(0), np.uint64(tile)
    for block in range((end + numbers - 1) // numbers):
        grey = False
        for e in range(block * numbers, min(end, (block + 1) * numbers)):
            grey |= flat[e] != 0
        if not grey:  # no u is below 0: most of an image needs no random numbers
            continue
        w0, w1, w2, w3 = philox(np.uint64(block + 1), np.uint64(step), zero, place, key[0], key[1])
        _mark_word(flat, 4 * block, end, w0)
        _mark_word(flat, 4 * block + 1, end, w1)
        _mark_word(flat, 4 * block + 2, end, w2)
        _mark_word(flat, 4 * block + 3, end, w3)


@kernel
def gather(data: Any, like: Any, total: Any, rows: Any, out: Any, key: Any, step: Any) -> None:
    """Out's rows are those that ``rows`` names of the x (total, D) at the address ``data``; binarised with a key (2,).

    Binarised, a number is 1 where u < x, with u from the stream of the key at (step, 0, r // TILE) for out's row r.
    """
    n, d = out.shape
    x = matrix_at(data, 0, like, (total, d))
    for r in range(n):
        i = rows[r]
        for j in range(d):
            out[r, j] = x[i, j]
    if key.shape[0] == 2:
        flat = out.reshape(-1)
        for tile in range((n + TILE - 1) // TILE):
            begin = tile * TILE * d
            _binarise(flat[begin:], min(n - tile * TILE, TILE) * d, tile, key, step)
