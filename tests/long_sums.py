"""Sums of many terms, by kernel and by formula: by how much they miss the exact sum of their own terms.

Every case is a function of (dtype, number of terms) that gives |found - sum of t| / sum of |t|, with the terms as the
same code computes them one at a time and their sum in long double by pairs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from columns import columns, value_of

from vae_np.formulas import gaussian, layers
from vae_np.formulas import likelihoods as formulas
from vae_np.kernels.loops import adam, latent, likelihoods
from vae_np.kernels.loops.sums import BLOCK, column_sums

WIDE = 3
"""Columns of column sums."""


def miss(found: Any, terms: np.ndarray) -> float:
    """The worst error of sums over the last axis, in the size of their terms."""
    exact = np.asarray(terms, np.longdouble)
    total, size = (np.sum(np.ascontiguousarray(a), axis=-1) for a in (exact, np.abs(exact)))
    return float(np.max(np.abs(np.asarray(found, np.longdouble) - total) / size))


def background(dtype: Any, *shape: int) -> np.ndarray:
    """One number, many times: roundings of its sum go one way for long stretches, the worst that data do."""
    return np.full(shape, 0.3, dtype)


def _case(kind: str, dtype: Any, rows: int, d: int) -> tuple[Any, ...]:
    """A kind with its arrays, raw, bias and x."""
    width = 2 * d if kind in ("heteroscedastic", "floored") else d
    raw, b, x = background(dtype, rows, width), np.zeros(width, dtype), np.zeros((rows, d), dtype)
    if kind != "gaussian":
        found = {"bernoulli": likelihoods.Bernoulli, "continuous": likelihoods.ContinuousBernoulli,
                 "heteroscedastic": likelihoods.Heteroscedastic,
                 "floored": functools.partial(likelihoods.FlooredHeteroscedastic, 0.5, math.log(0.25)),
                 }[kind]()  # fmt: skip
        return found, raw, b, x
    s, scale = np.zeros(d, dtype), np.empty((2, d))
    likelihoods.inverse_deviation(s, *scale)
    return likelihoods.Gaussian(s, *scale, np.empty((rows, d), dtype), np.ones(d)), raw, b, x


def log_p(kind: str, by: str) -> Callable[[Any, int], float]:
    """log p(x|z) over n features, by the kernel of the value or that of the gradient."""

    def total(dtype: Any, rows: int, d: int) -> np.ndarray:
        found, raw, b, x = _case(kind, dtype, rows, d)
        out, weight, terms = np.empty(rows, dtype), np.ones(rows, dtype), np.empty(BLOCK, dtype)
        if by == "value":
            likelihoods.value(found, raw, b, x, out, terms, 0, rows)
        else:
            likelihoods.gradient(found, raw, b, x, weight, out, terms, 0, rows)
        return out

    def error(dtype: Any, n: int) -> float:
        return miss(total(dtype, 1, n)[0], total(dtype, n, 1))

    return error


def formula_log_p(dtype: Any, n: int) -> float:
    raw = background(dtype, 1, n)
    terms = formulas.Bernoulli().log_density(np.zeros_like(raw), raw)
    return miss(terms.sum(axis=-1)[0], terms[0])


def own_gradient(dtype: Any, n: int) -> float:
    """ds of one s for all features, over n rows."""
    found, raw, b, x = _case("gaussian", dtype, n, WIDE)
    m, out = raw.copy(), np.empty(1, dtype)
    terms = np.empty(BLOCK, dtype)
    likelihoods.gradient(found, raw, b, x, np.ones(n, dtype), np.empty(n, dtype), terms, 0, n)
    likelihoods.own_gradient(found, out, columns(WIDE, dtype=dtype))
    return miss(out[0], (dtype(0.5) * (m * m - 1)).reshape(-1))


def bias(dtype: Any, n: int) -> float:
    dy, db = background(dtype, n, WIDE), columns(WIDE, dtype=dtype)
    column_sums(dy, db, 0, WIDE)
    return miss(value_of(db), dy.T)


def formula_bias(dtype: Any, n: int) -> float:
    da = background(dtype, n, WIDE)
    cache = layers.DenseCache(np.zeros((n, 1), dtype), np.zeros((1, WIDE), dtype))
    return miss(layers.dense_backward(da, cache)[2], da.T)


def over_samples(kernel: str) -> Callable[[Any, int], float]:
    """dmu over n samples."""

    def error(dtype: Any, n: int) -> float:
        dz, one, zero = background(dtype, n, 1, WIDE), np.ones((1, WIDE), dtype), np.zeros((1, WIDE), dtype)
        sums, dmu, dlogvar = columns(2 * WIDE, dtype=dtype), zero.copy(), zero.copy()
        if kernel == "backward":
            latent.backward(dz, np.zeros_like(dz), zero, zero, one, zero, dmu, dlogvar, sums, 0, 1)
        else:
            weight = np.ones((n, 1), dtype)
            latent.posterior_backward(weight, weight, dz, one, dmu, dlogvar, sums, 0, 1)
        return miss(dmu[0], dz[:, 0].T)

    return error


def formula_over_samples(dtype: Any, n: int) -> float:
    dz = background(dtype, n, 1, WIDE)
    dmu = gaussian.reparameterise_backward(dz, np.zeros((1, WIDE), dtype), np.zeros_like(dz))[0]
    return miss(dmu[0], dz[:, 0].T)


def log_prior(dtype: Any, n: int) -> float:
    """log p(z) over n latent dimensions."""
    z = background(dtype, 1, 1, n)
    prior, posterior = np.empty((2, 1, 1), dtype)
    latent.densities(z, z, np.zeros((1, n), dtype), prior, posterior, np.empty(BLOCK, dtype), 0, 1)
    terms = -0.5 * (np.square(z[0, 0]).astype(np.longdouble) + np.log(2 * np.longdouble(np.pi)))
    return max(miss(prior[0, 0], terms), miss(posterior[0, 0], terms))


def norm(dtype: Any, n: int) -> float:
    g = background(dtype, n)
    return max(miss(adam.sum_of_squares(g, 0, n), np.square(g, dtype=np.longdouble)), miss(adam.plain_sum(g, 0, n), g))


FEATURES = {
    "log p(x\\|z), Bernoulli, formula": formula_log_p,
    **{
        f"log p(x\\|z), {kind}, kernel of the {by}": log_p(kind, by)
        for kind in ("bernoulli", "continuous", "gaussian", "heteroscedastic", "floored")
        for by in ("value", "gradient")
    },
    "log p(z) and log q(z\\|x), kernel": log_prior,
}
ROWS = {
    "bias, formula": formula_bias,
    "bias, kernel": bias,
    "one learned s, kernel": own_gradient,
    "dmu over samples, formula": formula_over_samples,
    "dmu over samples, kernel": over_samples("backward"),
    "log q's dmu over samples, kernel": over_samples("posterior_backward"),
    "the gradient's norm, kernel": norm,
}
