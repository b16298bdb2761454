"""Two sets of points compared by their distributions: the Fréchet distance, and the mean discrepancy with its test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.evaluation.neighbours import check_room, from_centre, two_sets
from vae_np.support.checks import whole
from vae_np.support.noise import stream

__all__ = ["Discrepancy", "NoWidthError", "discrepancy", "frechet_distance"]

Array = NDArray[Any]


class NoWidthError(ValueError):
    """More than half of the distances are 0: their median is no width of a kernel."""


class Discrepancy(NamedTuple):
    """What `discrepancy` returns.

    Attributes
    ----------
    value : the unbiased estimate of MMD^2, which is below 0 as often as above it where the two are one distribution
    p_value : of the test that they are one, by permutations; at least 1 / (permutations + 1)
    bandwidth : of the kernel
    """

    value: float
    p_value: float
    bandwidth: float


def discrepancy(real: ArrayLike, generated: ArrayLike, *, permutations: int = 200, seed: int = 0) -> Discrepancy:
    """The squared maximum mean discrepancy of two sets, and whether they are of one distribution.

        MMD^2 = 1/(n(n-1)) sum_{i != j} k(a_i, a_j) + 1/(m(m-1)) sum_{i != j} k(b_i, b_j) - 2/(nm) sum_ij k(a_i, b_j)
        k(a, b) = exp(-|a - b|^2 / (2 h^2)),    h the median distance of the points of both

    Parameters
    ----------
    real, generated : array, shape (n, D) and (m, D)
    permutations : int
        Of the points over the two sets, each with its own MMD^2 (Gretton et al. 2012, section 8): p is the share of
        these, and of the value itself, that are as large.
    seed : int
        Of the permutations.

    Returns
    -------
    Discrepancy

    Raises
    ------
    ValueError
        If there are fewer than 2 points in a set, or a value is not finite, or its square is none;
        `NoWidthError` if more than half of the distances are 0, so that h is.
    TypeError
        If the numbers are complex.

    Notes
    -----
    Gretton, Borgwardt, Rasch, Schölkopf & Smola (2012), equation 3 and section 8 (the median).
    """
    permutations = whole("permutations", permutations, at_least=1)
    a, b = two_sets(real, generated, 2)
    check_room(a, b, tables=4 * 3)
    points = np.concatenate([a, b])
    distances, _ = from_centre(points, points)
    h = float(np.sqrt(np.median(distances[np.triu_indices(len(points), 1)])))
    if h == 0:
        raise NoWidthError(
            "real and generated: more than half of the distances of their points are 0: the kernel has no width"
        )
    kernel = np.exp(-distances / (2 * h * h))
    in_real = np.zeros((len(points), permutations + 1))
    in_real[: len(a)] = 1
    generator = stream(seed, "permute")
    for column in range(1, permutations + 1):
        in_real[:, column] = in_real[generator.permutation(len(points)), 0]
    values = _unbiased(kernel, in_real, len(a), len(b))
    rounding = 1e-12  # of the same points another way round, say: values of size 1 at most
    return Discrepancy(float(values[0]), float((values >= values[0] - rounding).mean()), h)


def _unbiased(kernel: Array, in_real: Array, n: int, m: int) -> Array:
    """MMD^2 of each column's division of the points; k(a, a) is 1."""
    within = kernel @ in_real
    of_real = (in_real * within).sum(axis=0)
    between = within.sum(axis=0) - of_real
    of_generated = kernel.sum() - of_real - 2 * between
    return np.asarray((of_real - n) / (n * (n - 1)) + (of_generated - m) / (m * (m - 1)) - 2 * between / (n * m))


def frechet_distance(real: ArrayLike, generated: ArrayLike) -> float:
    """The squared 2-Wasserstein distance of the Gaussians that have the two sets' moments.

        d^2 = |mean_a - mean_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^{1/2})

    Parameters
    ----------
    real, generated : array, shape (n, D) and (m, D)
        S are their covariances, over n - 1 and m - 1.

    Returns
    -------
    float
        In squared units of the points; of two sets of one distribution above 0, the more so the larger D is beside n.

    Raises
    ------
    ValueError
        If there are fewer than 2 points in a set, or a value is not finite, or its square is none.
    TypeError
        If the numbers are complex.

    Notes
    -----
    Dowson & Landau (1982); Heusel et al. (2017). With S = R^T R of the centred points' QR decomposition, the trace of
    the root is the sum of the singular values of R_a R_b^T: no root of a matrix whose eigenvalues rounding has made
    negative.
    """
    a, b = two_sets(real, generated, 2)
    roots = []
    for points in (a, b):
        centred = points - points.mean(axis=0)
        roots.append(np.linalg.qr(centred, mode="r") / np.sqrt(len(points) - 1))
    shift = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    traces = sum(np.square(root).sum() for root in roots)
    return float(shift + traces - 2 * np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum())
