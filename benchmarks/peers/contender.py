"""The problem that every contender is given, and what a contender must be able to do with it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sizes import Size

__all__ = [
    "ADAM",
    "CONTENDERS",
    "LEARNING_RATE",
    "PEERS",
    "STEPS",
    "Contender",
    "Problem",
    "Trainer",
    "join_heads",
    "make_contender",
    "split_heads",
]

Array = NDArray[Any]
LEARNING_RATE = 1e-3
ADAM = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
"""Epsilon outside the root, beside the corrected sqrt(v^): the paper's algorithm 1, and every contender's."""
STEPS = 10
"""Of Adam, after which the parameters are compared."""
PEERS = {
    "torch": ("with_torch", "TorchContender", {"compiled": False}),
    "torch.compile": ("with_torch", "TorchContender", {"compiled": True}),
    "jax": ("with_jax", "JaxContender", {}),
}
CONTENDERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "vae_np": ("with_vae_np", "VaeNpContender", {"backend": "numba"}),
    "vae_np numpy": ("with_vae_np", "VaeNpContender", {"backend": "numpy"}),
    **PEERS,
    "products": ("products", "Products", {}),
}
"""Module, class and arguments by name: a module is imported only in the process of its contender."""


@dataclass(frozen=True)
class Problem:
    """Weights by vae_np's names, W as (fan_in, fan_out); x (N, D) and eps (S, N, K); all of one dtype."""

    size: Size
    weights: dict[str, Array]
    x: Array
    eps: Array

    def astype(self, dtype: str) -> Problem:
        """The same numbers in another dtype."""
        weights = {name: value.astype(dtype) for name, value in self.weights.items()}
        return replace(self, weights=weights, x=self.x.astype(dtype), eps=self.eps.astype(dtype))

    def save(self, path: Path) -> None:
        """Write it to an .npz."""
        np.savez(path, **{"x": self.x, "eps": self.eps, **{f"weight/{k}": w for k, w in self.weights.items()}})

    @classmethod
    def load(cls, size: Size, path: str) -> Problem:
        """What `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            weights = {name.removeprefix("weight/"): file[name] for name in file.files if name.startswith("weight/")}
            return cls(size, weights, file["x"], file["eps"])


class Contender:
    """What can be timed; it begins as if `restart` had been called."""

    about = ""
    """Version, libraries and threads, as the contender itself reports them."""

    def restart(self) -> None:
        """Put back the weights and Adam's moments, so that every turn times the same steps."""

    def step(self) -> None:
        """One training step, or its beginning where steps run asynchronously."""
        raise NotImplementedError

    def wait(self) -> None:
        """Return when every step has ended: at once, where `step` does not run asynchronously."""


class Trainer(Contender):
    """What trains and must agree with the others."""

    def loss_and_grad(self) -> tuple[float, dict[str, Array]]:
        """The loss and its gradients at the present parameters, by vae_np's names and in its shapes."""
        raise NotImplementedError

    def parameters(self) -> dict[str, Array]:
        """The present parameters, in the same form."""
        raise NotImplementedError


def make_contender(name: str, problem: Problem, threads: int) -> Contender:
    """The contender of that name; ImportError where what it needs is not installed."""
    module, kind, arguments = CONTENDERS[name]
    return getattr(importlib.import_module(f"peers.{module}"), kind)(problem, threads=threads, **arguments)


def join_heads(weights: dict[str, Array]) -> list[tuple[Array, Array]]:
    """(W, b) of each layer in the order of the path, with the two heads side by side as one layer of 2K units.

    One product in place of two thin ones is what a careful user of a framework writes.
    """
    names = [name.removesuffix(".W") for name in weights if name.endswith(".W")]
    pairs = {name: (weights[f"{name}.W"], weights[f"{name}.b"]) for name in names}
    (mu_W, mu_b), (logvar_W, logvar_b) = pairs["encoder.mu"], pairs.pop("encoder.logvar")
    pairs["encoder.mu"] = np.concatenate([mu_W, logvar_W], axis=1), np.concatenate([mu_b, logvar_b])
    return list(pairs.values())


def split_heads(layers: list[tuple[Array, Array]], size: Size) -> dict[str, Array]:
    """The arrays of `join_heads` by name again."""
    depth, K = len(size.hidden), size.latent
    names = [f"encoder.{i}" for i in range(depth)] + ["heads"] + [f"decoder.{i}" for i in range(depth)]
    pairs = dict(zip([*names, "decoder.out"], layers, strict=True))
    W, b = pairs.pop("heads")
    pairs |= {"encoder.mu": (W[:, :K], b[:K]), "encoder.logvar": (W[:, K:], b[K:])}
    return {f"{name}.{part}": array for name, pair in pairs.items() for part, array in zip("Wb", pair, strict=True)}
