"""The modes of p(z|x), wherever they are, and a mixture of Gaussians about them: what quadrature goes by.

A posterior may have modes that q(z|x), and nodes about it, never see. They are looked for from draws of the prior and
from points about q: every draw that is the highest among its neighbours is the start of an ascent of log p(x, z).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.spatial import cKDTree

from vae_np.formulas.numerics import LOG_2PI, log_sum_exp
from vae_np.model.joint import Joint
from vae_np.support import noise

__all__ = ["Mixture", "find", "overlooked", "prior_draws"]

Array = NDArray[np.float64]
DRAWS = {1: 2**11, 2: 2**12, 3: 2**13}
"""Of the prior, by the dimensions."""
SPREAD = 4.0
"""The draws are also taken so many times as far from their mean: a posterior may lie outside of the prior's bulk."""
STARTS = 24
"""Ascents at most."""
WORTH = 60.0
"""Nats below the highest start at which another is not followed: its peak would have to be as much higher than it."""
NEGLIGIBLE = 40.0
"""Nats of log mass below the largest mode at which one is left out: e^-40 is below float64's last place."""
MISSED = 20.0
"""Where p(z|x) exceeds the mixture about its modes by this factor, there may be another one."""
LOOKED_AT = 8
"""Draws at most from which it is then looked for."""
NEWTON = 3
"""Steps at most from where an ascent has ended: log p(x, z) may be so large that it ends a deviation away."""
FLAT = 1e-3
"""Of the prior's curvature: what is less is none."""
SAME = 0.1
"""Standard deviations by which two modes that are one may differ."""


class Mixture(NamedTuple):
    """Gaussians N(m_j, L_j L_j^T) with weights; the mixture's density is what the integrand is divided by."""

    log_weight: Array
    mean: Array
    covariance: Array

    def joined(self, other: Mixture) -> Mixture:
        """With the Gaussians of another one, whose weights are on the same scale."""
        log_weight = np.concatenate([self.log_weight, other.log_weight])
        log_weight = log_weight - log_sum_exp(log_weight)
        return Mixture(log_weight, *(np.concatenate([getattr(m, n) for m in (self, other)]) for n in self._fields[1:]))

    def log_density(self, z: Array) -> tuple[Array, Array]:
        """log M(z), (S,), and log(pi_j N_j(z)), (J, S), at z (S, K)."""
        each = []
        for log_pi, m, c in zip(self.log_weight, self.mean, self.covariance, strict=True):
            L = np.linalg.cholesky(c)
            u = np.linalg.solve(L, (z - m).T)
            each.append(log_pi - np.square(u).sum(axis=0) / 2 - len(m) / 2 * LOG_2PI - np.log(np.diag(L)).sum())
        parts = np.array(each)
        return log_sum_exp(parts), parts


def prior_draws(joint: Joint, seed: int = 0) -> Array:
    """Draws of p(z), (S, K), always the same."""
    a = joint.architecture
    own = a.own(joint.parameters, "prior")
    generator = noise.stream(seed, "modes")
    z = a.prior.checked_draw(DRAWS[a.latent], a.latent, generator, own, np.dtype(np.float64), joint.encoder)
    return np.asarray(z, np.float64)


def find(joint: Joint, mu: Array, deviation: Array, draws: Array) -> Mixture:
    """The modes of log p(x, z) of one example, each with the covariance of its curvature and its share of the mass.

    Parameters
    ----------
    joint : Joint
        Of one example.
    mu, deviation : array, shape (K,)
        The moments of q(z|x).
    draws : array, shape (S, K)
        `prior_draws`.
    """
    centre = draws.mean(axis=0)
    steps = np.array([0.0, *(s * 2.0**i for i in range(-3, 6) for s in (-1, 1))])
    rays = mu + (steps[:, None, None] * deviation * np.eye(len(mu))).reshape(-1, len(mu))
    points = np.concatenate([rays, draws, centre + SPREAD * (draws[::4] - centre)])
    height = _height(joint, points)
    _, near = cKDTree(points).query(points, k=min(len(points), 2 * 3 ** len(mu) + 1))
    tops = np.flatnonzero(height >= height[near].max(axis=1))
    tops = tops[np.argsort(-height[tops])][:STARTS]
    tops = np.unique(np.append(tops[height[tops] > height[tops[0]] - WORTH], np.argmax(height)))
    found: list[tuple[float, Array, Array]] = []
    for start in points[tops]:
        z, covariance = _peak(joint, start, draws.std(axis=0))
        if any(_is_near(z, m, c) for _, m, c in found):
            continue
        mass = float(_height(joint, z[None])[0]) + np.linalg.slogdet(covariance)[1] / 2
        found.append((mass, z, covariance))
    best = max(mass for mass, _, _ in found)
    kept = [one for one in found if one[0] > best - NEGLIGIBLE]
    log_mass = np.array([mass for mass, _, _ in kept])
    means, covariances = (np.array([one[i] for one in kept]) for i in (1, 2))
    return Mixture(log_mass - log_sum_exp(log_mass), means, covariances)


