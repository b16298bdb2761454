"""Every formula and its gradient against the oracle, in ULP; and mistakes that the same check must find."""

from __future__ import annotations

import inspect
import math

import mpmath as mp
import numpy as np
import oracles
import pytest
import strategies
import ulp
from hypothesis import given, settings
from hypothesis import strategies as st
from quantities import BY_NAME, LOGVAR, QUANTITIES, WIDE, Quantity, grid, measure
from scipy import special

FLOATS = [np.float64, np.float32]
N = 500
TABLE = [pytest.param(q, id=q.name) for q in QUANTITIES]
DERIVATIVES = [pytest.param(q, id=q.name) for q in QUANTITIES if q.derivative_of]


def check(quantity: Quantity, function, dtype, points=None) -> None:
    """The one check: the function is as accurate as the quantity's formula must be, and keeps the dtype."""
    points, exact = grid(quantity.name, dtype, N) if points is None else (points, None)
    bound = quantity.bound[FLOATS.index(dtype)]
    finding = measure(function, quantity, points, exact)
    name = np.dtype(dtype).name
    assert finding.error <= bound, f"{quantity.name}, {name}: {finding} ULP where {bound} are allowed {quantity.note}"


# ---- the formulas ----


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
    return st.tuples(*[strategies.floats(dtype, LOGVAR[i] if name == "s" else WIDE[i]) for name in names])


NARROWER = {"log", "log1p", "gelu", "gelu'", "gelu, far tail", "gelu', far tail", "Adam's step"}
NARROWER |= {"Adam's step, epsilon-hat and decay"}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("quantity", [p for p in TABLE if p.id not in NARROWER])
def test_a_formula_is_the_oracle_wherever_hypothesis_looks(quantity, dtype):
    @settings(max_examples=15, deadline=None, derandomize=True, database=None)
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


# ---- mistakes, of which some were made in earnest: each must fail the same check ----


LOG_2, LOG_2PI = math.log(2), math.log(2 * math.pi)
sigmoid = special.expit
right = {name: quantity.formula for name, quantity in BY_NAME.items()}


def phi(s):
    """As it is often written; it cancels near 0."""
    return np.expm1(s) - s


def published_continuous_bernoulli(x, a, width=0.0, limit=LOG_2):
    """In lambda, with the limit of log C in (1/2 - width, 1/2 + width)."""
    p = sigmoid(a)
    middle = np.abs(p - 0.5) <= width
    u = np.where(middle, 0.5, 1 - 2 * p).astype(a.dtype)
    log_c = np.where(middle, a.dtype.type(limit), np.log(2 * np.arctanh(u) / u))
    return x * np.log(p) + (1 - x) * np.log1p(-p) + log_c


def gaussian(square, s, half=0.5, constant=LOG_2PI):
    """-half square - 1/2 (s + constant)."""
    return -half * square - 0.5 * (s + constant)


def clipped_cross_entropy(x, a):
    p = np.clip(sigmoid(a), 1e-7, 1 - 1e-7)
    return x * np.log(p) + (1 - x) * np.log(1 - p)


def adam(theta, g, m, v, inside=0.0, correction1=1 - 0.9**10, correction2=1 - 0.999**10):
    m, v = 0.9 * m + (1 - 0.9) * g, 0.999 * v + (1 - 0.999) * g * g
    below = np.sqrt(v / correction2 + inside) + (0 if inside else 1e-8)
    return theta - 1e-3 * (m / correction1) / below


def sometimes_nan(a):
    return np.where(a == a.max(), np.nan, right["softplus"](a)).astype(a.dtype)


