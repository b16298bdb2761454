"""Activations and their derivatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import oracles

from quantities.notes import CANCELS, ERFCX, FROM_H, SUBNORMAL
from quantities.points import above, below, real
from quantities.quantity import Array, Quantity
from vae_np.formulas import numerics
from vae_np.formulas.activations import get_activation


def slope(name: str) -> Callable[[Array], Array]:
    """The derivative of an activation, from its backward function at a cotangent of 1."""
    activation = get_activation(name)
    return lambda a: activation.backward(np.ones_like(a), a, activation.forward(a))


def value(name: str) -> Callable[[Array], Array]:
    """The activation itself."""
    return get_activation(name).forward


ACTIVATION_ROWS = [
    Quantity("tanh", value("tanh"), oracles.tanh, real(), kernel="tanh"),
    Quantity("tanh'", slope("tanh"), oracles.tanh_derivative, real(), note=FROM_H, derivative_of="tanh"),
    Quantity("relu", value("relu"), oracles.relu, real(), (0, 0)),
    Quantity("relu'", slope("relu"), oracles.relu_derivative, real(), (0, 0), derivative_of="relu"),
    Quantity("softplus", numerics.softplus, oracles.softplus, real(), kernel="softplus"),
    Quantity("softplus'", slope("softplus"), oracles.softplus_derivative, real(), derivative_of="softplus"),
    Quantity("sigmoid", numerics.sigmoid, oracles.sigmoid, real(), kernel="sigmoid"),
    Quantity("sigmoid'", slope("sigmoid"), oracles.sigmoid_derivative, real(), note=FROM_H, derivative_of="sigmoid"),
    Quantity("elu", value("elu"), oracles.elu, real()),
    Quantity("elu'", slope("elu"), oracles.elu_derivative, real(), note=FROM_H, derivative_of="elu"),
    Quantity("gelu", value("gelu"), oracles.gelu, above(-37, -12.5), (10, 6), note=ERFCX, tolerance=1e-12),
    Quantity(
        "gelu'",
        slope("gelu"),
        oracles.gelu_derivative,
        above(-37, -12.5),
        (10, 6),
        note=CANCELS + "; " + ERFCX,
        derivative_of="gelu",
        tolerance=1e-12,
    ),
    Quantity("gelu, far tail", value("gelu"), oracles.gelu, below(-37, -12.5), (60, 20), note=SUBNORMAL),
    Quantity("gelu', far tail", slope("gelu"), oracles.gelu_derivative, below(-37, -12.5), (60, 20), note=SUBNORMAL),
    Quantity("identity", value("identity"), oracles.identity, real(), (0, 0)),
    Quantity("identity'", slope("identity"), oracles.one, real(), (0, 0), derivative_of="identity"),
]
