"""How sums are compared: by the size of what was added, never entry by entry by the size of what came out.

A sum has no order of its own: the processor's width, BLAS, the number of threads and fused multiply-adds each choose
another. Whatever they choose, with u = eps / 2, the unit roundoff of the dtype (Higham 2002, (3.5) and section 4.2):

    fl(sum_i t_i) = sum_i t_i (1 + d_i),    |d_i| <= r u / (1 - r u)

where r, the roundings, is the number of operations on the longest way from what both sides were given to the result:
n - 1 additions and those within a term. So each of two values lies within r u sum_i |t_i| of the exact one, and they
differ by at most

    2 r u sum_i |t_i| = r eps sum_i |t_i|

(but for terms in u^2). The result itself may cancel, down to 0, and then says nothing about its error: 1e-5 of a
result of -0.004 that is made of terms of size 1 is 2e-2 of what rounding may do. Three ways to have the size:

- `assert_sums` is given it: `products` for x @ W, the terms' absolute values for the rest;
- `assert_tensors` takes the largest entry of the whole tensor, for results of whole models, whose terms nobody has:
  entries of one tensor are made alike, and where one cancels another does not;
- a sum of terms of one sign is its own size: norms and means of squares may be compared as numbers are.

Functions of single entries do not cancel: they are held to ULP (`ulp`), and what has no rounding to bits.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray

WHOLE_MODEL = 50
"""Roundings of the small models here: sums over 11 features, 7 units, 3 dimensions and back, a few for each function.

Both passes together have about twice as many, of which the worst case, all in one direction, takes no notice.
"""


def products(x: Array, w: Array) -> Array:
    """The size of each entry of x @ w: the sum of its terms' absolute values."""
    return np.abs(x) @ np.abs(w)


def assert_sums(name: str, got, expected, size, roundings: float = 16) -> None:
    """|got - expected| <= roundings eps size, entry by entry, where size is the sum of the terms' absolute values."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{name} has the shape {got.shape}, expected {expected.shape}"
    assert got.dtype == expected.dtype, f"{name} is {got.dtype}, expected {expected.dtype}"
    bound = np.broadcast_to(roundings * np.finfo(got.dtype).eps * np.asarray(size, float), got.shape)
    with np.errstate(invalid="ignore"):
        error = np.abs(got - expected)
    within = error <= bound  # NaN is not
    if not within.all():
        excess = np.where(within, -1, np.where(np.isnan(error), np.inf, error))
        at = np.unravel_index(np.argmax(excess), got.shape)
        where = f"{name}{list(map(int, at))}" if at else name
        raise AssertionError(
            f"{where}: {got[at]!r}, expected {expected[at]!r}: off by {error[at]:.3g} > {bound[at]:.3g}"
        )


def assert_tensors(name: str, got, expected, roundings: float = WHOLE_MODEL, size: float = 0.0) -> None:
    """The same with one size for all entries: the largest entry expected, or ``size`` where that is larger.

    A tensor of one entry, or one all of which cancels, needs a ``size``: what its terms are made of.
    """
    largest = np.abs(expected).max(initial=0.0)
    assert_sums(name, got, expected, max(float(largest), size), roundings)
