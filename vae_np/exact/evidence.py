"""log p(x) by quadrature about the true posterior, its gradient, and how far q(z|x) is from it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.exact.modes import Mixture, find, overlooked, prior_draws
from vae_np.exact.nodes import MOST, agree, blocks, orders, prepare, tensor
from vae_np.exact.quadrature import is_within
from vae_np.formulas.elbo import Cotangents, OwnEncoder, backward, forward
from vae_np.formulas.network import (
    Architecture,
    decoder_backward,
    decoder_forward,
    decoder_input,
    encoder_forward,
)
from vae_np.formulas.numerics import column_sums, log_sum_exp
from vae_np.formulas.parameters import Parameters
from vae_np.formulas.posteriors import Diagonal
from vae_np.model.joint import Joint
from vae_np.model.vae import VAE

__all__ = ["Evidence", "forward_kl_gradient", "log_evidence"]

Array = NDArray[Any]
CENTRING = 20
"""Steps at most to the means and covariances of the posterior's own parts."""
SHRINK = 1 / 64
"""Of a variance in one of these steps, at most."""
LOOKS = 3
"""Times that other modes are looked for where the integral by those that are known leaves something unexplained."""


class Evidence(NamedTuple):
    """What `log_evidence` returns.

    Attributes
    ----------
    value : array, shape (N,)
        log p(x), in nats.
    error : array, shape (N,)
        Its estimated error: the change by which the nodes were doubled last; infinite where new modes were found to the
        end.
    gradients : Parameters
        Of the mean over the examples; those of the encoder are 0.
    mean, covariance : array, shapes (N, K) and (N, K, K)
        Of the true posterior p(z|x).
    order : array of int, shape (N,)
        Nodes a dimension.
    converged : bool
        Whether every error is within the tolerance, the gradient's too.
    gradient_error : float
        The largest change of an entry of the gradient, likewise.
    modes : tuple of Mixture, one an example
        Gaussians about the posterior's modes, between which the nodes are divided.
    """

    value: Array
    error: Array
    gradients: Parameters
    mean: Array
    covariance: Array
    order: NDArray[np.int64]
    converged: bool
    gradient_error: float
    modes: tuple[Mixture, ...]


class _One(NamedTuple):
    """An example's integral by some nodes."""

    value: float
    z: Array
    weight: Array
    mean: Array
    covariance: Array


def log_evidence(vae: VAE, x: ArrayLike, *, tolerance: float = 1e-10, most: int = MOST) -> Evidence:
    """log p(x) of each example and the gradient of their mean, by adaptive Gauss-Hermite quadrature, K <= 3.

        log p(x) = log sum_j pi_j sum_s w_s p(x|z_js) p(z_js) / M(z_js),    z_js = m_j + L_j u_s,
        M(z) = sum_j pi_j N(z; m_j, L_j L_j^T)

    with a Gaussian for each mode j of the posterior (`modes.find`), whose moments are those of its share of the
    posterior, which the same sums find; with one mode it is the usual adaptive rule. The gradient is the posterior's
    mean of that of log p(x, z), the sum's normalised terms its weights. In float64 by the formulas, whatever the
    model's dtype and backend; x is of the model's dtype.

    Where draws of the prior are likelier than the integral explains, the mode above them is taken in. One that neither
    they nor points about q lead to is missed, and so is what is narrower than the nodes lie apart.

    Parameters
    ----------
    vae : VAE
        With a prior that does not need the encoder.
    x : array, shape (N, D)
    tolerance : float
        Of the value, relative to 1 + |log p(x)|.
    most : int
        Nodes of all dimensions together, that are not exceeded.

    Returns
    -------
    Evidence
        log p(x) less the exact ELBO is KL(q(z|x) || p(z|x)), what the posterior's form and the encoder lose.

    Raises
    ------
    ValueError
        If the model has more than 3 latent dimensions, or ``most`` is less than 8 nodes in each.
    """
    architecture = vae.architecture
    parameters, inside = prepare(vae, x, tolerance, most)
    heads, _ = encoder_forward(inside, parameters, architecture)
    own = architecture.own(parameters, "posterior")
    mu, logvar = architecture.posterior.checked_moments(heads, own, architecture.latent)
    gradients, coarse, found = parameters.zeros_like(), parameters.zeros_like(), []
    draws = prior_draws(Joint(parameters, architecture, inside[:1]))
    for n in range(len(inside)):
        joint = Joint(parameters, architecture, inside[n : n + 1])
        found.append(_of_example(joint, mu[n], np.exp(logvar[n] / 2), draws, tolerance, most))
        for total, one in ((gradients, found[-1].fine), (coarse, found[-1].coarse)):
            _add_gradient(total, parameters, joint.x, one, architecture, 1 / len(inside))
    value, error = np.array([one.fine.value for one in found]), np.array([one.error for one in found])
    change = float(np.abs(gradients.vector - coarse.vector).max(initial=0.0))
    return Evidence(
        value,
        error,
        gradients,
        np.array([one.fine.mean for one in found]),
        np.array([one.fine.covariance for one in found]),
        np.array([one.order for one in found]),
        is_within(tolerance, value, error, gradients, change),
        change,
        tuple(one.mixture for one in found),
    )


