"""Encoder and decoder as stacks of layers, and the architecture that names their arrays.

encoder:  x -> hidden stack -> the posterior's linear heads, such as mu and logvar
decoder:  z -> hidden stack -> one linear layer, raw (what the likelihood's link takes)

Of a conditional model x stands for a row [x, c], and the decoder's input is [z, c].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.activations import get_activation
from vae_np.formulas.layers import DenseCache, HiddenCache, dense_backward, dense_forward, stack_backward, stack_forward
from vae_np.formulas.likelihoods import Likelihood
from vae_np.formulas.likelihoods.conditional import Conditional
from vae_np.formulas.posteriors import Diagonal, Posterior
from vae_np.formulas.priors import Prior, Standard
from vae_np.formulas.scaling import Scaling

__all__ = [
    "Architecture",
    "decoder_backward",
    "decoder_forward",
    "decoder_input",
    "encoder_backward",
    "encoder_forward",
]

Array = NDArray[Any]


@dataclass(frozen=True)
class Architecture:
    """The sizes and kinds that fix a model up to its parameters; an error where they make no sense.

    The networks see what `Scaling.inside` makes of x, where there is a scaling. ``n_features`` counts the columns of a
    row: those of x, and of a condition where the likelihood is `Conditional`.
    """

    n_features: int
    hidden: tuple[int, ...]
    latent: int
    decoder_hidden: tuple[int, ...]
    activation: str
    likelihood: Likelihood
    posterior: Posterior = field(default_factory=Diagonal)
    prior: Prior = field(default_factory=Standard)
    scaling: Scaling | None = None

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
        for name, width in self.posterior.checked_heads(self.latent).items():
            dense(f"encoder.{name}", sizes[-1], width)
        for name, shape in self.posterior.checked_shapes(self.latent).items():
            shapes[f"posterior.{name}"] = shape
        sizes = [self.latent + self.condition, *self.decoder_hidden]
        for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            dense(f"decoder.{i}", fan_in, fan_out)
        dense("decoder.out", sizes[-1], self.likelihood.raw_size(self.n_features))
        for name, shape in self.likelihood.checked_shapes(self.n_features).items():
            shapes[f"likelihood.{name}"] = shape
        for name, shape in self.prior.checked_shapes(self.latent).items():
            shapes[f"prior.{name}"] = shape
        return shapes

    @property
    def condition(self) -> int:
        """C, how many of a row's last columns are the condition."""
        return self.likelihood.columns if isinstance(self.likelihood, Conditional) else 0

    @property
    def n_data(self) -> int:
        """D, how many columns x has without the condition."""
        return self.n_features - self.condition

    @property
    def layers(self) -> list[str]:
        """The dense layers in the order of the path."""
        encoder = [f"encoder.{i}" for i in range(len(self.hidden))]
        decoder = [f"decoder.{i}" for i in range(len(self.decoder_hidden))]
        return [*encoder, *(f"encoder.{name}" for name in self.posterior.heads(self.latent)), *decoder, "decoder.out"]

    @property
    def row_size(self) -> int:
        """How many numbers the widest stage has for one sample of one example, a prior's components taken together."""
        raw, heads = self.likelihood.raw_size(self.n_features), self.posterior.heads(self.latent)
        prior = sum(math.prod(shape) for shape in self.prior.own_shapes(self.latent).values())
        return max(raw, sum(heads.values()), prior)

    @property
    def log_volume(self) -> float:
        """What the scaling takes off every log p(x|z), in nats."""
        return 0.0 if self.scaling is None else self.scaling.log_volume

    @property
    def is_plain(self) -> bool:
        """Whether posterior, prior and the decoder's input, z, are Kingma & Welling's (2014), which have kernels."""
        return type(self.posterior) is Diagonal and type(self.prior) is Standard and not self.condition

    @property
    def has_kl(self) -> bool:
        """Whether KL(q || p) has a closed form; the ELBO otherwise takes log q - log p at the samples."""
        return self.posterior.has_kl(self.prior) or self.prior_has_kl

    @property
    def prior_has_kl(self) -> bool:
        """Whether the KL is the prior's own, for VaDE an upper bound."""
        return self.prior.own_kl and type(self.posterior) is Diagonal

    def check_weights(self) -> None:
        """``ValueError`` where the samples of an ELBO cannot have weights, as a quadrature's nodes have."""
        if self.prior_has_kl and self.prior.kl_needs_samples:
            raise ValueError(f"the KL of {self.prior!r} is a mean over equal samples: they cannot have weights")

    def own(self, parameters: Mapping[str, Array], part: str = "likelihood") -> dict[str, Array]:
        """The own arrays of the likelihood, the posterior or the prior, by their names there."""
        begin = f"{part}."
        return {name.removeprefix(begin): parameters[name] for name in parameters if name.startswith(begin)}


