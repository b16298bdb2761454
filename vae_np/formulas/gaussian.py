"""The diagonal Gaussian: the reparameterised sampler, log-densities, the KL divergence, and their backward passes.

Shapes: mu, logvar (N, K); z, eps (N, K) or (S, N, K). logvar is the log of the **variance**; the deviation is
exp(logvar / 2). Everything is in nats and keeps its constants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.numerics import LOG_2PI, column_sums, phi

__all__ = [
    "kl",
    "kl_backward",
    "kl_terms",
    "log_normal",
    "log_normal_at_noise",
    "log_normal_at_noise_backward",
    "log_normal_backward",
    "log_standard_normal",
    "log_standard_normal_backward",
    "reparameterise",
    "reparameterise_backward",
]

Array = NDArray[Any]


def reparameterise(mu: Array, logvar: Array, eps: Array) -> Array:
    """z = mu + exp(logvar / 2) eps, a sample of N(mu, exp(logvar)) where eps is one of N(0, 1).

    Parameters
    ----------
    mu, logvar : array, shape (N, K)
    eps : array, shape (N, K) or (S, N, K)

    Returns
    -------
    z : array, shape of eps

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Kingma & Welling (2014), section 2.4. The noise is an argument, so that the same inputs give the same bits.
    """
    _check_shapes(mu, logvar, eps)
    return mu + np.exp(logvar / 2) * eps


def reparameterise_backward(dz: Array, logvar: Array, eps: Array) -> tuple[Array, Array]:
    """dmu = sum_s dz, dlogvar = sum_s dz eps exp(logvar / 2) / 2, each (N, K)."""
    dmu = dz
    dlogvar = dz * eps * (np.exp(logvar / 2) / 2)
    return _sum_samples(dmu), _sum_samples(dlogvar)


def kl_terms(mu: Array, logvar: Array) -> Array:
    """KL(q(z_k|x) || N(0, 1)) of each example and latent dimension, shape (N, K).

    KL_nk = 1/2 (mu^2 + phi(logvar)),    phi(s) = exp(s) - 1 - s

    Kingma & Welling (2014), appendix B, where it is written -KL = 1/2 sum (1 + log sigma^2 - mu^2 - sigma^2). Both
    terms here are at least 0, so nothing cancels; see `numerics.phi` for why phi is a function of its own.
    """
    _check_shapes(mu, logvar, mu)
    return 0.5 * (mu * mu + phi(logvar))


def kl(mu: Array, logvar: Array) -> Array:
    """KL(q(z|x) || N(0, I)) of each example, in nats.

        KL_n = 1/2 sum_k (mu^2 + phi(logvar)),    phi(s) = exp(s) - 1 - s

    Parameters
    ----------
    mu, logvar : array, shape (N, K)

    Returns
    -------
    kl : array, shape (N,)

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> kl(np.zeros((1, 3)), np.zeros((1, 3)))
    array([0.])
    """
    total: Array = kl_terms(mu, logvar).sum(axis=-1)
    return total


def kl_backward(dkl: Array, mu: Array, logvar: Array) -> tuple[Array, Array]:
    """dmu = dkl mu, dlogvar = dkl (exp(logvar) - 1) / 2, for the cotangent dkl of `kl_terms`, broadcast to (N, K)."""
    return dkl * mu, dkl * (0.5 * np.expm1(logvar))


def log_normal(z: Array, mu: Array, logvar: Array) -> Array:
    """log N(z; mu, exp(logvar)) summed over the last axis.

    -1/2 sum_k ((z - mu)^2 exp(-logvar) + logvar + log 2 pi), by the standardised r = (z - mu) exp(-logvar / 2): r^2
    exists where exp(-logvar) has overflowed, which times z - mu = 0 would be NaN.
    """
    r = (z - mu) * np.exp(-logvar / 2)
    total: Array = -0.5 * (r * r + logvar + LOG_2PI).sum(axis=-1)
    return total


def log_normal_backward(dlog: Array, z: Array, mu: Array, logvar: Array) -> tuple[Array, Array, Array]:
    """With u = r exp(-logvar / 2): dz = -dlog u, dmu = dlog u, dlogvar = dlog (r^2 - 1) / 2; dlog (..., N)."""
    dlog = dlog[..., None]
    scale = np.exp(-logvar / 2)
    r = (z - mu) * scale
    u = r * scale
    return -dlog * u, _sum_samples(dlog * u), _sum_samples(dlog * (0.5 * (r * r - 1)))


def log_normal_at_noise(eps: Array, logvar: Array) -> Array:
    """log N(z; mu, exp(logvar)) at z = mu + exp(logvar / 2) eps, in terms of eps, summed over the last axis.

    -1/2 sum_k (eps^2 + logvar + log 2 pi)

    `log_normal` finds the same from z, but (z - mu) / sigma has lost eps where sigma is below an ULP of mu.
    """
    total: Array = -0.5 * (eps * eps + logvar + LOG_2PI).sum(axis=-1)
    return total


def log_normal_at_noise_backward(rest: Array, direct: Array, eps: Array, logvar: Array) -> tuple[Array, Array]:
    """dmu = sum_s rest eps / sigma, dlogvar = sum_s (rest eps^2 - direct) / 2, for weights (S, N).

    log q depends on (mu, logvar) through z, with the cotangent p: -p eps / sigma and -p eps^2 / 2; and directly, with
    the cotangent d: d eps / sigma and d (eps^2 - 1) / 2. ``direct`` is d and ``rest`` is d - p, which is 0 for a loss
    that simply contains log q: the two terms eps / sigma, each as large as 1 / sigma, then never arise.
    """
    rest, direct = rest[..., None], direct[..., None]
    with np.errstate(over="ignore", invalid="ignore"):  # 0 eps / 0 is not taken
        dmu = np.where(rest == 0, 0, rest * (eps * np.exp(-logvar / 2)))
    return _sum_samples(dmu), _sum_samples(0.5 * (rest * (eps * eps) - direct))


def log_standard_normal(z: Array) -> Array:
    """log N(z; 0, I) = -1/2 sum_k (z^2 + log 2 pi)."""
    total: Array = -0.5 * (z * z + LOG_2PI).sum(axis=-1)
    return total


def log_standard_normal_backward(dlog: Array, z: Array) -> Array:
    """dz = -dlog z, for dlog (..., N)."""
    return -dlog[..., None] * z


def _sum_samples(terms: Array) -> Array:
    """(S, N, K) -> (N, K); (N, K) stays."""
    if terms.ndim == 3:
        terms = column_sums(terms)
    return terms


def _check_shapes(mu: Array, logvar: Array, eps: Array) -> None:
    if mu.shape != logvar.shape:
        raise ValueError(f"mu and logvar must have one shape; got {mu.shape} and {logvar.shape}")
    if mu.ndim != 2 or eps.shape[-2:] != mu.shape or eps.ndim not in (2, 3):
        raise ValueError(f"mu must be (N, K) and eps (N, K) or (S, N, K); got {mu.shape} and {eps.shape}")
