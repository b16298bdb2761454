"""Standard normal numbers from random words, by IEEE operations alone: the same bits on every machine.

Box and Muller (1958): of two words of 64 random bits

    u = (1 + a) / 2^53 in (0, 1],   a = the first word's upper 53 bits,
    t = b / 2^53 in [0, 1),         b = the second word's upper 53 bits,
    r = sqrt(-2 log u),   x = +- r cos(pi t / 2),   y = +- r sin(pi t / 2),

with the signs of the second word's two lowest bits. They are off by at most 4 ULP (tests/support/test_normals.py), and
no larger than sqrt(2 log 2^53) = 8.57 in size, beyond which a standard normal is once in 10^17 draws.

`pair` takes arrays and numbers, and Numba compiles it as it stands (`kernels.loops.noise`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.support.portable import minus_log_unit, sine_of_quarter

__all__ = ["normals", "pair"]

_UNUSED, _ONE, _SIGN = np.uint64(11), np.uint64(1), np.uint64(63)
_BITS, _UNIT = np.float64(53), np.float64(2.0**-53)


def pair(first: Any, second: Any) -> tuple[Any, Any]:
    """Two independent standard normal numbers of two words of 64 random bits: float64 of uint64."""
    r = np.sqrt(2.0 * minus_log_unit(np.float64((first >> _UNUSED) + _ONE), _BITS))
    t = np.float64(second >> _UNUSED) * _UNIT
    x, y = r * sine_of_quarter(1.0 - t), r * sine_of_quarter(t)  # 1 - t is exact
    x = np.uint64(np.float64(x).view(np.uint64) ^ ((second & _ONE) << _SIGN)).view(np.float64)
    y = np.uint64(np.float64(y).view(np.uint64) ^ (((second >> _ONE) & _ONE) << _SIGN)).view(np.float64)
    return x, y


def normals(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """As many standard normal numbers as words, an even number: `pair` of each two."""
    out = np.empty(len(words))
    out[::2], out[1::2] = pair(words[::2], words[1::2])
    return out
