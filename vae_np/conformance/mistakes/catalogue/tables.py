"""Mistakes and dialects of the likelihoods of counts, classes and heavy tails."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from vae_np.conformance.mistakes.mistake import Form, Mistake
from vae_np.conformance.mistakes.tables import TABLES, changed_table, halves, log_of_t, log_softmax
from vae_np.conformance.mistakes.tape import Node, exp, log

POISSON = "log_p = x * a - exp(a) - lgamma(x + 1)"


def _plus(name: str, more: Any) -> Form:
    """The right one plus this."""
    return Form({"density": changed_table(name, lambda c, x, raw: TABLES[name](c, x, raw) + more(c, x, raw))})


def _inverse(c: Any, x: Any, raw: Node) -> Node:
    """The dispersion's logarithm with the other sign, with its gradient."""
    d = raw.value.shape[-1] // 2
    sign = np.repeat([1.0, -1.0], d).astype(raw.value.dtype)
    return TABLES["negative-binomial"](c, x, raw * sign)


def _twice(c: Any, x: Any, raw: Node) -> Node:
    classes = c.settings["classes"]
    return x * log_softmax(exp(log_softmax(raw, classes)), classes)


TABLES_AND_COUNTS = (
    Mistake(
        "poisson-no-factorial", "dialect", "the Poisson's constant, log x!, is left out",
        POISSON, "log_p = x * a - exp(a)",
        "log x! does not depend on the rate: gradients are exact, and the value is no log-probability: it is above 0"
        " for large counts.",
        (_plus("poisson", lambda c, x, raw: special.gammaln(x + 1)),), ("PyTorch's PoissonNLLLoss, without full=True",),
    ),
    Mistake(
        "poisson-rate-for-log", "H", "what the decoder puts out is taken for the rate, where it is its logarithm",
        POISSON, "log_p = x * log(a) - a - lgamma(x + 1)",
        "A rate is positive, and the decoder's last layer is not: the logarithm of a negative number is NaN.",
        (Form({"density": changed_table("poisson", lambda c, x, raw: x * log(raw) - raw - special.gammaln(x + 1))}),),
        ("PyTorch's PoissonNLLLoss with log_input=False",),
    ),
    Mistake(
        "negative-binomial-inverse", "H", "the dispersion alpha stands where its inverse r = 1 / alpha belongs",
        "variance = mu + alpha * mu**2", "variance = mu + mu**2 / alpha",
        "Both are called dispersion: 1 / r in regression, r in the negative binomial of r successes.",
        (Form({"density": changed_table("negative-binomial", _inverse)}),),
    ),
    Mistake(
        "laplace-no-normaliser", "dialect", "the absolute error is without its normaliser's constant, log 2",
        "log_p = -abs(x - m) / b - log(2 * b)", "log_p = -abs(x - m) / b - log(b)",
        "L1 loss is -log p of a Laplace distribution of scale 1, less log 2 a feature; gradients are exact.",
        (_plus("laplace", lambda c, x, raw: np.log(2.0)),),
    ),
    Mistake(
        "laplace-no-logterm", "H", "the logarithm of the scale is left out of the Laplace distribution",
        "log_p = -abs(x - m) / b - log(2 * b)", "log_p = -abs(x - m) / b - log(2)",
        "Without log b a learned scale grows without bound: the error goes to 0 and nothing pays for it.",
        (_plus("laplace", lambda c, x, raw: halves(raw)[1]),),
    ),
    Mistake(
        "student-t-no-normaliser", "H", "Student's t is without the terms of its scale and its degrees of freedom",
        "log_p = log_constant(df) - s - (df + 1) / 2 * log1p(r**2 / df)", "log_p = -(df + 1) / 2 * log1p(r**2 / df)",
        "A learned scale grows without bound where nothing pays for it.",
        (_plus("student-t", lambda c, x, raw: halves(raw)[1] - log_of_t(float(c.settings["df"]))),),
    ),
    Mistake(
        "multinomial-no-coefficient", "dialect", "the multinomial is without the number of a bag's orders",
        "log_p = lgamma(n + 1) - sum(lgamma(x + 1)) + sum(x * log_softmax(a))", "log_p = sum(x * log_softmax(a))",
        "Without it it is log p of the words in their order, of which perplexities are made; gradients are exact.",
        (
            _plus("multinomial", lambda c, x, raw: special.gammaln(x + 1).sum(axis=-1)
                  - special.gammaln(x.sum(axis=-1) + 1)),
        ),
    ),
    Mistake(
        "softmax-twice", "H", "a softmax is applied to what are probabilities already",
        "log_p = log_softmax(logits)[class_]", "log_p = log_softmax(softmax(logits))[class_]",
        "A cross-entropy from logits applies the softmax itself. Applied twice, no class of C has a probability above"
        " e / (e + C - 1).",
        (Form({"density": changed_table("categorical", _twice)}),),
        ("PyTorch's CrossEntropyLoss after a Softmax layer",),
    ),
    Mistake(
        "cross-entropy-mean", "H", "the cross-entropy of a group is divided by its number of classes",
        "log_p = sum(x * log_softmax(a))", "log_p = mean(x * log_softmax(a))",
        "A mean over columns, of which one counts: log p of a text or a table is C times too small beside the KL.",
        (Form({"density": changed_table("categorical", lambda c, x, raw: TABLES["categorical"](c, x, raw)
               * (1 / c.settings["classes"]))}),),
    ),
)  # fmt: skip
