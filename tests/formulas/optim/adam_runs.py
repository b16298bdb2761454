"""Adam's oracle, the paper's recursion in mpmath, and runs of Adam to hold to it."""

from __future__ import annotations

import mpmath as mp
import numpy as np

from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.schedules import Cosine, Warmup

FLOATS = [np.float32, np.float64]
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-13}
SETTINGS = {
    "default": Adam(),
    "other numbers": Adam(0.03, beta1=0.5, beta2=0.99, epsilon=1e-4),
    "without momentum": Adam(0.01, beta1=0.0, beta2=0.9),
    "epsilon_hat": Adam(0.02, epsilon_hat=True),
    "amsgrad": Adam(0.02, amsgrad=True),
    "amsgrad with epsilon_hat": Adam(0.02, amsgrad=True, epsilon_hat=True),
    "weight_decay": Adam(0.02, weight_decay=0.37),
    "l2": Adam(0.02, l2=0.37),
    "everything": Adam(0.02, epsilon_hat=True, amsgrad=True, weight_decay=0.37, clip_norm=3.0, l2=0.21),
    "schedule": Adam(Warmup(7, Cosine(0.02, 50, 0.001))),
}


# ---- the oracle: the paper, a scalar at a time, with 50 digits; it knows nothing of vae_np ----


def recursion(theta, gradients, adam):
    """Return theta_1, theta_2, ... of one parameter as mpf."""
    b1, b2, eps = mp.mpf(adam.beta1), mp.mpf(adam.beta2), mp.mpf(adam.epsilon)
    decay, penalty = mp.mpf(adam.weight_decay), mp.mpf(adam.l2)
    theta, m, v, v_max = mp.mpf(theta), mp.mpf(0), mp.mpf(0), mp.mpf(0)
    path = []
    for t, g in enumerate(gradients, start=1):
        alpha = mp.mpf(adam.rate(t))
        g = g + penalty * theta
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        v_max = max(v_max, v)
        second = v_max if adam.amsgrad else v
        if adam.epsilon_hat:
            alpha_t = alpha * mp.sqrt(1 - b2**t) / (1 - b1**t)
            move = alpha_t * m / (mp.sqrt(second) + eps)
        else:
            move = alpha * (m / (1 - b1**t)) / (mp.sqrt(second / (1 - b2**t)) + eps)
        theta = theta - alpha * decay * theta - move
        path.append(theta)
    return path


def oracle(theta, gradients, adam):
    """Return theta after every step, (T, n) as mpf, with gradients (T, n) clipped by their norm."""
    with mp.workdps(50):
        rows = [[mp.mpf(float(g)) for g in row] for row in gradients]
        if adam.clip_norm is not None:
            limit = mp.mpf(adam.clip_norm)
            norms = [mp.sqrt(sum(g * g for g in row)) for row in rows]
            rows = [
                [g * limit / norm for g in row] if norm > limit else row for row, norm in zip(rows, norms, strict=True)
            ]
        columns = list(zip(*rows, strict=True))
        paths = [recursion(float(a), c, adam) for a, c in zip(theta, columns, strict=True)]
        return [list(step) for step in zip(*paths, strict=True)]


def assert_path(path, theta, gradients, adam, tolerance):
    """Fail unless every theta of every step is the oracle's, within tolerance * its magnitude."""
    expected = oracle(theta, gradients, adam)
    assert len(path) == len(expected), f"{len(path)} steps, exact {len(expected)}"
    for t, (row, exact_row) in enumerate(zip(path, expected, strict=True), start=1):
        for i, (value, exact) in enumerate(zip(row, exact_row, strict=True)):
            scale = max(abs(exact), abs(mp.mpf(float(theta[i]))))
            error = abs(mp.mpf(float(value)) - exact)
            assert error <= tolerance * scale, f"theta[{i}], t = {t}: {value}, exact {exact}"


# ---- runs ----


def path_of(adam, theta, gradients):
    """Return theta after every step of `Adam.update`, (T, n)."""
    theta = theta.copy()
    state = AdamState.zeros(theta, adam)
    path = []
    for gradient in gradients:
        adam.update(theta, gradient, state)
        path.append(theta.copy())
    return np.array(path)


def varied(steps, n, dtype, seed=3):
    """Return theta (n,) and gradients (steps, n) over eight decades, with signs and zeros mixed."""
    rng = np.random.default_rng(seed)
    theta = rng.uniform(0.5, 2.0, n) * rng.choice([-1, 1], n)
    sizes = 10.0 ** rng.uniform(-4, 4, n) * 10.0 ** rng.uniform(-1, 1, (steps, n))
    gradients = sizes * rng.normal(size=(steps, n))
    gradients[rng.random((steps, n)) < 0.1] = 0.0
    return theta.astype(dtype), gradients.astype(dtype)
