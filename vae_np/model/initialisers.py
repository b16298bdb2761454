"""Where the parameters start.

Each array draws from a stream of its own, in float64, and is then rounded to the model's dtype: a float32 model starts
at the rounding of the float64 model of the same seed. Biases start at 0 but in the PyTorch style.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters
from vae_np.support.checks import check_finite, check_named
from vae_np.support.noise import normal_numbers, stream

__all__ = ["INITIALISERS", "Draws", "initialise", "start_own"]

Array = NDArray[Any]


class Draws:
    """What initialisers draw, of a generator, with the same bits everywhere."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def uniform(self, bound: float, shape: tuple[int, ...]) -> Array:
        """U(-bound, bound): a product and a sum apart, which a library may fuse on some machines."""
        return 2 * bound * self.generator.random(shape) - bound

    def normal(self, deviation: float, shape: tuple[int, ...]) -> Array:
        """N(0, deviation^2)."""
        return deviation * normal_numbers(self.generator, shape)


Draw = Callable[[Draws, tuple[int, int]], Array]


def _uniform(draws: Draws, shape: tuple[int, int], variance: float) -> Array:
    """U(-r, r) with r = sqrt(3 variance)."""
    return draws.uniform(math.sqrt(3 * variance), shape)


def _normal(draws: Draws, shape: tuple[int, int], variance: float) -> Array:
    """N(0, variance)."""
    return draws.normal(math.sqrt(variance), shape)


def _glorot(shape: tuple[int, int]) -> float:
    """2 / (fan_in + fan_out): Glorot & Bengio (2010)."""
    return 2 / (shape[0] + shape[1])


def _he(shape: tuple[int, int]) -> float:
    """2 / fan_in: He et al. (2015)."""
    return 2 / shape[0]


INITIALISERS: dict[str, Draw] = {
    "glorot-uniform": lambda g, shape: _uniform(g, shape, _glorot(shape)),
    "glorot-normal": lambda g, shape: _normal(g, shape, _glorot(shape)),
    "he-uniform": lambda g, shape: _uniform(g, shape, _he(shape)),
    "he-normal": lambda g, shape: _normal(g, shape, _he(shape)),
    # the default of torch.nn.Linear: weights and biases U(-r, r) with r = 1 / sqrt(fan_in)
    "torch": lambda g, shape: _uniform(g, shape, 1 / (3 * shape[0])),
}


def initialise(parameters: Parameters, init: str, seed: int) -> None:
    """Fill every array in place; those that are no layer's start at 0 (see `start_own`).

    Raises
    ------
    ValueError
        If ``init`` is none of `INITIALISERS`.
    """
    if init not in INITIALISERS:
        raise ValueError(f"init must be one of {', '.join(INITIALISERS)}; got {init!r}")
    fan_in = 0
    for place, (name, view) in enumerate(parameters.items()):
        draws = Draws(stream(seed, "init", place))
        if name.endswith(".W"):
            fan_in = view.shape[0]
            view[...] = INITIALISERS[init](draws, (view.shape[0], view.shape[1]))
        elif init == "torch" and name.endswith(".b"):  # comes directly after its W
            view[...] = draws.uniform(1 / math.sqrt(fan_in), view.shape)
        else:
            view[...] = 0


def start_own(parameters: Parameters, architecture: Architecture, seed: int) -> None:
    """Put the own arrays of posterior and prior where those say that they start."""
    for place, part in enumerate(("posterior", "prior")):
        door = getattr(architecture, part)
        values = door.own_start(architecture.latent, stream(seed, "own", place))
        starts = {name: _as_float64(value) for name, value in values.items()} if isinstance(values, Mapping) else values
        check_named(door, "own_start", "own", starts, architecture.own(parameters, part), np.dtype(np.float64))
        for name, value in starts.items():
            check_finite(np.atleast_1d(value), f"{type(door).__name__}.own_start: {name}")
            parameters[f"{part}.{name}"][...] = value  # rounded once, to the model's dtype


def _as_float64(value: Any) -> Array:
    """Real numbers in float64; others as they are."""
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind in "iuf" else array
