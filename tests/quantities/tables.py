"""The likelihoods of counts, measurements and levels: points where they are hard, and the errors that are allowed.

They stand apart from `QUANTITIES` since x is not any number: the searches that move a point by a bit would leave it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import oracles.tables as exact

from quantities.quantity import Array, Points, Quantity
from vae_np.formulas.likelihoods import (
    Beta,
    DiscretisedLogistic,
    Laplace,
    Multinomial,
    NegativeBinomial,
    Poisson,
    StudentT,
)


def slope(likelihood, part: int | str = "raw", own: str = "") -> Callable[..., Array]:
    """A part of a likelihood's gradient, of (x, m) or of (x, m, s) with s its own array: of raw, or by its name."""

    def function(x: Array, m: Array, *s: Array) -> Array:
        draw, down = likelihood.gradient(x, m, {own: s[0]} if s else {})
        return draw if part == "raw" else down[part]

    return function


def own(likelihood, name: str) -> Callable[..., Array]:
    """A likelihood's log-density of (x, m, s) with s its own array."""
    return lambda x, m, s: likelihood.log_density(x, m, {name: s})


def counts(generator, n: int, dtype) -> Array:
    """Whole numbers of all sizes that the dtype holds, small ones often."""
    most = 15 if np.dtype(dtype) == np.float64 else 7
    small, large = generator.integers(0, 40, n), np.floor(10.0 ** generator.uniform(0, most, n))
    return np.where(generator.random(n) < 0.5, small, large)


def locations(generator, x: Array, limit: float) -> Array:
    """Log-rates: near log x, moderate, and far off."""
    near = np.log(np.maximum(x, 0.5)) + generator.standard_normal(len(x)) * 10.0 ** generator.uniform(-8, 0.5, len(x))
    kind, far = generator.integers(0, 4, len(x)), generator.uniform(-limit, limit, len(x))
    return np.select([kind < 2, kind == 2], [near, generator.uniform(-5, 5, len(x))], far)


def count_and_rate(dtype, n, seed) -> list[Array]:
    """(x, a)."""
    generator = np.random.default_rng(seed)
    x = counts(generator, n, dtype)
    return [x.astype(dtype), locations(generator, x, 700).astype(dtype)]


def count_rate_and_dispersion(dtype, n, seed) -> list[Array]:
    """(x, a, s), with dispersions down to nothing and far beyond 1."""
    x, a = count_and_rate(dtype, n, seed)
    generator = np.random.default_rng(seed + 1)
    wide, kind = generator.uniform(-90, 90, n), generator.integers(0, 3, n)
    return [x, np.clip(a, -100, 100), np.where(kind > 0, generator.uniform(-8, 4, n), wide).astype(dtype)]


def document(dtype, n, seed) -> list[Array]:
    """(x, y, z, a, b, c): counts of three words, in long and short documents, and logits near and far from them."""
    generator = np.random.default_rng(seed)
    most = 14 if np.dtype(dtype) == np.float64 else 6  # of counts that are no longer exact nothing is asked
    size = 10.0 ** generator.uniform(0, most, (n, 1)) * (generator.random((n, 3)) < 0.7)
    x = np.floor(
        np.where(generator.random((n, 1)) < 0.5, generator.integers(0, 6, (n, 3)), size * generator.random((n, 3)))
    )
    x[:, 0] += x.sum(axis=1) == 0  # of an empty document all is 0, and has no size
    near = np.log(np.maximum(x, 0.3)) + generator.standard_normal((n, 3)) * 10.0 ** generator.uniform(-8, 0.5, (n, 1))
    kind = generator.integers(0, 4, (n, 1))
    far = generator.uniform(-300, 300, (n, 3))
    logits = np.select([kind < 2, kind == 2], [near, generator.uniform(-5, 5, (n, 3))], far)
    return list(np.concatenate([x, logits], axis=1).astype(dtype).T)


def words(function) -> Callable[..., Array]:
    """A function of counts and logits (n, 3), of their columns."""
    return lambda *columns: function(np.stack(columns[:3], axis=-1), np.stack(columns[3:], axis=-1))


def value_and(name: str, value, gradients: dict, points: Points, bound: tuple[float, float] = (6, 2)) -> list[Quantity]:
    """The row of a log-density and those of its derivatives: {what: (argument, function, oracle)}."""
    function, oracle = value
    rows = [Quantity(name, function, oracle, points, bound)]
    for what, (argument, gradient, derivative) in gradients.items():
        rows.append(
            Quantity(
                f"{name}, d/d{what}", gradient, derivative, points, bound, derivative_of=name, argument=argument,
                tolerance=1e-12,
            )
        )  # fmt: skip
    return rows