def forward_kl_gradient(vae: VAE, x: ArrayLike, evidence: Evidence) -> Parameters:
    """The gradient of -KL(p(z|x) || q(z|x)), a mean over the examples, for the encoder; 0 for all else.

        mean_n E_p(z|x_n)  d log q(z | x_n) / dphi  at fixed z

    by the nodes that found the evidence, which is `log_evidence` of the same model and x.

    Raises
    ------
    ValueError
        If the posterior is another than the diagonal one: z then has no noise that is known here.
    """
    architecture = vae.architecture
    if type(architecture.posterior) is not Diagonal:
        raise ValueError(
            f"KL(p || q) is known here for the diagonal posterior; the model's is {architecture.posterior!r}"
        )
    parameters, inside = prepare(vae, x, 1.0, MOST)
    total = parameters.zeros_like()
    for n in range(len(inside)):
        row = inside[n : n + 1]
        one = _integral(Joint(parameters, architecture, row), evidence.modes[n], int(evidence.order[n]))
        heads, _ = encoder_forward(row, parameters, architecture)
        for z, weight in blocks(one.z, one.weight, 1):
            eps = (z - heads["mu"]) * np.exp(-heads["logvar"] / 2)
            _, cache = forward(parameters, row, eps[:, None], architecture)
            share = weight[:, None] / len(inside)
            nothing = np.zeros_like(share)
            cotangents = Cotangents(nothing, log_posterior=nothing, log_posterior_direct=share, path=nothing)
            total.vector[...] += backward(parameters, cotangents, cache, architecture).vector
    return total


class _Found(NamedTuple):
    """An example's integral by all its nodes, and by half as many a dimension."""

    fine: _One
    coarse: _One
    error: float
    order: int
    mixture: Mixture


def _of_example(joint: Joint, mu: Array, deviation: Array, draws: Array, tolerance: float, most: int) -> _Found:
    mixture = find(joint, mu, deviation, draws)
    for _ in range(LOOKS):
        found = _by_doubling(joint, mixture, tolerance, most)
        others = overlooked(joint, found.mixture, found.fine.value, draws)
        if others is None:
            return found
        mixture = found.mixture.joined(others)
    return found._replace(error=math.inf)


