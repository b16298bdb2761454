"""Two sets of points compared by who is near whom: precision, recall, density, coverage, and the nearest of a set.

A ball B(a, r) is closed: |b - a| <= r. r_k(a) is the distance of a point to the k-th nearest other one of its own set.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.support.checks import whole
from vae_np.support.machine import half_of_memory

__all__ = ["Overlap", "check_room", "nearest", "overlap", "squared_distances", "two_sets"]

Array = NDArray[Any]
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


def two_sets(a: ArrayLike, b: ArrayLike, least: int) -> tuple[Array, Array]:
    """Both in float64, checked: ``ValueError`` for other than finite (n, D) and (m, D) of at least so many rows."""
    found = []
    for name, value in (("real", a), ("generated", b)):
        points = np.asarray(value, np.float64)
        if points.ndim != 2 or len(points) < least or not points.size:
            raise ValueError(f"{name} must be (n, D) with n at least {least}; got {points.shape}")
        if not np.isfinite(points).all():
            row = int(np.argwhere(~np.isfinite(points))[0, 0])
            raise ValueError(f"{name} has a value in row {row} that is not finite")
        found.append(points)
    if found[0].shape[1] != found[1].shape[1]:
        raise ValueError(f"real and generated must have as many columns; got {found[0].shape} and {found[1].shape}")
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
    norms = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)
    found = norms - 2 * (a @ b.T)
    rows, columns = np.nonzero(found <= CANCELS * norms)
    step = max(1, BLOCK // a.shape[1])
    for first in range(0, len(rows), step):
        i, j = rows[first : first + step], columns[first : first + step]
        found[i, j] = np.square(a[i] - b[j]).sum(axis=1)
    return np.asarray(found)


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
        If a set has not more than k points, or a value is not finite.
    """
    k, k_density = whole("k", k, at_least=1), whole("k_density", k_density, at_least=1)
    a, b = two_sets(real, generated, max(k, k_density) + 1)
    check_room(a, b)
    centre = a.mean(axis=0)
    a, b = a - centre, b - centre
    of_real, between = squared_distances(a, a), squared_distances(a, b)
    precise = between <= _radii(of_real, k)[:, None]
    recalled = between <= _radii(squared_distances(b, b), k)
    dense = between <= _radii(of_real, k_density)[:, None]
    return Overlap(
        float(precise.any(axis=0).mean()), float(recalled.any(axis=1).mean()),
        float(dense.sum() / (k_density * len(b))), float(dense.any(axis=1).mean()),
    )  # fmt: skip


def _radii(own: Array, k: int) -> Array:
    """r_k^2 of each point, of the distances within a set: the point itself, at 0, is not counted."""
    others = own.copy()
    np.fill_diagonal(others, np.inf)
    return np.asarray(np.partition(others, k - 1, axis=1)[:, k - 1])


def nearest(points: ArrayLike, among: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    """The nearest of ``among`` (n, D) to each point (m, D): the distances (m,), and which they are (m,)."""
    others, x = two_sets(among, points, 1)
    centre = others.mean(axis=0)
    others, x = others - centre, x - centre
    which, distance = np.empty(len(x), np.int64), np.empty(len(x))
    step = max(1, BLOCK // len(others))
    for first in range(0, len(x), step):
        rows = slice(first, first + step)
        found = squared_distances(x[rows], others)
        which[rows] = found.argmin(axis=1)
        distance[rows] = np.sqrt(np.square(x[rows] - others[which[rows]]).sum(axis=1))
    return distance, which
