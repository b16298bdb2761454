"""Two sets of points compared by who is near whom: precision, recall, density, coverage, and the nearest of a set.

A ball B(a, r) is closed: |b - a| <= r. r_k(a) is the distance of a point to the k-th nearest other one of its own set.
Wherever two distances are so near each other that rounding could decide, both are sums of the squared differences:
equal points are at 0, and of truths, counts, classes and other whole numbers equal distances are equal.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.support.checks import whole
from vae_np.support.machine import half_of_memory

__all__ = ["Overlap", "check_room", "from_centre", "nearest", "overlap", "squared_distances", "two_sets"]

Array = NDArray[Any]
EPS = float(np.finfo(np.float64).eps)
LARGEST, LEAST = 1e140, 1e-140
"""Sizes beyond which squares and their sums overflow or underflow."""
CANCELS = 1e-8
"""Squared distances below this share of |a|^2 + |b|^2 are taken anew, from the differences."""
BLOCK = 2**22
"""Distances that are held at once in `nearest`."""


class Overlap(NamedTuple):
    """What `overlap` returns.

    Attributes
    ----------
    precision : share of the generated points that lie within the real ones' balls: is what is made real?
    recall : share of the real points that lie within the generated ones' balls: is what is real made?
    density : how many real balls hold a generated point, over k; about 1 where the two are alike, and more where
        what is made is in the middle of what is real
    coverage : share of the real balls that hold a generated point
    """

    precision: float
    recall: float
    density: float
    coverage: float


def two_sets(
    a: ArrayLike, b: ArrayLike, least: int, names: tuple[str, str] = ("real", "generated")
) -> tuple[Array, Array]:
    """Both in float64, checked: ``ValueError`` for other than finite (n, D) and (m, D) of at least so many rows, and
    for numbers whose squares float64 does not hold; ``TypeError`` for complex numbers."""
    found = []
    for name, value in zip(names, (a, b), strict=True):
        if np.iscomplexobj(value):
            raise TypeError(f"{name} must be real numbers; got {np.asarray(value).dtype}")
        points = np.asarray(value, np.float64)
        if points.ndim != 2 or len(points) < least or not points.size:
            raise ValueError(f"{name} must be (n, D) with n at least {least}; got {points.shape}")
        if not np.isfinite(points).all():
            row = int(np.argwhere(~np.isfinite(points))[0, 0])
            raise ValueError(f"{name} has a value in row {row} that is not finite")
        if (largest := np.abs(points).max()) > LARGEST:
            row = int(np.argwhere(np.abs(points) > LARGEST)[0, 0])
            raise ValueError(
                f"{name} has a value in row {row} beyond {LARGEST:g} (the largest is {largest:.3g}): its square is no"
                " finite number; divide both sets by one number"
            )
        found.append(points)
    if found[0].shape[1] != found[1].shape[1]:
        raise ValueError(f"{' and '.join(names)} must have as many columns; got {found[0].shape} and {found[1].shape}")
    width = max(float(np.abs(points - found[0][0]).max()) for points in found)
    if 0 < width < LEAST:
        raise ValueError(
            f"{' and '.join(names)} differ by {width:.3g} at most, whose square underflows; multiply both by one number"
        )
    return found[0], found[1]


def check_room(a: Array, b: Array, tables: int = 3) -> None:
    """``ValueError`` if so many tables of all their pairs have no room in half of the memory."""
    size, most = 8 * tables * max(len(a), len(b)) ** 2, half_of_memory()
    if size > most:
        raise ValueError(
            f"the distances between {len(a)} and {len(b)} points take {size / 2**30:.3g} GiB, and at most half of the"
            f" memory is taken, {most / 2**30:.3g} GiB: take fewer"
        )


def squared_distances(a: Array, b: Array) -> Array:
    """|a_i - b_j|^2, shape (n, m), by one product; where that cancels, by the differences.

        |a - b|^2 = |a|^2 + |b|^2 - 2 a.b

    has an error of about 1e-16 (|a|^2 + |b|^2), which is all of it for two copies of one point: they have 0 here.
    """
    norms = _norms(a, b)
    found = norms - 2 * (a @ b.T)
    rows, columns = np.nonzero(found <= CANCELS * norms)
    step = max(1, BLOCK // a.shape[1])
    for first in range(0, len(rows), step):
        i, j = rows[first : first + step], columns[first : first + step]
        found[i, j] = np.square(a[i] - b[j]).sum(axis=1)
    return np.asarray(found)


def from_centre(a: Array, b: Array) -> tuple[Array, Array | None]:
    """`squared_distances` less a centre, and within which margin (n, m) they are right; None where they are exact, as
    those of small whole numbers are, without a centre."""
    if all(np.abs(x).max() < 2**26 and (x == np.floor(x)).all() for x in (a, b)):
        norms = _norms(a, b)
        if norms.max() < 2**51:  # so that every number on the way is whole and below 2^53
            return norms - 2 * (a @ b.T), None
    centre = a.mean(axis=0)
    a, b = a - centre, b - centre
    # gamma_D (|a| + |b|)^2 of product and norms, and what centring has rounded
    return squared_distances(a, b), 2 * (a.shape[1] + 8) * EPS * _norms(a, b)


def _norms(a: Array, b: Array) -> Array:
    return np.asarray(np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1))


def overlap(real: ArrayLike, generated: ArrayLike, *, k: int = 3, k_density: int = 5) -> Overlap:
    """How far two sets lie over each other.

        precision = 1/m sum_j [b_j in some B(a_i, r_k(a_i))],      recall: the same with the sets exchanged
        density   = 1/(k m) sum_j sum_i [b_j in B(a_i, r_k(a_i))]
        coverage  = 1/n sum_i [some b_j in B(a_i, r_k(a_i))]

    Parameters
    ----------
    real : array, shape (n, D)
        a.
    generated : array, shape (m, D)
        b; as many as the real ones, for balls shrink as a set grows.
    k : int
        Of precision and recall (Kynkäänniemi et al. 2019: 3).
    k_density : int
        Of density and coverage (Naeem et al. 2020: 5).

    Returns
    -------
    Overlap

    Raises
    ------
    ValueError
        If a set has not more than k points, or a value is not finite, or its square is none.
    TypeError
        If the numbers are complex.
    """
    k, k_density = whole("k", k, at_least=1), whole("k_density", k_density, at_least=1)
    a, b = two_sets(real, generated, max(k, k_density) + 1)
    check_room(a, b, tables=6)
    of_real, of_generated, between = _Distances(a, a), _Distances(b, b), _Distances(a, b)
    precise = between.within(of_real.radii(k)[:, None])
    recalled = between.within(of_generated.radii(k))
    dense = between.within(of_real.radii(k_density)[:, None])
    return Overlap(
        float(precise.any(axis=0).mean()), float(recalled.any(axis=1).mean()),
        float(dense.sum() / (k_density * len(b))), float(dense.any(axis=1).mean()),
    )  # fmt: skip


class _Distances:
    """Squared distances of all pairs within a margin, and anew by the differences where the margin would decide."""

    def __init__(self, a: Array, b: Array) -> None:
        self.a, self.b = a, b
        self.rough, self.margin = from_centre(a, b)

    def exact(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> Array:
        """|a_i - b_j|^2 of pairs, by the differences, in blocks."""
        found, step = np.empty(len(i)), max(1, BLOCK // self.a.shape[1])
        for first in range(0, len(i), step):
            pairs = slice(first, first + step)
            found[pairs] = np.square(self.a[i[pairs]] - self.b[j[pairs]]).sum(axis=1)
        return found

    def smallest(self, k: int) -> Array:
        """The table in which the k smallest entries of each row are exact, and others at least not below them."""
        if self.margin is None:
            return self.rough
        low, high = (np.partition(self.rough + sign * self.margin, k - 1, axis=1)[:, k - 1, None] for sign in (-1, 1))
        found = np.where(self.rough + self.margin < low, -np.inf, np.inf)  # certainly among them, certainly beyond
        i, j = np.nonzero((self.rough + self.margin >= low) & (self.rough - self.margin <= high))
        found[i, j] = self.exact(i, j)
        return found

    def radii(self, k: int) -> Array:
        """r_k^2 of each point, of the distances within a set: the point itself, at 0, is not counted."""
        np.fill_diagonal(self.rough, np.inf)
        return np.asarray(np.partition(self.smallest(k), k - 1, axis=1)[:, k - 1])

    def within(self, squared: Array) -> NDArray[np.bool_]:
        """Whether a distance is at most that: (n, 1), of the rows' balls, or (m,), of the columns'."""
        found = self.rough <= squared
        if self.margin is None:
            return np.asarray(found)
        i, j = np.nonzero(np.abs(self.rough - squared) <= self.margin)
        found[i, j] = self.exact(i, j) <= np.broadcast_to(squared, found.shape)[i, j]
        return np.asarray(found)


def nearest(points: ArrayLike, among: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    """The nearest of ``among`` (n, D) to each point (m, D): the distances (m,), and which they are (m,).

    Of equally near ones the first. ``ValueError`` and ``TypeError`` as of `overlap`.
    """
    others, x = two_sets(among, points, 1, ("among", "points"))
    which, distance = np.empty(len(x), np.int64), np.empty(len(x))
    step = max(1, BLOCK // len(others))
    for first in range(0, len(x), step):
        rows = slice(first, first + step)
        found = _Distances(x[rows], others).smallest(1)
        which[rows] = found.argmin(axis=1)
        distance[rows] = np.sqrt(found.min(axis=1))
    return distance, which