def overlooked(joint: Joint, mixture: Mixture, value: float, draws: Array) -> Mixture | None:
    """Modes where the posterior, p(x, z) / e^value, exceeds the mixture by `MISSED`; None if there are none.

    They are looked for from the draws at which it does: about a mode that is known these may only be in its tail, and
    the ascent ends there.
    """
    excess = _height(joint, draws) - value - mixture.log_density(draws)[0]
    found: list[tuple[float, Array, Array]] = []
    for i in np.argsort(-excess)[:LOOKED_AT]:
        if excess[i] <= np.log(MISSED):
            break
        z, covariance = _peak(joint, draws[i], draws.std(axis=0))
        top = float(_height(joint, z[None])[0])
        if top - value <= mixture.log_density(z[None])[0][0] + np.log(MISSED):
            continue
        if any(_is_near(z, m, c) for _, m, c in found):
            continue
        mass = top - value + len(z) / 2 * LOG_2PI + np.linalg.slogdet(covariance)[1] / 2
        if mass > -NEGLIGIBLE:
            found.append((mass, z, covariance))
    if not found:
        return None
    return Mixture(*(np.array([one[i] for one in found]) for i in range(3)))


def _height(joint: Joint, z: Array) -> Array:
    """log p(x, z), (S,), at z (S, K); -inf where it is not a number."""
    with np.errstate(all="ignore"):
        value = (joint.log_likelihood(z[:, None]) + joint.log_prior(z[:, None]))[:, 0]
    return np.where(np.isnan(value), -np.inf, value)


def _slope(joint: Joint, z: Array) -> tuple[Array, Array]:
    """log p(x, z), (S,), and its gradient, (S, K)."""
    likelihood, dz = joint.log_likelihood_and_gradient(z[:, None])
    prior, more = joint.log_prior_and_gradient(z[:, None])
    return (likelihood + prior)[:, 0], (dz + more)[:, 0]


def _ascended(joint: Joint, start: Array) -> Array:
    """The local maximum that is reached from a start."""

    def descend(z: Array) -> tuple[float, Array]:
        value, dz = _slope(joint, z[None])
        return -float(value[0]), -dz[0]

    how = {"maxiter": 200, "ftol": 1e-15, "gtol": 1e-8}
    found = optimize.minimize(descend, start, jac=True, method="L-BFGS-B", options=how)
    return np.asarray(found.x, np.float64)


def _peak(joint: Joint, start: Array, spread: Array) -> tuple[Array, Array]:
    """A mode to the last digits, by Newton's steps after the ascent, and the covariance of its curvature."""
    z = _ascended(joint, start)
    for _ in range(NEWTON):
        covariance = _curvature(joint, z, spread)
        moved = z + covariance @ _slope(joint, z[None])[1][0]
        if not _height(joint, moved[None])[0] > _height(joint, z[None])[0]:
            break
        z = moved
    return z, covariance


def _curvature(joint: Joint, z: Array, spread: Array) -> Array:
    """The inverse of minus the second derivatives at a mode, by differences of the gradient.

    A step is a hundredth of the deviation that a first look gives. Where a direction is not curved downwards, as at a
    kink or on a plateau, the prior's deviation is taken.
    """
    k, step, usual = len(z), 1e-4 * spread, 1 / float(np.max(spread)) ** 2
    for _ in range(2):
        ends = np.concatenate([z + np.diag(step), z - np.diag(step)])
        slopes = _slope(joint, ends)[1]
        hessian = (slopes[:k] - slopes[k:]) / (2 * step[:, None])
        sizes, directions = np.linalg.eigh(-(hessian + hessian.T) / 2)
        sizes = np.where(np.isfinite(sizes) & (sizes > FLAT * usual), sizes, usual)
        covariance = directions / sizes @ directions.T
        step = 1e-2 * np.sqrt(np.diag(covariance))
    return np.asarray(covariance, np.float64)


def _is_near(z: Array, mean: Array, covariance: Array) -> bool:
    off = z - mean
    return float(off @ np.linalg.solve(covariance, off)) < SAME**2
