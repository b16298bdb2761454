"""The ELBO and its gradient in more than three latent dimensions: randomised quasi-Monte Carlo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.stats import qmc

from vae_np.exact.quadrature import Exact, expectation, is_within
from vae_np.model.joint import in_float64
from vae_np.model.vae import VAE
from vae_np.support.checks import non_negative, positive, whole
from vae_np.support.moments import Moments
from vae_np.support.noise import stream

__all__ = ["elbo_by_sobol"]

Array = NDArray[Any]
BITS = 30


def elbo_by_sobol(vae: VAE, x: ArrayLike, beta: float = 1.0, *, points: int = 2**12, randomisations: int = 16,
                  seed: int = 0, tolerance: float = 1e-10) -> Exact:  # fmt: skip
    """The ELBO of each example and the gradient of their mean, for any K, with a standard error.

        ELBO_n = 1/P sum_p log p(x_n | z_n(u_p)) - beta KL_n,    u_p = Phi^-1(Sobol point p, digitally shifted)

    Each of R shifts of the net gives an estimate without bias; their mean is the value, and their spread its standard
    error. For smooth decoders it falls nearly as 1/P, where Monte Carlo's falls as 1/sqrt(P). Owen (1998), "Scrambling
    Sobol' and Niederreiter-Xing points".

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
    beta : float
    points : int
        P, a power of 2.
    randomisations : int
        R, at least 2.
    seed : int
    tolerance : float
        Of ``converged``, as in `elbo_and_grad`.

    Returns
    -------
    Exact
        ``error`` and ``gradient_error`` are standard errors, the latter of the entry where it is largest; ``order`` is
        the number of points R P.

    Raises
    ------
    ValueError
        If points is no power of 2, or the latent dimensions are more than Sobol's numbers are tabled for.
    """
    points, randomisations = whole("points", points, at_least=2), whole("randomisations", randomisations, at_least=2)
    if points & (points - 1):
        raise ValueError(f"points must be a power of 2, for the net to be balanced; got {points}")
    latent, beta = vae.architecture.latent, non_negative("beta", beta)
    tolerance = positive("tolerance", tolerance)
    if latent > qmc.Sobol.MAXDIM:
        raise ValueError(f"Sobol's numbers have at most {qmc.Sobol.MAXDIM} dimensions; the model has {latent}")
    parameters, inside = in_float64(vae, x)
    values, gradients = Moments(), Moments()
    for r in range(randomisations):
        u, w = _points(latent, points, seed, r), np.full(points, 1 / points)
        value, gradient = expectation(parameters, inside, u, w, vae.architecture, beta)
        values.add(value[None])
        gradients.add(gradient.vector[None])
    error, off = (np.sqrt(moments.variance() / (randomisations - 1)) for moments in (values, gradients))
    change, mean = float(off.max(initial=0.0)), parameters.like(np.array(gradients.mean))
    converged = is_within(tolerance, values.mean, error, mean, change)
    return Exact(values.mean, error, mean, change, randomisations * points, converged)


def _points(latent: int, points: int, seed: int, randomisation: int) -> Array:
    """Normal nodes (P, K): the net with one random shift of its digits, each point in the middle of its cell."""
    net = qmc.Sobol(latent, scramble=False, bits=BITS).random(points)
    digits = np.rint(net * 2**BITS).astype(np.int64)
    shift = stream(seed, "sobol", randomisation).integers(0, 2**BITS, size=latent)
    nodes: Array = special.ndtri(((digits ^ shift) + 0.5) / 2**BITS)
    return nodes
