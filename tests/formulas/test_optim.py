"""Adam against the paper's recursion in mpmath, and against the mistakes that others have made."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_np.formulas.optim import Adam, AdamState, adam_step, bias_correction
from vae_np.formulas.optim.clipping import clip_factor, global_norm
from vae_np.formulas.schedules import Cosine, StepList, Warmup
from vae_np.support.errors import NonFiniteError

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
    "everything": Adam(0.02, epsilon_hat=True, amsgrad=True, weight_decay=0.37, clip_norm=3.0),
    "schedule": Adam(Warmup(7, Cosine(0.02, 50, 0.001))),
}


# ---- the oracle: the paper, a scalar at a time, with 50 digits; it knows nothing of vae_np ----


def recursion(theta, gradients, adam):
    """Return theta_1, theta_2, ... of one parameter as mpf."""
    b1, b2, eps = mp.mpf(adam.beta1), mp.mpf(adam.beta2), mp.mpf(adam.epsilon)
    decay = mp.mpf(adam.weight_decay)
    theta, m, v, v_max = mp.mpf(theta), mp.mpf(0), mp.mpf(0), mp.mpf(0)
    path = []
    for t, g in enumerate(gradients, start=1):
        alpha = mp.mpf(adam.rate(t))
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
    assert len(path) == len(expected)
    for t, (row, exact_row) in enumerate(zip(path, expected, strict=True), start=1):
        for i, (value, exact) in enumerate(zip(row, exact_row, strict=True)):
            scale = max(abs(exact), abs(mp.mpf(float(theta[i]))))
            error = abs(mp.mpf(float(value)) - exact)
            assert error <= tolerance * scale, f"theta[{i}], t = {t}: {value}, exact {exact}"


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


# ---- the right one ----


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_hundred_steps_are_the_papers_recursion(name, dtype):
    theta, gradients = varied(100, 7, dtype)
    path = path_of(SETTINGS[name], theta, gradients)
    assert path.dtype == dtype
    assert_path(path, theta, gradients, SETTINGS[name], TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("epsilon_hat", [False, True])
def test_gradients_as_small_as_epsilon_and_its_root_are_the_papers_recursion(dtype, epsilon_hat):
    adam = Adam(0.1, epsilon_hat=epsilon_hat)
    sizes = np.array([0.0, 1e-9, 1e-8, 3e-8, 1e-4, -1e-4, 1e-3, -1e-8])
    signs = np.array([1, 1, -1, 1, 1, 1, -1, 1, 1, 1])[:, None]
    gradients = (signs * sizes).astype(dtype)
    theta = np.full(8, 0.25, dtype)
    path = path_of(adam, theta, gradients)
    assert_path(path, theta, gradients, adam, TOLERANCE[dtype])
    assert (path[:, 0] == theta[0]).all()  # g = 0 moves nothing


@given(size=st.floats(1e-3, 1e6), sign=st.sampled_from([-1, 1]), rate=st.floats(1e-5, 1.0))
def test_the_first_step_is_the_rate_against_the_sign(size, sign, rate):
    adam = Adam(rate)
    theta = np.zeros(1)
    adam.update(theta, np.array([sign * size]), AdamState.zeros(theta, adam))
    assert theta[0] == pytest.approx(-sign * rate, rel=2e-5)


def test_bias_correction_is_within_two_ulp():
    with mp.workdps(50):
        for beta in (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 - 1e-10):
            for t in (1, 2, 3, 10, 1000, 10**6):
                exact = 1 - mp.mpf(beta) ** t
                error = abs(mp.mpf(bias_correction(beta, t)) - exact)
                assert error <= 2 * math.ulp(float(exact)), (beta, t)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_formula_changes_nothing_that_it_is_given(name):
    adam = SETTINGS[name]
    theta, gradients = varied(2, 5, np.float64)
    state = AdamState.zeros(theta, adam)
    theta, state = adam_step(theta, gradients[0], state, adam)
    given_arrays = [theta, gradients[1], *state.arrays().values()]
    before = [a.copy() for a in given_arrays]
    new_theta, new_state = adam_step(theta, gradients[1], state, adam)
    assert all(np.array_equal(a, b) for a, b in zip(given_arrays, before, strict=True))
    assert state.step == 1
    assert new_state.step == 2
    assert not np.shares_memory(new_theta, theta)
    assert not np.shares_memory(new_state.m, state.m)
    assert not np.shares_memory(new_state.v, state.v)


def test_update_keeps_the_arrays_and_adam_step_gives_the_same_bits():
    adam = SETTINGS["everything"]
    theta, gradients = varied(5, 6, np.float32)
    pure, pure_state = theta.copy(), AdamState.zeros(theta, adam)
    state = AdamState.zeros(theta, adam)
    buffers = (theta, state.m, state.v, state.v_max)
    for gradient in gradients:
        factor = clip_factor(global_norm(gradient), adam.clip_norm)
        pure, pure_state = adam_step(pure, gradient, pure_state, adam, factor=factor)
        assert adam.update(theta, gradient, state) == global_norm(gradient)
    assert all(a is b for a, b in zip(buffers, (theta, state.m, state.v, state.v_max), strict=True))
    assert np.array_equal(theta, pure)
    assert all(np.array_equal(a, pure_state.arrays()[k]) for k, a in state.arrays().items())


@pytest.mark.parametrize("dtype", [*FLOATS, np.longdouble])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_dtype_stays(name, dtype):
    adam = SETTINGS[name]
    theta, gradients = varied(1, 3, dtype)
    state = AdamState.zeros(theta, adam)
    new_theta, state = adam_step(theta, gradients[0], state, adam, factor=0.3)
    assert new_theta.dtype == state.m.dtype == state.v.dtype == dtype
    assert state.v_max is None or state.v_max.dtype == dtype


def test_a_matrix_of_parameters_moves_as_its_flat_vector():
    adam = Adam(clip_norm=1.0)
    theta, gradients = varied(1, 15, np.float64)
    flat = path_of(adam, theta, gradients)
    matrix = path_of(adam, theta.reshape(3, 5), gradients.reshape(1, 3, 5))
    assert np.array_equal(matrix.ravel(), flat.ravel())


# ---- the mistakes: moves are relative to the learning rate, right for g = 1: 1, 1, 1 ----


def mistaken(
    *,
    correct: Callable[[float, float, int], float] = lambda x, beta, t: x / (1 - beta**t),
    denominator: Callable[[np.ndarray, float], np.ndarray] = lambda v, eps: np.sqrt(v) + eps,
    keeps_corrected: bool = False,
    tensors: int = 1,
    clips: bool = True,
    decay: Callable = lambda g, theta, adam, rate: (g, rate * adam.weight_decay * theta),
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
    "decay-without-rate": mistaken(decay=lambda g, x, adam, rate: (g, adam.weight_decay * x)),
    "clip-noop": mistaken(clips=False),
    "params-not-optimised": mistaken(leaves_out=1),
}


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
    for name in ("default", "amsgrad", "weight_decay", "schedule"):
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


# ---- the norm and the clip ----


def exact_norm(values):
    with mp.workdps(50):
        return mp.sqrt(sum(mp.mpf(float(v)) ** 2 for v in values))


@pytest.mark.parametrize(
    ("dtype", "exponents"),
    [
        (np.float32, [-50, -45, -40, -30, -20, 0, 18, 20, 30, 38]),
        (np.float64, [-322, -310, -200, -160, -152, -146, 0, 30, 153, 155, 200, 307]),
    ],
)
def test_the_global_norm_is_right_at_every_magnitude(dtype, exponents):
    for exponent in exponents:
        values = np.array([float(f"{a}e{exponent}") for a in (1.3, -0.7, 0, 1e-3, 2.9)], dtype)
        assert_norm(values, 4e-16)


def assert_norm(values, tolerance):
    norm, exact = global_norm(values), exact_norm(values)
    assert type(norm) is float
    assert abs(mp.mpf(norm) - exact) <= max(tolerance * exact, mp.mpf(5e-324)), (norm, exact)


@given(st.lists(st.floats(-1e307, 1e307), min_size=1, max_size=20))
def test_the_global_norm_is_right_for_mixed_magnitudes(values):
    assert_norm(np.array(values), 2e-15)


def test_the_global_norm_of_many_tiny_entries_loses_none():
    values = np.full(10**5, 1e-155)
    values[0] = 3e-154
    exact = mp.sqrt(mp.mpf(3e-154) ** 2 + (values.size - 1) * mp.mpf(1e-155) ** 2)
    assert global_norm(values) == pytest.approx(float(exact), rel=1e-14, abs=0)


def test_the_global_norm_of_float32_is_summed_in_float64():
    values = np.full(10**6, 0.1, np.float32)
    assert global_norm(values) == pytest.approx(1000 * float(np.float32(0.1)), rel=1e-14)


def test_the_global_norm_of_odd_inputs():
    assert global_norm(np.array([])) == 0.0
    assert global_norm(np.zeros((3, 2))) == 0.0
    assert global_norm(np.array([[3.0], [4.0]])) == 5.0
    assert global_norm(np.array([1.0, -np.inf])) == np.inf
    assert math.isnan(global_norm(np.array([1.0, np.nan, np.inf])))
    assert global_norm(np.full(9, 1.7e308)) == np.inf  # the norm itself leaves the range


@given(st.floats(0, 1e300), st.floats(1e-5, 1e5))
def test_a_clipped_norm_is_at_most_the_limit(norm, limit):
    factor = clip_factor(norm, limit)
    assert 0.0 <= factor <= 1.0
    assert norm * factor == pytest.approx(min(norm, limit), rel=1e-15, abs=0)
    assert (factor == 1.0) == (norm <= limit * (1 + 1e-15))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_clipped_gradient_has_the_limit_as_its_norm(dtype):
    _, gradients = varied(1, 1000, dtype)
    clipped = dtype(clip_factor(global_norm(gradients[0]), 0.37)) * gradients[0]
    assert global_norm(clipped) == pytest.approx(0.37, rel=4 * float(np.finfo(dtype).eps))


def test_a_gradient_below_the_limit_is_not_changed():
    theta, gradients = varied(20, 5, np.float32)
    limit = 2 * max(global_norm(g) for g in gradients)
    clipped = path_of(Adam(clip_norm=limit), theta, gradients)
    assert np.array_equal(clipped, path_of(Adam(), theta, gradients))
    assert clip_factor(0.0, 1.0) == clip_factor(1.0, 1.0) == clip_factor(1e9, None) == 1.0


def test_the_norm_returned_is_the_one_before_clipping():
    adam, theta = Adam(clip_norm=1.0), np.zeros(2)
    assert adam.update(theta, np.array([30.0, 40.0]), AdamState.zeros(theta, adam)) == 50.0


# ---- what is refused ----


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, "square"])
def test_a_gradient_that_is_not_finite_raises_and_changes_nothing(bad, dtype):
    adam = Adam(0.1, amsgrad=True, weight_decay=0.1)
    theta, gradients = varied(3, 4, dtype)
    state = AdamState.zeros(theta, adam)
    adam.update(theta, gradients[0], state)
    before = [a.tobytes() for a in (theta, *state.arrays().values())]
    gradients[1, 2] = np.sqrt(np.finfo(dtype).max) * dtype(1.1) if bad == "square" else bad
    with pytest.raises(NonFiniteError, match="gradient") as caught:
        adam.update(theta, gradients[1], state)
    assert caught.value.stage == "gradient"
    assert caught.value.examples == ()
    assert "\n" not in str(caught.value)
    assert [a.tobytes() for a in (theta, *state.arrays().values())] == before


def test_clipping_saves_a_gradient_whose_square_would_overflow():
    adam, theta = Adam(0.1, clip_norm=1.0), np.zeros(2, np.float32)
    adam.update(theta, np.array([1e30, -1e30], np.float32), AdamState.zeros(theta, adam))
    assert theta == pytest.approx([-0.1, 0.1], rel=1e-5)


def test_many_large_entries_whose_squares_fit_are_accepted():
    adam, theta = Adam(0.1), np.zeros(100, np.float32)
    adam.update(theta, np.full(100, 1e19, np.float32), AdamState.zeros(theta, adam))
    assert theta == pytest.approx(np.full(100, -0.1), rel=1e-5)


def test_arrays_that_do_not_fit_are_refused_before_anything_changes():
    adam = Adam()
    theta = np.ones(3)
    state = AdamState.zeros(theta, adam)
    with pytest.raises(TypeError, match="gradient must be float64, as theta is; it is float32"):
        adam.update(theta, np.ones(3, np.float32), state)
    with pytest.raises(ValueError, match=r"gradient must have the shape of theta, \(3,\)"):
        adam.update(theta, np.ones((1, 3)), state)
    with pytest.raises(TypeError, match="m must be float32"):
        adam.update(theta.astype(np.float32), np.ones(3, np.float32), state)
    for wrong in (np.ones(3, int), np.ones(3, complex), np.ones(3, np.float16)):
        with pytest.raises(TypeError, match="theta must be float32, float64 or wider"):
            adam.update(wrong, wrong, state)
    with pytest.raises(ValueError, match="the state has no v_max, but Adam has amsgrad=True"):
        Adam(amsgrad=True).update(theta, np.ones(3), state)
    with pytest.raises(ValueError, match="the state has a v_max, but Adam has amsgrad=False"):
        adam.update(theta, np.ones(3), AdamState.zeros(theta, Adam(amsgrad=True)))
    tiny, single = Adam(epsilon=1e-50), np.ones(1, np.float32)
    with pytest.raises(ValueError, match="epsilon must not vanish in float32"):
        tiny.update(single, single, AdamState.zeros(single, tiny))
    assert state.step == 0
    assert (theta == 1).all()
    assert not state.m.any()


@pytest.mark.parametrize(
    ("settings", "error", "fact"),
    [
        ({"learning_rate": -1.0}, ValueError, "learning_rate must not be negative; got -1.0"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate must be finite"),
        ({"learning_rate": "fast"}, TypeError, "learning_rate must be a number"),
        ({"beta1": 1.0}, ValueError, r"beta1 must lie in \[0, 1\); got 1.0"),
        ({"beta2": -0.1}, ValueError, "beta2 must lie in"),
        ({"beta2": math.nan}, ValueError, "beta2 must be finite"),
        ({"epsilon": 0.0}, ValueError, "epsilon must be positive"),
        ({"epsilon_hat": 1}, TypeError, "epsilon_hat must be True or False"),
        ({"amsgrad": "no"}, TypeError, "amsgrad must be True or False"),
        ({"weight_decay": -1e-3}, ValueError, "weight_decay must not be negative"),
        ({"clip_norm": 0.0}, ValueError, "clip_norm must be positive"),
        ({"clip_norm": True}, TypeError, "clip_norm must be a number"),
    ],
)
def test_settings_out_of_range_are_refused(settings, error, fact):
    with pytest.raises(error, match=fact):
        Adam(**settings)


def test_a_rate_that_a_schedule_makes_infinite_is_refused():
    adam = Adam(StepList(1.0, (1,), 1e300))
    grows = Adam(StepList(1e300, (1,), (1e300,)))
    assert adam.rate(2) == 1e300
    with pytest.raises(ValueError, match="learning_rate must be finite"):
        grows.rate(2)


# ---- to files and back ----


rates = st.floats(0, 10) | st.builds(Cosine, st.floats(0, 1), st.integers(1, 99), st.floats(0, 1))
shares = st.floats(0, 1, exclude_max=True)
adams = st.builds(
    Adam,
    rates,
    shares,
    shares,
    st.floats(1e-12, 1),
    st.booleans(),
    st.booleans(),
    st.floats(0, 1),
    st.none() | st.floats(1e-3, 1e3),
)


@given(adams)
def test_settings_survive_json(adam):
    assert Adam.from_dict(json.loads(json.dumps(adam.to_dict()))) == adam


def test_settings_from_numpy_numbers_survive_json_and_missing_ones_have_their_defaults():
    adam = Adam(np.float32(0.5), beta1=np.float64(0.25))
    assert Adam.from_dict(json.loads(json.dumps(adam.to_dict()))) == adam
    assert Adam.from_dict({}) == Adam()
    with pytest.raises(ValueError, match="Adam has no setting 'lr'"):
        Adam.from_dict({"lr": 1e-3})


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["default", "everything"])
def test_a_run_that_goes_through_its_named_arrays_is_the_same(name, dtype, tmp_path):
    adam = SETTINGS[name]
    theta, gradients = varied(6, 5, dtype)
    whole_path = path_of(adam, theta, gradients)
    state = AdamState.zeros(theta, adam)
    for t, gradient in enumerate(gradients):
        adam.update(theta, gradient, state)
        np.savez(tmp_path / "state.npz", **state.arrays())
        with np.load(tmp_path / "state.npz") as arrays:
            state = AdamState.from_arrays(arrays)
        assert np.array_equal(theta, whole_path[t])
    assert state.step == 6
    assert type(state.step) is int


def test_named_arrays_that_are_no_state_are_refused():
    good = AdamState.zeros(np.ones(3), Adam(amsgrad=True)).arrays()
    assert not np.shares_memory(AdamState.from_arrays(good).m, good["m"])
    for change, error, fact in [
        ({"x": np.ones(3)}, ValueError, "Adam's state has m, v, step"),
        ({"step": np.array(1.0)}, ValueError, "step must be one integer"),
        ({"step": np.array(-1)}, ValueError, "step must be at least 0"),
        ({"v": np.ones(4)}, ValueError, "v must have the shape of m"),
        ({"v": np.ones(3, np.float32)}, TypeError, "v must be float64, as m is"),
        ({"v_max": np.full(3, np.nan)}, ValueError, "v_max must not be negative or NaN"),
        ({"m": np.ones(3, int)}, TypeError, "m must be float32"),
    ]:
        with pytest.raises(error, match=fact):
            AdamState.from_arrays(good | change)
    with pytest.raises(ValueError, match="Adam's state has m, v, step"):
        AdamState.from_arrays({"m": np.ones(3), "step": np.array(0)})


def test_the_error_is_one_line_and_survives_pickle():
    error = NonFiniteError("log p(x|z)\nis nan", "decoder", np.arange(10))
    assert str(error) == "decoder: log p(x|z) is nan (examples 0, 1, 2, 3, 4, 5, 6, 7 and 2 more)"
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.stage, copy.examples, str(copy)) == ("decoder", tuple(range(10)), str(error))
    assert str(NonFiniteError("is inf", "kl", (3, 17))) == "kl: is inf (examples 3, 17)"
    assert isinstance(error, FloatingPointError)
