"""Elementary functions that ask no mathematical library: right to the last digit or so, and IEEE operations alone."""

from __future__ import annotations

import dis

import mpmath as mp
import numpy as np
import pytest

from vae_np.support import portable

DRAW = np.random.default_rng(0)


def worst(found, exact, arguments) -> float:
    """In ULP."""
    with mp.workdps(50):
        errors = [
            abs(mp.mpf(float(y)) - exact(mp.mpf(float(x)))) / mp.mpf(float(np.spacing(abs(y) or 1e-300)))
            for x, y in zip(arguments, found, strict=True)
        ]
    return float(max(errors))


def test_exp_is_off_by_at_most_one_ulp_and_knows_its_ends():
    x = np.concatenate([DRAW.uniform(-745, 709.7, 1500), DRAW.normal(size=500), [0, -0.0, 1e-300]])
    assert worst(portable.exp(x), mp.exp, x) <= 1
    found = portable.exp([np.inf, -np.inf, 800, -800, np.nan, 0])
    np.testing.assert_array_equal(found, [np.inf, 0, np.inf, 0, np.nan, 1])


def test_log_is_off_by_at_most_one_ulp_and_knows_its_ends():
    x = np.concatenate([10 ** DRAW.uniform(-307, 308, 1500), 1 + 1e-3 * DRAW.normal(size=500), [5e-324, 1e-310]])
    assert worst(portable.log(x), mp.log, x) <= 1
    np.testing.assert_array_equal(
        portable.log([0, -0.0, -1, np.inf, np.nan, 1]), [-np.inf, -np.inf, np.nan, np.inf, np.nan, 0]
    )


def test_log1p_is_off_by_little_and_knows_its_ends():
    x = np.concatenate([10 ** DRAW.uniform(-300, 300, 1500), 10 ** DRAW.uniform(-17, 1, 1500), [2.0**-53, 2.0**-52]])
    assert worst(portable.log1p(x), mp.log1p, x) <= 4
    np.testing.assert_array_equal(portable.log1p([0, 5e-324]), [0, 5e-324])


def test_the_sine_of_a_quarter_and_the_cosine_of_a_half_turn():
    t = np.concatenate([DRAW.uniform(0, 1, 1000), [0, 2.0**-53, 0.5, 1 - 2.0**-53, 1]])
    assert worst(portable.sine_of_quarter(t), lambda v: mp.sinpi(v / 2), t) <= 2.5
    found = np.array([portable.cosine_of_half_turn(v) for v in t])
    np.testing.assert_allclose(found, np.cos(np.pi * t), rtol=0, atol=4e-16)
    assert [portable.cosine_of_half_turn(v) for v in (0.0, 0.5, 1.0)] == [1, 0, -1]


@pytest.mark.parametrize("beta", [0.0, 1e-3, 0.1, 0.5, 0.9, 0.999, 0.9999, 1 - 2.0**-53])
def test_one_less_a_power_is_rounded_once_or_nearly(beta):
    steps = [1, 2, 3, 7, 10, 100, 1000, 12345, 10**6, 10**9]
    found = [portable.one_less_power(beta, n) for n in steps]
    with mp.workdps(60):
        for n, value in zip(steps, found, strict=True):
            error = abs(mp.mpf(value) - (1 - mp.mpf(beta) ** n)) / mp.mpf(float(np.spacing(value)))
            assert error <= 0.51


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "_minus_log", "sine_of_quarter", "one_less_power", "_twofold"])
def test_no_function_asks_numpy_for_what_a_library_computes(name):
    code = list(dis.get_instructions(getattr(portable, name)))
    assert "math" not in {i.argval for i in code}
    of_others = {i.argval for i in code if i.opname in ("LOAD_ATTR", "LOAD_METHOD")}
    assert not of_others & {"exp", "log", "log1p", "expm1", "power", "sin", "cos", "float_power", "logaddexp"}
