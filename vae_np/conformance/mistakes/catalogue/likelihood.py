"""Mistakes and dialects of the likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vae_np.conformance.mistakes.densities import LOG_2PI, logits, means, natural, sigmoid, softplus
from vae_np.conformance.mistakes.mistake import Form, Mistake
from vae_np.conformance.mistakes.tape import Node, exp, log, unary, where
from vae_np.formulas import numerics

BERNOULLI = "log_p = x * logits - softplus(logits)"
GAUSSIAN = "log_p = -0.5 * ((x - m)**2 / exp(s) + s + log(2 * pi))"
NORMAL = "log N(x; m, sigma^2) = -1/2 ((x - m)^2 / sigma^2 + log sigma^2 + log 2 pi)."
CONTINUOUS = (
    "The continuous Bernoulli's density is C(p) p^x (1 - p)^(1 - x), with log C(p) = log(a / tanh(a / 2)), a = logit p"
)
CONTINUOUS += ", and log 2 at p = 1/2 (Loaiza-Ganem & Cunningham 2019)."


def _cross_entropy(x: Any, p: Node) -> Node:
    """log p of probabilities, with no care at all."""
    return x * log(p) + (1 - x) * log(1 - p)


def _half_squares(x: Any, m: Node, s: Node) -> Node:
    return (x - m) * (x - m) * exp(-s) * 0.5


def _normaliser(a: Node) -> Node:
    return unary(numerics.log_expm1_over, numerics.expm1_mean, a)


def _near_half(least: float, constant: float) -> Form:
    """log C is a constant where |p - 1/2| < least."""

    def wrong(x: Any, a: Node) -> Node:
        near = np.abs(numerics.sigmoid(a.value) - 0.5) < least
        right = x * a - _normaliser(a)
        return where(near, x * a - softplus(a) + constant, right)

    return Form({"density": natural(wrong)}, f"log C = {constant:.4g} where |p - 1/2| < {least:g}")


def _clamped(x: Any) -> Any:
    return np.maximum(np.log(x), -100)


def _scaled(c: Any, x: Any, factor: float, shift: float) -> Any:
    """The Bernoullis' data only."""
    return factor * x + shift if "bernoulli" in c.settings["likelihood"] else x


def _other(c: Any, name: str) -> Any:
    """The context with another activation."""
    return type(c)({**c.settings, "activation": name}, c.n, c.d, c.k, c.dataset, c.extra)


def _is_gelu(c: Any) -> bool:
    return bool(c.settings["activation"] == "gelu")


def _tanh_form(a: Node) -> Node:
    inner = math.sqrt(2 / math.pi) * (a + 0.044715 * a * a * a)
    return 0.5 * a * (1 + unary(np.tanh, lambda v: 1 - np.tanh(v) ** 2, inner))


def _other_activation(name: str) -> Form:
    return Form({"activation": lambda right: lambda c, a: right(_other(c, name), a)}, name)


