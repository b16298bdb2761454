"""The mistakes that others have made in Adam: each has its signature, and the oracle rejects it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from adam_runs import FLOATS, SETTINGS, TOLERANCE, assert_path, path_of, varied

from vae_np.formulas.optim import Adam


def mistaken(
    *,
    correct: Callable[[float, float, int], float] = lambda x, beta, t: x / (1 - beta**t),
    denominator: Callable[[np.ndarray, float], np.ndarray] = lambda v, eps: np.sqrt(v) + eps,
    keeps_corrected: bool = False,
    tensors: int = 1,
    clips: bool = True,
    decay: Callable = lambda g, theta, adam, rate: (g + adam.l2 * theta, rate * adam.weight_decay * theta),
    leaves_out: int | None = None,
    amsgrad_of_corrected: bool = False,
):
    """Return an Adam of its own, right unless told otherwise, as a function like `path_of`."""

    def path(adam, theta, gradients):
        theta = theta.astype(float)
        m, v, largest = np.zeros_like(theta), np.zeros_like(theta), np.zeros_like(theta)
        parts = np.array_split(np.arange(theta.size), tensors)
        t, rows = 0, []
        for row in gradients:
            norm = math.sqrt(sum(g * g for g in row))
            if clips and adam.clip_norm is not None and norm > adam.clip_norm:
                row = row * (adam.clip_norm / norm)
            for part in parts:
                t += 1
                rate = adam.rate(t)
                g, shrink = decay(row[part], theta[part], adam, rate)
                m[part] = adam.beta1 * m[part] + (1 - adam.beta1) * g
                v[part] = adam.beta2 * v[part] + (1 - adam.beta2) * g**2
                m_hat, v_hat = correct(m[part], adam.beta1, t), correct(v[part], adam.beta2, t)
                if keeps_corrected:
                    m[part], v[part] = m_hat, v_hat
                if adam.amsgrad and amsgrad_of_corrected:
                    v_hat = largest[part] = np.maximum(largest[part], v_hat)
                elif adam.amsgrad:
                    largest[part] = np.maximum(largest[part], v[part])
                    v_hat = correct(largest[part], adam.beta2, t)
                move = rate * m_hat / denominator(v_hat, adam.epsilon)
                if leaves_out is not None:
                    move = np.where(part == leaves_out, 0.0, move)
                theta[part] -= shrink + move
            rows.append(theta.copy())
        return np.array(rows)

    return path


def epsilon_hat_path(adam, theta, gradients):
    settings = adam.to_dict() | {"epsilon_hat": True}
    return path_of(Adam.from_dict(settings), theta, gradients)


MISTAKES = {
    "adam-no-correction": mistaken(correct=lambda x, beta, t: x),
    "adam-constant-correction": mistaken(correct=lambda x, beta, t: x / (1 - beta)),
    "adam-multiplies-correction": mistaken(correct=lambda x, beta, t: x * (1 - beta**t)),
    "adam-correction-in-place": mistaken(keeps_corrected=True),
    "adam-t-per-tensor": mistaken(tensors=2),
    "adam-eps-inside": mistaken(denominator=lambda v, eps: np.sqrt(v + eps)),
    "adam-eps-hat": epsilon_hat_path,
    "amsgrad-max-order": mistaken(amsgrad_of_corrected=True),
    "adam-l2-decay": mistaken(decay=lambda g, x, adam, rate: (g + adam.weight_decay * x, 0.0)),
    "l2-decoupled": mistaken(decay=lambda g, x, adam, rate: (g, rate * adam.l2 * x)),
    "l2-doubled": mistaken(decay=lambda g, x, adam, rate: (g + 2 * adam.l2 * x, 0.0)),
    "decay-without-rate": mistaken(decay=lambda g, x, adam, rate: (g, adam.weight_decay * x)),
    "clip-noop": mistaken(clips=False),
    "params-not-optimised": mistaken(leaves_out=1),
}


# ---- moves are relative to the learning rate, right for g = 1: 1, 1, 1 ----


def moves(path, theta, adam):
    """Return abs(theta_t - theta_{t-1}) / alpha, (T, n)."""
    steps = np.diff(np.vstack([theta, path]), axis=0)
    return np.abs(steps) / adam.learning_rate


ONES = np.ones((3, 2))
SIGNATURES = [  # mistake, settings, gradients, (t, parameter) -> wrong, right
    ("adam-no-correction", Adam(0.1), ONES, {(1, 0): 3.162, (2, 0): 4.250, (3, 0): 4.950}, 1.0),
    ("adam-constant-correction", Adam(0.1), ONES, {(1, 0): 1.0, (2, 0): 1.344, (3, 0): 1.565}, 1.0),
    (
        "adam-multiplies-correction",
        Adam(0.1),
        ONES,
        {(1, 0): 10, (2, 0): 18.06, (3, 0): 24.50},
        1.0,
    ),
    ("adam-correction-in-place", Adam(0.1), ONES, {(1, 0): 1.0, (2, 0): 0.235, (3, 0): 0.044}, 1.0),
    ("adam-t-per-tensor", Adam(0.1), ONES, {(1, 0): 1.0, (1, 1): 0.744}, 1.0),
    ("adam-eps-inside", Adam(0.1), 1e-4 * ONES, {(1, 0): 0.7071}, 0.9999),
    ("adam-eps-hat", Adam(0.1), 1e-8 * ONES, {(1, 0): 0.031}, 0.5),
    (
        "amsgrad-max-order",
        Adam(0.1, amsgrad=True),
        np.array([[1.0], [0.0]]),
        {(2, 0): 0.474},
        0.670,
    ),
    ("adam-l2-decay", Adam(0.1, weight_decay=0.25), 0 * ONES, {(1, 0): 1.0}, 0.25 * 2),
    ("l2-decoupled", Adam(0.1, l2=0.25), 0 * ONES, {(1, 0): 0.25 * 2}, 1.0),
    ("l2-doubled", Adam(0.1, l2=0.25), -0.5 * ONES, {(1, 0): 1.0}, 0.0),
    (
        "decay-without-rate",
        Adam(0.1, weight_decay=0.25),
        0 * ONES,
        {(1, 0): 0.25 * 2 / 0.1},
        0.25 * 2,
    ),
    ("clip-noop", Adam(0.1, clip_norm=1e-8), 1e-8 * ONES, {(1, 0): 0.5}, 1 / (1 + math.sqrt(2))),
    ("params-not-optimised", Adam(0.1), ONES, {(1, 0): 1.0, (1, 1): 0.0}, 1.0),
]


def test_the_signatures_cover_all_mistakes_and_the_twin_without_one_is_right():
    assert {row[0] for row in SIGNATURES} == set(MISTAKES)
    for name in ("default", "amsgrad", "weight_decay", "l2", "schedule"):
        theta, gradients = varied(20, 3, np.float64)
        path = mistaken()(SETTINGS[name], theta, gradients)
        assert_path(path, theta, gradients, SETTINGS[name], 1e-12)


@pytest.mark.parametrize(("name", "adam", "gradients", "wrong", "right"), SIGNATURES)
def test_a_mistake_has_its_signature_and_the_check_rejects_it(name, adam, gradients, wrong, right):
    theta = np.full(gradients.shape[1], 2.0)
    ours = path_of(adam, theta, gradients)
    theirs = MISTAKES[name](adam, theta, gradients)
    for (t, i), signature in wrong.items():
        assert moves(theirs, theta, adam)[t - 1, i] == pytest.approx(signature, rel=2e-2, abs=6e-4)
        assert moves(ours, theta, adam)[t - 1, i] == pytest.approx(right, rel=1e-3)
    assert_path(ours, theta, gradients, adam, 1e-13)
    for dtype in FLOATS:  # separated by at least a hundred times either tolerance
        with pytest.raises(AssertionError, match=r"theta\[\d\], t = "):
            assert_path(theirs, theta, gradients, adam, 100 * TOLERANCE[dtype])


def test_the_check_rejects_nan():
    theta, gradients = varied(2, 2, np.float64)
    with pytest.raises(AssertionError):
        assert_path(np.full((2, 2), np.nan), theta, gradients, Adam(), 1e300)
