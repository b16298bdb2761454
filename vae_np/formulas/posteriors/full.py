"""The Gaussian posterior with a full covariance, by its Cholesky factor."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.gaussian import log_normal_at_noise
from vae_np.formulas.numerics import column_sums, log_sum_exp, phi
from vae_np.formulas.posteriors.base import Arrays, Gradient, Posterior, Sample
from vae_np.formulas.priors.base import Prior
from vae_np.formulas.priors.standard import Standard

__all__ = ["Full", "cholesky", "solve_transposed"]

Array = NDArray[Any]
BLOCK = 64
"""Samples that one running sum takes."""


class Cache(NamedTuple):
    """What the backward pass needs; L is (N, K, K)."""

    eps: Array
    L: Array


class Full(Posterior):
    """q(z|x) = N(mu, L L^T), z = mu + L eps, with L lower triangular and its diagonal exp(logvar / 2) > 0.

        log q = -1/2 sum_k (eps_k^2 + logvar_k + log 2 pi)
        KL    = 1/2 sum_k (mu_k^2 + sum_{j<k} L_kj^2 + phi(logvar_k)),    phi(s) = exp(s) - 1 - s

    The heads are mu, logvar and ``lower``, the K (K - 1) / 2 entries of L below the diagonal, row by row; K = 1 has no
    such head and is the diagonal posterior.

    Notes
    -----
    Rezende, Mohamed & Wierstra (2014), "Stochastic backpropagation", section 4.3, on such covariances; Kingma & Welling
    (2019), "An introduction to variational autoencoders", section 2.5.1, has this form of the factor. log det L L^T is
    sum_k logvar_k.

    KL(N(mu, Sigma) || N(0, I)) = 1/2 (mu^T mu + tr Sigma - K - log det Sigma), and tr L L^T is the sum of all L_kj^2.
    Its term k is, by the chain rule, the KL of z_k given z_1, ..., z_{k-1} to N(0, 1), for that z_k has the mean
    mu_k + sum_{j<k} L_kj eps_j and the variance exp(logvar_k).
    """

    name = "full"

    def heads(self, latent: int) -> dict[str, int]:
        """Mu, logvar, and below K = 1 nothing else."""
        below = latent * (latent - 1) // 2
        return {"mu": latent, "logvar": latent} | ({"lower": below} if below else {})

    def sample(self, heads: Arrays, eps: Array, own: Arrays) -> Sample:
        """z = mu + L eps."""
        L = cholesky(heads)
        z = heads["mu"] + np.einsum("nkj,snj->snk", L, eps)
        return Sample(z, log_normal_at_noise(eps, heads["logvar"]), Cache(eps, L))

    def score(self, cache: Cache) -> Array:
        """-(L L^T)^-1 (z - mu) = -L^-T eps."""
        return -solve_transposed(cache.L, cache.eps)

    def backward(self, dz: Array, dlog_q: Array | None, cache: Cache) -> Gradient:
        """dmu = sum_s dz, dL = the lower triangle of sum_s dz eps^T; log q has -1/2 logvar."""
        k = dz.shape[-1]
        blocks = range(0, len(dz), BLOCK)  # one running sum's error would grow with S
        dL = column_sums(
            np.stack([np.einsum("snk,snj->nkj", dz[i : i + BLOCK], cache.eps[i : i + BLOCK]) for i in blocks])
        )
        diagonal = np.arange(k)
        dlogvar = 0.5 * dL[:, diagonal, diagonal] * cache.L[:, diagonal, diagonal]
        if dlog_q is not None:
            dlogvar = dlogvar - 0.5 * column_sums(dlog_q)[:, None]
        return Gradient({"mu": column_sums(dz), "logvar": dlogvar} | _below(dL), {})

    def moments(self, heads: Arrays, own: Arrays) -> tuple[Array, Array]:
        """Mu, and the logarithm of the diagonal of L L^T, log(exp(logvar_k) + sum_{j<k} L_kj^2).

        Neither summand is formed, which may be beyond the range of numbers: only the logarithms of both, and the sum
        of squares relative to the largest.
        """
        logvar = heads["logvar"]
        if "lower" not in heads:
            return heads["mu"], logvar
        rows = np.arange(1, logvar.shape[1])
        begins, lower = rows * (rows - 1) // 2, heads["lower"]
        largest = np.maximum.reduceat(np.abs(lower.real), begins, axis=1)
        largest = np.where((largest > 0) & np.isfinite(largest), largest, 1)
        ratio = lower / np.repeat(largest, rows, axis=1)
        with np.errstate(divide="ignore"):  # log 0 = -inf adds nothing
            below = 2 * np.log(largest) + np.log(np.add.reduceat(ratio * ratio, begins, axis=1))
        whole = log_sum_exp(np.stack([logvar[:, 1:], below]))
        return heads["mu"], np.concatenate([logvar[:, :1], whole], axis=1)

    def has_kl(self, prior: Prior) -> bool:
        """To the standard normal."""
        return type(prior) is Standard

    def kl_terms(self, heads: Arrays, own: Arrays, prior: Prior, prior_own: Arrays) -> Array:
        """1/2 (mu_k^2 + sum_{j<k} L_kj^2 + phi(logvar_k)), (N, K)."""
        mu, off = heads["mu"], np.tril(cholesky(heads), -1)
        return 0.5 * (mu * mu + (off * off).sum(axis=-1) + phi(heads["logvar"]))

    def kl_backward(
        self, dkl: Array, heads: Arrays, own: Arrays, prior: Prior, prior_own: Arrays
    ) -> tuple[Gradient, dict[str, Array]]:
        """dmu = dkl mu, dL_kj = dkl_k L_kj, dlogvar = dkl (exp(logvar) - 1) / 2."""
        dkl = np.broadcast_to(dkl, heads["mu"].shape)
        dL = dkl[..., None] * cholesky(heads)
        dlogvar = dkl * (0.5 * np.expm1(heads["logvar"]))
        return Gradient({"mu": dkl * heads["mu"], "logvar": dlogvar} | _below(dL), {}), {}


def cholesky(heads: Arrays) -> Array:
    """L (N, K, K) of the heads."""
    logvar = heads["logvar"]
    n, k = logvar.shape
    L = np.zeros((n, k, k), np.result_type(*heads.values()))
    L[:, np.arange(k), np.arange(k)] = np.exp(logvar / 2)
    if k > 1:
        L[:, *np.tril_indices(k, -1)] = heads["lower"]
    return L


def _below(dL: Array) -> dict[str, Array]:
    """The cotangent of ``lower``, if there is one."""
    k = dL.shape[-1]
    return {"lower": dL[:, *np.tril_indices(k, -1)]} if k > 1 else {}


def solve_transposed(L: Array, b: Array) -> Array:
    """L^-T b by back substitution, for L (N, K, K) lower triangular and b (S, N, K)."""
    y = np.zeros_like(b)
    for k in range(b.shape[-1] - 1, -1, -1):  # L^T is upper triangular: its row k is L's column k
        rest = np.einsum("nj,snj->sn", L[:, k + 1 :, k], y[..., k + 1 :])
        y[..., k] = (b[..., k] - rest) / L[:, k, k]
    return y
