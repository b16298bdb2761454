"""The hidden layers' nonlinearities: each with its derivative below it.

``forward(a)`` takes the pre-activation a and returns h; ``backward(dh, a, h)`` returns da = dh * h'(a), written in
whichever of a and h is cheaper. All are elementwise, a thread may be given any part of a layer; forward also accepts
complex arrays.

To add one, write a class here, a subclass of `Activation` that has a ``name``: it is then known to
``VAE(activation=name)``, to both backends, to the command line, to model files and to the gradient checks. (A compiled
kernel may follow, in ``kernels``; without one the formula is used.)

tanh', sigmoid' and elu' are computed from h. As functions of h they are right to 2 ULP, but h has been rounded near its
limit: against the exact h'(a) they are off by an ULP of that limit, and **in the far tail they have no correct digit**,
where h' is smaller than that: tanh' for |a| > 19 (float32: 10), sigmoid' for a > 37 (17) and elu' for a < -38 (-18)
are 0. Beside the other examples' gradients such a term would round away.
"""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas import numerics
from vae_np.formulas.doors import Named, chosen

__all__ = ["ACTIVATIONS", "Activation", "get_activation"]

Array = NDArray[Any]


class Activation(Named):
    """An elementwise nonlinearity h(a)."""

    what = "activation"

    @abc.abstractmethod
    def forward(self, a: Array) -> Array:
        """h(a), in the shape and type of a."""

    @abc.abstractmethod
    def backward(self, dh: Array, a: Array, h: Array) -> Array:
        """da = dh * h'(a), where h is h(a)."""


class Tanh(Activation):
    """h = tanh(a)."""

    name = "tanh"

    def forward(self, a: Array) -> Array:
        """h = tanh(a)."""
        return np.tanh(a)

    def backward(self, dh: Array, a: Array, h: Array) -> Array:
        """h' = 1 - h^2, as (1 - h)(1 + h): 1 - h is exact. No correct digit in the far tails, as h is rounded."""
        return dh * ((1 - h) * (1 + h))


class Relu(Activation):
    """h = max(a, 0)."""

    name = "relu"

    def forward(self, a: Array) -> Array:
        """h = max(a, 0)."""
        return np.where(a.real <= 0, 0, a)  # asked this way round, NaN stays NaN

    def backward(self, dh: Array, a: Array, h: Array) -> Array:
        """h' = 1 for a > 0, else 0; at a = 0 the subgradient 0, as everywhere in the field."""
        return np.where(a > 0, dh, 0)


class Softplus(Activation):
    """h = log(1 + e^a)."""

    name = "softplus"

    def forward(self, a: Array) -> Array:
        """h = log(1 + e^a)."""
        return numerics.softplus(a)

    def backward(self, dh: Array, a: Array, h: Array) -> Array:
        """h' = sigmoid(a) = 1 - e^-h."""
        return dh * -np.expm1(-h)


class Sigmoid(Activation):
    """h = 1 / (1 + e^-a)."""

    name = "sigmoid"

    def forward(self, a: Array) -> Array:
        """h = 1 / (1 + e^-a)."""
        return numerics.sigmoid(a)

    def backward(self, dh: Array, a: Array, h: Array) -> Array:
        """h' = h (1 - h); no correct digit in the far tail of a > 0, as h is rounded."""
        return dh * (h * (1 - h))


class Elu(Activation):
    """h = a for a > 0, e^a - 1 elsewhere (Clevert et al. 2016, alpha = 1)."""

    name = "elu"

    def forward(self, a: Array) -> Array:
        """h = a for a > 0, e^a - 1 elsewhere."""
        positive = a.real > 0  # or >=: expm1(0) = 0, and of -0.0 it is -0.0
        return np.where(positive, a, np.expm1(np.where(positive, 0, a)))

    def backward(self, dh: Array, a: Array, h: Array) -> Array:
        """h' = 1 for a > 0, e^a = h + 1 elsewhere; no correct digit in the far tail of a < 0, as h is rounded."""
        return dh * np.where(a > 0, 1, h + 1)  # or >=: at 0 both are 1


class Gelu(Activation):
    """h = a Phi(a), with the exact normal distribution function, not its tanh fit (Hendrycks & Gimpel 2016)."""

    name = "gelu"

    def forward(self, a: Array) -> Array:
        """h = a Phi(a)."""
        return a * numerics.normal_cdf(a)

    def backward(self, dh: Array, a: Array, h: Array) -> Array:
        """h' = Phi(a) + a Phi'(a)."""
        return dh * (numerics.normal_cdf(a) + a * numerics.normal_pdf(a))


class Identity(Activation):
    """h = a: a linear network, whose evidence has a closed form."""

    name = "identity"

    def forward(self, a: Array) -> Array:
        """h = a."""
        return a

    def backward(self, dh: Array, a: Array, h: Array) -> Array:
        """h' = 1."""
        return dh


ACTIVATIONS: dict[str, type[Activation]] = Activation.known
"""Every activation that has been defined, by name."""


def get_activation(word: str) -> Activation:
    """The activation of a name, perhaps with options as in ``"leaky:slope=0.1"``; ``ValueError`` lists them."""
    if not isinstance(word, str):
        raise TypeError(f"activation must be the name of one; got {word!r}")
    return chosen(Activation, word)
