"""Makes the problem: weights, data and noise from seeded generators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sizes import Size

from peers.contender import Problem
from vae_np.formulas import elbo
from vae_np.formulas.likelihoods import Bernoulli
from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters

__all__ = ["DATA", "make_problem"]

DENSITY = 0.13
"""Of ones in binarised MNIST."""
MARGIN = 1e-6
"""Wider than what float32 rounds a pre-activation by."""
DATA = ("binary", "grey")


def make_problem(size: Size, data: str) -> Problem:
    """The first seed's problem in which no hidden unit is within `MARGIN` of ReLU's kink for any example.

    There the derivative jumps, and two right programs that round differently would disagree about it.
    """
    network = Architecture(size.features, size.hidden, size.latent, size.hidden[::-1], "relu", Bernoulli())
    for seed in range(100):
        problem = _draw(size, network, data, np.random.default_rng(seed))
        exact = problem.astype("float64")
        weights = Parameters(network.shapes())
        for name, value in exact.weights.items():
            weights[name] = value
        _, cache = elbo.forward(weights, exact.x, exact.eps, network)
        if all(np.abs(layer.a).min() > MARGIN for layer in [*cache.encoder.stack, *cache.decoder.stack]):
            return problem
    raise ValueError(f"no problem of size {size} keeps off ReLU's kink in 100 attempts")


def _draw(size: Size, network: Architecture, data: str, rng: np.random.Generator) -> Problem:
    """A problem in float32, which float64 holds exactly: both dtypes have the same one."""
    x: NDArray[Any] = rng.random((size.batch, size.features))
    if data == "binary":
        x = x < DENSITY
    weights = {}
    for name, shape in network.shapes().items():
        if name.endswith(".b"):
            # not zeros, which would hide a bias that is forgotten
            weights[name] = rng.normal(scale=0.1, size=shape)
            continue
        relu = name.split(".")[1].isdigit()
        weights[name] = rng.normal(scale=((2 if relu else 1) / shape[0]) ** 0.5, size=shape)
    eps = rng.standard_normal((size.samples, size.batch, size.latent))
    return Problem(size, weights, x, eps).astype("float32")
