"""A model of Keras 3 on PyTorch as a `Program`: a module of PyTorch, but for its call, its noise and its optimiser."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters.keras_models import (
    as_float64,
    build,
    forward_of,
    in_float64,
    names_of,
    no_dropout,
)
from vae_np.conformance.adapters.keras_optimizers import optimizer_of, rule_of
from vae_np.conformance.adapters.program import Goal
from vae_np.conformance.adapters.torch_modules import TorchProgram
from vae_np.conformance.objective.jax_and_keras import Keras
from vae_np.conformance.objective.pytorch import Torch

__all__ = ["KerasOnTorch"]

Array = NDArray[Any]


class _Called:
    """A model with its forward pass, as a module is called."""

    def __init__(self, model: Any, forward: Any) -> None:
        self.model, self.run = model, forward

    def __call__(self, x: Any) -> Any:
        return self.run(x)

    def zero_grad(self) -> None:
        """Of the model."""
        self.model.zero_grad()


class KerasOnTorch(TorchProgram):
    """See `Program`."""

    framework = "Keras on PyTorch"

    def __init__(self, model: Any) -> None:
        self.keras: Any = sys.modules["keras"]
        self.torch = sys.modules["torch"]
        self.model = model
        forward, within = forward_of(model)
        with in_float64():
            as_float64(model)
            self.features = build(model, forward)
            as_float64(model)
        self.variables = list(model.trainable_variables)
        names = names_of(self.variables)
        self.parameters = {name: v.value for name, v in zip(names, self.variables, strict=True)}
        self.within = within
        # its forward is that whose file draws the noise
        self.module = type("_Watched", (_Called,), {"forward": staticmethod(within)})(model, forward)
        self.whole, self.call, self.returned = None, self.module, None  # its loss is given apart
        self.shape = None

    def foreign(self) -> list[str]:
        """None: those were told before."""
        return []

    def sizes(self) -> list[int]:
        """What it was built with."""
        return [self.features]

    @contextlib.contextmanager
    def _double(self, eps: Array, drawn: list[tuple[int, ...]]) -> Iterator[None]:
        keras = Keras(self.keras, Torch(self.torch))
        with super()._double(eps, drawn), in_float64(), no_dropout(), keras.noise(eps, drawn, self.within):
            yield

    def optimizer(self, make: Any) -> Any:
        """See `Program.optimizer`; that which the model was compiled with, if none is given."""
        with in_float64():
            found = optimizer_of(make, self.model, self.variables)
            found.build(self.variables)
        return found

    def rule(self, optimizer: Any) -> tuple[dict[str, Any] | None, str]:
        """See `Program.rule`."""
        return rule_of(optimizer)

    def train(self, goal: Goal, batches: Sequence[tuple[Array, Array]], optimizer: Any) -> list[dict[str, Array]]:
        """See `Program.train`."""
        before, found = self.tensors(), []
        for x, eps in batches:
            self.module.zero_grad()
            self._loss(goal, x, eps).backward()
            with self.torch.no_grad(), in_float64():
                optimizer.apply([v.value.grad for v in self.variables], self.variables)
            found.append({name: np.array(value) for name, value in self.tensors().items()})
        self.write(before)
        return found
