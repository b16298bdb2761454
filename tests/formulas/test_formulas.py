"""Every formula and its gradient against the oracle, in ULP."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import strategies
from formula_checks import FLOATS, N, check
from hypothesis import given, settings
from hypothesis import strategies as st
from quantities import BY_NAME, LOGVAR, QUANTITIES, WIDE, Quantity, grid

TABLE = [pytest.param(q, id=q.name) for q in QUANTITIES]
DERIVATIVES = [pytest.param(q, id=q.name) for q in QUANTITIES if q.derivative_of]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("quantity", TABLE)
def test_a_formula_is_the_oracle_to_a_few_ulp_at_every_magnitude(quantity, dtype):
    check(quantity, quantity.formula, dtype)


def arguments(quantity: Quantity, dtype) -> st.SearchStrategy:
    """One point for the quantity, from the names of its oracle's arguments."""
    names = list(inspect.signature(quantity.oracle).parameters)
    i = FLOATS.index(dtype)
    if len(names) == 1 and quantity.formula is not BY_NAME["log-mean-exp of 4"].formula:
        return st.tuples(strategies.floats(dtype))
    if names == ["x", "a"]:
        return st.tuples(strategies.pixels(dtype), strategies.floats(dtype))
    if names == ["a"]:
        return st.tuples(*[strategies.floats(dtype, WIDE[i])] * 4)
    deviations = strategies.floats(dtype, LOGVAR[i]).map(lambda s: float(dtype(math.exp(s / 2))))
    kinds = {"s": strategies.floats(dtype, LOGVAR[i]), "sigma": deviations}
    return st.tuples(*[kinds.get(name, strategies.floats(dtype, WIDE[i])) for name in names])


NARROWER = {"log", "log1p", "gelu", "gelu'", "gelu, far tail", "gelu', far tail", "Adam's step"}
NARROWER |= {"Adam's step, epsilon-hat and decay", "Gaussian likelihood with a floor, d/ds"}


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("quantity", [p for p in TABLE if p.id not in NARROWER])
def test_a_formula_is_the_oracle_wherever_hypothesis_looks(quantity, dtype):
    @settings(max_examples=15, deadline=None)
    @given(st.lists(arguments(quantity, dtype), min_size=1, max_size=8))
    def search(points):
        check(quantity, quantity.formula, dtype, [np.array(column, dtype) for column in zip(*points, strict=True)])

    search()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("quantity", [p for p in TABLE if not p.values[0].derivative_of])
def test_nan_in_any_argument_comes_out(quantity, dtype):
    points = quantity.points(dtype, N, 1)
    for i in range(len(points)):
        broken = [np.full_like(p, np.nan) if i == j else p for j, p in enumerate(points)]
        with np.errstate(all="ignore"):
            values = quantity.formula(*broken)
        hidden = values[~np.isnan(values)]
        assert not len(hidden), f"argument {i} of {quantity.name} was NaN and gave {hidden[0]}"


@pytest.mark.parametrize("quantity", DERIVATIVES)
def test_the_complex_step_through_a_formula_is_its_gradient(quantity):
    """Im f(a + ih) / h has no cancellation: it equals the gradient to rounding, in the size of the gradient's terms."""
    base = BY_NAME[quantity.derivative_of]
    points, exact = grid(quantity.name, np.float64, N)
    moderate = np.max(np.abs(points), axis=0) <= 300
    points = [p[moderate] for p in points]
    h = 1e-100
    steps = [p + 1j * h if i == quantity.argument else p for i, p in enumerate(points)]
    with np.errstate(all="ignore"):
        step = base.formula(*steps).imag / h
        gradient = quantity.formula(*points)
    sizes = np.array([float(t.total if isinstance(t, tuple) else abs(t)) for t in exact])[moderate]
    error = np.abs(step - gradient) / np.maximum(sizes, 1e-180)  # what the step leaves out, h^2, is 1e-200
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    where = [float(p[worst]) for p in points]
    assert error[worst] <= quantity.tolerance, f"at {where}: step {step[worst]!r}, gradient {gradient[worst]!r}"
    assert len(error) > 100
