"""log p(x_d | raw) of each feature, for the reference computation, and how a mistake changes one likelihood's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from vae_np.conformance.mistakes.tables import TABLES, sigmoid, softplus
from vae_np.conformance.mistakes.tape import Node, exp, of, unary
from vae_np.formulas import numerics

__all__ = ["LOG_2PI", "density", "logits", "means", "natural", "sigmoid", "softplus"]

LOG_2PI = math.log(2 * math.pi)
Density = Callable[..., Node]


def density(c: Any, x: Any, raw: Node, own: Node | None) -> Node:
    """The right one; x (N, D), raw (..., N, P), own the log-variances of a Gaussian that has some."""
    name = c.settings["likelihood"]
    if name in TABLES:
        return TABLES[name](c, x, raw)
    if name == "bernoulli":
        return x * raw - softplus(raw)
    if name == "continuous-bernoulli":
        return x * raw - unary(numerics.log_expm1_over, numerics.expm1_mean, raw)
    m, s = moments(c, raw, own)
    r = (x - m) * exp(s * -0.5)
    return (r * r + s + LOG_2PI) * -0.5


def moments(c: Any, raw: Node, own: Node | None) -> tuple[Node, Node]:
    """Means and log-variances of a Gaussian likelihood."""
    if c.settings["likelihood"] == "gaussian-heteroscedastic":
        d = raw.value.shape[-1] // 2
        return raw[..., :d], raw[..., d:]
    return raw, of(2 * np.log(float(c.settings["sigma"]))) if own is None else own


def _only(names: tuple[str, ...], f: Callable[[Any, Any, Node, Node | None], Node]) -> Callable[[Density], Density]:
    """A change of the rule `density` for these likelihoods."""

    def wrap(right: Density) -> Density:
        def wrong(c: Any, x: Any, raw: Node, own: Node | None) -> Node:
            return f(c, x, raw, own) if c.settings["likelihood"] in names else right(c, x, raw, own)

        return wrong

    return wrap


def logits(f: Callable[[Any, Node], Any]) -> Callable[[Density], Density]:
    """A Bernoulli's log p becomes f(x, logits)."""
    return _only(("bernoulli",), lambda c, x, raw, own: of(f(x, raw)))


def natural(f: Callable[[Any, Node], Any]) -> Callable[[Density], Density]:
    """A continuous Bernoulli's log p becomes f(x, natural parameters)."""
    return _only(("continuous-bernoulli",), lambda c, x, raw, own: of(f(x, raw)))


def means(f: Callable[[Any, Node, Node], Any]) -> Callable[[Density], Density]:
    """A Gaussian's log p becomes f(x, means, log-variances)."""
    names = ("gaussian-fixed", "gaussian-learned", "gaussian-per-feature", "gaussian-heteroscedastic")
    return _only(names, lambda c, x, raw, own: of(f(x, *moments(c, raw, own))))