def dense(parameters: Mapping[str, Array], name: str) -> tuple[Array, Array]:
    """(W, b) of one layer."""
    return parameters[f"{name}.W"], parameters[f"{name}.b"]


class EncoderCache(NamedTuple):
    """What the encoder's backward pass needs."""

    stack: list[HiddenCache]
    heads: dict[str, DenseCache]


def encoder_forward(
    x: Array, parameters: Mapping[str, Array], architecture: Architecture
) -> tuple[dict[str, Array], EncoderCache]:
    """The posterior's heads, each (N, width): mu and logvar of q(z|x) = N(mu, diag exp(logvar)), say."""
    layers = [dense(parameters, f"encoder.{i}") for i in range(len(architecture.hidden))]
    h, stack = stack_forward(x, layers, get_activation(architecture.activation))
    heads, caches = {}, {}
    for name in architecture.posterior.heads(architecture.latent):
        heads[name], caches[name] = dense_forward(h, *dense(parameters, f"encoder.{name}"))
    return heads, EncoderCache(stack, caches)


def encoder_backward(
    dheads: Mapping[str, Array], cache: EncoderCache, gradients: Mapping[str, Array], architecture: Architecture
) -> Array:
    """Adds the encoder's gradients to the views of ``gradients`` and returns dx (N, D)."""
    dh: Any = 0
    for name, head in cache.heads.items():
        dh_head, *head_layer = dense_backward(dheads[name], head)
        _add(gradients, f"encoder.{name}", head_layer)
        dh = dh + dh_head
    dx, layers = stack_backward(dh, cache.stack, get_activation(architecture.activation))
    for i, layer in enumerate(layers):
        _add(gradients, f"encoder.{i}", layer)
    return dx


class DecoderCache(NamedTuple):
    """What the decoder's backward pass needs."""

    stack: list[HiddenCache]
    out: DenseCache


def decoder_input(z: Array, x: Array, architecture: Architecture) -> Array:
    """What the decoder is given: z (S, N, K) itself, or [z, c] with c the last columns of the rows x (N, D + C)."""
    columns = architecture.condition
    if not columns:
        return z
    c = np.broadcast_to(x[:, -columns:], (*z.shape[:-1], columns))  # sample s of example n has c of n
    return np.concatenate([z, c], axis=-1)


def decoder_forward(
    z: Array, parameters: Mapping[str, Array], architecture: Architecture
) -> tuple[Array, DecoderCache]:
    """The raw output (..., raw_size) for z (..., K), or `decoder_input`."""
    layers = [dense(parameters, f"decoder.{i}") for i in range(len(architecture.decoder_hidden))]
    h, stack = stack_forward(z, layers, get_activation(architecture.activation))
    raw, out = dense_forward(h, *dense(parameters, "decoder.out"))
    return raw, DecoderCache(stack, out)


def decoder_backward(
    draw: Array, cache: DecoderCache, gradients: Mapping[str, Array], architecture: Architecture
) -> Array:
    """Adds the decoder's gradients to the views of ``gradients`` and returns dz (..., K), without dc: c is data."""
    dh, *out = dense_backward(draw, cache.out)
    _add(gradients, "decoder.out", out)
    dz, layers = stack_backward(dh, cache.stack, get_activation(architecture.activation))
    for i, layer in enumerate(layers):
        _add(gradients, f"decoder.{i}", layer)
    return dz[..., : architecture.latent]


def _add(gradients: Mapping[str, Array], name: str, layer: Sequence[Array]) -> None:
    """Add (dW, db) to their views: what is encoded twice in a step, as a prior's pseudo-inputs, has two shares."""
    for kind, gradient in zip("Wb", layer, strict=True):
        view = gradients[f"{name}.{kind}"]
        view += gradient