def _by_doubling(joint: Joint, mixture: Mixture, tolerance: float, most: int) -> _Found:
    """The integral by these modes; the nodes are doubled until it, and the posterior's mean, have not changed twice."""
    k = mixture.mean.shape[1]
    room = max(most // len(mixture.mean), next(orders(k, most)) ** k)
    mixture = _centred(joint, mixture, next(orders(k, most)))
    by_order = []
    error, moved, agreed = math.inf, math.inf, 0
    for order in orders(k, room):
        by_order.append(_integral(joint, mixture, order))
        new = by_order[-1]
        if len(by_order) > 1:
            error = abs(new.value - by_order[-2].value)
            moved = float(np.abs(new.mean - by_order[-2].mean).max())
        within = agree(tolerance, new.value, error) and agree(tolerance, np.abs(new.mean).max(), moved)
        agreed = agreed + 1 if within else 0
        if agreed == 2:
            break
    return _Found(by_order[-1], by_order[-2] if len(by_order) > 1 else by_order[-1], error, order, mixture)


def _centred(joint: Joint, mixture: Mixture, order: int) -> Mixture:
    """With each Gaussian at the mean, covariance and share of its part of the posterior, p(z|x) pi_j N_j(z) / M(z)."""
    before = math.inf
    for _ in range(CENTRING):
        one = _integral(joint, mixture, order)
        log_m, parts = mixture.log_density(one.z)
        shares = np.exp(parts - log_m) * one.weight
        total, seen = shares.sum(axis=1), True
        means: list[Array] = []
        covariances: list[Array] = []
        for share, size, old, m in zip(shares, total, mixture.covariance, mixture.mean, strict=True):
            if size < np.finfo(float).eps:  # nothing of it is seen here
                means.append(m)
                covariances.append(old)
                continue
            centre = share @ one.z / size
            off = one.z - centre
            covariance, is_found = _narrowed((share[:, None] / size * off).T @ off, old)
            means.append(centre)
            covariances.append(covariance)
            seen = seen and is_found
        total = np.maximum(total, np.finfo(float).tiny)
        mixture = Mixture(np.log(total / total.sum()), np.array(means), np.array(covariances))
        if seen and abs(one.value - before) <= 1e-3:
            break
        before = one.value
    return mixture


def _narrowed(found: Array, before: Array) -> tuple[Array, bool]:
    """The covariance that these nodes found, and whether they could see it.

    Where the posterior is narrower than the nodes lie apart, one of them has all the weight, and a covariance near 0
    says no more than that: each deviation shrinks to an eighth at most, about the nearest node, for a closer look.
    """
    L = np.linalg.cholesky(before)
    inner = np.linalg.solve(L, np.linalg.solve(L, found).T)
    sizes, directions = np.linalg.eigh((inner + inner.T) / 2)
    wide = L @ directions * np.sqrt(np.maximum(sizes, SHRINK))
    covariance: Array = wide @ wide.T
    return covariance, bool((sizes >= SHRINK).all())


def _integral(joint: Joint, mixture: Mixture, order: int) -> _One:
    """By ``order`` nodes a dimension about each mode."""
    u, w = tensor(order, mixture.mean.shape[1])
    z = np.concatenate([m + u @ np.linalg.cholesky(c).T for m, c in zip(mixture.mean, mixture.covariance, strict=True)])
    log_w = (mixture.log_weight[:, None] + np.log(w)).ravel()
    parts = [joint.log_likelihood(part[:, None]) + joint.log_prior(part[:, None]) for part, _ in blocks(z, log_w, 1)]
    log_w = log_w + np.concatenate(parts)[:, 0] - mixture.log_density(z)[0]
    value = log_sum_exp(log_w)
    weight = np.exp(log_w - value)
    weight = weight / weight.sum()
    centre = weight @ z
    return _One(float(value), z, weight, centre, (weight[:, None] * (z - centre)).T @ (z - centre))


def _add_gradient(gradients: Parameters, parameters: Parameters, x: Array, one: _One, architecture: Architecture,
                  share: float) -> None:  # fmt: skip
    """Share times the posterior's mean of the gradient of log p(x, z)."""
    own, encoder = architecture.own(parameters, "prior"), OwnEncoder(parameters, architecture, gradients)
    for z, weight in blocks(one.z, one.weight, 1):
        each = share * weight[:, None]
        raw, cache = decoder_forward(decoder_input(z[:, None], x, architecture), parameters, architecture)
        draw, down = architecture.likelihood.gradient(x, raw, architecture.own(parameters))
        for name, term in down.items():
            view = gradients[f"likelihood.{name}"]
            weighted = each[..., None] * term
            view += column_sums(weighted.reshape(-1, *weighted.shape[2:])) if view.size > 1 else weighted.sum()
        decoder_backward(each[..., None] * draw, cache, gradients, architecture)
        _, prior = architecture.prior.checked_forward(z[:, None], own, encoder, parameters.dtype)
        _, down = architecture.prior.checked_backward(each, z[:, None], own, encoder, prior)
        for name, term in down.items():
            view = gradients[f"prior.{name}"]
            view += term
