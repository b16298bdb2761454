"""Mistakes and dialects that show only at hard numbers, or in one precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.conformance.mistakes.densities import logits, natural, sigmoid, softplus
from vae_np.conformance.mistakes.mistake import Form, Mistake
from vae_np.conformance.mistakes.tape import Node, clip, exp, log, unary, where
from vae_np.formulas import numerics

BERNOULLI = "log_p = x * logits - softplus(logits)"


def _with_epsilon(epsilon: float) -> Form:
    def wrong(x: Any, a: Node) -> Node:
        p = sigmoid(a)
        return x * log(p + epsilon) + (1 - x) * log(1 - p + epsilon)

    return Form({"density": logits(wrong)}, f"{epsilon:g}", own_dtype=True)


def _absorbed(epsilon: float) -> Form:
    """1 + epsilon is 1 in float32."""

    def wrong(x: Any, a: Node) -> Node:
        p = sigmoid(a)
        return x * log(p + epsilon) + (1 - x) * log((1 + epsilon) - p)

    return Form({"density": logits(wrong)}, f"{epsilon:g}", own_dtype=True)


def _clamped(least: float) -> Form:
    def wrong(x: Any, a: Node) -> Node:
        p = clip(sigmoid(a), least, 1 - least)
        return x * log(p) + (1 - x) * log(1 - p)

    return Form({"density": logits(wrong)}, f"to [{least:g}, 1 - {least:g}]")


def _threshold(x: Any, a: Node) -> Node:
    return x * a - where(a.value > 20, a, softplus(a))


def _at_least_minus_100(x: Any, a: Node) -> Node:
    """PyTorch's binary_cross_entropy of probabilities."""
    p = sigmoid(a)

    def logarithm(q: Node) -> Node:
        return unary(lambda v: np.maximum(np.log(v), -100), lambda v: np.where(v > 0, 1 / np.where(v > 0, v, 1), 0), q)

    return x * logarithm(p) + (1 - x) * logarithm(1 - p)


def _naive(x: Any, a: Node) -> Node:
    return x * a - log(1 + exp(a))


def _other_sign(x: Any, a: Node) -> Node:
    """min for max: e^|a| overflows."""
    return x * a - where(a.value > 0, 0.0, a) - log(1 + exp(where(a.value > 0, a, -a)))


def _no_slope_at_zero(x: Any, a: Node) -> Node:
    return x * a - unary(numerics.softplus, lambda v: np.where(v == 0, 0, numerics.sigmoid(v)), a)


def _no_slope_of_all(x: Any, a: Node) -> Node:
    return where(a.value == 0, x * a.value - numerics.softplus(a.value), x * a - softplus(a))


def _taylor(least: float, high: float, order: int) -> Form:
    """log C by a polynomial in lambda - 1/2 where low < lambda < high."""

    def wrong(x: Any, a: Node) -> Node:
        p = sigmoid(a)
        near = (p.value > least) & (p.value < high)
        square = (p - 0.5) * (p - 0.5)
        series = np.log(2) + (4 / 3 + (104 / 45 * square if order > 2 else 0)) * square
        return where(near, x * a - softplus(a) + series, x * a - unary(numerics.log_expm1_over, numerics.expm1_mean, a))

    return Form({"density": natural(wrong)}, f"for {least:g} < p < {high:g}, of order {order}")


NUMERICS = (
    Mistake(
        "eps-absorbed", "M", "an epsilon that 1 absorbs is meant to keep the logarithm from 0",
        BERNOULLI, "log(1 + 1e-10 - p)",
        "1 + 1e-10 is 1 in float32, and the logarithm of 0 infinite where p is 1: from logits of 17 on.",
        tuple(_absorbed(10.0**-power) for power in (8, 9, 10, 12)), ("torch/nn#401", "keras-team/keras#377"),
    ),
    Mistake(
        "log-epsilon", "dialect", "a small number is added inside the logarithms of the cross-entropy, or of the KL",
        BERNOULLI, "log_p = x * log(p + 1e-8) + (1 - x) * log(1 - p + 1e-8)",
        "It keeps the value finite and changes it, and the gradient, where p is as small as the number.",
        tuple(_with_epsilon(10.0**-power) for power in (5, 6, 7, 8, 9, 10, 12)),
    ),
    Mistake(
        "softplus-threshold", "dialect", "softplus is the identity above 20, as PyTorch's",
        "log(1 + exp(a))", "a if a > 20 else log(1 + exp(a))",
        "In float64 value and gradient are off by up to 2e-9 there; float32 does not notice.",
        (Form({"density": logits(_threshold)}),), ("PyTorch",),
    ),
    Mistake(
        "probability-clamp", "M", "probabilities are clamped before the cross-entropy: no gradient beyond",
        BERNOULLI, "p = clamp(sigmoid(logits), 1e-4, 1 - 1e-4)",
        "Where the clamp acts the gradient is 0: a pixel that is wholly wrong is not corrected. Use logits.",
        tuple(_clamped(10.0**-power) for power in (2, 3, 4, 5, 6)), ("pytorch/examples vae",),
    ),
    Mistake(
        "bce-clamp-keras", "dialect", "probabilities are clamped to [1e-7, 1 - 1e-7], as Keras's cross-entropy does",
        BERNOULLI, "p = clip(sigmoid(logits), 1e-7, 1 - 1e-7)",
        "Keras's own epsilon, in `binary_crossentropy` of probabilities. The value stops at -16.1 a pixel, and there is"
        " no gradient beyond.",
        (_clamped(1e-7),), ("Keras",),
    ),
    Mistake(
        "cb-taylor-window", "dialect", "the continuous Bernoulli's normaliser is a Taylor polynomial near p = 1/2",
        "log_C = log(a / tanh(a / 2))", "log_C = log(2) + (4 / 3 + 104 / 45 * (p - 0.5)**2) * (p - 0.5)**2",
        "Off by up to 6e-12 inside the window, with a jump of that size at its edge.",
        (_taylor(0.49, 0.51, 4), _taylor(0.499, 0.501, 4), _taylor(0.499, 0.501, 2)),
        ("pytorch/examples vae", "PyTorch"),
    ),
    Mistake(
        "bce-clamp-100", "dialect", "the logarithms of the cross-entropy are clamped at -100, as PyTorch's",
        BERNOULLI, "log_p = x * max(log(p), -100) + (1 - x) * max(log(1 - p), -100)",
        "p = sigmoid(a) is 1 from a = 37 on (float32: 17): the value stops at -100, and the gradient is not that"
        " of the formula.",
        (Form({"density": logits(_at_least_minus_100)}, own_dtype=True),), ("pytorch/pytorch#103316",),
    ),
    Mistake(
        "bce-logits-unstable", "H", "cross-entropy from logits that overflows, or has no gradient at 0",
        "log_p = x * a - max(a, 0) - log1p(exp(-abs(a)))", "log_p = x * a - log(1 + exp(a))",
        "e^a is infinite above 709 (float32: 88); and |a| has no derivative at 0, where that of the whole is x - 1/2.",
        (
            Form({"density": logits(_naive)}, "log(1 + e^a) as it stands", own_dtype=True),
            Form({"density": logits(_other_sign)}, "the wrong sign in the maximum", own_dtype=True),
            Form({"density": logits(_no_slope_at_zero)}, "the softplus has no slope at a = 0"),
            Form({"density": logits(_no_slope_of_all)}, "no slope at a = 0"),
        ),
        ("pytorch/pytorch#2221", "pytorch/pytorch#2298"),
    ),
)  # fmt: skip