MISTAKES = {
    "z = mu + e^(s/2) eps": {
        "the variance for the deviation": lambda mu, s, eps: mu + np.exp(s) * eps,
        "the log-variance for the deviation": lambda mu, s, eps: mu + s * eps,
    },
    "z, d/dlogvar": {"no 1/2": lambda mu, s, eps: eps * np.exp(s / 2)},
    "KL": {
        "no 1/2": lambda mu, s: mu * mu + phi(s),
        "1/2 on one term": lambda mu, s: mu * mu + 0.5 * phi(s),
        "the log term's sign": lambda mu, s: 0.5 * (mu * mu + np.expm1(s) + s),
        "s for the log-deviation": lambda mu, s: 0.5 * (mu * mu + phi(2 * s)),
        "a deviation for the variance": lambda mu, s: 0.5 * (mu * mu + np.exp(s / 2) - 1 - s),
        "KL(p || q)": lambda mu, s: 0.5 * (s + (1 + mu * mu) * np.exp(-s) - 1),
        "cancelling near the prior": lambda mu, s: 0.5 * (mu * mu + phi(s)),
    },
    "KL, d/dlogvar": {
        "no 1/2": lambda mu, s: np.expm1(s),
        "exp(s) - 1": lambda mu, s: 0.5 * (np.exp(s) - 1),
    },
    "phi(s) = e^s - 1 - s": {
        "expm1(s) - s": phi,
        "exp(s) - 1 - s": lambda s: np.exp(s) - 1 - s,
        "s^2 / 2 too widely": lambda s: np.where(np.abs(s) < 1e-3, s * s / 2, phi(s)),
    },
    "Bernoulli": {
        "two sigmoids": lambda x, a: right["Bernoulli"](x, sigmoid(a)),
        "clipped probabilities": clipped_cross_entropy,
        "swapped arguments": lambda x, a: a * x - np.logaddexp(0, x),
        "the sign": lambda x, a: -right["Bernoulli"](x, a),
    },
    "Bernoulli, d/da": {
        "no tail at x = 1": lambda x, a: x - sigmoid(a),
        "two sigmoids": lambda x, a: x - sigmoid(sigmoid(a)),
    },
    "softplus": {
        "overflow": lambda a: np.log(1 + np.exp(a)),
        "no log1p": lambda a: np.maximum(a, 0) + np.log(1 + np.exp(-np.abs(a))),
        "NaN at one point": sometimes_nan,
        "a constant 1e-6 off": lambda a: right["softplus"](a) * a.dtype.type(1 + 1e-6),
    },
    "sigmoid": {
        "no lower tail": lambda a: a.dtype.type(0.5) * (1 + np.tanh(a / 2)),
        "another precision": lambda a: right["sigmoid"](a).astype(np.longdouble),
        "one value for all": lambda a: np.mean(right["sigmoid"](a)),
    },
    "continuous Bernoulli": {
        "0/0 at lambda = 1/2": published_continuous_bernoulli,
        "the limit too widely": lambda x, a: published_continuous_bernoulli(x, a, 1e-3),
        "the limit of C for that of log C": lambda x, a: published_continuous_bernoulli(x, a, 1e-6, 2.0),
        "no normaliser": lambda x, a: right["Bernoulli"](x, a),
    },
    "e^a / (e^a - 1) - 1/a": {"lambda": sigmoid, "0/0 at 0": lambda a: -1 / np.expm1(-a) - 1 / a},
    "continuous Bernoulli, d/da": {"the Bernoulli's": lambda x, a: right["Bernoulli, d/da"](x, a)},
    "log((e^a - 1) / a)": {"as written": lambda a: np.log(np.expm1(a) / a)},
    "Gaussian likelihood": {
        "no 1/2 on the squared error": lambda x, m, s: gaussian((x - m) ** 2 * np.exp(-s), s, half=1),
        "sigma for sigma^2": lambda x, m, s: gaussian((x - m) ** 2 * np.exp(-s / 2), s),
        "log sigma for log sigma^2": lambda x, m, s: gaussian((x - m) ** 2 * np.exp(-s), s / 2),
        "no constant": lambda x, m, s: gaussian((x - m) ** 2 * np.exp(-s), s, constant=0),
        "no log-variance": lambda x, m, s: gaussian((x - m) ** 2 * np.exp(-s), 0 * s),
        "the log-variance's sign": lambda x, m, s: gaussian((x - m) ** 2 * np.exp(-s), -s),
    },
    "log N(z; mu, e^s)": {"e^-s = inf": lambda z, mu, s: gaussian((z - mu) ** 2 * np.exp(-s), s)},
    "Gaussian likelihood, d/dm": {"the sign": lambda x, m, s: (m - x) * np.exp(-s)},
    "Gaussian likelihood, d/ds": {"no -1": lambda x, m, s: 0.5 * (x - m) ** 2 * np.exp(-s)},
    "log-mean-exp of 4": {
        "no log S": lambda *a: np.logaddexp.reduce(a),
        "no shift": lambda *a: np.log(np.mean(np.exp(a), axis=0)),
        "a mean of logs": lambda *a: np.mean(a, axis=0),
    },
    "gelu": {
        "the tanh fit": lambda a: 0.5 * a * (1 + np.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))),
        "no lower tail": lambda a: a * (0.5 + 0.5 * special.erf(a * math.sqrt(0.5))),
    },
    "gelu'": {"one term": lambda a: right["normal distribution"](a)},
    "tanh'": {"2.001 for 2": lambda a: 1 - np.abs(np.tanh(a)) ** 2.001},
    "elu'": {"1 everywhere": np.ones_like},
    "Adam's step": {
        "epsilon in the square root": lambda theta, g, m, v: adam(theta, g, m, v, inside=1e-16),
        "no correction of m": lambda theta, g, m, v: adam(theta, g, m, v, correction1=1),
        "no correction of v": lambda theta, g, m, v: adam(theta, g, m, v, correction2=1),
        "the sign": lambda theta, g, m, v: adam(theta, -g, -m, v),
    },
    "relu": {"leaking": lambda a: np.where(a > 0, a, a.dtype.type(0.01) * a)},
}
CASES = [pytest.param(n, f, id=f"{n}: {what}") for n, mistakes in MISTAKES.items() for what, f in mistakes.items()]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "mistake"), CASES)
def test_the_check_finds_the_mistake(name, mistake, dtype):
    with pytest.raises(AssertionError, match=r"ULP where|became"), np.errstate(all="ignore"):
        check(BY_NAME[name], mistake, dtype)


