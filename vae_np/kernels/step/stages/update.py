"""The update: the sums that decide whether Adam may take its step, and the step."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.compiler.decorators import view
from vae_np.kernels.loops import adam
from vae_np.kernels.loops.sums import add as sum_up
from vae_np.kernels.loops.sums import rounded
from vae_np.kernels.step.plan import places, views
from vae_np.kernels.step.plan.make import CHUNK
from vae_np.kernels.step.stages.form import Stage

__all__ = ["ADAM", "FLOOR", "LOG_VOLUME", "OWN_NUMBERS", "TOTALS", "add", "amsgrad", "total", "update"]

# places in the numbers: the squares' range, clip_norm, Adam's from there, a variance's floor, what a scaling takes off
# log p(x|z), the step's sums, and three numbers of the likelihood's own
TINY, HUGE, CLIP, ADAM, FLOOR, LOG_VOLUME, TOTALS, OWN_NUMBERS = 0, 1, 2, 3, 14, 15, 16, 20
SQUARES, LOG_LIKELIHOOD, KL, REFUSED = range(4)  # places in the totals
_ZERO = np.float64(0)


@view
def lengths(q: Any) -> Any:
    """How many entries the three sums have: of the gradient, of the log-likelihoods and of the KL's terms."""
    return q[places.PARAMETERS], q[places.SAMPLES] * q[places.N], q[places.N] * q[places.KL_TERMS]


@view
def chunks(entries: Any) -> Any:
    """How many chunks they are."""
    return (entries + CHUNK - 1) // CHUNK


def add(like: Any) -> Stage:
    """The sums of every so many chunks, in float64."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        sums, at = views.sums(q), 0
        for what in range(3):
            n = lengths(q)[what]
            place = (places.G, places.LOG_LIKELIHOOD, places.KL)[what]
            entries = views.numbers(q, place, like, 0, n)
            if what == SQUARES:
                for layer in range(q[places.LAYERS]):  # the chunks that begin with what this thread has made
                    e0, e1 = views.entries(q, layer, t)
                    for c in range(chunks(e0), chunks(e1)):
                        sums[c] = adam.sum_of_squares(entries, c * CHUNK, min(n, (c + 1) * CHUNK))
            else:
                for c in range(t, chunks(n), q[places.THREADS]):
                    sums[at + c] = adam.plain_sum(entries, c * CHUNK, min(n, (c + 1) * CHUNK))
            at += chunks(n)

    return run


@view
def _keep(q: Any, totals: Any, refused: Any) -> None:
    """The totals, and whether the step was refused, for who called."""
    kept = views.numbers(q, places.NUMBERS, 0.0, TOTALS, TOTALS + 4)
    kept[SQUARES], kept[LOG_LIKELIHOOD], kept[KL] = totals
    kept[REFUSED] = refused


@view
def _totals(q: Any) -> Any:
    """All three sums."""
    sums, at = views.sums(q), 0
    found = (_ZERO, _ZERO, _ZERO)
    for what in range(3):
        total = lost = _ZERO
        for c in range(chunks(lengths(q)[what])):
            total, lost = sum_up(total, lost, sums[at + c])
        at += chunks(lengths(q)[what])
        found = (found[1], found[2], rounded(total, lost, total))
    return found


def total(like: Any) -> Stage:
    """The totals, where no update follows that needs them too."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        if t == 0:
            _keep(q, _totals(q), 0.0)

    return run


@view
def _constants(q: Any, like: Any, t: Any) -> Any:
    """Whether Adam may take its step, and its constants."""
    numbers = views.numbers(q, places.NUMBERS, 0.0, 0, TOTALS)
    totals = _totals(q)
    squares, log_likelihood, kl = totals
    good = np.isfinite(log_likelihood + kl) and numbers[TINY] < squares < numbers[HUGE]
    if t == 0:
        _keep(q, totals, 0.0 if good else 1.0)
    norm, clip = np.sqrt(squares), numbers[CLIP]
    return good, adam.constants_of(numbers[ADAM:], clip / norm if norm > clip else 1.0, like)


@view
def _arrays(q: Any, like: Any, layer: Any, t: Any) -> Any:
    """Theta, g, m and v of this thread's entries of a layer."""
    e0, e1 = views.entries(q, layer, t)
    theta, g = views.numbers(q, places.THETA, like, e0, e1), views.numbers(q, places.G, like, e0, e1)
    return theta, g, views.numbers(q, places.M, like, e0, e1), views.numbers(q, places.V, like, e0, e1)


def update(like: Any) -> Stage:
    """Adam on this thread's entries of the parameters, unless the sums forbid it."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        good, constants = _constants(q, like, t)
        if good:
            for layer in range(q[places.LAYERS]):
                theta, g, m, v = _arrays(q, like, layer, t)
                adam.step(theta, g, m, v, constants)

    return run


def amsgrad(like: Any) -> Stage:
    """The same for AMSGrad."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        good, constants = _constants(q, like, t)
        if good:
            for layer in range(q[places.LAYERS]):
                theta, g, m, v = _arrays(q, like, layer, t)
                v_max = views.numbers(q, places.V_MAX, like, *views.entries(q, layer, t))
                adam.amsgrad_step(theta, g, m, v, v_max, constants)

    return run
