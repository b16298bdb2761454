"""Schedules at their corners, between them, and through a file."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_np.formulas.schedules import (
    Constant,
    Cosine,
    Cyclical,
    LinearWarmup,
    Schedule,
    StepList,
    Warmup,
    as_schedule,
    schedule_from_dict,
)

numbers = st.floats(0, 1e3)
counts = st.integers(1, 1000)
steps = st.integers(1, 5000)


@st.composite
def step_lists(draw):
    milestones = tuple(sorted(draw(st.sets(counts, max_size=5))))
    n = len(milestones)
    factor = st.floats(0.01, 2.0)
    factors = draw(factor | st.lists(factor, min_size=n, max_size=n).map(tuple))
    return StepList(draw(numbers), milestones, factors)


plain = st.one_of(
    st.builds(Constant, numbers),
    step_lists(),
    st.builds(Cosine, numbers, counts, numbers),
    st.builds(LinearWarmup, counts, numbers, numbers),
    st.builds(Cyclical, st.integers(2, 1000), st.floats(0.01, 1), st.integers(1, 9), numbers),
)
schedules = plain | st.builds(Warmup, counts, plain | numbers)

TABLE = [  # schedule, {step: value}
    (Constant(0.25), {1: 0.25, 10**9: 0.25}),
    (StepList(1.0, (3, 5), 0.5), {1: 1.0, 3: 1.0, 4: 0.5, 5: 0.5, 6: 0.25, 999: 0.25}),
    (StepList(1.0, (3, 5), (0.5, 0.1)), {3: 1.0, 4: 0.5, 5: 0.5, 6: 0.05}),
    (StepList(2.0, ()), {1: 2.0, 99: 2.0}),
    (Cosine(1.0, 4), {1: 1.0, 2: 0.5 + math.sqrt(0.125), 3: 0.5, 5: 0.0, 6: 0.0, 99: 0.0}),
    (Cosine(1.0, 4, 0.2), {1: 1.0, 3: 0.6, 5: 0.2, 99: 0.2}),
    (Warmup(4, 0.8), {1: 0.2, 2: 0.4, 3: 0.6, 4: 0.8, 5: 0.8, 99: 0.8}),
    (Warmup(2, Cosine(1.0, 4)), {1: 0.5, 2: 1.0, 3: 1.0, 5: 0.5, 7: 0.0}),
    (Warmup(2, StepList(1.0, (3,))), {2: 1.0, 5: 1.0, 6: 0.1}),
    (LinearWarmup(4), {1: 0.0, 2: 0.25, 3: 0.5, 4: 0.75, 5: 1.0, 99: 1.0}),
    (LinearWarmup(2, 0.5, 1.5), {1: 1.5, 2: 1.0, 3: 0.5, 4: 0.5}),
    (Cyclical(4, cycles=2), {1: 0.0, 2: 0.5, 3: 1.0, 4: 1.0, 5: 0.0, 6: 0.5, 8: 1.0, 9: 1.0}),
    (Cyclical(4, 1.0, 1, 2.0), {1: 0.0, 2: 0.5, 3: 1.0, 4: 1.5, 5: 2.0, 6: 2.0}),
]


@pytest.mark.parametrize(("schedule", "values"), TABLE)
def test_a_schedule_has_the_values_of_its_equation(schedule, values):
    for step, value in values.items():
        assert schedule(step) == pytest.approx(value, rel=1e-15, abs=1e-15), step
        assert type(schedule(step)) is float


def test_the_schedule_of_burda_et_al():
    milestones = np.cumsum([3**i for i in range(7)])
    schedule = StepList(1e-3, milestones, 10 ** (-1 / 7))
    for i, start in enumerate([0, *milestones]):
        assert schedule(int(start) + 1) == pytest.approx(1e-3 * 10 ** (-i / 7), rel=1e-14)


@given(schedules, steps)
def test_a_value_is_finite_and_not_negative(schedule, step):
    value = schedule(step)
    assert math.isfinite(value)
    assert value >= 0.0


@given(schedules)
def test_a_schedule_survives_json(schedule):
    values = json.loads(json.dumps(schedule.to_dict()))
    assert schedule_from_dict(values) == schedule
    assert type(schedule).from_dict(values) == Schedule.from_dict(values) == schedule


@given(numbers, counts, numbers)
def test_a_cosine_goes_one_way_between_its_ends(rate, length, final):
    values = [Cosine(rate, length, final)(t) for t in range(1, length + 3)]
    assert values[0] == rate
    assert values[-2] == values[-1] == final
    steps_down = np.sign(rate - final) * -np.diff(values)
    assert (steps_down >= -1e-12 * max(rate, final)).all()


@given(counts, numbers, numbers)
def test_a_linear_warmup_goes_one_way_between_its_ends(length, final, start):
    values = np.array([LinearWarmup(length, final, start)(t) for t in range(1, length + 3)])
    assert values[0] == start
    assert values[-2] == values[-1] == final
    assert np.diff(values[:-1]) == pytest.approx(
        np.full(length, (final - start) / length), abs=1e-12 * max(final, start, 1e-300)
    )


@given(counts, plain, steps)
def test_after_a_warmup_the_other_schedule_begins(length, then, step):
    schedule = Warmup(length, then)
    assert schedule(length) == then(1)
    assert schedule(length + step) == then(step)
    assert schedule(1) == pytest.approx(then(1) / length, rel=1e-15)


@given(st.integers(2, 50), st.floats(0.01, 1), st.integers(2, 5), numbers, st.data())
def test_every_cycle_is_the_first_until_the_last_is_over(period, ratio, cycles, final, data):
    schedule = Cyclical(period, ratio, cycles, final)
    place = data.draw(st.integers(1, period))
    cycle = data.draw(st.integers(1, cycles - 1))
    assert schedule(1) == 0.0
    assert schedule(cycle * period + place) == schedule(place)
    assert schedule(cycles * period + place) == final
    if (place - 1) / period >= ratio:
        assert schedule(place) == final


def test_a_number_is_a_schedule_wherever_one_is_accepted():
    assert as_schedule(3) == schedule_from_dict(3) == Constant(3.0)
    assert as_schedule(np.float32(0.5)) == Constant(0.5)
    cosine = Cosine(1.0, 5)
    assert as_schedule(cosine) is cosine
    assert Warmup(3, 0.5) == Warmup(3, Constant(0.5))
    assert schedule_from_dict({"name": "Warmup", "steps": 3, "then": 0.5}) == Warmup(3, 0.5)
    for wrong in ("0.5", None, True):
        with pytest.raises(TypeError, match="a schedule must be a number or a Schedule"):
            as_schedule(wrong)


def test_numpy_numbers_and_lists_become_plain_values():
    schedule = StepList(np.float32(0.5), np.array([2, 4]), [np.float64(0.5), 0.25])
    assert schedule == StepList(0.5, (2, 4), (0.5, 0.25))
    assert json.loads(json.dumps(schedule.to_dict())) == {
        "name": "StepList",
        "rate": 0.5,
        "milestones": [2, 4],
        "factors": [0.5, 0.25],
    }


@pytest.mark.parametrize(
    ("make", "error", "fact"),
    [
        (lambda: Constant(-1.0), ValueError, "rate must not be negative"),
        (lambda: Constant(math.inf), ValueError, "rate must be finite"),
        (lambda: Constant("1"), TypeError, "rate must be a number"),
        (lambda: Constant(1.0)(0), ValueError, "step must be at least 1; got 0"),
        (lambda: Constant(1.0)(1.5), TypeError, "step must be an integer; got 1.5"),
        (lambda: Constant(1.0)(True), TypeError, "step must be an integer"),
        (lambda: StepList(1.0, (5, 3)), ValueError, r"milestones must increase; got \(5, 3\)"),
        (lambda: StepList(1.0, (0,)), ValueError, "milestones must be at least 1"),
        (lambda: StepList(1.0, (1, 2), (0.5,)), ValueError, "each of the 2 milestones; got 1"),
        (lambda: StepList(1.0, (1,), 0.0), ValueError, "factors must be positive"),
        (lambda: Cosine(1.0, 0), ValueError, "steps must be at least 1"),
        (lambda: Cosine(1.0, 5, -0.1), ValueError, "final must not be negative"),
        (lambda: Warmup(0, 1.0), ValueError, "steps must be at least 1"),
        (lambda: Warmup(1, -1.0), ValueError, "rate must not be negative"),
        (lambda: LinearWarmup(5, start=math.nan), ValueError, "start must be finite"),
        (lambda: Cyclical(5, ratio=0.0), ValueError, "ratio must be positive"),
        (lambda: Cyclical(5, ratio=1.5), ValueError, r"ratio must lie in \(0, 1\]; got 1.5"),
        (lambda: Cyclical(1), ValueError, "period must be at least 2; got 1"),
        (lambda: Cyclical(5, cycles=0), ValueError, "cycles must be at least 1"),
        (lambda: schedule_from_dict({"rate": 1}), ValueError, "name must be one of .*; got None"),
        (lambda: schedule_from_dict({"name": "Cos"}), ValueError, "name must be one of"),
        (lambda: schedule_from_dict({"name": "Constant", "r": 1}), ValueError, "no field 'r'"),
        (lambda: schedule_from_dict({"name": "Constant"}), ValueError, "cannot be made from"),
        (lambda: Cosine.from_dict(Constant(1.0).to_dict()), ValueError, "must be a Cosine; it is"),
    ],
)
def test_what_makes_no_schedule_is_refused(make, error, fact):
    with pytest.raises(error, match=fact):
        make()


def test_a_schedule_that_is_no_dataclass_cannot_be_written_down_and_says_so():
    class Mine(Schedule):
        def _value(self, step):
            return 1.0

    assert Mine()(3) == 1.0
    with pytest.raises(TypeError, match="a schedule must be a dataclass to be saved; Mine is none"):
        Mine().to_dict()
