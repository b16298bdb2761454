"""Mistakes in formulas, of which some were made in earnest: each must fail the check that the formulas pass."""

from __future__ import annotations

import math

import numpy as np
import pytest
from formula_checks import FLOATS, check
from quantities import BY_NAME
from scipy import special

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
