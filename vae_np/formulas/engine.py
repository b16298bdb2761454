"""The two ways to run the page: on the formulas alone, or on compiled kernels.

An engine holds an architecture and parameters (which it sees change in place) and has no other state than its buffers.
`FormulaEngine` is `elbo.forward` and `elbo.backward` as they stand, and runs without numba; `kernels.step.engine` has
the compiled one. A property test holds them to each other.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vae_np.data.binarisation import binarise
from vae_np.formulas import elbo
from vae_np.formulas.elbo import Terms
from vae_np.formulas.network import Architecture, decoder_forward, encoder_forward
from vae_np.formulas.objectives import Objective, loss_backward
from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.parameters import Parameters
from vae_np.support.errors import NonFiniteError
from vae_np.support.noise import standard_normal

__all__ = ["Engine", "FormulaEngine", "Step", "Update", "check_loss"]

Array = NDArray[Any]
NUMBERS = 2**22
"""Numbers of the posterior's heads that `FormulaEngine.encode` computes at once."""


class Step(NamedTuple):
    """What one evaluation of loss and gradient leaves; the arrays may be buffers that the next one overwrites."""

    loss: float
    log_likelihood: Array
    kl: Array
    gradients: Parameters


class Update(NamedTuple):
    """What one step of training reports: the loss, the batch's sums of log p(x|z) (a mean over the samples) and of KL,
    in nats, and the gradient's norm before clipping."""

    loss: float
    log_likelihood: float
    kl: float
    norm: float


class Engine(Protocol):
    """What the model asks of an engine: x is (N, D), z (..., K), eps (S, N, K), all of the parameters' dtype; of a
    conditional model x are rows [x, c], and `decode` is given [z, c].

    ``lock`` is held by who uses what a call returned before the next call.
    """

    lock: AbstractContextManager[Any]

    def batch(self, data: Array, rows: NDArray[np.integer[Any]], draw: tuple[int, int] | None = None) -> Array:
        """data[rows], perhaps in a buffer that the next call overwrites.

        ``draw``, (seed, step), binarises them dynamically: see `data.binarise`, which would check that all of it lies
        in [0, 1].
        """

    def noise(self, seed: int, step: int, samples: int, n: int) -> Array:
        """`noise.standard_normal` of a step, (S, N, K), perhaps in a buffer that the next call overwrites."""

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Mean and log-variance, (N, K), of q(z|x)."""

    def decode(self, z: Array) -> Array:
        """The decoder's raw output."""

    def terms(self, x: Array, eps: Array) -> Terms:
        """The forward pass."""

    def loss_and_grad(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """The objective's loss and its gradient."""

    def update(self, optimizer: Adam, gradients: Parameters, state: AdamState) -> float:
        """One step of Adam in place; the norm of the gradient, or `NonFiniteError` before anything changed."""

    def train(
        self, x: Array, eps: Array, objective: Objective, beta: float, optimizer: Adam, state: AdamState
    ) -> Update:
        """Both; `NonFiniteError`, before anything changed, also where the loss is not finite."""


_quiet = np.errstate(all="ignore")
"""A decorator. Whether a product warns of an infinite factor depends on the machine: some BLAS multiply it by the 0 of
their padding."""


class FormulaEngine:
    """The page itself: pure NumPy."""

    def __init__(self, architecture: Architecture, parameters: Parameters) -> None:
        self.architecture, self.parameters = architecture, parameters
        self.lock: AbstractContextManager[Any] = nullcontext()

    def batch(self, data: Array, rows: NDArray[np.integer[Any]], draw: tuple[int, int] | None = None) -> Array:
        """data[rows]; binarised by the numbers of ``draw``, (seed, step), if it is given."""
        x = np.asarray(data[rows])
        kept = self.architecture.condition
        return x if draw is None else binarise(x, "dynamic", seed=draw[0], step=draw[1], kept=kept)

    def noise(self, seed: int, step: int, samples: int, n: int) -> Array:
        """`noise.standard_normal` of a step, (S, N, K)."""
        return standard_normal(seed, step, (samples, n, self.architecture.latent), self.parameters.dtype)

    @_quiet
    def encode(self, x: Array) -> tuple[Array, Array]:
        """Mean and log-variance, (N, K), of q(z|x)."""
        a, found = self.architecture, []
        own = a.own(self.parameters, "posterior")
        step = max(1, NUMBERS // sum(a.posterior.heads(a.latent).values()))
        for begin in range(0, max(1, len(x)), step):
            heads, _ = encoder_forward(x[begin : begin + step], self.parameters, a)
            found.append(a.posterior.checked_moments(heads, own, a.latent))
        mu, logvar = found[0] if len(found) == 1 else map(np.concatenate, zip(*found, strict=True))
        return mu, logvar

    @_quiet
    def decode(self, z: Array) -> Array:
        """The decoder's raw output."""
        return decoder_forward(z, self.parameters, self.architecture)[0]

    @_quiet
    def terms(self, x: Array, eps: Array) -> Terms:
        """The forward pass; what is not finite passes through, for the caller to judge."""
        return elbo.forward(self.parameters, x, eps, self.architecture)[0]

    @_quiet
    def loss_and_grad(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """Forward, objective, backward; what is not finite passes through, for the caller to judge."""
        terms, cache = elbo.forward(self.parameters, x, eps, self.architecture)
        loss = objective(terms, beta)
        gradients = loss_backward(self.parameters, loss, cache, self.architecture)
        return Step(float(loss.value), terms.log_likelihood, terms.kl, gradients)

    def update(self, optimizer: Adam, gradients: Parameters, state: AdamState) -> float:
        """One step of Adam in place; the norm of the gradient."""
        return optimizer.update(self.parameters.vector, gradients.vector, state)

    def train(
        self, x: Array, eps: Array, objective: Objective, beta: float, optimizer: Adam, state: AdamState
    ) -> Update:
        """Loss, gradient and Adam."""
        step = self.loss_and_grad(x, eps, objective, beta)
        check_loss(step.loss)
        norm = self.update(optimizer, step.gradients, state)
        log_likelihood = float(step.log_likelihood.sum(dtype=np.float64)) / len(step.log_likelihood)
        return Update(step.loss, log_likelihood, float(step.kl.sum(dtype=np.float64)), norm)


def check_loss(loss: float) -> None:
    """`NonFiniteError` where it is not finite."""
    if not math.isfinite(loss):
        raise NonFiniteError(f"the loss is {loss}", "loss")
