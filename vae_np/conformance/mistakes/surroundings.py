"""What surrounds a model, for the reference computation: warm-up, initial weights, averages, binary and other data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FUNCTIONS", "RULES"]

Array = NDArray[Any]
Given = Mapping[str, Any]


def variance(scheme: str, fan_in: int, fan_out: int) -> float:
    """Of an initial weight."""
    return 2 / (fan_in + fan_out) if scheme.startswith("glorot") else 2 / fan_in


def _weight(scheme: str, drawn: Array, variance: float) -> Array:
    """From normal numbers, or uniform ones in [0, 1)."""
    scaled = drawn if scheme.endswith("normal") else np.sqrt(3) * (2 * drawn - 1)
    return np.asarray(np.sqrt(variance) * scaled)


RULES: dict[str, Callable[..., Any]] = {
    "warm_up": lambda t, length, per_epoch: min((t - 1) / length, 1.0),
    "variance": variance,
    "weight": _weight,
    "average": lambda elbo, batches: elbo.mean(),
    "binary": lambda x, u, mode: x > 0.5 if mode == "threshold" else u < x,
    "dequantised": lambda levels, u: (levels + u) / 256,
    "bits": lambda log_density, d: (d * np.log(256) - log_density) / (d * np.log(2)),
}


def _warm_up(inputs: Given, settings: Given, rules: Given) -> dict[str, Array]:
    steps = range(1, settings["steps"] + 1)
    return {"beta": np.array([rules["warm_up"](t, settings["warm_up"], settings["steps_per_epoch"]) for t in steps])}


def _initialise(inputs: Given, settings: Given, rules: Given) -> dict[str, Array]:
    scheme = settings["scheme"]
    (drawn,) = inputs.values()
    return {"W": rules["weight"](scheme, drawn, rules["variance"](scheme, settings["fan_in"], settings["fan_out"]))}


def _dequantise(inputs: Given, settings: Given, rules: Given) -> dict[str, Array]:
    bits = rules["bits"](inputs["log_density"], inputs["levels"].shape[1])
    return {"x": rules["dequantised"](inputs["levels"], inputs["u"]), "bits_per_dimension": bits}


FUNCTIONS: dict[str, Callable[..., Mapping[str, Array]]] = {
    "warm-up": _warm_up,
    "initialise": _initialise,
    "average": lambda i, s, rules: {"mean": np.asarray(rules["average"](i["elbo"], s["batches"]))},
    "binarise": lambda i, s, rules: {"binary": rules["binary"](i["x"], i["u"], s["mode"]).astype(float)},
    "dequantise": _dequantise,
}
