"""Encoder and decoder as stacks of layers, and the architecture that names their arrays.

encoder:  x -> hidden stack -> two linear heads, mu and logvar
decoder:  z -> hidden stack -> one linear layer, raw (what the likelihood's link takes)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.activations import get_activation
from vae_np.formulas.layers import DenseCache, HiddenCache, dense_backward, dense_forward, stack_backward, stack_forward
from vae_np.formulas.likelihoods.base import Likelihood

__all__ = ["Architecture", "decoder_backward", "decoder_forward", "encoder_backward", "encoder_forward"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Architecture:
    """The sizes and kinds that fix a model up to its parameters; an error where they make no sense."""

    n_features: int
    hidden: tuple[int, ...]
    latent: int
    decoder_hidden: tuple[int, ...]
    activation: str
    likelihood: Likelihood

    def __post_init__(self) -> None:
        get_activation(self.activation)
        for name, sizes in [
            ("n_features", (self.n_features,)),
            ("hidden", self.hidden),
            ("latent", (self.latent,)),
            ("decoder_hidden", self.decoder_hidden),
        ]:
            for size in sizes:
                if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
                    raise TypeError(f"{name} must be made of integers; got {size!r}")
                if size < 1:
                    raise ValueError(f"{name} must be positive; got {size}")
        # NumPy's integers would overflow in products and cannot go into JSON
        object.__setattr__(self, "n_features", int(self.n_features))
        object.__setattr__(self, "latent", int(self.latent))
        object.__setattr__(self, "hidden", tuple(map(int, self.hidden)))
        object.__setattr__(self, "decoder_hidden", tuple(map(int, self.decoder_hidden)))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every array, in the order of the path."""
        shapes: dict[str, tuple[int, ...]] = {}

        def dense(name: str, fan_in: int, fan_out: int) -> None:
            shapes[f"{name}.W"] = (fan_in, fan_out)
            shapes[f"{name}.b"] = (fan_out,)

        sizes = [self.n_features, *self.hidden]
        for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            dense(f"encoder.{i}", fan_in, fan_out)
        dense("encoder.mu", sizes[-1], self.latent)
        dense("encoder.logvar", sizes[-1], self.latent)
        sizes = [self.latent, *self.decoder_hidden]
        for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            dense(f"decoder.{i}", fan_in, fan_out)
        dense("decoder.out", sizes[-1], self.likelihood.raw_size(self.n_features))
        for name, shape in self.likelihood.own_shapes(self.n_features).items():
            shapes[f"likelihood.{name}"] = shape
        return shapes

    def own(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """The likelihood's own arrays."""
        return {name: parameters[f"likelihood.{name}"] for name in self.likelihood.own_shapes(self.n_features)}


def dense(parameters: Mapping[str, Array], name: str) -> tuple[Array, Array]:
    """(W, b) of one layer."""
    return parameters[f"{name}.W"], parameters[f"{name}.b"]


class EncoderCache(NamedTuple):
    """What the encoder's backward pass needs."""

    stack: list[HiddenCache]
    mu: DenseCache
    logvar: DenseCache


def encoder_forward(
    x: Array, parameters: Mapping[str, Array], architecture: Architecture
) -> tuple[Array, Array, EncoderCache]:
    """Mu and logvar, each (N, K), of q(z|x) = N(mu, diag exp(logvar))."""
    layers = [dense(parameters, f"encoder.{i}") for i in range(len(architecture.hidden))]
    h, stack = stack_forward(x, layers, get_activation(architecture.activation))
    mu, mu_cache = dense_forward(h, *dense(parameters, "encoder.mu"))
    logvar, logvar_cache = dense_forward(h, *dense(parameters, "encoder.logvar"))
    return mu, logvar, EncoderCache(stack, mu_cache, logvar_cache)


def encoder_backward(
    dmu: Array, dlogvar: Array, cache: EncoderCache, gradients: Mapping[str, Array], architecture: Architecture
) -> None:
    """Writes the encoder's gradients into the views of ``gradients``."""
    dh_logvar, *head = dense_backward(dlogvar, cache.logvar)
    _write(gradients, "encoder.logvar", head)
    dh_mu, *head = dense_backward(dmu, cache.mu)
    _write(gradients, "encoder.mu", head)
    _, layers = stack_backward(dh_mu + dh_logvar, cache.stack, get_activation(architecture.activation))
    for i, layer in enumerate(layers):
        _write(gradients, f"encoder.{i}", layer)


class DecoderCache(NamedTuple):
    """What the decoder's backward pass needs."""

    stack: list[HiddenCache]
    out: DenseCache


def decoder_forward(
    z: Array, parameters: Mapping[str, Array], architecture: Architecture
) -> tuple[Array, DecoderCache]:
    """The raw output (..., raw_size) for z (..., K)."""
    layers = [dense(parameters, f"decoder.{i}") for i in range(len(architecture.decoder_hidden))]
    h, stack = stack_forward(z, layers, get_activation(architecture.activation))
    raw, out = dense_forward(h, *dense(parameters, "decoder.out"))
    return raw, DecoderCache(stack, out)


def decoder_backward(
    draw: Array, cache: DecoderCache, gradients: Mapping[str, Array], architecture: Architecture
) -> Array:
    """Writes the decoder's gradients into the views of ``gradients`` and returns dz (..., K)."""
    dh, *out = dense_backward(draw, cache.out)
    _write(gradients, "decoder.out", out)
    dz, layers = stack_backward(dh, cache.stack, get_activation(architecture.activation))
    for i, layer in enumerate(layers):
        _write(gradients, f"decoder.{i}", layer)
    return dz


def _write(gradients: Mapping[str, Array], name: str, layer: tuple[Array, Array] | list[Array]) -> None:
    """Put (dW, db) into their views."""
    gradients[f"{name}.W"][...], gradients[f"{name}.b"][...] = layer