def test_the_mistakes_fail_for_what_they_say_and_not_for_their_dtype():
    for name, mistakes in MISTAKES.items():
        points = BY_NAME[name].points(np.float32, 30, 1)
        for what, mistake in mistakes.items():
            with np.errstate(all="ignore"):
                kept = mistake(*points).dtype == np.float32
            assert kept or what == "another precision", f"{name}: {what}"


# ---- the oracle itself ----

POINTS = [-30.5, -2.25, -0.75, -1e-3, 1e-9, 0.5, 1.75, 12.0]


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


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_error_is_counted_in_neighbours(dtype):
    for value in [1.0, 1.5, 1e-30, float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)]:
        value = dtype(value)
        below = np.nextafter(value, dtype(0))
        assert ulp.ulp_error(value, mp.mpf(float(value)), dtype) == 0
        assert ulp.ulp_error(below, mp.mpf(float(value)), dtype) in (0.5, 1)
    smallest = np.finfo(dtype).smallest_subnormal
    assert ulp.ulp_error(smallest, mp.mpf(0), dtype) == 1
    assert ulp.ulp_error(dtype(0), mp.mpf(float(smallest)) / 4, dtype) == 0.25
    assert ulp.ulp_error(dtype(2), mp.mpf(1), dtype, scale=mp.mpf(1) / np.finfo(dtype).eps) == 1


@pytest.mark.parametrize("dtype", FLOATS)
def test_overflow_and_nan_are_counted_by_class(dtype):
    largest = mp.mpf(float(np.finfo(dtype).max))
    assert ulp.ulp_error(np.inf, 2 * largest, dtype) == 0
    assert ulp.ulp_error(np.inf, largest, dtype) == 1
    assert ulp.ulp_error(np.inf, largest / 2, dtype) > 1e6
    assert ulp.ulp_error(np.inf, largest * 0.6, dtype, headroom=2) == 0
    assert ulp.ulp_error(-np.inf, 2 * largest, dtype) > 1e6
    assert ulp.ulp_error(np.finfo(dtype).max, 2 * largest, dtype) > 1e6
    assert ulp.ulp_error(np.nan, mp.mpf(1), dtype) == math.inf
    assert ulp.ulp_error(1.0, mp.nan, dtype) == math.inf
    assert ulp.ulp_error(1.0, mp.inf, dtype) == math.inf
    assert ulp.worst([1.0, np.nan, 3.0], [mp.mpf(1)] * 3, dtype) == (math.inf, 1)
