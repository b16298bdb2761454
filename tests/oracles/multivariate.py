"""The linear-Gaussian model, in matrices."""

from __future__ import annotations

from collections.abc import Sequence

import mpmath as mp
from mpmath import mpf

from oracles.precision import DIGITS


def matrix(rows: Sequence[Sequence[float]]) -> mp.matrix:
    """A matrix of exact entries."""
    return mp.matrix([[mpf(float(v)) for v in row] for row in rows])


def log_multivariate_normal(x: Sequence[float], mean: Sequence[float], covariance: mp.matrix) -> mpf:
    """log N(x; mean, covariance)."""
    with mp.workdps(DIGITS):
        d = mp.matrix([mpf(float(u)) - mpf(float(v)) for u, v in zip(x, mean, strict=True)])
        square = (d.T * mp.lu_solve(covariance, d))[0]
        return -(square + mp.log(mp.det(covariance)) + len(d) * mp.log(2 * mp.pi)) / 2


def kl_diagonal_to_full(mu, s, mean: mp.matrix, covariance: mp.matrix) -> mpf:
    """KL(N(mu, diag e^s) || N(mean, covariance))."""
    with mp.workdps(DIGITS):
        k = len(mu)
        precision = covariance**-1
        d = mp.matrix([mean[i] - mpf(float(mu[i])) for i in range(k)])
        trace = mp.fsum(precision[i, i] * mp.exp(mpf(float(s[i]))) for i in range(k))
        log_ratio = mp.log(mp.det(covariance)) - mp.fsum(mpf(float(v)) for v in s)
        return (trace + (d.T * precision * d)[0] - k + log_ratio) / 2
