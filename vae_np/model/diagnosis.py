"""Where a non-finite value came from: the first stage of the path that has one, and the examples concerned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas import elbo
from vae_np.formulas.network import Architecture
from vae_np.formulas.objectives import Objective
from vae_np.formulas.parameters import Parameters
from vae_np.support.errors import NonFiniteError

__all__ = ["diagnose", "posterior_fault"]

Array = NDArray[Any]


def diagnose(
    parameters: Parameters, x: Array, eps: Array, architecture: Architecture, objective: Objective, beta: float
) -> NonFiniteError:
    """The error to raise after a step whose loss or gradient was not finite.

    The step is taken once more on the formulas, and each stage is looked at in the order of the path: parameters, x,
    eps, ``encoder.0``, ..., ``encoder.mu``, ``encoder.logvar``, z, ``decoder.0``, ..., ``decoder.out``,
    log_likelihood, kl, then the gradients in the order in which the backward pass makes them.
    """
    with np.errstate(all="ignore"):
        fault = posterior_fault(parameters, architecture)
        for name, values in _stages(parameters, x, eps, architecture, objective, beta):
            bad = ~np.isfinite(values)
            if not bad.any():
                continue
            kind = "NaN" if np.isnan(values).any() else "infinite"
            if name.startswith(("parameter ", "gradient ")):
                return NonFiniteError(f"{int(bad.sum())} of {bad.size} values are {kind}", name)
            if name == "z" and fault is not None:
                return fault
            # the example is the last axis but one of (S, N, width) and (N, width); terms come as (S, N, 1)
            rows = np.flatnonzero(bad.any(axis=-1).reshape(-1, values.shape[-2]).any(axis=0))
            return NonFiniteError(f"{kind} value", name, rows)
    return NonFiniteError("the loss or a gradient is not finite, and no stage of the formulas is", "kernels")


def posterior_fault(parameters: Parameters, architecture: Architecture) -> NonFiniteError | None:
    """The error that names an own array of the posterior whose finite values give no q."""
    found = architecture.posterior.fault(architecture.own(parameters, "posterior"))
    return None if found is None else NonFiniteError(found[1], f"parameter posterior.{found[0]}")


def _stages(
    parameters: Parameters, x: Array, eps: Array, architecture: Architecture, objective: Objective, beta: float
) -> Iterator[tuple[str, Array]]:
    """Name and values of each stage, in the order of the path."""
    for name, view in parameters.items():
        yield f"parameter {name}", view
    yield "x", x
    yield "eps", eps
    terms, cache = elbo.forward(parameters, x, eps, architecture)
    for i, layer in enumerate(cache.encoder.stack):
        yield f"encoder.{i}", layer.h
    for name, head in terms.heads.items():
        yield f"encoder.{name}", head
    yield "z", terms.z
    for i, layer in enumerate(cache.decoder.stack):
        yield f"decoder.{i}", layer.h
    yield "decoder.out", terms.raw
    yield "log_likelihood", terms.log_likelihood[..., None]
    if terms.analytic:
        yield "kl", terms.kl
    if not (objective.analytic_kl and terms.analytic):
        yield "log_prior", terms.log_prior[..., None]
        yield "log_posterior", terms.log_posterior[..., None]
    gradients = elbo.backward(parameters, objective(terms, beta).cotangents, cache, architecture)
    for name in reversed(list(gradients)):
        yield f"gradient {name}", gradients[name]
