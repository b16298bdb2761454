"""Cases of one function each, hard numbers among them: KL, sampler, likelihoods, importance weights, Adam alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import mpmath as mp
from functions import LIKELIHOODS, exp, kl
from model import derivatives, draw, nested
from tables import TABLES, Table
from tape import Var, gradients, log_mean_exp, total

__all__ = ["case", "elementary", "number"]

LOGITS = (
    "0",
    "2^-30",
    "-2^-20",
    "0.5",
    "-1.75",
    "17.5",
    "-20.625",
    "20.625",
    "33",
    "-50",
    "90.5",
    "-104",
    "800",
    "-800",
)
NATURAL = ("0", "2^-40", "-2^-30", "2^-20", "-2^-12", "0.03125", "-0.0390625", "0.046875", "1", "-5.5", "30", "-100.5")
LEAST = mp.mpf(2) ** -10
"""Of a feature's term: to cancel terms of size 1 is no worse than the rounding of the sum over features."""
LOG_VARIANCES = ("-30", "-10.5", "-1", "0.25", "7.5", "30")
LOG_WEIGHTS = {
    "ordinary": ((-3, "0.5", -7), (2, "1.25", "-0.5"), (-11, 0, 3)),
    "very negative": ((-100000, -1000000), (-100001, -1000003), (-99998, -999999)),
    "far apart": ((0, 700), (-750, -700), (-3000, 0)),
}
"""A row a sample, a column an example; naive exponentials vanish in the second and overflow in the third."""
ADAM = {
    "plain": {},
    "epsilon matters": {"epsilon": "1e-3"},
    "epsilon-hat": {"epsilon": "1e-3", "epsilon_hat": True},
    "AMSGrad": {"amsgrad": True},
    "decoupled decay": {"weight_decay": "0.125"},
}


NUMBERS = ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay")


def number(text: object) -> mp.mpf:
    """'2^-30' too."""
    base, _, power = str(text).partition("^")
    sign = -1 if base.startswith("-") and power else 1
    return sign * mp.mpf(2) ** int(power) if power else mp.mpf(base)


def elementary() -> Iterator[dict[str, Any]]:
    """All of them."""
    generator = random.Random(7)
    yield from _kl(generator)
    yield _sampler(generator)
    yield from _likelihoods(generator)
    for name, rows in LOG_WEIGHTS.items():
        log_w = nested([[number(value) for value in row] for row in rows])
        bounds = [log_mean_exp([row[n] for row in log_w]) for n in range(len(log_w[0]))]
        weights = derivatives(total(bounds), {"weights": log_w})
        yield case(f"log-mean-exp-{slug(name)}", "log-mean-exp", {"log_w": log_w}, {"bound": bounds, **weights}, name)
    for name, settings in ADAM.items():
        yield _adam(name, settings)
    yield _far_sampler(generator)
    yield from (_table(name, table) for name, table in TABLES.items())


def slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def case(name: str, kind: str, inputs: dict[str, Any], expected: dict[str, Any], comment: str = "",
          settings: dict[str, Any] | None = None, sizes: dict[str, Any] | None = None) -> dict[str, Any]:  # fmt: skip
    """``sizes`` are the sums of the terms' absolute values, where a result may cancel."""
    found = {"id": name, "kind": kind, "comment": comment, "settings": settings or {}}
    return found | {"inputs": inputs, "expected": expected, "sizes": sizes or {}}


def _kl(generator: random.Random) -> Iterator[dict[str, Any]]:
    for name, logvar in {
        "ordinary": draw(generator, (3, 5), 1.0),
        "near the prior": [[v / 2**20 for v in row] for row in draw(generator, (3, 5), 1.0)],
        "narrow and wide": [[number(v) for v in LOG_VARIANCES]],
    }.items():
        mu = draw(generator, (len(logvar), len(logvar[0])), 1.0)
        mu = [[v / 2**12 for v in row] for row in mu] if name == "near the prior" else mu
        arrays = {"mu": nested(mu), "logvar": nested(logvar)}
        values = [kl(m, s) for m, s in zip(arrays["mu"], arrays["logvar"], strict=True)]
        found = derivatives(total(values), arrays)
        expected = {"kl": values, "d_mu": found["mu"], "d_logvar": found["logvar"]}
        ones = [[1 + mp.exp(s) for s in row] for row in logvar]
        both = zip(mu, logvar, ones, strict=True)
        terms = [mp.fsum(m * m + abs(s) + e for m, s, e in zip(*rows, strict=True)) / 2 for rows in both]
        sizes = {
            "kl": terms,
            "d_mu": [[abs(m) for m in row] for row in mu],
            "d_logvar": [[e / 2 for e in row] for row in ones],
        }
        yield case(f"kl-{slug(name)}", "kl", arrays, expected, name, sizes=sizes)


