"""Likelihoods of counts, measurements and levels against their oracles: values, gradients, NaN, planted mistakes."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from formula_checks import FLOATS, check
from quantities import targets
from quantities.tables import TABLE_ROWS, words
from scipy import special, stats

from vae_np.formulas.likelihoods import DiscretisedLogistic, StudentT
from vae_np.formulas.likelihoods.student_t import log_constant

N = 150
BY_NAME = {row.name: row for row in TABLE_ROWS}
ROWS = [pytest.param(row, id=row.name) for row in TABLE_ROWS]
DERIVATIVES = [pytest.param(row, id=row.name) for row in TABLE_ROWS if row.derivative_of]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("row", ROWS)
def test_a_likelihood_of_a_table_is_its_oracle_to_a_few_ulp(row, dtype):
    check(row, row.formula, dtype, row.points(dtype, N, 1))


@pytest.mark.parametrize("row", DERIVATIVES)
def test_the_complex_step_through_it_is_its_gradient(row):
    base, points, h = BY_NAME[row.derivative_of], row.points(np.float64, N, 2), 1e-100
    # the step goes through the value's terms, and rounds where these do
    sizes = sum(np.array([float(t.total if isinstance(t, tuple) else abs(t)) for t in targets(of, points)])
                for of in (row, base))  # fmt: skip
    steps = [p + 1j * h if i == row.argument else p for i, p in enumerate(points)]
    with np.errstate(all="ignore"):
        step, gradient = base.formula(*steps).imag / h, row.formula(*points)
    error = np.abs(step - gradient) / sizes
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    where = [float(p[worst]) for p in points]
    assert error[worst] <= row.tolerance, f"at {where}: step {step[worst]!r}, gradient {gradient[worst]!r}"


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("row", ROWS)
def test_nan_in_any_argument_of_it_comes_out(row, dtype):
    points = row.points(dtype, N, 1)
    for i in range(len(points)):
        broken = [np.full_like(p, np.nan) if i == j else p for j, p in enumerate(points)]
        with np.errstate(all="ignore"):
            assert np.isnan(row.formula(*broken)).all(), f"argument {i}"


def log_poisson(x, a):
    """As it is written: three large terms that nearly cancel."""
    return x * a - np.exp(a) - special.gammaln(x + 1)


def log_negative_binomial(x, r, mu):
    """As it is written."""
    counted = special.gammaln(x + r) - special.gammaln(r) - special.gammaln(x + 1)
    return counted + x * np.log(mu / (r + mu)) + r * np.log(r / (r + mu))


def log_multinomial(x, a):
    """As it is written; (n, 3) and (n, 3)."""
    counted = special.gammaln(x.sum(axis=-1) + 1) - special.gammaln(x + 1).sum(axis=-1)
    return counted + (x * (a - special.logsumexp(a, axis=-1, keepdims=True))).sum(axis=-1)


def log_beta(x, a, b):
    """As it is written."""
    return (
        special.gammaln(a + b) - special.gammaln(a) - special.gammaln(b) + (a - 1) * np.log(x) + (b - 1) * np.log1p(-x)
    )


right = {name: row.formula for name, row in BY_NAME.items()}
MISTAKES = {
    "Poisson": {
        "large terms that cancel": log_poisson,
        "no log x!": lambda x, a: x * a - np.exp(a),
        "log Gamma(x)": lambda x, a: x * a - np.exp(a) - special.gammaln(np.maximum(x, 1)),
        "a for the rate itself": lambda x, a: x * np.log(np.abs(a)) - a - special.gammaln(x + 1),
    },
    "Poisson, d/da": {"over the rate": lambda x, a: x / np.exp(a) - 1},
    "negative binomial": {
        "large terms that cancel": lambda x, a, s: log_negative_binomial(x, np.exp(-s), np.exp(a)),
        "alpha for 1 / alpha": lambda x, a, s: right["negative binomial"](x, a, -s),
        "the Poisson's": lambda x, a, s: right["Poisson"](x, a),
        "variance mu + alpha mu": lambda x, a, s: right["negative binomial"](x, a, s - a),
    },
    "negative binomial, d/da": {"the Poisson's": lambda x, a, s: right["Poisson, d/da"](x, a)},
    "multinomial of three words": {
        "large terms that cancel": words(log_multinomial),
        "no coefficient": words(lambda x, a: (x * (a - special.logsumexp(a, axis=-1, keepdims=True))).sum(axis=-1)),
        "no log n!": words(lambda x, a: log_multinomial(x, a) - special.gammaln(x.sum(axis=-1) + 1)),
        "a Poisson each": words(lambda x, a: right["Poisson"](x, a).sum(axis=-1)),
    },
    "multinomial of three words, d/da": {
        "a document of one word": words(lambda x, a: x[:, 0] - special.softmax(a, axis=-1)[:, 0]),
        "1 - p of a p close to 1": words(lambda x, a: x[:, 0] - x.sum(axis=-1) * special.softmax(a, axis=-1)[:, 0]),
    },
    "Student's t": {
        "the Gaussian's": lambda x, m, s: -0.5 * (((x - m) * np.exp(-s)) ** 2 + math.log(2 * math.pi)) - s,
        "nu for (nu + 1)": lambda x, m, s: right["Student's t"](x, m, s) * 2.5 / 3.5,
        "no log of the scale": lambda x, m, s: right["Student's t"](x, m, s) + s,
        "the variance for b": lambda x, m, s: right["Student's t"](x, m, s / 2),
    },
    "Student's t, d/dm": {"the Gaussian's": lambda x, m, s: (x - m) * np.exp(-2 * s)},
    "Student's t, d/ds": {"no -1": lambda x, m, s: right["Student's t, d/ds"](x, m, s) + 1},
    "Beta": {
        "large terms that cancel": lambda x, a, s: log_beta(
            x, np.exp(s) * special.expit(a), np.exp(s) * special.expit(-a)
        ),
        "the mean for phi m": lambda x, a, s: log_beta(x, special.expit(a), special.expit(-a)),
        "x^A for x^(A - 1)": lambda x, a, s: right["Beta"](x, a, s) + np.log(x) + np.log1p(-x),
        "1 - x for x": lambda x, a, s: right["Beta"](x, -a, s),
    },
    "Beta, d/da": {"the logit alone": lambda x, a, s: np.exp(s) * (np.log(x) - np.log1p(-x) - a)},
    "Beta, d/ds": {"d/dphi": lambda x, a, s: np.exp(-s) * right["Beta, d/ds"](x, a, s)},
    "discretised logistic": {
        "a difference that cancels": lambda x, m, s: np.log(
            stats.logistic.cdf(x + 1 / 510, m, np.exp(s)) - stats.logistic.cdf(x - 1 / 510, m, np.exp(s))
        ),
        "no open ends": lambda x, m, s: right["discretised logistic"](np.clip(x, 1 / 255, 254 / 255), m, s),
        "the density": lambda x, m, s: stats.logistic.logpdf(x, m, np.exp(s)),
        "a level too wide": lambda x, m, s: right["discretised logistic"](x, m, s) + np.log(256 / 255),
    },
    "discretised logistic, d/dm": {"the sign": lambda x, m, s: -right["discretised logistic, d/dm"](x, m, s)},
    "discretised logistic, d/ds": {"d/db": lambda x, m, s: np.exp(-s) * right["discretised logistic, d/ds"](x, m, s)},
    "Laplace": {
        "the Gaussian's": lambda x, m, s: -0.5 * (((x - m) * np.exp(-s)) ** 2 + math.log(2 * math.pi)) - s,
        "no constant": lambda x, m, s: -np.abs(x - m) * np.exp(-s) - s,
        "the scale for its log": lambda x, m, s: -np.abs(x - m) * np.exp(-s) - np.exp(s) - math.log(2),
        "the variance for b": lambda x, m, s: right["Laplace"](x, m, s / 2),
    },
    "Laplace, d/dm": {"the sign": lambda x, m, s: -right["Laplace, d/dm"](x, m, s)},
    "Laplace, d/ds": {"no -1": lambda x, m, s: np.abs(x - m) * np.exp(-s)},
    "negative binomial, d/ds": {"d/dr": lambda x, a, s: -np.exp(s) * right["negative binomial, d/ds"](x, a, s)},
}
CASES = [pytest.param(n, f, id=f"{n}: {what}") for n, mistakes in MISTAKES.items() for what, f in mistakes.items()]


@pytest.mark.parametrize(("name", "mistake"), CASES)
def test_the_oracle_finds_the_mistake(name, mistake):
    row = BY_NAME[name]
    with pytest.raises(AssertionError, match="ULP where"), np.errstate(all="ignore"):
        check(row, mistake, np.float64, row.points(np.float64, N, 1))


@pytest.mark.parametrize("df", [1.0625, 2.0, 30.0, 1e4, 1e8, 1e15])
def test_the_constant_of_a_students_t_is_right_for_every_number_of_degrees_of_freedom(df):
    with mp.workdps(60):
        nu = mp.mpf(df)
        exact = mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2) - mp.log(nu * mp.pi) / 2
        assert abs(log_constant(df) - exact) <= 8 * np.finfo(float).eps  # ten terms of at most 1


def test_a_students_t_agrees_with_scipy_and_becomes_the_gaussian_and_its_far_tail_is_finite():
    x, m, s = np.linspace(-9, 9, 41), np.array(0.3), np.array([0.4])
    raw = np.full(41, m)
    for df in (1.5, 4.0, 77.0):
        found = StudentT(df, "learned").log_density(x, raw, {"logscale": s})
        np.testing.assert_allclose(found, stats.t.logpdf(x, df, m, np.exp(0.4)), rtol=1e-12)
    found = StudentT(1e15).log_density(x, raw, {"logscale": s})
    np.testing.assert_allclose(found, stats.norm.logpdf(x, m, np.exp(0.4)), rtol=1e-12)
    far = StudentT(4.0, 1.0).log_density(np.array([1e300]), np.array([0.0]))
    np.testing.assert_allclose(far, -5 * 300 * math.log(10) + 2.5 * math.log(4) + log_constant(4.0), rtol=1e-14)


@pytest.mark.parametrize("df", [1.0, 0.5, -3.0, math.inf, math.nan])
def test_degrees_of_freedom_without_a_mean_are_refused(df):
    with pytest.raises(ValueError, match="df must be"):
        StudentT(df)


@pytest.mark.parametrize("scale", ["every", 0.0, -1.0, math.nan])
def test_a_scale_that_is_no_positive_number_and_no_known_word_is_refused(scale):
    with pytest.raises(ValueError, match="scale must be"):
        StudentT(4.0, scale)


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("s", [-30.0, -6.0, -1.0, 5.0, 60.0])
def test_the_probabilities_of_all_levels_add_up_to_1(levels, s):
    x, likelihood = np.arange(levels) / (levels - 1), DiscretisedLogistic("learned", levels)
    for m in (-0.7, 0.3001, 1.2):
        log_p = likelihood.log_density(x, np.full(levels, m), {"logscale": np.array([s])})
        assert (log_p <= 0).all()
        mean = likelihood.mean(np.array([m]), {"logscale": np.array([s])})[0]
        p = np.exp(log_p)
        # each log p is rounded in proportion to its terms, s among them
        unit = 4 * np.finfo(float).eps * (levels + p @ (np.abs(log_p) + abs(s) + 6))
        assert abs(p.sum() - 1) <= unit
        assert abs(p @ x - mean) <= unit


def test_a_float32_that_is_a_level_of_256_is_taken_for_it_and_its_neighbours_are_not():
    levels = (np.arange(256) / 255).astype(np.float32)[:, None]
    DiscretisedLogistic().check(levels)
    DiscretisedLogistic().check(levels.astype(np.float64))
    for wrong in (np.float32(0.001), np.float32(128 / 256), np.float32(7 / 256)):
        with pytest.raises(ValueError, match=f"row 3, column 0 is {wrong}"):
            DiscretisedLogistic().check(np.where(np.arange(256)[:, None] == 3, wrong, levels))
