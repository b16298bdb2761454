"""The ELBO and its gradient with the expectation over q(z|x) taken exactly: what sampled ones are estimates of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.exact.nodes import MOST, agree, blocks, orders, prepare, tensor
from vae_np.formulas import elbo
from vae_np.formulas.network import Architecture
from vae_np.formulas.objectives import WeightedELBO
from vae_np.formulas.parameters import Parameters
from vae_np.model.vae import VAE
from vae_np.support.checks import non_negative

__all__ = ["Exact", "doubled", "elbo_and_grad", "expectation", "is_within"]

Array = NDArray[Any]


class Exact(NamedTuple):
    """What `elbo_and_grad` returns.

    Attributes
    ----------
    value : array, shape (N,)
        The ELBO of each example, in nats.
    error : array, shape (N,)
        Its estimated error: the change by which the nodes were doubled last.
    gradients : Parameters
        Of the mean over the examples: minus it is the gradient of the loss.
    gradient_error : float
        The largest change of an entry, likewise.
    order : int
        Nodes a dimension.
    converged : bool
        Whether both errors are within the tolerance.
    """

    value: Array
    error: Array
    gradients: Parameters
    gradient_error: float
    order: int
    converged: bool


def elbo_and_grad(vae: VAE, x: ArrayLike, beta: float = 1.0, *, tolerance: float = 1e-10, most: int = MOST) -> Exact:
    """The ELBO of each example and the gradient of their mean, by tensor-product Gauss-Hermite quadrature.

        ELBO_n = sum_s w_s log p(x_n | z_n(u_s)) - beta KL_n,    z_n(u) = mu_n + sigma_n u

    for K <= 3, in float64 by the formulas, whatever the model's dtype and backend, of its parameters as they are. A KL
    that has no closed form is part of the sum, as log q(z|x) - log p(z) at the nodes. The nodes are
    doubled until nothing changes any more.

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
        In the model's dtype, as everywhere.
    beta : float
    tolerance : float
        Of the value, relative to 1 + |ELBO|, and of the gradient, relative to 1 or its largest entry.
    most : int
        Nodes, of all dimensions together, that are not exceeded.

    Returns
    -------
    Exact
        ``converged`` is False where ``most`` nodes were not enough: smooth decoders converge exponentially, those of
        ReLUs slowly.

    Raises
    ------
    ValueError
        If the model has more than 3 latent dimensions, or ``most`` is less than 8 nodes in each.
    """
    architecture = vae.architecture
    beta = non_negative("beta", beta)
    vae.architecture.check_weights()
    parameters, inside = prepare(vae, x, tolerance, most)
    found: Exact | None = None
    for order in orders(architecture.latent, most):
        value, gradients = expectation(parameters, inside, *tensor(order, architecture.latent), architecture, beta)
        found = doubled(found, value, gradients, order, tolerance)
        if found.converged:
            break
    assert found is not None
    return found


def doubled(before: Exact | None, value: Array, gradients: Parameters, order: int, tolerance: float) -> Exact:
    """What these nodes found, with what it changed of what half of them had found."""
    if before is None:
        return Exact(value, np.full_like(value, np.inf), gradients, np.inf, order, False)
    error = np.abs(value - before.value)
    change = float(np.abs(gradients.vector - before.gradients.vector).max(initial=0.0))
    return Exact(value, error, gradients, change, order, is_within(tolerance, value, error, gradients, change))


def is_within(tolerance: float, value: Array, error: Array, gradients: Parameters, change: float) -> bool:
    """Whether the errors are: the value's relative to 1 + |value|, the gradient's to 1 or its largest entry."""
    largest = max(1.0, float(np.abs(gradients.vector).max(initial=0.0)))
    return agree(tolerance, value, error) and change <= tolerance * largest


def expectation(
    parameters: Parameters, x: Array, nodes: Array, weights: Array, architecture: Architecture, beta: float
) -> tuple[Array, Parameters]:
    """The weighted sums over these nodes: the ELBO (N,), and the gradient of its mean; complex parameters are fine."""
    n = len(x)
    value, gradients = np.zeros(n, parameters.vector.dtype), parameters.zeros_like()
    for u, w in blocks(nodes, weights, n):
        eps = np.repeat(u[:, None], n, axis=1)
        terms, cache = elbo.forward(parameters, x, eps, architecture)
        loss = WeightedELBO(np.repeat(w[:, None], n, axis=1))(terms, beta)
        value = value + loss.each
        gradients.vector[...] -= elbo.backward(parameters, loss.cotangents, cache, architecture).vector
    return value, gradients
