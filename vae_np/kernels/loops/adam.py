"""Adam's kernels: the whole update in one loop over the flat vector, and the gradient's norm."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.optim.clipping import clip_factor
from vae_np.kernels.compiler.by_type import typed
from vae_np.kernels.compiler.decorators import loop, recompiled
from vae_np.kernels.compiler.intrinsics import fused
from vae_np.kernels.compiler.lanes import wide_squares, wide_sum
from vae_np.kernels.loops.sums import BLOCK, add, rounded
from vae_np.support import portable

STEP, RATE = 6, 7
_ZERO = np.float64(0)


@loop
def sum_of_squares(g: Any, begin: Any, end: Any) -> Any:
    """Sum g^2 of the entries [begin, end), in float64."""
    total = lost = _ZERO
    for at in range(begin, end, BLOCK):
        total, lost = add(total, lost, wide_squares(g, at, min(BLOCK, end - at)))
    return rounded(total, lost, total)


@loop
def plain_sum(a: Any, begin: Any, end: Any) -> Any:
    """Sum a of the same, in float64."""
    total = lost = _ZERO
    for at in range(begin, end, BLOCK):
        total, lost = add(total, lost, wide_sum(a, at, min(BLOCK, end - at)))
    return rounded(total, lost, total)


@loop
def step(theta: Any, g: Any, m: Any, v: Any, c: Any) -> None:
    """Theta -= decay theta + alpha m / (sqrt(v inverse) + epsilon), with the constants of `constants_of`.

    Moments that overflow for the penalty's sake alone, at l2 theta near the root of the largest number, are not refused
    here as they are in `Adam.update`.
    """
    b1, a1, b2, a2, alpha, inverse, epsilon, decay, factor, l2 = c
    for i in range(theta.shape[0]):
        e = fused(l2, theta[i], factor * g[i])
        mi = fused(b1, m[i], a1 * e)
        vi = fused(b2, v[i], a2 * (e * e))
        m[i] = mi
        v[i] = vi
        theta[i] = fused(-decay, theta[i], theta[i]) - alpha * (mi / (np.sqrt(vi * inverse) + epsilon))


@loop
def amsgrad_step(theta: Any, g: Any, m: Any, v: Any, v_max: Any, c: Any) -> None:
    """The same with the largest v so far in v's place."""
    b1, a1, b2, a2, alpha, inverse, epsilon, decay, factor, l2 = c
    for i in range(theta.shape[0]):
        e = fused(l2, theta[i], factor * g[i])
        mi = fused(b1, m[i], a1 * e)
        vi = fused(b2, v[i], a2 * (e * e))
        largest = vi if vi >= v_max[i] or vi != vi else v_max[i]  # NaN in either comes out
        m[i] = mi
        v[i] = vi
        v_max[i] = largest
        theta[i] = fused(-decay, theta[i], theta[i]) - alpha * (mi / (np.sqrt(largest * inverse) + epsilon))


_twofold = recompiled(portable._twofold)
_one_less_power = recompiled(portable.one_less_power, _twofold=_twofold)


@loop
def constants_of(numbers: Any, factor: Any, like: Any) -> Any:
    """What `step` takes, in like's type: see `settings_of` for the numbers."""
    beta1, beta2, epsilon, decay, hat, l2 = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]
    t, rate = np.int64(numbers[STEP]), numbers[RATE]
    c1, c2 = _one_less_power(beta1, t), _one_less_power(beta2, t)
    alpha = rate * math.sqrt(c2) / c1 if hat else rate / c1
    inverse = 1.0 if hat else 1.0 / c2
    return (
        typed(like, beta1),
        typed(like, 1.0 - beta1),
        typed(like, beta2),
        typed(like, 1.0 - beta2),
        typed(like, alpha),
        typed(like, inverse),
        typed(like, epsilon),
        typed(like, rate * decay),
        typed(like, factor),
        typed(like, l2),
    )


def update(adam: Adam, theta: Any, g: Any, state: AdamState) -> float:
    """What `Adam.update` does, in one loop: clip, step in place, and return the norm of the gradient.

    What is not plain is left to `Adam.update`, which judges it exactly and raises before anything changes: arrays that
    do not belong together, and a norm that is not finite or near the ends of the range.
    """
    if not is_plain(adam, theta, g, state):
        return adam.update(theta, g, state)
    square = sum_of_squares(g, 0, len(g))
    tiny, huge = limits(theta.dtype)
    if not tiny < square < huge:
        return adam.update(theta, g, state)
    norm = math.sqrt(square)
    t = state.step + 1
    numbers = np.array([*settings_of(adam), t, adam.rate(t)])
    constants = constants_of(numbers, clip_factor(norm, adam.clip_norm), theta.dtype.type(0))
    constants = tuple(map(theta.dtype.type, constants))  # Numba hands back Python's numbers
    if state.v_max is None:
        step(theta, g, state.m, state.v, constants)
    else:
        amsgrad_step(theta, g, state.m, state.v, state.v_max, constants)
    state.step += 1
    return norm


@functools.cache
def limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Between them the sum of squares of a gradient has lost nothing and none of the squares overflows."""
    found = np.finfo(dtype)
    return math.sqrt(found.tiny), float(found.max) / 4


def is_plain(adam: Adam, theta: Any, g: Any, state: AdamState) -> bool:
    """Whether the kernels, which check no bounds, may have these: vectors of one length in one precision."""
    arrays = [theta, g, state.m, state.v] + ([] if state.v_max is None else [state.v_max])
    return (
        theta.dtype in (np.float32, np.float64)
        and theta.ndim == 1
        and all(a.shape == theta.shape and a.dtype == theta.dtype and a.flags.carray for a in arrays)
        and (state.v_max is not None) == adam.amsgrad
        and theta.dtype.type(adam.epsilon) > 0
    )


def settings_of(adam: Adam) -> tuple[float, ...]:
    """beta1, beta2, epsilon, weight decay, whether epsilon-hat, and L2; `constants_of` wants the step's number and its
    rate after them."""
    return adam.beta1, adam.beta2, adam.epsilon, adam.weight_decay, float(adam.epsilon_hat), adam.l2
