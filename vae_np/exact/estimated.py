"""What a gradient estimator estimates: its expectation over the noise, taken, not sampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.exact.nodes import MOST, blocks, orders, prepare, tensor
from vae_np.exact.quadrature import Exact, doubled
from vae_np.formulas import elbo
from vae_np.formulas.elbo import Cotangents
from vae_np.formulas.network import Architecture
from vae_np.formulas.objectives import Loss, Objective, get_objective, loss_backward
from vae_np.formulas.parameters import Parameters
from vae_np.model.vae import VAE
from vae_np.support.checks import whole

__all__ = ["expected"]

Array = NDArray[np.float64]
DIMENSIONS = 4
"""Of the noise of all samples together; with more the nodes are too many."""


def expected(vae: VAE, x: ArrayLike, objective: str | Objective = "elbo", samples: int = 1, *,
             tolerance: float = 1e-10, most: int = MOST) -> Exact:  # fmt: skip
    """E over the S K noises of an objective's value and of its gradient, by Gauss-Hermite quadrature in all of them.

        value_n   = E L_n(eps_1, ..., eps_S),    gradients = -E of what `VAE.loss_and_grad` returns

    for S K <= 4: an importance-weighted bound of two samples in two latent dimensions, say. Of an objective that
    differentiates its value the gradient is that of the value; of another estimator it is what it estimates, so that
    the difference of two is their bias, exactly: without bias there is none.

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
    objective : str or Objective
        One that gives each example a value of its own; beta is 1.
    samples : int
        S.
    tolerance, most
        As in `elbo_and_grad`.

    Returns
    -------
    Exact
        Of the bound: minus the gradients is the gradient of the loss.

    Raises
    ------
    ValueError
        If S K is more than 4, or the objective ties the examples of a batch together, as free bits of the kind
        "per-dimension" do, whose bound is on the batch's mean; those of the kinds "per-entry" and "total" do not.

    Examples
    --------
    >>> vae, x = VAE(3, hidden=(), latent=1, likelihood="gaussian"), np.zeros((1, 3))
    >>> one, other = (expected(vae, x, name, samples=2) for name in ("iwae", "dreg"))
    >>> bool(np.abs(one.gradients.vector - other.gradients.vector).max() < 1e-8)
    True
    """
    architecture, goal = vae.architecture, get_objective(objective)
    dimensions = whole("samples", samples, at_least=1) * architecture.latent
    if dimensions > DIMENSIONS:
        raise ValueError(
            f"quadrature takes at most {DIMENSIONS} noises, and {samples} samples of {architecture.latent} dimensions"
            f" have {dimensions}: vae_np.estimators.measure compares with the mean over many"
        )
    parameters, inside = prepare(vae, x, tolerance, most, samples)
    found: Exact | None = None
    for order in orders(dimensions, most):
        nodes, weights = tensor(order, dimensions)
        noise = nodes.reshape(-1, samples, architecture.latent)
        found = doubled(found, *_sum(parameters, inside, noise, weights, architecture, goal), order, tolerance)
        if found.converged:
            break
    assert found is not None
    return found


def _sum(parameters: Parameters, x: Array, noise: Array, weights: Array, architecture: Architecture,
         objective: Objective) -> tuple[Array, Parameters]:  # fmt: skip
    """The weighted sums: each node is an example of a batch that has x_n in every row."""
    gradients, value = parameters.zeros_like(), np.zeros(len(x))
    for n in range(len(x)):
        for eps, w in blocks(noise, weights, noise.shape[1]):
            rows = np.repeat(x[n : n + 1], len(w), axis=0)
            terms, cache = elbo.forward(parameters, rows, np.ascontiguousarray(eps.swapaxes(0, 1)), architecture)
            loss = objective(terms)
            if loss.each is None:
                raise ValueError(
                    f"{objective!r} has no value of each example: its expectation needs whole batches; free bits"
                    " have one as free_bits_kind='per-entry' or 'total'"
                )
            value[n] += w @ loss.each
            part = loss_backward(parameters, _scaled(loss, -len(w) * w / len(x)), cache, architecture)
            gradients.vector[...] += part.vector
    return value, gradients


def _scaled(loss: Loss, factor: Array) -> Loss:
    """The loss with another weight for each example, (N,)."""
    return loss._replace(
        cotangents=_times(loss.cotangents, factor), encoder=loss.encoder and _times(loss.encoder, factor)
    )


def _times(c: Cotangents, factor: Array) -> Cotangents:
    """The cotangents of each example times its factor; the path is a ratio and stays."""
    arrays = {name: value for name, value in vars(c).items() if value is not None}
    scaled = {name: value if name == "path" else value * factor for name, value in arrays.items() if name != "kl"}
    if c.kl is not None:
        scaled["kl"] = c.kl * factor[:, None]
    return Cotangents(**scaled)
