"""log p(x) by importance sampling with the same noise for every row: a row's value does not depend on the others."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.evaluation.bounds import NUMBERS, ROWS
from vae_np.formulas.numerics import log_mean_exp
from vae_np.formulas.objectives import log_weights
from vae_np.model.vae import VAE
from vae_np.support.checks import whole
from vae_np.support.errors import NonFiniteError
from vae_np.support.noise import standard_normal

__all__ = ["CommonNoise", "common_noise"]

Array = NDArray[Any]


class CommonNoise(NamedTuple):
    """What `common_noise` returns, per row, in nats.

    Attributes
    ----------
    evidence : array, shape (N,): -inf of a row that is too far, where these are asked for
    error : array, shape (N,): its standard error by the delta method, NaN with one sample
    terms : array, shape (N, D): E[log p(x_d|z) | x] by the same weights, in the model's own scale
    """

    evidence: Array
    error: Array
    terms: Array


def common_noise(
    vae: VAE, x: ArrayLike, samples: int = 100, *, seed: int = 0, far: Literal["error", "lowest"] = "error"
) -> CommonNoise:
    """The importance-weighted bound on log p(x_n) of S samples, z_sn = q's draw at eps_s, one eps_s for all rows.

        log w_sn = log p(x_n | z_sn) + log p(z_sn) - log q(z_sn | x_n),    evidence_n = log 1/S sum_s w_sn

    Each row has the expectation of `evaluate`'s; the mean over rows varies more with the seed, since their errors go
    together. In return a row's value is the same beside whatever rows, in whatever order, and rows are compared at the
    same noise.

    Parameters
    ----------
    far : {"error", "lowest"}
        What a row is whose weights are not finite, as those of a value of 1e20 in float32, whose square overflows. The
        "lowest" evidence is -inf, with the error NaN; its terms are those at z = 0, in float64, -inf where that
        overflows as well: no posterior is known so far away.

    Raises
    ------
    NonFiniteError
        If a weight is not finite, and ``far`` does not allow it: an infinite density, what the decoder makes of z = 0
        not being finite, and a conditional model's rows are errors in any case.
    """
    x = vae.check_data(x)
    samples = whole("samples", samples, at_least=1)
    k, d = vae.architecture.latent, vae.architecture.n_features
    eps = standard_normal(seed, 0, (samples, 1, k), vae.dtype, purpose="common")
    evidence, error, terms = np.empty(len(x)), np.empty(len(x)), np.empty((len(x), d))
    step = max(1, min(ROWS, NUMBERS // vae.architecture.row_size) // samples)
    own = vae.architecture.own(vae.parameters)
    for begin in range(0, len(x), step):
        rows: slice | Array = slice(begin, begin + step)
        u = vae.inside(x[rows])
        found = vae.engine.terms(u, np.ascontiguousarray(np.broadcast_to(eps, (samples, len(u), k))))
        log_w = log_weights(found).astype(np.float64)
        raw = found.raw
        if len(lost := np.flatnonzero(~np.isfinite(log_w).all(axis=0))):
            at_zero = None if far == "error" or (log_w[:, lost] == np.inf).any() else _terms_at_zero(vae, u[lost])
            if at_zero is None:
                bad = tuple(begin + int(n) for n in lost)
                raise NonFiniteError("a weight p(x, z) / q(z|x) is not finite", "importance weights", bad)
            evidence[begin + lost], error[begin + lost], terms[begin + lost] = -np.inf, np.nan, at_zero
            kept = np.setdiff1d(np.arange(len(u)), lost)
            rows, u, raw, log_w = begin + kept, u[kept], raw[:, kept], log_w[:, kept]
        evidence[rows] = log_mean_exp(log_w)
        w = np.exp(log_w - log_mean_exp(log_w))
        with np.errstate(invalid="ignore", divide="ignore"):
            error[rows] = np.sqrt(np.square(w - 1).sum(axis=0) / samples / (samples - 1))
        each = vae.likelihood.log_density(u, raw, own)
        terms[rows] = (w[:, :, np.newaxis] * each).mean(axis=0)
    return CommonNoise(evidence, error, terms)


def _terms_at_zero(vae: VAE, u: Array) -> Array | None:
    """log p(x_d | z = 0) in float64, -inf where that is no number; None where the decoder gives none."""
    if vae.architecture.condition:
        return None
    raw = vae.engine.decode(np.zeros((len(u), vae.architecture.latent), vae.dtype)).astype(np.float64)
    own = {name: array.astype(np.float64) for name, array in vae.architecture.own(vae.parameters).items()}
    if not all(np.isfinite(array).all() for array in (raw, *own.values())):
        return None
    with np.errstate(all="ignore"):
        found = vae.likelihood.log_density(u.astype(np.float64), raw, own)
    return np.where(np.isnan(found), -np.inf, found)
