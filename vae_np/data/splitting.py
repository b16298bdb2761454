"""Training, validation and test rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vae_np.support import noise

__all__ = ["split"]

Rows = NDArray[np.intp]


def split(n: int, fractions: Sequence[float] = (0.8, 0.1, 0.1), *, seed: int = 0) -> tuple[Rows, Rows, Rows]:
    """Divide n examples at random into training, validation and test rows.

    Parameters
    ----------
    n : int
        At least 1.
    fractions : three floats
        Shares of the three, not negative, with sum 1 (within 1e-9).
    seed : int

    Returns
    -------
    train, validation, test : int arrays
        Indices in random order; each of 0..n-1 is in exactly one of them. The sizes are n times the fractions, rounded
        by largest remainder (of equal remainders the earlier part's counts as larger), so a part whose fraction is 0
        is empty.

    Raises
    ------
    ValueError
        If the fractions are not as said, or nothing is left for training.
    """
    sizes = _sizes(n, _checked(fractions))
    if sizes[0] == 0:
        raise ValueError(f"fractions {tuple(fractions)} of {n} examples leave none for training")
    order = noise.stream(seed, "split").permutation(n).astype(np.intp, copy=False)
    return (
        order[: sizes[0]],
        order[sizes[0] : sizes[0] + sizes[1]],
        order[sizes[0] + sizes[1] :],
    )


def _checked(fractions: Sequence[float]) -> list[float]:
    """The fractions as floats, if they are three shares of a whole."""
    shares = [float(f) for f in fractions]
    if len(shares) != 3:
        raise ValueError(f"fractions must be three (train, validation, test); got {len(shares)}")
    if not all(0 <= f <= 1 + 1e-9 for f in shares) or not abs(math.fsum(shares) - 1) <= 1e-9:
        raise ValueError(f"fractions must not be negative and must sum to 1; got {tuple(shares)}")
    return shares


def _sizes(n: int, shares: list[float]) -> list[int]:
    """Largest remainder, in exact arithmetic on the decimals as they were written."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"n must be an integer; got {n!r}")
    if n < 1:
        raise ValueError(f"n must be at least 1; got {n}")
    exact = [Fraction(repr(f)) for f in shares]
    quotas = [int(n) * f / sum(exact) for f in exact]
    sizes = [math.floor(q) for q in quotas]
    by_remainder = sorted(range(3), key=lambda i: sizes[i] - quotas[i])
    for i in by_remainder[: int(n) - sum(sizes)]:
        sizes[i] += 1
    return sizes
