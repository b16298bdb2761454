"""The KL at log-variances that no ordinary posterior has: where a clamp, or an epsilon in a logarithm, shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.fitting import Loss, by_log_variance
from vae_np.conformance.objective.followed import GRID, LEAST_FREE, ends
from vae_np.conformance.objective.forms import KLS, gradient
from vae_np.conformance.objective.frameworks import Framework
from vae_np.conformance.objective.naming import Finding
from vae_np.conformance.objective.probes import SECOND, Probe

__all__ = ["hard_kl"]

Array = NDArray[Any]
HALVINGS = 40


def hard_kl(f: Callable[..., Any], loss: Loss, at: Probe, framework: Framework) -> Finding | None:
    """A clamp with its ends, or an epsilon; None if the KL is the right one there, too, or is none that is known."""
    role = next((role for role in SECOND if role in loss.order), None)
    if role is None or loss.kl.form is not KLS[0]:
        return None
    order = (role, *[other for other in loss.order if other != role])
    place = [order.index(other) for other in loss.order]

    def slope(s: float, step: float = 0.01) -> float:
        """By the log-variance, of an entry's KL."""
        there = at._replace(logvar=np.full_like(at.logvar, s))
        size = {"sigma": 10 * np.exp(s / 2), "var": 10 * np.exp(s)}.get(role, 1.0)
        steps = np.full_like(at.logvar, step * size)
        found = framework.gradients(lambda *a: f(*[a[i] for i in place]), there.of(order), steps)[0]
        return float(found.mean() / loss.kl.scale) * float(by_log_variance(role, s))

    found = np.array([slope(s) for s in GRID])
    close = 1e-7 if framework.exact else 1e-4
    zero = np.zeros_like(GRID)
    for form in (form for form in KLS if form.severity != "H"):
        expected = gradient(form, zero, GRID, of=1)
        if (np.abs(found - expected) <= close * np.abs(expected) + 1e-15).all():
            known = form is KLS[0]
            return None if known else Finding(form.id, form.severity, f"the KL is {form.says}")
    right = gradient(KLS[0], zero, GRID, of=1)
    still = np.abs(found) <= close * np.abs(right)
    free = np.abs(found - right) <= close * np.abs(right)
    if not (still ^ free).all() or free.sum() < LEAST_FREE or (np.diff(np.flatnonzero(free)) > 1).any():
        return None
    first, last = np.flatnonzero(free)[[0, -1]]
    digits = 6 if framework.exact else 2

    def near(s: float) -> float:
        return slope(s, 0.001)

    low, high = GRID[0], GRID[-1]
    if still[0]:
        low = _end(near, float(GRID[first - 1]), float(GRID[first]), digits)
    if still[-1]:
        high = _end(near, float(GRID[last + 1]), float(GRID[last]), digits)
    return Finding("clamp-gradient", "M", ends(GRID, low, high).format("the log-variance in the KL"))


def _end(slope: Callable[[float], float], still: float, free: float, digits: int) -> float:
    """Between a log-variance that has no derivative and one that has."""
    for _ in range(HALVINGS):
        middle = (still + free) / 2
        if abs(slope(middle)) <= 1e-6 * abs(np.expm1(middle)):
            still = middle
        else:
            free = middle
    return round(free, digits)
