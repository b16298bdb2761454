"""Likelihoods of counts, classes, shares and levels in many digits, each log p(x_d | raw) as the terms of its formula.

From the distributions' definitions; nothing of vae_np is used. Where the dispersion varies, raw are D locations and
then D logarithms of it. The terms' absolute values are what a result may cancel from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
from functions import exp, logistic, softplus
from tape import Var, unary

__all__ = ["TABLES", "Table"]

Terms = list[list[Var]]
"""Of each feature of an example."""


class Table:
    """A likelihood, the settings of its case, and the numbers that it is asked at.

    ``whole`` is one that has a value for an example and none for a feature: its terms are those of all together.
    """

    def __init__(self, terms: Callable[[Sequence[mp.mpf], Sequence[Var]], Terms], x: str, m: str, s: str = "",
                 settings: dict[str, Any] | None = None, whole: bool = False) -> None:  # fmt: skip
        self.terms, self.settings, self.whole = terms, settings or {}, whole
        self.x, self.m, self.s = (list(map(_number, texts.split())) for texts in (x, m, s))

    def rows(self) -> list[tuple[list[mp.mpf], list[mp.mpf]]]:
        """x and raw of three examples."""
        return [(self.x, [m + mp.mpf(shift) for m in self.m] + self.s) for shift in ("0", "0.5", "-0.75")]


def _number(text: str) -> mp.mpf:
    above, _, below = text.partition("/")
    return mp.mpf(above) / mp.mpf(below or 1)


def log(a: Var) -> Var:
    return unary(mp.log, lambda v: 1 / v, a)


def log_gamma(a: Var) -> Var:
    return unary(mp.loggamma, mp.digamma, a)


def sigmoid(a: Var) -> Var:
    return unary(logistic, lambda v: logistic(v) * logistic(-v), a)


def log_factorial(x: mp.mpf) -> Var:
    return Var(mp.loggamma(x + 1))


def poisson(x: Sequence[mp.mpf], raw: Sequence[Var]) -> Terms:
    """x a - e^a - log x!, the rate e^a."""
    return [[v * a, -exp(a), -log_factorial(v)] for v, a in zip(x, raw, strict=True)]


def _halves(raw: Sequence[Var]) -> tuple[Sequence[Var], Sequence[Var]]:
    return raw[: len(raw) // 2], raw[len(raw) // 2 :]


def negative_binomial(x: Sequence[mp.mpf], raw: Sequence[Var]) -> Terms:
    """Gamma(x + r) / (Gamma(r) x!) (mu / (r + mu))^x (r / (r + mu))^r with mu = e^a, r = e^-s."""
    found = []
    for v, a, s in zip(x, *_halves(raw), strict=True):
        r, total = exp(-s), log(exp(-s) + exp(a))
        parts = [log_gamma(r + v), -log_gamma(r), -log_factorial(v), v * a, -(v * total), -(r * s), -(r * total)]
        found.append(parts)
    return found


def laplace(x: Sequence[mp.mpf], raw: Sequence[Var]) -> Terms:
    """-|x - m| e^-s - s - log 2."""
    absolute = [unary(abs, lambda d: mp.mpf(mp.sign(d)), v - m) for v, m in zip(x, _halves(raw)[0], strict=True)]
    return [[-(d * exp(-s)), -s, Var(-mp.log(2))] for d, s in zip(absolute, _halves(raw)[1], strict=True)]


DF = 4
"""Degrees of freedom of Student's t."""


def student_t(x: Sequence[mp.mpf], raw: Sequence[Var]) -> Terms:
    """Gamma((nu + 1)/2) / (Gamma(nu/2) sqrt(nu pi) b) (1 + r^2 / nu)^-((nu + 1)/2), b = e^s, r = (x - m) / b."""
    nu = mp.mpf(DF)
    constant = mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2) - mp.log(nu * mp.pi) / 2
    found = []
    for v, m, s in zip(x, *_halves(raw), strict=True):
        r = (v - m) * exp(-s)
        found.append([Var(constant), -s, log(r * r / nu + 1) * (-(nu + 1) / 2)])
    return found


