"""The two ways to run the page: on the formulas alone, or on compiled kernels.

An engine holds an architecture and parameters (which it sees change in place) and has no other state than its buffers.
`FormulaEngine` is `elbo.forward` and `elbo.backward` as they stand, and runs without numba; `kernels.engine` has the
compiled one. A property test holds them to each other.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vae_np import elbo
from vae_np.elbo import Terms
from vae_np.network import Architecture, decoder_forward, encoder_forward
from vae_np.objectives import Objective
from vae_np.optim import Adam, AdamState
from vae_np.parameters import Parameters

__all__ = ["Engine", "FormulaEngine", "Step"]

Array = NDArray[Any]


class Step(NamedTuple):
    """What one evaluation of loss and gradient leaves; the arrays may be buffers that the next one overwrites."""

    loss: float
    log_likelihood: Array
    kl: Array
    gradients: Parameters


class Engine(Protocol):
    """What the model asks of an engine: x is (N, D), z (..., K), eps (S, N, K), all of the parameters' dtype.

    ``lock`` is held by who uses what a call returned before the next call; ``cores`` is how many threads may take part.
    """

    lock: AbstractContextManager[Any]
    cores: int

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Mu and logvar, (N, K), of q(z|x)."""

    def decode(self, z: Array) -> Array:
        """The decoder's raw output."""

    def terms(self, x: Array, eps: Array) -> Terms:
        """The forward pass."""

    def loss_and_grad(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """The objective's loss and its gradient."""

    def update(self, optimizer: Adam, gradients: Parameters, state: AdamState) -> float:
        """One step of Adam in place; the norm of the gradient, or `NonFiniteError` before anything changed."""


class FormulaEngine:
    """The page itself: pure NumPy."""

    def __init__(self, architecture: Architecture, parameters: Parameters) -> None:
        self.architecture, self.parameters = architecture, parameters
        self.lock: AbstractContextManager[Any] = nullcontext()
        self.cores = 1

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Mu and logvar, (N, K), of q(z|x)."""
        mu, logvar, _ = encoder_forward(x, self.parameters, self.architecture)
        return mu, logvar

    def decode(self, z: Array) -> Array:
        """The decoder's raw output."""
        return decoder_forward(z, self.parameters, self.architecture)[0]

    def terms(self, x: Array, eps: Array) -> Terms:
        """The forward pass."""
        return elbo.forward(self.parameters, x, eps, self.architecture)[0]

    def loss_and_grad(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """Forward, objective, backward; what is not finite passes through, for the caller to judge."""
        with np.errstate(all="ignore"):
            terms, cache = elbo.forward(self.parameters, x, eps, self.architecture)
            loss, cotangents = objective(terms, beta)
            gradients = elbo.backward(self.parameters, cotangents, cache, self.architecture)
        return Step(float(loss), terms.log_likelihood, terms.kl, gradients)

    def update(self, optimizer: Adam, gradients: Parameters, state: AdamState) -> float:
        """One step of Adam in place; the norm of the gradient."""
        return optimizer.update(self.parameters.vector, gradients.vector, state)
