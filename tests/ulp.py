"""Errors in units in the last place (ULP), against an exact value in mpmath; imports nothing of vae_np.

The unit is the distance between neighbouring numbers of the dtype at the exact value's size (the smallest subnormal
near 0), or at the size of ``scale`` for a sum whose terms cancel: its own size says nothing about what rounding does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import mpmath as mp
import numpy as np

PRECISION = {np.dtype(np.float64): (53, -1074, 1024), np.dtype(np.float32): (24, -149, 128)}
"""Bits of the significand, exponent of the smallest subnormal, exponent at which numbers overflow."""


def unit_exponent(size: mp.mpf, dtype) -> int:
    """The e of 2^e, the distance of neighbours at ``size`` rounded to the dtype; beyond the largest number, its own."""
    bits, lowest, highest = PRECISION[np.dtype(dtype)]
    _, man, exp, length = size._mpf_
    if not man:
        return highest - bits if exp else lowest  # infinity (or NaN) and zero
    e = exp + length
    if length > bits and (man >> (length - bits - 1)) == (1 << (bits + 1)) - 1:
        e += 1  # rounds up to a power of two
    return max(lowest, min(e, highest) - bits)


def ulp_error(value, exact: mp.mpf, dtype, scale: mp.mpf | None = None, headroom: float = 1.0) -> float:
    """|value - exact| in ULP of the dtype; NaN counts as inf.

    An infinite value is right where the exact one rounds to it, or would if it were ``headroom`` times larger (for a
    formula whose largest intermediate is that many times its result). Elsewhere it counts as 2^1024 (2^128), the
    number that it would have been with one exponent more.
    """
    value = float(value)
    bits, _, highest = PRECISION[np.dtype(dtype)]
    if math.isnan(value) or mp.isnan(exact):
        return math.inf
    limit = mp.ldexp(1, highest)
    if math.isinf(value):
        if exact * math.copysign(1, value) * headroom >= limit - mp.ldexp(1, highest - bits - 1):
            return 0.0
        value = mp.ldexp(math.copysign(1, value), highest)
    elif mp.isinf(exact):
        return math.inf
    gap = abs(mp.mpf(value) - exact)
    return float(mp.ldexp(gap, -unit_exponent(exact if scale is None else scale, dtype)))


def worst(values: Iterable, exact: Iterable, dtype, headroom: float = 1.0) -> tuple[float, int]:
    """The largest error and its index; an exact value is a number, or a pair (value, scale)."""
    worst_error, where = -1.0, -1
    for i, (value, target) in enumerate(zip(values, exact, strict=True)):
        target, scale = target if isinstance(target, tuple) else (target, None)
        error = ulp_error(value, target, dtype, scale, headroom)
        if not error <= worst_error:
            worst_error, where = error, i
    return worst_error, where