def _sampler(generator: random.Random) -> dict[str, Any]:
    comment = "z = mu + exp(logvar/2) eps, and its derivatives along the cotangent d_z"
    mu, logvar = (draw(generator, (3, 5), 1.0) for _ in range(2))
    return _sampled("reparameterise", mu, logvar, generator, comment)


def _far_sampler(generator: random.Random) -> dict[str, Any]:
    comment = "as reparameterise; exp(logvar) leaves the range of float32, the deviation does not"
    mu, logvar = draw(generator, (1, 6), 1.0), [[number(v) for v in ("-170", "-89.5", "-30", "30", "89.5", "150.25")]]
    return _sampled("reparameterise-narrow-and-wide", mu, logvar, generator, comment)


def _sampled(name: str, mu: Any, logvar: Any, generator: random.Random, comment: str) -> dict[str, Any]:
    arrays, shape = {"mu": nested(mu), "logvar": nested(logvar)}, (len(mu), len(mu[0]))
    eps, cotangent = draw(generator, shape, 1.0), draw(generator, shape, 1.0)
    z = [
        [m + exp(s * mp.mpf("0.5")) * e for m, s, e in zip(*rows, strict=True)]
        for rows in zip(arrays["mu"], arrays["logvar"], eps, strict=True)
    ]
    weighted = total(
        value * c for row, weights in zip(z, cotangent, strict=True) for value, c in zip(row, weights, strict=True)
    )
    found = derivatives(weighted, arrays)
    expected = {"z": z, "d_mu": found["mu"], "d_logvar": found["logvar"]}
    return case(name, "reparameterise", {**arrays, "eps": eps, "d_z": cotangent}, expected, comment)


def _likelihoods(generator: random.Random) -> Iterator[dict[str, Any]]:
    hard = {"bernoulli": LOGITS, "continuous-bernoulli": NATURAL}
    for name, density in LIKELIHOODS.items():
        d = len(hard.get(name, LOG_VARIANCES))
        rows = 3
        if name in hard:
            raw = [[number(v) for v in hard[name]]] * rows
            x = [[mp.mpf(value)] * d for value in (0, 1, "0.3125")]
        else:
            x, raw = draw(generator, (rows, d), 1.0), draw(generator, (rows, d), 1.0)
            if name == "gaussian-heteroscedastic":
                raw = [row + [number(v) for v in LOG_VARIANCES] for row in raw]
        arrays = {"raw": nested(raw)}
        own = {"gaussian-learned": LOG_VARIANCES[:1], "gaussian-per-feature": LOG_VARIANCES}.get(name, ())
        if own:
            arrays["likelihood.logvar"] = nested([number(v) for v in own])
        values = [density(x[n], arrays["raw"][n], arrays.get("likelihood.logvar", [])) for n in range(rows)]
        found = derivatives(total(value for row in values for value in row), arrays)
        expected = {"log_density": values} | {f"d_{key}": value for key, value in found.items()}
        comment = "log p(x_d | raw) of each feature, and the derivatives of their sum"
        sizes = _sizes(x, raw, values, found["raw"]) if name in hard else {}
        settings = {"likelihood": name, "sigma": "0.75"} if name == "gaussian-fixed" else {"likelihood": name}
        yield case(f"likelihood-{name}", "likelihood", {"x": x, **arrays}, expected, comment, settings, sizes)


