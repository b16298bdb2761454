"""The oracle itself: its derivatives, and the continuous Bernoulli as a density."""

from __future__ import annotations

import inspect
import math

import mpmath as mp
import oracles
import pytest
from quantities import BY_NAME, QUANTITIES

POINTS = [-30.5, -2.25, -0.75, -1e-3, 1e-9, 0.5, 1.75, 12.0]
DERIVATIVES = [pytest.param(q, id=q.name) for q in QUANTITIES if q.derivative_of]


@pytest.mark.parametrize("quantity", DERIVATIVES)
def test_the_oracles_derivatives_are_those_of_its_values(quantity):
    base = BY_NAME[quantity.derivative_of]
    names = list(inspect.signature(base.oracle).parameters)
    for i, a in enumerate(POINTS):
        point = [0.25 if name == "x" else POINTS[i - j - 1] for j, name in enumerate(names)]
        point[quantity.argument] = a

        def along(t, point=point):
            value = base.oracle(*[t if j == quantity.argument else mp.mpf(v) for j, v in enumerate(point)])
            return value.value if isinstance(value, tuple) else value

        with mp.workdps(40):
            slope = mp.diff(along, mp.mpf(a))
            target = quantity.oracle(*point)
            target = target.value if isinstance(target, tuple) else target
            assert abs(slope - target) <= mp.mpf(10) ** -15 * (1 + abs(target)), f"at {point}: {slope} and {target}"


@pytest.mark.parametrize("a", [-40.0, -3.0, -0.01, 0.0, 1e-8, 0.7, 25.0])
def test_the_continuous_bernoulli_oracle_is_a_density_with_its_mean_and_variance(a):
    def moment(f):
        return mp.quad(lambda x: f(x) * mp.exp(oracles.continuous_bernoulli(x, a).value), mp.linspace(0, 1, 9))

    mean = oracles.continuous_bernoulli_mean(a)
    assert abs(moment(lambda x: 1) - 1) < 1e-14
    assert abs(moment(lambda x: x) - mean) < 1e-14
    assert abs(moment(lambda x: (x - mean) ** 2) - oracles.continuous_bernoulli_variance(a)) < 1e-14


@pytest.mark.parametrize("a", [799.999, -799.999])
def test_the_continuous_bernoulli_oracle_is_continuous_where_lambda_is_given_up(a):
    beyond = math.copysign(800.001, a)
    for f in (oracles.continuous_bernoulli, oracles.continuous_bernoulli_a):
        assert abs(f(0.3, a).value - f(0.3, beyond).value) < 1e-2
    with mp.workdps(60):
        assert abs(oracles.continuous_bernoulli_mean(a) - oracles.continuous_bernoulli_mean(beyond)) < 1e-8
