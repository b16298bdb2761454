"""log p(x_d | raw) of counts, classes, shares and levels, for the reference computation, and how a mistake changes one.

As the distributions' definitions have it, for ordinary numbers; the package itself is exact for others, too.
Where there is a dispersion, raw are D locations and then D logarithms of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from vae_np.conformance.mistakes.tape import Node, exp, log, unary, where
from vae_np.formulas import numerics

__all__ = ["TABLES", "changed_table", "halves", "log_of_t", "log_softmax", "sigmoid", "softplus"]

Density = Callable[..., Node]
LOG_2 = math.log(2)


def halves(raw: Node) -> tuple[Node, Node]:
    """Locations, and the logarithms of the dispersions."""
    d = raw.value.shape[-1] // 2
    return raw[..., :d], raw[..., d:]


def log_gamma(a: Node) -> Node:
    """log Gamma(a)."""
    return unary(special.gammaln, special.digamma, a)


def softplus(a: Node) -> Node:
    """log(1 + e^a)."""
    return unary(numerics.softplus, numerics.sigmoid, a)


def sigmoid(a: Node) -> Node:
    """1 / (1 + e^-a)."""
    return unary(numerics.sigmoid, lambda v: numerics.sigmoid(v) * numerics.sigmoid(-v), a)


def poisson(c: Any, x: Any, raw: Node) -> Node:
    """x a - e^a - log x!."""
    return x * raw - exp(raw) - special.gammaln(x + 1)


def negative_binomial(c: Any, x: Any, raw: Node) -> Node:
    """Of the mean mu = e^a and r = e^-s."""
    a, s = halves(raw)
    r = exp(-s)
    total = log(r + exp(a))
    return log_gamma(r + x) - log_gamma(r) - special.gammaln(x + 1) + x * (a - total) - r * (s + total)


def laplace(c: Any, x: Any, raw: Node) -> Node:
    """-|x - m| e^-s - s - log 2."""
    m, s = halves(raw)
    return -unary(np.abs, np.sign, x - m) * exp(-s) - s - LOG_2


def log_of_t(nu: float) -> float:
    """The logarithm of the constant of Student's t."""
    return math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi)


def student_t(c: Any, x: Any, raw: Node) -> Node:
    """With the settings' degrees of freedom."""
    m, s = halves(raw)
    nu = float(c.settings["df"])
    r = (x - m) * exp(-s)
    return log(r * r * (1 / nu) + 1.0) * (-(nu + 1) / 2) - s + log_of_t(nu)


def beta(c: Any, x: Any, raw: Node) -> Node:
    """Of the mean sigmoid(a) and the precision e^s."""
    a, s = halves(raw)
    one, other = (exp(s) * sigmoid(b) for b in (a, -a))
    return (
        log_gamma(exp(s)) - log_gamma(one) - log_gamma(other) + (one - 1.0) * np.log(x) + (other - 1.0) * np.log1p(-x)
    )


def discretised_logistic(c: Any, x: Any, raw: Node) -> Node:
    """The logarithm of a difference of two sigmoids, as a product: see `vae_np.DiscretisedLogistic`."""
    m, s = halves(raw)
    steps = c.settings["levels"] - 1
    inverse = exp(-s)
    low, high = ((x + side / steps - m) * inverse for side in (-0.5, 0.5))
    width = unary(lambda w: np.log(-np.expm1(-w)), lambda w: 1 / np.expm1(w), inverse * (1 / steps))
    above, below = where(x > 0, softplus(low), 0.0), where(x < 1, softplus(-high), 0.0)
    return where((x > 0) & (x < 1), width, 0.0) - above - below


def log_softmax(raw: Node, classes: int) -> Node:
    """Within each group of columns."""
    shape = raw.value.shape
    groups = raw.value.reshape(*shape[:-1], -1, classes)
    value = groups - special.logsumexp(groups, axis=-1, keepdims=True)
    p = np.exp(value)

    def pull(g: Any) -> Any:
        g = np.reshape(g, p.shape)
        return (g - p * g.sum(axis=-1, keepdims=True)).reshape(shape)

    return Node(value.reshape(shape), [(raw, pull)])


def categorical(c: Any, x: Any, raw: Node) -> Node:
    """x_c log softmax(a)_c."""
    return x * log_softmax(raw, c.settings["classes"])


def multinomial(c: Any, x: Any, raw: Node) -> Node:
    """log n! - sum log x_d! + sum x_d log softmax(a)_d, an example's."""
    constant = special.gammaln(x.sum(axis=-1) + 1) - special.gammaln(x + 1).sum(axis=-1)
    return (x * log_softmax(raw, raw.value.shape[-1])).sum(axis=-1) + constant


TABLES: dict[str, Density] = {
    "poisson": poisson,
    "negative-binomial": negative_binomial,
    "laplace": laplace,
    "student-t": student_t,
    "beta": beta,
    "discretised-logistic": discretised_logistic,
    "categorical": categorical,
    "multinomial": multinomial,
}
"""By the likelihood's name."""


def changed_table(name: str, f: Callable[[Any, Any, Node], Node]) -> Callable[[Density], Density]:
    """A change of the rule `density` for this likelihood."""

    def wrap(right: Density) -> Density:
        def wrong(c: Any, x: Any, raw: Node, own: Node | None) -> Node:
            return f(c, x, raw) if c.settings["likelihood"] == name else right(c, x, raw, own)

        return wrong

    return wrap
