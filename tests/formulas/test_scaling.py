"""Standardisation: moments of any data, and the way there and back."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from vae_np.formulas import scaling
from vae_np.formulas.scaling import Scaling, moments, standardising

RNG = np.random.default_rng(0)
U = 2.0**-53
COLUMNS = {
    "ordinary": RNG.normal(size=50),
    "an offset of 1e8 and a deviation of 1e-3": 1e8 + 1e-3 * RNG.normal(size=50),
    "log-normal": np.exp(3 * RNG.normal(size=50)),
    "squares that overflow": 1e200 * RNG.normal(size=50),
    "sums that overflow": np.full(50, 1.7e308) - 1e307 * RNG.random(50),
    "squares that underflow": 1e-200 * RNG.normal(size=50),
    "two values": np.repeat([3.0, 4.0], 25),
    "one that differs": np.r_[np.zeros(49), 1e-9],
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("block", [7, 2**22])
def test_mean_and_deviation_are_those_of_exact_arithmetic(name, block, monkeypatch):
    monkeypatch.setattr(scaling, "BLOCK", block)
    x = COLUMNS[name]
    exact = [Fraction(float(v)) for v in x]
    mean = sum(exact) / len(exact)
    # scaled before it is a float: its square may leave the range
    unit = max(abs(v - mean) for v in exact)
    deviation = float(unit) * math.sqrt(sum(((v - mean) / unit) ** 2 for v in exact) / len(exact))
    found = moments(x[:, None])
    assert abs(float(Fraction(float(found.mean[0])) - mean)) <= 4 * U * float(max(map(abs, exact)))
    # of the rounding of the mean only the second order is left
    assert found.deviation[0] == pytest.approx(deviation, rel=60 * U)
    assert not found.constant[0]


@pytest.mark.parametrize("block", [1, 2, 3, 4])
def test_rows_are_looked_at_even_where_one_is_more_than_a_block(block, monkeypatch):
    monkeypatch.setattr(scaling, "BLOCK", block)
    found = moments(np.array([[1.0, 0.0, -4.0], [3.0, 0.0, 4.0]]))
    np.testing.assert_array_equal([found.mean, found.deviation], [[2, 0, 0], [1, 0, 4]])


def test_float32_data_of_many_rows_lose_nothing():
    x = np.full((100_000, 1), 1000.0, np.float32)
    x[::2] += 1
    found = moments(x)
    assert found.mean[0] == pytest.approx(1000.5, rel=1e-14)
    assert found.deviation[0] == pytest.approx(0.5, rel=1e-12)  # a running float32 sum is off in the third digit


def test_a_constant_column_has_no_deviation_and_keeps_its_scale():
    x = np.column_stack([np.full(37, 0.1), np.arange(37.0)])
    found = moments(x)
    assert found.constant.tolist() == [True, False]
    assert found.deviation[0] == 0
    assert found.mean[0] == 0.1
    assert standardising(found).scale[0] == 1
    np.testing.assert_array_equal(standardising(found).inside(x)[:, 0], 0)


def test_what_is_standardised_has_mean_0_and_deviation_1():
    x = np.column_stack([COLUMNS["ordinary"], COLUMNS["log-normal"]])
    u = standardising(moments(x)).inside(x)
    np.testing.assert_allclose(u.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(u.std(axis=0), 1, rtol=1e-14)


def test_the_way_back_is_the_inverse():
    found = Scaling(np.array([1.0, -300.0]), np.array([0.01, 7.0]))
    x = np.array([[0.99, 5.0], [1.05, -1e4]])
    np.testing.assert_allclose(found.outside(found.inside(x)), x, rtol=1e-13)
    np.testing.assert_allclose(found.inside(x), (x - [1, -300]) / [0.01, 7], rtol=1e-15)


def test_both_ways_keep_the_dtype_and_round_once():
    found = Scaling(np.array([1e8]), np.array([1.0]))
    x = np.array([[1e8 + 8]], np.float32)
    assert found.inside(x).dtype == np.float32
    assert found.inside(x)[0, 0] == 8
    assert found.outside(np.array([[8.0]], np.float32)) == np.float32(1e8 + 8)


def test_the_volume_is_the_sum_of_the_logarithms():
    scale = np.array([2.0, 0.5, math.e])
    assert Scaling(np.zeros(3), scale).log_volume == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize(
    ("shift", "scale", "fact"),
    [
        ([0.0], [0.0], "scale positive"),
        ([0.0], [-1.0], "scale positive"),
        ([0.0], [math.inf], "finite"),
        ([math.nan], [1.0], "finite"),
        ([0.0, 1.0], [1.0], "one shape"),
        ([[0.0]], [[1.0]], "one shape"),
    ],
)
def test_a_scaling_that_is_none_is_refused(shift, scale, fact):
    with pytest.raises(ValueError, match=fact):
        Scaling(np.array(shift), np.array(scale))
