"""Adam's kernels: the whole update in one loop over the flat vector, and the gradient's norm."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from vae_np.clipping import clip_factor
from vae_np.kernels.policy import kernel
from vae_np.kernels.workers import run_all
from vae_np.optim import Adam, AdamState, bias_correction


@kernel
def sum_of_squares(g: Any) -> Any:
    """Sum g^2, in float64."""
    total = 0.0
    for i in range(g.shape[0]):
        e = np.float64(g[i])
        total += e * e
    return total


@kernel
def step(theta: Any, g: Any, m: Any, v: Any, c: Any) -> None:
    """Theta -= decay theta + alpha m / (sqrt(v inverse) + epsilon), with the constants of `_constants`."""
    b1, a1, b2, a2, alpha, inverse, epsilon, decay, factor = c
    for i in range(theta.shape[0]):
        e = factor * g[i]
        mi = b1 * m[i] + a1 * e
        vi = b2 * v[i] + a2 * (e * e)
        m[i] = mi
        v[i] = vi
        theta[i] = (theta[i] - decay * theta[i]) - alpha * (mi / (np.sqrt(vi * inverse) + epsilon))


@kernel
def amsgrad_step(theta: Any, g: Any, m: Any, v: Any, v_max: Any, c: Any) -> None:
    """The same with the largest v so far in v's place."""
    b1, a1, b2, a2, alpha, inverse, epsilon, decay, factor = c
    for i in range(theta.shape[0]):
        e = factor * g[i]
        mi = b1 * m[i] + a1 * e
        vi = b2 * v[i] + a2 * (e * e)
        largest = vi if vi >= v_max[i] or vi != vi else v_max[i]  # NaN in either comes out
        m[i] = mi
        v[i] = vi
        v_max[i] = largest
        theta[i] = (theta[i] - decay * theta[i]) - alpha * (mi / (np.sqrt(largest * inverse) + epsilon))


def update(adam: Adam, theta: Any, g: Any, state: AdamState, ranges: Sequence[slice] = (slice(None),)) -> float:
    """What `Adam.update` does, in one loop: clip, step in place, and return the norm of the gradient.

    ``ranges`` cut the vector into pieces, a thread each. What is not plain is left to `Adam.update`, which judges it
    exactly and raises before anything changes: arrays that do not belong together, and a norm that is not finite or
    near the ends of the range.
    """
    if not _plain(adam, theta, g, state):
        return adam.update(theta, g, state)
    square = sum(run_all([partial(sum_of_squares, g[part]) for part in ranges]))
    limits = np.finfo(theta.dtype)
    if not math.sqrt(limits.tiny) < square < limits.max / 4:
        return adam.update(theta, g, state)
    norm = math.sqrt(square)
    constants = _constants(adam, state.step + 1, clip_factor(norm, adam.clip_norm), theta.dtype.type)
    arrays = [theta, g, state.m, state.v] + ([] if state.v_max is None else [state.v_max])
    loop: Callable[..., None] = step if state.v_max is None else amsgrad_step
    run_all([partial(loop, *(a[part] for a in arrays), constants) for part in ranges])
    state.step += 1
    return norm


def _plain(adam: Adam, theta: Any, g: Any, state: AdamState) -> bool:
    """Whether the kernels, which check no bounds, may have these: vectors of one length in one precision."""
    arrays = [theta, g, state.m, state.v] + ([] if state.v_max is None else [state.v_max])
    return (
        theta.dtype in (np.float32, np.float64)
        and theta.ndim == 1
        and all(a.shape == theta.shape and a.dtype == theta.dtype and a.flags.carray for a in arrays)
        and (state.v_max is not None) == adam.amsgrad
        and theta.dtype.type(adam.epsilon) > 0
    )


def _constants(adam: Adam, t: int, factor: float, cast: Any) -> tuple[Any, ...]:
    """beta1, 1 - beta1, beta2, 1 - beta2, alpha, v's inverse correction, epsilon, decay, clipping; in one dtype."""
    rate = adam.rate(t)
    c1, c2 = bias_correction(adam.beta1, t), bias_correction(adam.beta2, t)
    alpha, inverse = (rate * math.sqrt(c2) / c1, 1.0) if adam.epsilon_hat else (rate / c1, 1 / c2)
    values = (adam.beta1, 1 - adam.beta1, adam.beta2, 1 - adam.beta2, alpha, inverse, adam.epsilon)
    return tuple(cast(value) for value in (*values, rate * adam.weight_decay, factor))
