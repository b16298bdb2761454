"""The true posterior p(z|x) on a grid, beside q(z|x): where does q fail?"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.exact.evidence import log_evidence
from vae_np.exact.nodes import MOST
from vae_np.formulas.gaussian import log_normal
from vae_np.model.joint import Joint
from vae_np.model.vae import VAE
from vae_np.support.checks import positive, whole

__all__ = ["PosteriorOnGrid", "posterior_on_grid"]

Array = NDArray[Any]


class PosteriorOnGrid(NamedTuple):
    """What `posterior_on_grid` returns of one example; densities over z.

    Attributes
    ----------
    axes : tuple of K arrays, shape (G,)
        The grid's values in each dimension.
    posterior, q : array, shape (G,) or (G, G)
        p(z|x) and N(z; mu, diag e^logvar) with the moments of q(z|x); the first axis is z_1.
    evidence : float
        log p(x), in nats, by which p(x, z) is divided.
    mass : float
        The posterior's integral over the grid: 1 where the grid holds and resolves it.
    converged : bool
        Whether log p(x) has.
    """

    axes: tuple[Array, ...]
    posterior: Array
    q: Array
    evidence: float
    mass: float
    converged: bool


def check_drawable(vae: VAE) -> None:
    """``ValueError`` if the model has more than 2 latent dimensions."""
    if (latent := vae.architecture.latent) > 2:
        raise ValueError(f"a posterior on a grid has 1 or 2 dimensions, and the model {latent}")


def posterior_on_grid(
    vae: VAE, x: ArrayLike, *, points: int = 121, width: float = 4.0, tolerance: float = 1e-8, most: int = MOST
) -> list[PosteriorOnGrid]:
    """p(z|x) = p(x|z) p(z) / p(x) and q(z|x) on a grid for each example, K <= 2.

    The grid holds both: ``width`` deviations about the means of q and of the true posterior (`log_evidence`), half of
    its points where the narrower one of the two is. So they are not evenly spaced.

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
    points : int
        G in each dimension.
    width : float
        Positive.
    tolerance, most
        Of `log_evidence`.

    Raises
    ------
    ValueError
        If the model has more than 2 latent dimensions.
    """
    check_drawable(vae)
    latent = vae.architecture.latent
    points, width = whole("points", points, at_least=3), positive("width", width)
    truth = log_evidence(vae, x, tolerance=tolerance, most=most)
    mu, logvar = (np.asarray(moment, np.float64) for moment in vae.encode(vae.check_data(x)))
    found = []
    for n in range(len(mu)):
        true, own = np.sqrt(np.diag(truth.covariance[n])), np.exp(logvar[n] / 2)
        low = np.minimum(truth.mean[n] - width * true, mu[n] - width * own)
        high = np.maximum(truth.mean[n] + width * true, mu[n] + width * own)
        narrow = np.where(true < own, truth.mean[n], mu[n]), np.minimum(true, own)
        axes = tuple(
            _axis(low[k], high[k], narrow[0][k] - width * narrow[1][k], narrow[0][k] + width * narrow[1][k], points)
            for k in range(latent)
        )
        z = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        joint, flat = Joint.of(vae, np.asarray(x)[n : n + 1]), z.reshape(-1, 1, latent)
        log_p = (joint.log_likelihood(flat) + joint.log_prior(flat)).reshape(z.shape[:-1]) - truth.value[n]
        q = np.exp(log_normal(z, mu[n], logvar[n]))
        density = np.exp(log_p)
        mass: Any = density
        for axis in reversed(axes):
            mass = np.trapezoid(mass, axis, axis=-1)
        found.append(PosteriorOnGrid(axes, density, q, float(truth.value[n]), float(mass), truth.converged))
    return found


def _axis(low: float, high: float, first: float, last: float, points: int) -> Array:
    """Points from low to high, every other of them from first to last."""
    inner = np.linspace(first, last, points // 2 + 2)[1:-1]
    outer = np.linspace(low, high, points - len(inner))
    return np.sort(np.concatenate([outer, inner]))
