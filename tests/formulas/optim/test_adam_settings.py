"""Adam's settings: what is out of range, and to JSON and back."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_np.formulas.optim import Adam
from vae_np.formulas.schedules import Cosine, StepList


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
        ({"l2": -1e-3}, ValueError, "l2 must not be negative; got -0.001"),
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
    st.floats(0, 1),
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
