"""A Gaussian whose deviation is that of the residuals: the optimal sigma-VAE (Rybkin, Daniilidis & Levine 2021).

    sigma^2 = mean of (x - m)^2,    -log p = D/2 log sigma^2 + ...,    d/dm = (m - x) / sigma^2

Its derivative is that of half the squared error over a variance that changes with the output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.fitting import Fit, Loss
from vae_np.conformance.objective.forms import RECONSTRUCTIONS
from vae_np.conformance.objective.frameworks import Framework
from vae_np.conformance.objective.naming import Finding
from vae_np.conformance.objective.probes import Probe
from vae_np.formulas.numerics import sigmoid, softplus

__all__ = ["own_deviation"]

Array = NDArray[Any]
SQUARES = next(form for form in RECONSTRUCTIONS if form.id == "squares")
FARTHER = 2.5
"""Residuals at the second place where it is asked, in those of the first."""
GROUPS: dict[str, tuple[int, ...]] = {"the batch": (0, 1), "each example": (1,), "each feature": (0,)}
LEAST = -6.0
"""Of log sigma, where it is clipped softly, as in the authors' program."""


def _clipped(square: Array) -> Array:
    """log sigma as the authors' program has it."""
    found: Array = LEAST + softplus(0.5 * np.log(square) - LEAST)
    return found


def _of_clipped(square: Array) -> Array:
    """d/dm of the negative log-density, through sigma too, over m - x."""
    precision = np.exp(-2 * _clipped(square))
    found: Array = precision + (1 - square * precision) * sigmoid(0.5 * np.log(square) - LEAST) / square
    return found


PRECISIONS: dict[str, Callable[[Array], Array]] = {
    "": lambda square: 1 / square,
    ", its logarithm softly clipped at -6": _of_clipped,
    ", its logarithm softly clipped at -6 and detached": lambda square: np.exp(-2 * _clipped(square)),
}


def own_deviation(f: Callable[..., Any], loss: Loss, at: Probe, framework: Framework) -> tuple[Loss, Finding] | None:
    """The loss with a variance of 1, and the dialect; None if its variance is not that of the residuals."""
    if "output" not in loss.order or "x" not in loss.order:
        return None
    order = ("output", *[role for role in loss.order if role != "output"])
    place = [order.index(role) for role in loss.order]
    points = []
    for scale in (1.0, FARTHER):
        there = at._replace(output=at.x + scale * (at.output - at.x))
        if loss.reconstruction.form is not None and loss.reconstruction.form.output == "probabilities":
            return None
        steps = np.full_like(at.x, 1e-3)
        slope = framework.gradients(lambda *a: f(*[a[i] for i in place]), there.of(order), steps)[0]
        points.append((there.output - at.x, slope))
    close = 1e-7 if framework.exact else 1e-5
    for words, precision in PRECISIONS.items():
        for group, axes in GROUPS.items():
            ratios = [slope / (rest * precision(np.mean(rest**2, axis=axes, keepdims=True))) for rest, slope in points]
            both = np.stack(ratios)
            if np.isfinite(both).all() and np.ptp(both) <= close * np.abs(both).max() and both.flat[0]:
                says = f"sigma^2 is the mean of (x - m)^2 over {group}{words}: the optimal sigma-VAE"
                fit = Fit(SQUARES, float(both.mean()), 0.0)
                return loss._replace(reconstruction=fit), Finding("sigma-optimal", "dialect", says)
    return None
