"""The update: the sums that decide whether Adam may take its step, and the step."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.compiler.decorators import view
from vae_np.kernels.loops import adam
from vae_np.kernels.step.plan import places, views
from vae_np.kernels.step.stages.form import Stage

__all__ = ["ADAM", "FLOOR", "LOG_VOLUME", "add", "amsgrad", "update"]

# places in the numbers: the squares' range, clip_norm, Adam's from there, a variance's floor, and what a
# scaling takes off log p(x|z)
TINY, HUGE, CLIP, ADAM, FLOOR, LOG_VOLUME = 0, 1, 2, 3, 14, 15
LOG_LIKELIHOOD, KL, SQUARES, REFUSED = range(4)  # places in a thread's sums


def add(like: Any) -> Stage:
    """This thread's part of the sums, in float64."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        sums, k = views.sums(q), q[places.KL_TERMS]
        e0, e1 = views.share(q, places.ENTRIES, t)
        r0, r1 = views.share(q, places.ROWS, t)
        n0, n1 = views.share(q, places.EXAMPLES, t)
        sums[t, SQUARES] = adam.sum_of_squares(views.numbers(q, places.G, like, e0, e1))
        sums[t, LOG_LIKELIHOOD] = adam.plain_sum(views.numbers(q, places.LOG_LIKELIHOOD, like, r0, r1))
        sums[t, KL] = adam.plain_sum(views.numbers(q, places.KL, like, n0 * k, n1 * k))
        sums[t, REFUSED] = 0

    return run


@view
def _constants(q: Any, like: Any, t: Any) -> Any:
    """Whether Adam may take its step, and its constants."""
    sums, numbers = views.sums(q), views.numbers(q, places.NUMBERS, 0.0, 0, 16)
    squares = total = 0.0
    for other in range(q[places.THREADS]):
        squares += sums[other, SQUARES]
        total += sums[other, LOG_LIKELIHOOD] + sums[other, KL]
    good = np.isfinite(total) and numbers[TINY] < squares < numbers[HUGE]
    sums[t, REFUSED] = 0.0 if good else 1.0
    norm, clip = np.sqrt(squares), numbers[CLIP]
    return good, adam.constants_of(numbers[ADAM:], clip / norm if norm > clip else 1.0, like)


def update(like: Any) -> Stage:
    """Adam on this thread's entries of the parameters, unless the sums forbid it."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        e0, e1 = views.share(q, places.ENTRIES, t)
        theta, g = views.numbers(q, places.THETA, like, e0, e1), views.numbers(q, places.G, like, e0, e1)
        m, v = views.numbers(q, places.M, like, e0, e1), views.numbers(q, places.V, like, e0, e1)
        good, constants = _constants(q, like, t)
        if good:
            adam.step(theta, g, m, v, constants)

    return run


def amsgrad(like: Any) -> Stage:
    """The same for AMSGrad."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        e0, e1 = views.share(q, places.ENTRIES, t)
        theta, g = views.numbers(q, places.THETA, like, e0, e1), views.numbers(q, places.G, like, e0, e1)
        m, v = views.numbers(q, places.M, like, e0, e1), views.numbers(q, places.V, like, e0, e1)
        v_max = views.numbers(q, places.V_MAX, like, e0, e1)
        good, constants = _constants(q, like, t)
        if good:
            adam.amsgrad_step(theta, g, m, v, v_max, constants)

    return run
