"""KL(q(z|x) || p(z)) for any posterior and prior, by the integral that defines it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.exact.nodes import DIMENSIONS, MOST, agree, blocks, orders, prepare, tensor
from vae_np.formulas import elbo
from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters
from vae_np.model.joint import in_float64
from vae_np.model.vae import VAE
from vae_np.support.checks import positive, whole
from vae_np.support.moments import Moments
from vae_np.support.noise import standard_normal

__all__ = ["Divergence", "kl"]

Array = NDArray[Any]
AT_ONCE = 256
"""Samples that are taken at once."""


class Divergence(NamedTuple):
    """``value`` (N,), in nats, and its ``error`` (N,): by quadrature what the last doubling of the nodes changed, by
    samples a standard error; ``nodes`` a dimension, or 0 where it was sampled; ``converged``, whether the errors are
    within the tolerance, relative to 1 + the value: what is sampled hardly ever is."""

    value: Array
    error: Array
    nodes: int
    converged: bool


def kl(vae: VAE, x: ArrayLike, *, tolerance: float = 1e-10, most: int = MOST, samples: int = 10_000, seed: int = 0
       ) -> Divergence:  # fmt: skip
    """KL(q || p) = E_q (log q(z|x) - log p(z)) of each example, for any pair of posterior and prior.

    By Gauss-Hermite quadrature over the noise that the posterior takes, K <= 3; for more dimensions the mean over
    ``samples``, with its standard error. The closed forms are held to it.

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
    tolerance, most
        Of the quadrature, as in `elbo_and_grad`, and of ``converged``.
    samples, seed : int
        Where K > 3.

    Returns
    -------
    Divergence
    """
    architecture = vae.architecture
    if architecture.latent > DIMENSIONS:
        return _sampled(vae, x, whole("samples", samples, at_least=2), seed, positive("tolerance", tolerance))
    parameters, inside = prepare(vae, x, tolerance, most)
    value, error, order = np.full(len(inside), math.nan), np.full(len(inside), np.inf), 0
    for order in orders(architecture.latent, most):
        found = np.zeros(len(inside))
        for u, w in blocks(*tensor(order, architecture.latent), len(inside)):
            found = found + w @ _difference(parameters, inside, u, architecture)
        if not np.isnan(value).any():
            error = np.abs(found - value)
        value = found
        if agree(tolerance, value, error):
            break
    return Divergence(value, error, order, agree(tolerance, value, error))


def _difference(parameters: Parameters, x: Array, u: Array, architecture: Architecture) -> Array:
    """log q - log p, (S, N), at the noise (S, K) or (S, N, K)."""
    eps = np.repeat(u[:, None], len(x), axis=1) if u.ndim == 2 else u
    terms, _ = elbo.forward(parameters, x, eps, architecture)
    return terms.log_posterior - terms.log_prior


def _sampled(vae: VAE, x: ArrayLike, samples: int, seed: int, tolerance: float) -> Divergence:
    """The mean over samples, and its standard error."""
    architecture, moments = vae.architecture, Moments()
    parameters, inside = in_float64(vae, x)
    for first in range(0, samples, AT_ONCE):
        shape = (min(AT_ONCE, samples - first), len(inside), architecture.latent)
        eps = standard_normal(seed, 0, shape, first_sample=first, purpose="kl")
        moments.add(_difference(parameters, inside, eps, architecture))
    error = np.sqrt(moments.variance() / (samples - 1))
    return Divergence(moments.mean, error, 0, agree(tolerance, moments.mean, error))
