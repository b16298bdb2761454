"""What was made of numbers of ours before they were used: nothing, a clamp with its ends, an activation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.numerics import sigmoid, softplus

__all__ = ["GRID", "LEAST_FREE", "Followed", "ends", "follow", "follow_deviation"]

Array = NDArray[Any]
HALF = np.array([0.25, 0.75, 1.5, 2.5, 3.5, 4.5, 6.5, 8.5, 11, 14, 17.5, 21, 26, 32])
GRID = np.concatenate([-HALF[::-1], HALF])
"""What a head is made to put out: none of it a number that people clamp to."""
CLOSE = 1e-7
"""What two ways to compute one function leave, of 1 or of its value."""
LEAST_FREE = 4
"""Entries that a clamp must leave as they are; else it is a constant."""
LEAST_EPSILON, LARGEST_EPSILON = 1e-14, 0.1
"""Smaller ones are a rounding beside a mean of 1/2, larger ones no epsilon."""


class Followed(NamedTuple):
    """What was made of them."""

    id: str
    """Of the catalogue; ``""`` for what is another parameterisation, and no mistake."""
    severity: str
    says: str
    """In words, with {} for the name of what it was made of."""
    of: Callable[[Array], Array] | None
    """The function, where there is one of the number alone."""


ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "a relu": lambda a: np.maximum(a, 0),
    "a softplus": softplus,
    "a tanh": np.tanh,
    "a sigmoid": sigmoid,
    "an elu": lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
    "a silu": lambda a: a * sigmoid(a),
    "a relu6": lambda a: np.clip(a, 0, 6),
    "an absolute value": np.abs,
}
"""What people put after a layer by habit."""


def _is(made: Array, expected: Array) -> bool:
    return bool((np.abs(made - expected) <= CLOSE * np.maximum(1, np.abs(expected))).all())


def follow(given: Array, made: Array) -> Followed | None:
    """The function that makes the one of the other, entry by entry; None where it is the same, or says nothing.

    Parameters
    ----------
    given : array
        Such as `GRID`.
    made : array
        What came of each.
    """
    if not np.isfinite(made).all() or np.ptp(made) == 0 or _is(made, given * (made[-1] / given[-1])):
        return None  # or a multiple of it, which is the sampler's
    for words, f in ACTIVATIONS.items():
        if _is(made, f(given)):
            return Followed("head-activation", "H", f"the head of {{}} has an activation: {words}", f)
    slope = float(made[0] / given[0])
    if 0 < slope < 1 and _is(made, np.where(given < 0, slope * given, given)):
        says = f"the head of {{}} has an activation: a leaky relu of slope {slope:.6g}"
        return Followed("head-activation", "H", says, lambda a: np.where(a < 0, slope * a, a))
    low, high = float(made.min()), float(made.max())
    free = (given > low) & (given < high)
    if free.sum() >= LEAST_FREE and _is(made, np.clip(given, low, high)):
        return Followed("clamp-gradient", "M", ends(given, low, high), lambda a: np.clip(a, low, high))
    return Followed("", "", "what follows its head of {} is a function that vae_np has not, and no activation", None)


def ends(given: Array, low: float, high: float) -> str:
    """Which of them act, in words with {} for what is clamped."""
    least, most = low > given.min() + CLOSE, high < given.max() - CLOSE
    how = f"to [{low:.6g}, {high:.6g}]" if least and most else f"not below {low:.6g}" if least else ""
    return f"{{}} is clamped, {how or f'not above {high:.6g}'}: no gradient beyond"


def follow_deviation(given: Array, deviation: Array) -> Followed | None:
    """The same by the deviation that was made of a log-variance; None also where the sampler is another one.

    A noise of another size, and one that takes the variance or the log-variance for the deviation, are the sampler's.
    """
    size = np.abs(deviation).max()
    if not np.isfinite(deviation).all() or not size:
        return None
    if np.abs(deviation - np.sum(deviation * given) / np.sum(given * given) * given).max() <= CLOSE * size:
        return None
    for power in (1, 2):
        for f, name in ((softplus, "softplus"), (np.exp, "")):
            if (found := _added(given, deviation, power, f, name)) is not None:
                return found
    if (deviation <= 0).any():
        return None
    s = 2 * np.log(deviation)
    if np.ptp(s - given) <= CLOSE:
        return None
    found = follow(given, s)
    if found is None or not found.id:
        half = follow(given, s / 2)
        found = half if half is None or half.id else found
    return found


def _added(given: Array, deviation: Array, power: int, f: Any, name: str) -> Followed | None:
    """A small number beside the deviation or the variance, or either of them by a softplus."""
    expected = f(given * (power / 2 if not name else 1))
    with np.errstate(over="ignore"):
        rest = deviation**power - expected
    epsilon = float(rest[0])  # where the rest is smallest
    if not _small(rest - epsilon, expected) or not 0 <= epsilon <= LARGEST_EPSILON:
        return None
    what = "variance" if power == 2 else "deviation"
    if name:
        return Followed(
            "", "", f"its {what} is the softplus of a head, and that of vae_np the exponential of one", None
        )
    if epsilon <= LEAST_EPSILON:
        return None
    return Followed("deviation-epsilon", "dialect", f"{epsilon:.6g} is added to the {what}", None)


def _small(rest: Array, beside: Array) -> bool:
    return bool((np.abs(rest) <= CLOSE * beside).all())
