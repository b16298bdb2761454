"""A `Case` of a program's own weights: what goes in, and by this package's formulas what must come out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters.mapping import Plan
from vae_np.conformance.adapters.reading import forward
from vae_np.conformance.cases import Case, Exact, Training
from vae_np.conformance.ours import answer

__all__ = ["BATCHES", "data", "model_case", "noise"]

Array = NDArray[Any]
BATCHES = ((0, 1, 2), (3, 4)) * 5
"""The rows of each step, as in the vectors: of two sizes, so that a factor of the batch size shows."""
ROWS = 5
FIRST = 3
"""Examples whose stages are compared."""


def _draw(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def _single(a: Array) -> Array:
    """Numbers that float32 has too, so that a program's own float32 rounds nothing."""
    found = a.astype(np.float32).astype(np.float64)
    found.flags.writeable = False
    return found


def data(features: int) -> Array:
    """Five examples of grey values between 0.05 and 0.95."""
    return _single(_draw(1).uniform(0.05, 0.95, (ROWS, features)))


def noise(latent: int) -> list[Array]:
    """Of the first three examples, and then of each step."""
    draw = _draw(2)
    return [_single(draw.normal(size=(len(rows), latent))) for rows in ((0, 1, 2), *BATCHES)]


def model_case(plan: Plan, weights: Mapping[str, Array], activation: str, likelihood: Mapping[str, str], *,
               beta: float = 1.0, adam: Mapping[str, Any] | None = None) -> Case:  # fmt: skip
    """The case, whose expected values are the formulas' in float64.

    Parameters
    ----------
    plan : Plan
        The sizes.
    weights : mapping of str to array
        Ours.
    activation : str
    likelihood : mapping
        The settings ``likelihood``, and ``sigma`` or ``link`` where it has one.
    beta : float
    adam : mapping, optional
        The settings of the rule; without it there are no steps.

    Returns
    -------
    Case
        Its stages in the order of the path; hidden layers among them.
    """
    x, eps = data(plan.features), noise(plan.latent)
    settings = {
        **likelihood,
        "activation": activation,
        "features": plan.features,
        "hidden": list(plan.hidden),
        "latent": plan.latent,
        "decoder_hidden": list(plan.decoder_hidden),
        "beta": repr(float(beta)),
        "objective": "elbo",
        "samples": 1,
    }
    inputs = {"x": x[:FIRST], "eps": eps[0][None], **weights}
    training = None
    if adam is not None:
        steps = tuple(step[None] for step in eps[1:])
        training = Training(MappingProxyType(dict(adam)), x, BATCHES, steps)
    case = Case("yours", "model", "a program's own weights", settings, MappingProxyType(inputs), {}, {}, training)
    found = answer(case)
    path = forward(plan, weights, activation, x[:FIRST], eps[0], {})
    encoder = {name: a for name, a in path.items() if name.startswith("encoder.")}
    decoder = {name: a[None] for name, a in path.items() if name.startswith("decoder.")}
    through_z = {name: found.pop(name) for name in ("mu", "logvar", "z")}
    stages = encoder | through_z | decoder | found
    expected = {name: Exact(value, np.broadcast_to(0.0, np.shape(value))) for name, value in stages.items()}
    return dataclasses.replace(case, expected=MappingProxyType(expected))