LIKELIHOOD = (
    Mistake(
        "double-sigmoid", "H", "a sigmoid is applied to what is a probability already",
        BERNOULLI, "log_p = x * sigmoid(logits) - softplus(sigmoid(logits))",
        "Cross-entropy from logits applies the sigmoid itself. Applied twice, a pixel's probability stays in"
        " [0.5, 0.731] and"
        " its cross-entropy, for binary x, in [0.313, 1.313].",
        (Form({"density": logits(lambda x, a: x * sigmoid(a) - softplus(sigmoid(a)))}),), ("tgm-team/tgm#274",),
    ),
    Mistake(
        "bce-args-swapped", "H", "target and prediction are exchanged in the cross-entropy",
        "bce(input=x_hat, target=x)", "bce(input=x, target=x_hat)",
        "x_hat log x + (1 - x_hat) log(1 - x): infinite where x is 0 or 1, and linear in the prediction elsewhere.",
        (
            Form({"density": logits(lambda x, a: sigmoid(a) * np.log(x) + (1 - sigmoid(a)) * np.log(1 - x))}),
            Form(
                {"density": logits(lambda x, a: sigmoid(a) * _clamped(x) + (1 - sigmoid(a)) * _clamped(1 - x))},
                "with logarithms clamped at -100, as PyTorch's",
            ),
        ),
        ("autonomousvision/sledge#4",),
    ),
    Mistake(
        "bce-data-range", "H", "the data of a cross-entropy are not in [0, 1]",
        "x = pixels / 255", "x = pixels  # or 2 * pixels / 255 - 1",
        "x a - softplus(a) is bounded for x in [0, 1] only: beyond, the best logit is infinite, and the loss"
        " falls below 0.",
        (
            Form({"data": lambda right: lambda c, x: _scaled(c, x, 2, -1)}, "in [-1, 1]"),
            Form({"data": lambda right: lambda c, x: _scaled(c, x, 255, 0)}, "in [0, 255]"),
        ),
        ("Lasagne/Recipes#54",),
    ),
    Mistake(
        "tanh-decoder-log", "H", "the decoder ends in a tanh, and its logarithm is taken",
        "p = sigmoid(a)", "p = tanh(a)",
        "A tanh is negative for half of its arguments, and has no logarithm there: NaN.",
        (Form({"density": logits(lambda x, a: _cross_entropy(x, unary(np.tanh, lambda v: 1 - np.tanh(v)**2, a)))}),),
        ("pkmital/tensorflow_tutorials#23",),
    ),
    Mistake(
        "bce-nonbinary", "dialect", "grey values have the Bernoulli's cross-entropy, with no normaliser",
        "log_p = x * a - log((exp(a) - 1) / a)", BERNOULLI,
        f"{CONTINUOUS} Without log C the value is no log-density of grey x; as a loss it is in wide use.",
        (Form({"density": natural(lambda x, a: x * a - softplus(a))}),), ("arXiv:1907.06845", "pytorch/examples#460"),
    ),
    Mistake(
        "cb-near-half", "M", "the continuous Bernoulli's normaliser is wrong near p = 1/2",
        "log_C = log(2)  # at p = 1/2", "log_C = 0  # where |p - 1/2| is small",
        f"{CONTINUOUS} The formula is 0/0 there; what is put in its place must have the value log 2 and the slope 0.",
        tuple(_near_half(least, constant) for constant in (0.0, math.log(2)) for least in (0.1, 0.01, 1e-3)),
        ("tensorflow/probability#1512",),
    ),
    Mistake(
        "mse-no-half", "M", "the squared error has no 1/2",
        GAUSSIAN, "log_p = -((x - m)**2 / exp(s)) - 0.5 * (s + log(2 * pi))",
        f"{NORMAL} Without the 1/2 of the square it is the Gaussian of half the variance, with the constant of"
        " another.",
        (
            Form({"density": means(lambda x, m, s: -2 * _half_squares(x, m, s) - 0.5 * (s + LOG_2PI))}),
            Form({"density": means(lambda x, m, s: -2 * _half_squares(x, m, s))}, "and no other terms"),
        ),
        ("ethanluoyc/pytorch-vae#3",),
    ),
    Mistake(
        "gaussian-no-constant", "dialect", "the Gaussian's constant, D/2 log 2 pi, is left out",
        GAUSSIAN, "log_p = -0.5 * ((x - m)**2 / exp(s) + s)",
        f"{NORMAL} Without its constant the value is 0.918939 a feature too high; gradients are exact.",
        (Form({"density": means(lambda x, m, s: -_half_squares(x, m, s) - 0.5 * s)}),), ("pytorch/pytorch#53964",),
    ),
    Mistake(
        "gaussian-sigma-slip", "H", "sigma, its square or its logarithm stand in one another's place",
        GAUSSIAN, "log_p = -0.5 * ((x - m)**2 / sigma + s + log(2 * pi))",
        f"{NORMAL} Each slip agrees with it at special values of sigma only.",
        (
            Form({"density": means(lambda x, m, s: -0.5 * ((x - m) * (x - m) * exp(s * -0.5) + s + LOG_2PI))},
                 "the square is divided by sigma, not by its square"),
            Form({"density": means(lambda x, m, s: -_half_squares(x, m, s) - s - 0.5 * LOG_2PI)},
                 "the logarithm is of the variance where that of sigma belongs"),
            Form({"density": means(lambda x, m, s: -_half_squares(x, m, s) - 0.25 * s - 0.5 * LOG_2PI)},
                 "the logarithm is of sigma where that of the variance belongs"),
            Form({"density": means(lambda x, m, s: -_half_squares(x, m, 2 * s) - s - 0.5 * LOG_2PI)},
                 "the log-variance is taken for log sigma"),
            Form({"density": means(lambda x, m, s: -_half_squares(x, m, s) - exp(0.5 * s) - 0.5 * LOG_2PI)},
                 "sigma where its logarithm belongs"),
        ),
        ("unit8co/darts#1162", "pyro-ppl/pyro#1643"),
    ),
    Mistake(
        "variance-no-logterm", "H", "the logarithm of the variance is left out of the Gaussian",
        GAUSSIAN, "log_p = -0.5 * ((x - m)**2 / exp(s) + log(2 * pi))",
        f"{NORMAL} Without 1/2 log sigma^2 a learned variance grows without bound: the square goes to 0 and"
        " nothing pays for it.",
        (
            Form({"density": means(lambda x, m, s: -_half_squares(x, m, s) - 0.5 * LOG_2PI)}),
            Form({"density": means(lambda x, m, s: -_half_squares(x, m, s))}, "and its constant"),
        ),
    ),
    Mistake(
        "activation-other", "H", "the hidden layers have another activation than the one asked for",
        "h = f(x @ W + b)", "h = g(x @ W + b)",
        "Every later stage differs.",
        tuple(map(_other_activation, ("relu", "tanh", "softplus", "sigmoid", "elu", "gelu", "identity"))),
    ),
    Mistake(
        "gelu-tanh", "dialect", "GELU in its tanh form",
        "h = a * normal_cdf(a)", "h = a / 2 * (1 + tanh(sqrt(2 / pi) * (a + 0.044715 * a**3)))",
        "The approximation of Hendrycks & Gimpel (2016): up to 5e-4 off.",
        (Form({"activation": lambda right: lambda c, a: _tanh_form(a) if _is_gelu(c) else right(c, a)}),),
        ("PyTorch's approximate='tanh', JAX's default",),
    ),
)  # fmt: skip
