"""The search for the worst error of a function: many points, dense at every threshold, then uphill from the worst."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import strategies
import ulp
from quantities import Finding, Quantity, targets

__all__ = ["dense", "search"]

Array = np.ndarray
KEPT, CHILDREN, ROUNDS = 6, 10, 12
"""Of the uphill search: points that are kept, neighbours that each is given, and how often."""


def dense(points: list[Array], n: int, seed: int) -> list[Array]:
    """The points, and n more whose first argument of all magnitudes lies close to where a formula changes its case."""
    dtype, generator = points[0].dtype, np.random.default_rng(seed)
    at = np.array(strategies.BRANCHES + strategies.OVERFLOWS[dtype])
    chosen = at[generator.integers(0, len(at), n)] * generator.choice([-1, 1], n)
    near = (chosen * (1 + generator.choice([-1, 1], n) * 10.0 ** generator.uniform(-16, -1, n))).astype(dtype)
    rows = generator.integers(0, len(points[0]), n)
    argument = max(range(len(points)), key=lambda i: np.ptp(np.sign(points[i])) * len(np.unique(points[i])))
    more = [near if i == argument else column[rows] for i, column in enumerate(points)]
    return [np.concatenate(pair) for pair in zip(points, within(points, more), strict=True)]


def within(points: list[Array], others: list[Array]) -> list[Array]:
    """Others, held in the range of the points, argument by argument."""
    return [np.clip(b, a.min(), a.max()).astype(a.dtype) for a, b in zip(points, others, strict=True)]


def errors(function: Callable[..., Array], quantity: Quantity, points: list[Array], exact: list[Any]) -> Array:
    """The error at each point, in ULP."""
    with np.errstate(all="ignore"):
        values = np.asarray(function(*points))
    pairs = (target if isinstance(target, tuple) else (target, None) for target in exact)
    dtype, headroom = points[0].dtype, quantity.headroom
    return np.array([ulp.ulp_error(v, t, dtype, scale, headroom) for v, (t, scale) in zip(values, pairs, strict=True)])


def search(
    function: Callable[..., Array], quantity: Quantity, points: list[Array], exact: list[Any], seed: int
) -> Finding:
    """The worst error that is found, where, and after how many points."""
    generator, found = np.random.default_rng(seed), errors(function, quantity, points, exact)
    n, best = len(found), np.argsort(-found)[:KEPT]
    top, height = [column[best] for column in points], found[best]
    for _ in range(ROUNDS):
        if height[0] == 0 or not np.isfinite(height[0]):
            break
        shape = (len(height) * CHILDREN, len(points))
        steps = generator.choice([-1, 1], shape) * 10.0 ** generator.uniform(
            np.log10(np.finfo(top[0].dtype).eps), -1, shape
        )
        steps *= generator.random(shape) < 0.7
        with np.errstate(over="ignore"):
            children = [np.repeat(column, CHILDREN) * (1 + steps[:, i]) for i, column in enumerate(top)]
        tiny = np.finfo(top[0].dtype).tiny  # uphill also leads down into the subnormal numbers, where digits end
        children = [
            np.where(np.abs(child) < tiny, np.repeat(column, CHILDREN), child)
            for child, column in zip(within(points, children), top, strict=True)
        ]
        heights = errors(function, quantity, children, targets(quantity, children))
        n += len(heights)
        both, heights = (
            [np.concatenate(pair) for pair in zip(top, children, strict=True)],
            np.concatenate([height, heights]),
        )
        best = np.argsort(-heights)[:KEPT]
        top, height = [column[best] for column in both], heights[best]
    return Finding(float(height[0]), tuple(float(column[0]) for column in top), n)
