"""Exact arguments, as many digits as a definition loses, and sums with the size of their terms."""

from __future__ import annotations

import functools
from typing import NamedTuple

import mpmath as mp
from mpmath import mpf

DIGITS = 50
LARGE = 800
"""Where e^-a is negligible beside anything: it is below 10^-347, and the smallest subnormal is 5e-324."""


class Sum(NamedTuple):
    """A value, and the sum of its terms' absolute values."""

    value: mpf
    total: mpf


def lost(*sizes, tail=0) -> int:
    """Decimal digits lost by differences of terms near 1 that leave ``sizes``, or e^-|tail|."""
    digits = 0.0
    for size in sizes:
        size = abs(mpf(size))
        if size:
            digits += abs(mp.mag(size)) * 0.30103
    return int(digits + min(abs(float(tail)), LARGE) * 0.4343) + 1


def exact(function):
    """The function of mpf arguments, with DIGITS digits, or as many as the caller works with."""

    @functools.wraps(function)
    def wrapped(*args):
        with mp.workdps(max(DIGITS + 5, mp.mp.dps)):
            return function(*[mpf(a) if isinstance(a, (int, float)) or hasattr(a, "dtype") else a for a in args])

    return wrapped


def more(digits: int):
    """A context with that many more digits."""
    return mp.workdps(mp.mp.dps + digits)


def ways(*sums: Sum) -> Sum:
    """One value written as several sums: the least total, which a careful formula can reach."""
    return Sum(sums[0].value, min(s.total for s in sums))
