"""log p(x) by quadrature about the true posterior, its gradient, and how far q(z|x) is from it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.exact.nodes import MOST, blocks, orders, prepare, tensor
from vae_np.formulas.elbo import Cotangents, OwnEncoder, backward, forward
from vae_np.formulas.network import Architecture, decoder_backward, decoder_forward, encoder_forward
from vae_np.formulas.numerics import LOG_2PI, column_sums, log_sum_exp
from vae_np.formulas.parameters import Parameters
from vae_np.formulas.posteriors import Diagonal
from vae_np.model.joint import Joint
from vae_np.model.vae import VAE

__all__ = ["Evidence", "forward_kl_gradient", "log_evidence"]

Array = NDArray[Any]
CENTRING = 50
"""Steps at most to the posterior's own mean and covariance."""
SHRINK = 1 / 64
"""Of a variance in one of these steps, at most."""


class Evidence(NamedTuple):
    """What `log_evidence` returns.

    Attributes
    ----------
    value : array, shape (N,)
        log p(x), in nats.
    error : array, shape (N,)
        Its estimated error: the change by which the nodes were doubled last.
    gradients : Parameters
        Of the mean over the examples; those of the encoder are 0.
    mean, covariance : array, shapes (N, K) and (N, K, K)
        Of the true posterior p(z|x).
    order : array of int, shape (N,)
        Nodes a dimension.
    converged : bool
        Whether every error is within the tolerance.
    """

    value: Array
    error: Array
    gradients: Parameters
    mean: Array
    covariance: Array
    order: NDArray[np.int64]
    converged: bool


class _One(NamedTuple):
    """An example's integral by some nodes."""

    value: float
    z: Array
    weight: Array
    mean: Array
    covariance: Array


def log_evidence(vae: VAE, x: ArrayLike, *, tolerance: float = 1e-10, most: int = MOST) -> Evidence:
    """log p(x) of each example and the gradient of their mean, by adaptive Gauss-Hermite quadrature, K <= 3.

        log p(x) = log sum_s w_s p(x|z_s) p(z_s) / N(z_s; m, L L^T),    z_s = m + L u_s

    with the nodes about the mean m and the covariance L L^T of the true posterior, which the same sums find, from those
    of q(z|x) on. The gradient is the posterior's mean of that of log p(x, z), the sum's normalised terms its
    weights. In float64 by the formulas, whatever the model's dtype and backend.

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
    gradients, found = parameters.zeros_like(), []
    for n in range(len(inside)):
        row, start = inside[n : n + 1], (mu[n], np.diag(np.exp(logvar[n])))
        found.append(_of_example(parameters, row, *start, architecture, tolerance, most))
        _add_gradient(gradients, parameters, row, found[-1][0], architecture, 1 / len(inside))
    value, error = np.array([one.value for one, _, _ in found]), np.array([error for _, error, _ in found])
    return Evidence(
        value,
        error,
        gradients,
        np.array([one.mean for one, _, _ in found]),
        np.array([one.covariance for one, _, _ in found]),
        np.array([order for _, _, order in found]),
        bool((error <= tolerance * (1 + np.abs(value))).all()),
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
        one = _integral(parameters, row, evidence.mean[n], evidence.covariance[n], architecture, int(evidence.order[n]))
        heads, _ = encoder_forward(row, parameters, architecture)
        for z, weight in blocks(one.z, one.weight, 1):
            eps = (z - heads["mu"]) * np.exp(-heads["logvar"] / 2)
            _, cache = forward(parameters, row, eps[:, None], architecture)
            share = weight[:, None] / len(inside)
            nothing = np.zeros_like(share)
            cotangents = Cotangents(nothing, log_posterior=nothing, log_posterior_direct=share, path=nothing)
            total.vector[...] += backward(parameters, cotangents, cache, architecture).vector
    return total


def _of_example(parameters: Parameters, x: Array, mean: Array, covariance: Array, architecture: Architecture,
                tolerance: float, most: int) -> tuple[_One, float, int]:  # fmt: skip
    """The integral of one example, its error, and the nodes a dimension."""
    first = next(orders(architecture.latent, most))
    before = math.inf
    for _ in range(CENTRING):
        one = _integral(parameters, x, mean, covariance, architecture, first)
        covariance, is_found = _narrowed(one.covariance, covariance)
        mean = one.mean
        if is_found and abs(one.value - before) <= 1e-3 * (1 + abs(one.value)):
            break
        before = one.value
    previous, error = math.nan, math.inf
    for order in orders(architecture.latent, most):
        one = _integral(parameters, x, mean, covariance, architecture, order)
        error = abs(one.value - previous) if not math.isnan(previous) else math.inf
        previous = one.value
        if error <= tolerance * (1 + abs(one.value)):
            break
    return one, error, order


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


def _integral(parameters: Parameters, x: Array, mean: Array, covariance: Array, architecture: Architecture,
              order: int) -> _One:  # fmt: skip
    """By ``order`` nodes a dimension about this mean and covariance."""
    u, w = tensor(order, len(mean))
    L = np.linalg.cholesky(covariance)
    z = mean + u @ L.T
    log_ratio = -np.square(u).sum(axis=1) / 2 - len(mean) / 2 * LOG_2PI - np.log(np.diag(L)).sum()
    joint = Joint(parameters, architecture, x)
    parts = [joint.log_likelihood(part[:, None]) + joint.log_prior(part[:, None]) for part, _ in blocks(z, w, 1)]
    log_joint = np.concatenate(parts)[:, 0]
    log_w = np.log(w) + log_joint - log_ratio
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
        raw, cache = decoder_forward(z[:, None], parameters, architecture)
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
