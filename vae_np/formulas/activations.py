"""The hidden layers' nonlinearities: each with its derivative below it.

``forward(a)`` takes the pre-activation a and returns h; ``backward(dh, a, h)`` returns da = dh * h'(a), written in
whichever of a and h is cheaper and exact. All are elementwise; forward also accepts complex arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas import numerics

__all__ = ["ACTIVATIONS", "Activation", "get_activation"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Activation:
    """A nonlinearity: its name, forward and backward, and the gain that He's initialiser gives it."""

    name: str
    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array, Array], Array]


def tanh(a: Array) -> Array:
    """h = tanh(a)."""
    return np.tanh(a)


def tanh_backward(dh: Array, a: Array, h: Array) -> Array:
    """h' = 1 - h^2, as (1 - h)(1 + h)."""
    return dh * ((1 - h) * (1 + h))


def relu(a: Array) -> Array:
    """h = max(a, 0)."""
    return np.where(a.real <= 0, 0, a)  # asked this way round, NaN stays NaN


def relu_backward(dh: Array, a: Array, h: Array) -> Array:
    """h' = 1 for a > 0, else 0; at a = 0 the subgradient 0, as everywhere in the field."""
    return np.where(a > 0, dh, 0)


def softplus(a: Array) -> Array:
    """h = log(1 + e^a)."""
    return numerics.softplus(a)


def softplus_backward(dh: Array, a: Array, h: Array) -> Array:
    """h' = sigmoid(a) = 1 - e^-h."""
    return dh * -np.expm1(-h)


def sigmoid(a: Array) -> Array:
    """h = 1 / (1 + e^-a)."""
    return numerics.sigmoid(a)


def sigmoid_backward(dh: Array, a: Array, h: Array) -> Array:
    """h' = h (1 - h)."""
    return dh * (h * (1 - h))


def elu(a: Array) -> Array:
    """h = a for a > 0, e^a - 1 elsewhere (Clevert et al. 2016, alpha = 1)."""
    positive = a.real > 0
    return np.where(positive, a, np.expm1(np.where(positive, 0, a)))


def elu_backward(dh: Array, a: Array, h: Array) -> Array:
    """h' = 1 for a > 0, e^a = h + 1 elsewhere."""
    return dh * np.where(a > 0, 1, h + 1)


def gelu(a: Array) -> Array:
    """h = a Phi(a), with the exact normal distribution function, not its tanh fit (Hendrycks & Gimpel 2016)."""
    return a * numerics.normal_cdf(a)


def gelu_backward(dh: Array, a: Array, h: Array) -> Array:
    """h' = Phi(a) + a Phi'(a)."""
    return dh * (numerics.normal_cdf(a) + a * numerics.normal_pdf(a))


def identity(a: Array) -> Array:
    """h = a: a linear network, whose evidence has a closed form."""
    return a


def identity_backward(dh: Array, a: Array, h: Array) -> Array:
    """h' = 1."""
    return dh


ACTIVATIONS: dict[str, Activation] = {
    name: Activation(name, forward, backward)
    for name, forward, backward in [
        ("tanh", tanh, tanh_backward),
        ("relu", relu, relu_backward),
        ("softplus", softplus, softplus_backward),
        ("sigmoid", sigmoid, sigmoid_backward),
        ("elu", elu, elu_backward),
        ("gelu", gelu, gelu_backward),
        ("identity", identity, identity_backward),
    ]
}


def get_activation(name: str) -> Activation:
    """The activation of that name; ``ValueError`` lists them."""
    try:
        return ACTIVATIONS[name]
    except (KeyError, TypeError):
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {name!r}") from None