def _sizes(x: Any, raw: Any, values: Any, slopes: Any) -> dict[str, Any]:
    """Of x a - (the normaliser's logarithm), which cancel, and of its derivative x - (the mean); at least `LEAST`."""
    rows = [zip(*row, strict=True) for row in zip(x, raw, values, strict=True)]
    terms = [[max(abs(v * a) + abs(v * a - value.value), LEAST) for v, a, value in row] for row in rows]
    pairs = (zip(*row, strict=True) for row in zip(x, slopes, strict=True))
    return {"log_density": terms, "d_raw": [[max(abs(v) + abs(v - slope), LEAST) for v, slope in row] for row in pairs]}


def _table(name: str, table: Table) -> dict[str, Any]:
    """With the sums of the absolute values of the terms, and of their derivatives; at least `LEAST`."""
    values, slopes, sizes, of_slopes = [], [], [], []
    rows = table.rows()
    for x, numbers in rows:
        raw = [Var(number) for number in numbers]
        terms = table.terms(x, raw)
        of_terms = [gradients(term, raw) for feature in terms for term in feature]
        values.append([mp.fsum(term.value for term in feature) for feature in terms])
        sizes.append([max(mp.fsum(abs(term.value) for term in feature), LEAST) for feature in terms])
        slopes.append([mp.fsum(column) for column in zip(*of_terms, strict=True)])
        of_slopes.append([max(mp.fsum(map(abs, column)), LEAST) for column in zip(*of_terms, strict=True)])
    arrays = {"x": [x for x, _ in rows], "raw": [raw for _, raw in rows]}
    expected, sizes_of = {"log_density": values, "d_raw": slopes}, {"log_density": sizes, "d_raw": of_slopes}
    comment = "log p(x_d | raw) of each feature, and the derivatives of their sum"
    if table.whole:
        expected["log_density"], sizes_of["log_density"] = ([row[0] for row in of] for of in (values, sizes))
        comment = "log p(x | raw) of each example, and the derivatives of their sum"
    return case(
        f"likelihood-{name}", "likelihood", arrays, expected, comment, {"likelihood": name} | table.settings, sizes_of
    )


def _adam(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Five parameters, whose gradients are ordinary, of changing sign, as small as sqrt(epsilon) and epsilon, and 0."""
    g = [
        ["1.5", "0.25", "2^-13", "2^-27", "0"],
        ["-0.5", "-0.25", "2^-13", "2^-27", "0"],
        ["0", "0.25", "2^-13", "0", "0"],
        ["3", "-0.25", "2^-13", "2^-27", "0"],
    ]
    gradients = [[number(value) for value in row] for row in g]
    rule = {"learning_rate": "1e-3", "beta1": "0.9", "beta2": "0.999", "epsilon": "1e-8", "epsilon_hat": False,
            "amsgrad": False, "weight_decay": "0", **settings}  # fmt: skip
    rate, beta1, beta2, epsilon, decay = (
        mp.mpf(rule[key]) for key in ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay")
    )
    theta = [mp.mpf(value) for value in ("0.5", "-1.25", "0.75", "2", "-3")]
    start, steps = list(theta), []
    m, v, largest = ([mp.mpf(0)] * 5 for _ in range(3))
    for t, row in enumerate(gradients, start=1):
        for i, value in enumerate(row):
            m[i] = beta1 * m[i] + (1 - beta1) * value
            v[i] = beta2 * v[i] + (1 - beta2) * value**2
            largest[i] = max(largest[i], v[i])
            second = largest[i] if rule["amsgrad"] else v[i]
            if rule["epsilon_hat"]:
                scale = mp.sqrt(1 - beta2**t) / (1 - beta1**t)
                move = scale * m[i] / (mp.sqrt(second) + epsilon)
            else:
                move = (m[i] / (1 - beta1**t)) / (mp.sqrt(second / (1 - beta2**t)) + epsilon)
            theta[i] = theta[i] - rate * decay * theta[i] - rate * move
        steps.append(list(theta))
    comment = "the gradients of each step are given; the parameters after each step"
    return case(f"adam-{slug(name)}", "adam", {"theta": start, "gradients": gradients}, {"theta": steps}, comment, rule)
