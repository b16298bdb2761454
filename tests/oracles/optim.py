"""A step of Adam."""

from __future__ import annotations

import mpmath as mp
from mpmath import mpf

from oracles.precision import Sum, exact

STEP = 10
"""The step t that `adam` takes."""


def _adam(theta, g, m, v, decay, reordered):
    """theta after step STEP at alpha = 1e-3, beta = (0.9, 0.999), epsilon = 1e-8, each the double of that name."""
    alpha, beta1, beta2, epsilon = mpf(1e-3), mpf(0.9), mpf(0.999), mpf(1e-8)
    v = beta2 * v + (1 - beta2) * g**2
    correction1, correction2 = 1 - beta1**STEP, 1 - beta2**STEP
    if reordered:
        alpha, below = alpha * mp.sqrt(correction2) / correction1, mp.sqrt(v) + epsilon
    else:
        alpha, below = alpha / correction1, mp.sqrt(v / correction2) + epsilon
    decay *= mpf(1e-3)
    terms = theta, -decay * theta, -alpha * beta1 * m / below, -alpha * (1 - beta1) * g / below
    return Sum(mp.fsum(terms), mp.fsum(abs(t) for t in terms))


@exact
def adam(theta, g, m, v):
    """Kingma & Ba (2015), algorithm 1."""
    return _adam(theta, g, m, v, mpf(0), False)


@exact
def adam_reordered(theta, g, m, v):
    """The reordered form at the end of their section 2, with a decoupled weight decay of 0.01."""
    return _adam(theta, g, m, v, mpf(0.01), True)
