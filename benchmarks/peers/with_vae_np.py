"""vae_np as a contender, on either backend."""

from __future__ import annotations

import numpy as np

import vae_np
from peers.contender import ADAM, LEARNING_RATE, Array, Problem, Trainer
from vae_np.formulas.objectives import ELBO
from vae_np.formulas.optim import AdamState

__all__ = ["VaeNpContender"]


class VaeNpContender(Trainer):
    """A training step of vae_np.

    The number of threads is a limit: the compiled backend takes as many as a size is worth to it, and finds the limit
    in the cores that its process may use, unless ``exactly`` says how many.
    """

    def __init__(
        self, problem: Problem, threads: int | None = None, *, backend: str = "numba", exactly: int | None = None
    ) -> None:
        size = problem.size
        self.about = f"vae_np {vae_np.__version__}, backend {backend}, NumPy {np.__version__}"
        self.problem, self.objective = problem, ELBO()
        self.adam = vae_np.Adam(LEARNING_RATE, **ADAM)
        self.vae = vae_np.VAE(
            size.features,
            hidden=size.hidden,
            latent=size.latent,
            activation="relu",
            dtype=problem.x.dtype,
            backend=backend,
            threads=exactly,
        )
        self.restart()

    def restart(self) -> None:
        """The initial weights, and moments of zero."""
        for name, value in self.problem.weights.items():
            self.vae.parameters[name] = value
        self.state = AdamState.zeros(self.vae.parameters.vector, self.adam)

    def loss_and_grad(self) -> tuple[float, dict[str, Array]]:
        """As the public method gives them."""
        loss, gradients = self.vae.loss_and_grad(self.problem.x, self.problem.eps, objective=self.objective)
        return loss, dict(gradients)

    def step(self) -> None:
        """Forward, backward and Adam, as `fit` takes them: without the checks of `VAE.train_step`, which peers lack."""
        x, eps = self.problem.x, self.problem.eps
        self.vae.engine.train(x, eps, self.objective, 1.0, self.adam, self.state)

    def parameters(self) -> dict[str, Array]:
        """The present ones."""
        return dict(self.vae.parameters)
