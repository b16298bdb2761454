"""log p(x) by importance sampling, with all that says whether to believe it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.evaluation.bounds import NUMBERS, ROWS
from vae_np.formulas.numerics import log_mean_exp
from vae_np.formulas.objectives import log_weights
from vae_np.model.vae import VAE
from vae_np.support.checks import whole
from vae_np.support.errors import NonFiniteError
from vae_np.support.noise import TILE, standard_normal

__all__ = ["BELIEVED", "Importance", "importance", "pareto_shape"]

Array = NDArray[Any]
WEIGHTS = 2**22
"""Weights of a block of examples that are held at once."""
BELIEVED = 0.7
"""Pareto shapes up to this are taken as safe (Vehtari et al. 2024): above it the weights have hardly a finite mean of
their squares, and the error is not what it says."""


class Importance(NamedTuple):
    """What `importance` returns, per example (N,), in nats.

    Attributes
    ----------
    evidence : the importance-weighted bound of all S samples, a lower bound of log p(x) in expectation
    error : its standard error by the delta method
    effective_samples : (sum w)^2 / sum w^2, from 1 to S
    pareto_shape : k of the generalised Pareto distribution of the largest weights; NaN with fewer than 25 samples
    sizes : array, shape (J,): 1, 2, 4, ... up to S
    curve : array, shape (N, J): the bound of so many samples, a mean over the S / size groups of them
    """

    evidence: Array
    error: Array
    effective_samples: Array
    pareto_shape: Array
    sizes: NDArray[np.int64]
    curve: Array


def importance(vae: VAE, x: ArrayLike, samples: int = 1000, *, seed: int = 0) -> Importance:
    """Estimate log p(x_n) from S samples of q(z|x_n).

        log w_s = log p(x | z_s) + log p(z_s) - log q(z_s | x),    evidence = log 1/S sum_s w_s

    In memory that grows with neither N nor S: a block of examples at a time, and their samples a block at a time. The
    noise is that of `evaluate`, and so is the evidence.

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
    samples : int
        S, at least 2.
    seed : int

    Returns
    -------
    Importance
        Below log p(x) by about error^2 / 2 where the weights have a variance; ``pareto_shape`` above `BELIEVED` says
        that they hardly have.

    Raises
    ------
    NonFiniteError
        If a weight is not finite.
    """
    x = vae.check_data(x)
    if len(x) == 0:
        raise ValueError("x has no examples")
    samples = whole("samples", samples, at_least=2)
    rows = max(1, min(len(x), WEIGHTS // samples))
    rows = max(1, rows // TILE * TILE) if rows > TILE else rows
    parts = [_of_block(_weights(vae, x[first : first + rows], first, samples, seed)) for first in
             range(0, len(x), rows)]  # fmt: skip
    sizes = parts[0].sizes
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Importance._fields
              if name != "sizes"}  # fmt: skip
    return Importance(**joined, sizes=sizes)


def _weights(vae: VAE, x: Array, first: int, samples: int, seed: int) -> Array:
    """log w, (S, N), in float64."""
    u = vae.inside(x)
    step = max(1, min(ROWS, NUMBERS // vae.architecture.row_size) // len(x))
    log_w = np.empty((samples, len(x)))
    for begin in range(0, samples, step):
        shape = (min(step, samples - begin), len(x), vae.architecture.latent)
        eps = standard_normal(seed, 0, shape, vae.dtype, first=first, first_sample=begin, purpose="evaluate")
        terms = vae.engine.terms(u, eps)
        log_w[begin : begin + shape[0]] = log_weights(terms)
    if not np.isfinite(log_w).all():
        bad = tuple(first + int(n) for n in np.flatnonzero(~np.isfinite(log_w).all(axis=0)))
        raise NonFiniteError("a weight p(x, z) / q(z|x) is not finite", "importance weights", bad)
    return log_w


def _of_block(log_w: Array) -> Importance:
    """All statistics of log w (S, N)."""
    samples, n = log_w.shape
    evidence = log_mean_exp(log_w)
    w = np.exp(log_w - evidence)  # mean 1
    spread = np.square(w - 1).mean(axis=0)
    sizes = 2 ** np.arange(int(math.log2(samples)) + 1)
    sizes = sizes if sizes[-1] == samples else np.append(sizes, samples)
    curve = np.empty((n, len(sizes)))
    for j, size in enumerate(sizes):
        groups = samples // size
        curve[:, j] = log_mean_exp(log_w[: groups * size].reshape(groups, size, n), axis=1).mean(axis=0)
    shape = np.array([pareto_shape(column) for column in log_w.T])
    return Importance(evidence, np.sqrt(spread / (samples - 1)), samples / (1 + spread), shape, sizes, curve)


def pareto_shape(log_w: Array) -> float:
    """k of the generalised Pareto distribution that the largest weights of S follow; NaN for fewer than 25.

        p(y) = 1/sigma (1 + k y / sigma)^(-1/k - 1),    y = w - (the largest weight that is not of the tail)

    of the min(S / 5, 3 sqrt(S)) largest. Moments of order below 1 / k exist: k < 1/2 is a finite variance. By the
    estimator of Zhang & Stephens (2009), a mean over a grid by profile likelihoods, with the weak prior towards 1/2 of
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), "Pareto smoothed importance sampling", as 10 more observations.
    """
    s = len(log_w)
    tail = math.ceil(min(0.2 * s, 3 * math.sqrt(s)))
    if tail < 5:
        return math.nan
    ordered = np.sort(np.asarray(log_w, np.float64))
    largest, cutoff = ordered[-tail:], ordered[-tail - 1]
    y = np.exp(largest - largest[-1]) - math.exp(cutoff - largest[-1])
    if y[-1] <= 0 or y[0] >= y[-1]:  # all weights of the tail are one: nothing is heavy about them
        return -math.inf
    y = y[y > 0]
    m = 30 + int(math.sqrt(len(y)))
    quartile = y[max(0, int(len(y) / 4 + 0.5) - 1)]
    theta = 1 / y[-1] + (1 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3 * quartile)
    k = np.log1p(-theta[:, None] * y).mean(axis=1)  # the shape, for each theta
    profile = len(y) * (np.log(-theta / k) - k - 1)
    weight = np.exp(profile - profile.max())
    best = float(weight @ theta / weight.sum())
    shape = float(np.log1p(-best * y).mean())
    n = len(y)
    return shape * n / (n + 10) + 0.5 * 10 / (n + 10)
