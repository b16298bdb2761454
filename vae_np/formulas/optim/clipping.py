"""The gradient's global norm, clipping by it, and the range of its squares."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.support.errors import NonFiniteError

__all__ = ["check_squares", "clip_factor", "global_norm"]

Array = NDArray[np.floating[Any]]


def global_norm(gradient: Array) -> float:
    """The Euclidean norm of all entries, sqrt(sum g^2), in double precision.

    Parameters
    ----------
    gradient : array, any shape

    Returns
    -------
    norm : float
        NaN if an entry is; infinite if an entry is, or if the norm itself leaves the range.

    Notes
    -----
    float32 is squared and summed in float64, where its squares cannot leave the range. In float64
    the plain sum is taken if it shows that it lost nothing: it did not overflow, and even n squares
    that vanished could not be seen in it. Else the entries are divided by a power of two near the
    largest, which is exact.
    """
    wide = np.result_type(gradient.dtype, np.float64).type
    limits = np.finfo(wide)
    with np.errstate(over="ignore", under="ignore"):
        total = np.sum(np.square(gradient, dtype=wide))
        if gradient.size * limits.smallest_normal / limits.eps <= total <= limits.max:
            return float(np.sqrt(total))
        largest = np.max(np.abs(gradient), initial=0.0).astype(wide)
        if largest == 0.0 or not np.isfinite(largest):
            return float(largest)
        exponent = np.frexp(largest)[1]
        scaled = np.ldexp(gradient.astype(wide), -exponent)
        return float(np.ldexp(np.sqrt(np.sum(np.square(scaled))), exponent))


def clip_factor(gradient_norm: float, clip_norm: float | None) -> float:
    """What a gradient is multiplied by so that its norm is at most `clip_norm`.

        factor = min(1, clip_norm / norm),    1 for norm = 0 or without a limit

    Parameters
    ----------
    gradient_norm : float
        As `global_norm` gives it.
    clip_norm : float or None
        Positive; None for no limit.

    Raises
    ------
    NonFiniteError
        If the norm is infinite or not a number.

    Notes
    -----
    Pascanu, Mikolov & Bengio (2013), algorithm 1. PyTorch divides by norm + 1e-6: its factor falls short by 1e-6 / norm
    of itself, a millionth for a norm of 1 and a thousandth for one of 1e-3, and it shortens a gradient of norm
    clip_norm. Here the factor is exactly 1 up to the limit.
    """
    if not math.isfinite(gradient_norm):
        raise NonFiniteError(f"the gradient's norm is {gradient_norm}", stage="gradient")
    if clip_norm is None or gradient_norm <= clip_norm:  # or <: at the limit the quotient is 1 too
        return 1.0
    return clip_norm / gradient_norm


def check_squares(gradient: Array, norm: float, factor: float) -> None:
    """Raise if the square of a clipped entry overflows; the norm bounds every entry."""
    limit = math.sqrt(float(np.finfo(gradient.dtype).max))
    if norm * factor < limit:
        return
    largest = float(np.max(np.abs(gradient)))
    if largest * factor >= limit:
        square = f"the square of the gradient's largest entry, {largest:.3g},"
        raise NonFiniteError(f"{square} leaves the range of {gradient.dtype}", stage="gradient")