def beta(x: Sequence[mp.mpf], raw: Sequence[Var]) -> Terms:
    """x^(A - 1) (1 - x)^(B - 1) / B(A, B) with A = phi m, B = phi (1 - m), m = sigmoid(a), phi = e^s."""
    found = []
    for v, a, s in zip(x, *_halves(raw), strict=True):
        total, one, other = exp(s), exp(s) * sigmoid(a), exp(s) * sigmoid(-a)
        parts = [log_gamma(total), -log_gamma(one), -log_gamma(other), (one - 1) * mp.log(v)]
        found.append([*parts, (other - 1) * mp.log1p(-v)])
    return found


LEVELS = 257
"""So that k / (L - 1) is exact in either precision."""


def discretised_logistic(x: Sequence[mp.mpf], raw: Sequence[Var]) -> Terms:
    """log(sigmoid((x + h - m) / b) - sigmoid((x - h - m) / b)), h = 1 / (2 (L - 1)), b = e^s; 1 and 0 at the ends."""
    half, found = mp.mpf(1) / (2 * (LEVELS - 1)), []
    for v, m, s in zip(x, *_halves(raw), strict=True):
        high, low = ((v + side - m) * exp(-s) for side in (half, -half))
        if v == 0:
            found.append([-softplus(-high)])
        elif v == 1:
            found.append([-softplus(low)])
        else:
            found.append([log(sigmoid(high) - sigmoid(low))])
    return found


CLASSES = 4


def categorical(x: Sequence[mp.mpf], raw: Sequence[Var]) -> Terms:
    """x_c (a_c - log sum_c' e^a_c'), within each group of columns."""
    found: Terms = []
    for begin in range(0, len(x), CLASSES):
        hot, group = x[begin : begin + CLASSES], raw[begin : begin + CLASSES]
        whole = exp(group[0])
        for a in group[1:]:
            whole = whole + exp(a)
        found += [[v * a, -(v * log(whole))] for v, a in zip(hot, group, strict=True)]
    return found


def multinomial(x: Sequence[mp.mpf], raw: Sequence[Var]) -> Terms:
    """log n! - sum log x_d! + sum x_d log softmax(a)_d with n = sum x_d: of all features together."""
    n, whole = mp.fsum(x), exp(raw[0])
    for a in raw[1:]:
        whole = whole + exp(a)
    terms = [log_factorial(n), *(-log_factorial(v) for v in x), *(v * a for v, a in zip(x, raw, strict=True))]
    return [[*terms, -(n * log(whole))]]


TABLES = {
    "poisson": Table(
        poisson, "0 0 1 3 12 250 1000 65536", "-20.5 1.5 -0.25 1.125 2.5 5.5 6.875 11.0625",
    ),
    "negative-binomial": Table(
        negative_binomial, "0 0 1 3 12 250 1000 4096", "-8.5 1.5 -0.25 1.125 2.5 5.5 6.875 8.3125",
        "-1.25 1.5 0 -3.5 -0.5 -6.5 0.75 -2",
    ),
    "laplace": Table(
        laplace, "0.5 -1.25 3 0.25 -7 100", "0.375 0.5 2.875 -4.5 -6.5 0.0625", "-1 0.5 -6.25 2 0 1.5",
    ),
    "student-t": Table(
        student_t, "0.5 -1.25 3 0.25 -7 1000", "0.375 0.5 2.875 -4.5 -6.5 0.0625", "-1 0.5 -6.25 2 0 -3.5",
        settings={"df": str(DF)},
    ),
    "beta": Table(
        beta, "1/2 1/1024 1023/1024 3/8 5/64 7/8", "0.25 -3.5 4.25 -0.5 -2 1.75", "0 1.5 3 5.5 -1.25 0.5",
    ),
    "discretised-logistic": Table(
        discretised_logistic, "0 1 1/2 129/256 1/4 3/256 255/256", "0.25 0.75 0.5625 0.25 0.3125 -0.125 1.125",
        "-2 -1.5 -2.25 -1 -2.75 -2.5 -1.25", settings={"levels": LEVELS},
    ),
    "categorical": Table(
        categorical, "0 1 0 0  0 0 0 1  1 0 0 0", "0.5 -1.25 2 0  -30 12 800 -750  40 -3 0.25 1",
        settings={"classes": CLASSES},
    ),
    "multinomial": Table(
        multinomial, "0 3 1 250 0 12 0", "0.5 -1.25 -2 3.5 -40 0.75 1", whole=True,
    ),
}  # fmt: skip
"""By their names."""