def measurement(dtype, n, seed) -> list[Array]:
    """(x, m, s): x near m in units of e^s, far in the tails, and where e^-s is large."""
    generator = np.random.default_rng(seed)
    most = 300 if np.dtype(dtype) == np.float64 else 40
    kind, wide = generator.integers(0, 3, n), generator.uniform(-most, most, n)
    s = np.where(kind > 0, generator.uniform(-6, 6, n), wide).astype(dtype)
    m = generator.standard_normal(n) * 10.0 ** generator.uniform(-3, 3, n)
    with np.errstate(over="ignore"):
        far = generator.standard_normal(n) * np.exp(s) * 10.0 ** generator.uniform(-4, 20, n)
        x = (m + np.where(np.isfinite(far), far, 1)).astype(dtype)
    # at x = m itself a Laplace has no derivative
    return [np.where(np.isfinite(x) & (x != m.astype(dtype)), x, 1).astype(dtype), m.astype(dtype), s]


def dispersed(name: str, likelihood, what: str, oracle, slopes, points: Points, letter="m") -> list[Quantity]:
    """The three rows of a likelihood of (x, m, s), s its own array ``what``, and d/dm and d/ds."""
    gradients = {
        letter: (1, slope(likelihood, "raw", what), slopes[0]),
        "s": (2, slope(likelihood, what, what), slopes[1]),
    }
    return value_and(name, (own(likelihood, what), oracle), gradients, points)


def share(dtype, n, seed) -> list[Array]:
    """(x, a, s): x in (0, 1), near its ends and near the mean, and precisions down to nothing and far beyond 1."""
    generator = np.random.default_rng(seed)
    kind, wide = generator.integers(0, 3, n), generator.uniform(-90, 90, n)
    s = np.where(kind > 0, generator.uniform(-4, 16, n), wide)
    x = generator.random(n)
    ends = 10.0 ** generator.uniform(-30, 0, n)
    x = np.select([kind == 0, kind == 1], [ends, 1 - ends], x).astype(dtype)
    x = np.clip(x, np.finfo(dtype).tiny, np.nextafter(dtype(1), dtype(0)))
    near = np.log(x / (1 - x)) + generator.standard_normal(n) * np.exp(-np.maximum(s, 0) / 2)
    a = np.where(generator.random(n) < 0.7, near, generator.uniform(-100, 100, n))
    return [x, np.clip(a, -100, 100).astype(dtype), s.astype(dtype)]


def level(dtype, n, seed) -> list[Array]:
    """(x, m, s): levels of 256, the ends often, m near and far, scales much less and much more than a level."""
    generator = np.random.default_rng(seed)
    k = np.select([(kind := generator.integers(0, 5, n)) == 0, kind == 1], [0, 255], generator.integers(0, 256, n))
    x = (k / 255).astype(dtype)
    s = np.where(generator.random(n) < 0.7, generator.uniform(-8, 2, n), generator.uniform(-9, 40, n))
    m = x + generator.standard_normal(n) * np.exp(np.minimum(s, 2)) * generator.choice([0.5, 3, 20], n)
    return [x, m.astype(dtype), s.astype(dtype)]


LEVELS = DiscretisedLogistic("learned")
B = Beta("learned")
T = StudentT(float(exact.DF), "learned")
NB = NegativeBinomial("learned")
TABLE_ROWS = [
    *value_and(
        "Poisson",
        (Poisson().log_density, exact.poisson),
        {"a": (1, slope(Poisson()), exact.poisson_a)},
        count_and_rate,
    ),
    *value_and(
        "negative binomial",
        (own(NB, "logdispersion"), exact.negative_binomial),
        {
            "a": (1, slope(NB, "raw", "logdispersion"), exact.negative_binomial_a),
            "s": (2, slope(NB, "logdispersion", "logdispersion"), exact.negative_binomial_s),
        },
        count_rate_and_dispersion,
    ),
    *value_and(
        "multinomial of three words",
        (words(lambda x, a: Multinomial().log_density(x, a).sum(axis=-1)), exact.multinomial),
        {"a": (3, words(lambda x, a: Multinomial().gradient(x, a)[0][:, 0]), exact.multinomial_a)},
        document,
    ),
    *dispersed("Beta", B, "logprecision", exact.beta, (exact.beta_a, exact.beta_s), share, letter="a"),
    *dispersed(
        "discretised logistic",
        LEVELS,
        "logscale",
        exact.discretised_logistic,
        (exact.discretised_logistic_m, exact.discretised_logistic_s),
        level,
    ),
    *dispersed("Student's t", T, "logscale", exact.student_t, (exact.student_t_m, exact.student_t_s), measurement),
    *dispersed(
        "Laplace", Laplace("learned"), "logscale", exact.laplace, (exact.laplace_m, exact.laplace_s), measurement
    ),
]
