"""The sizes at which a step is measured, and the step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sizes import Size

from vae_np import VAE, Adam
from vae_np.formulas.engine import Update
from vae_np.formulas.objectives import ELBO
from vae_np.formulas.optim import AdamState

__all__ = ["BASE", "HERE", "QUICK", "RANGES", "TrainingStep", "activations", "at", "powers_of_two"]

BASE = Size(784, (400,), 20, 128)
RANGES = {
    "D": (98, 196, 392, 784, 1568, 3136),
    "H": (50, 100, 200, 400, 800, 1600),
    "K": (5, 10, 20, 40, 80, 160),
    "N": (8, 16, 32, 64, 128, 256, 512, 1024),
    "S": (1, 2, 4, 8, 16, 32),
}
HERE = {"D": BASE.features, "H": BASE.hidden[0], "K": BASE.latent, "N": BASE.batch, "S": BASE.samples, "threads": 1}
"""The base point's value of each variable."""
QUICK = {variable: tuple(v for v in values if v <= max(HERE[variable], 8)) for variable, values in RANGES.items()}
"""Only what does not take longer than the base point, or not much."""
DENSITY = 0.13
"""Of ones in binarised MNIST."""
RESTART = 200
"""Steps until weights and moments begin anew: on one batch for ever, units die and moments decay into the subnormal
numbers, whose slowness is not the step's."""


def at(variable: str, value: int) -> Size:
    """The base with one variable at another value."""
    field = {"D": "features", "H": "hidden", "K": "latent", "N": "batch", "S": "samples"}[variable]
    return BASE._replace(**{field: (value,) if variable == "H" else value})


def powers_of_two(cores: int) -> tuple[int, ...]:
    """1, 2, 4, ... and the number itself."""
    return tuple(sorted({*(2**i for i in range(cores.bit_length())), cores}))


def activations(size: Size) -> int:
    """Numbers that a forward pass puts out: h, mu and logvar of each example; z, h and raw of each sample."""
    hidden = sum(size.hidden)
    encoder, decoder = hidden + 2 * size.latent, size.latent + hidden + size.features
    return size.batch * (encoder + size.samples * decoder)


class TrainingStep:
    """A step of training on one batch of binary data. Its model is made by `build`."""

    def __init__(self, size: Size, dtype: str, threads: int | None) -> None:
        self.size, self.dtype, self.threads, self.count = size, dtype, threads, 0
        draw = np.random.default_rng(0)
        self.x = (draw.random((size.batch, size.features), dtype=np.float32) < DENSITY).astype(dtype)
        self.eps = draw.standard_normal((size.samples, size.batch, size.latent), dtype=np.dtype(dtype).type)
        self.objective, self.adam = ELBO(), Adam()

    def build(self) -> TrainingStep:
        """Model and moments."""
        size = self.size
        self.vae = VAE(size.features, hidden=size.hidden, latent=size.latent, activation="relu", dtype=self.dtype,
                       threads=self.threads)  # fmt: skip
        self.state = AdamState.zeros(self.vae.parameters.vector, self.adam)
        return self

    def keep_start(self) -> Callable[[], None]:
        """What restores these weights and moments of zero, once in a while."""
        start = self.vae.parameters.vector.copy()

        def restart() -> None:
            self.count += 1
            if self.count % RESTART == 0:
                self.vae.parameters.vector[...] = start
                self.state.m.fill(0)
                self.state.v.fill(0)
                self.state.step = 0

        return restart

    def __call__(self) -> Update:
        return self.vae.engine.train(self.x, self.eps, self.objective, 1.0, self.adam, self.state)
