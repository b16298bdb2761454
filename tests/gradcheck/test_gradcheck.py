"""The two methods themselves, and the command."""

from __future__ import annotations

import numpy as np
import pytest
from models import batch, model

from vae_np.gradcheck import central_difference, check_model, complex_step


def test_the_complex_step_is_exact_to_rounding():
    x, direction = np.array([0.3, -1.2]), np.array([2.0, 0.5])
    found = complex_step(lambda v: np.exp(v[0]) * np.sin(v[1]), x, direction)
    right = np.exp(0.3) * (np.sin(-1.2) * 2.0 + np.cos(-1.2) * 0.5)
    assert abs(found - right) <= 2 * np.spacing(abs(right))


@pytest.mark.parametrize(
    ("f", "x", "right"),
    [
        (np.exp, 1.0, np.e),
        (np.sin, 0.7, np.cos(0.7)),
        (lambda v: v**5, 2.0, 80.0),
        (lambda v: 1 / (1 + v * v), 3.0, -0.06),
        (lambda v: 1e8 * np.log(v), 0.5, 2e8),
    ],
)
def test_extrapolated_differences_are_right_within_their_own_estimate(f, x, right):
    value, estimate = central_difference(lambda v: f(v[0]), np.array([x]), np.array([1.0]))
    assert abs(value - right) <= 1e-10 * abs(right)
    assert abs(value - right) <= 100 * estimate + 4 * np.spacing(abs(right))


def test_the_estimate_admits_that_a_kink_has_no_derivative():
    _, estimate = central_difference(lambda v: max(v[0], 0.0), np.array([1e-9]), np.array([1.0]))
    good = central_difference(lambda v: max(v[0], 0.0), np.array([0.04]), np.array([1.0]))
    assert good[0] == pytest.approx(1, abs=1e-12)
    assert good[1] < 1e-10
    value, _ = central_difference(lambda v: abs(v[0]) + v[0], np.array([1e-9]), np.array([1.0]))
    assert value == pytest.approx(1)  # the mean of both sides: only the estimate of a smooth function means anything
    assert estimate >= 0


def test_differences_that_are_not_numbers_fail():
    value, estimate = central_difference(lambda v: np.nan, np.array([1.0]), np.array([1.0]))
    assert np.isnan(value)
    assert estimate == np.inf


def test_a_report_can_be_read_by_people_and_programs():
    vae = model(backend="numpy")
    report = check_model(vae, *batch(vae))
    table = report.table().splitlines()
    assert len(table) == 1 + 2 * len(vae.parameters)
    assert all(name in report.table() for name in vae.parameters)
    values = report.to_dict()
    assert values["ok"] is True
    assert {row["method"] for row in values["rows"]} == {"complex step", "central difference"}
    assert values["loss"] == pytest.approx(vae.loss_and_grad(*batch(vae))[0])
