"""The forms that a reconstruction and a KL take in programs: the right ones, their dialects, and known mistakes.

Each is a function of a single entry that also accepts complex numbers, so that its derivative is a complex step;
nothing is summed here. ``a`` is the decoder's output as the program has it, x the data, s the log-variance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.numerics import log_expm1_over, sigmoid, softplus
from vae_np.gradcheck.numeric import STEP

__all__ = ["CLAMPED", "KLS", "RECONSTRUCTIONS", "SAMPLERS", "Form", "gradient"]

Array = NDArray[Any]


class Form(NamedTuple):
    """One of them."""

    id: str
    """That of the catalogue where it is a mistake or a dialect; else its name."""
    severity: str
    """``"right"``, ``"dialect"``, ``"M"``, ``"H"``."""
    says: str
    """What it is, in words, after 'the reconstruction is' or 'the KL is'."""
    value: Callable[..., Any]
    output: str = ""
    """What it takes the decoder's output for: ``"probabilities"``, ``"logits"``, ``"mean"``."""


def gradient(form: Form, *at: Array, of: int) -> Array:
    """The derivative of each entry with respect to argument ``of``."""
    moved = [a + 1j * STEP if i == of else a.astype(complex) for i, a in enumerate(at)]
    with np.errstate(divide="ignore", invalid="ignore"):  # one that is not finite there explains nothing
        return np.asarray(np.imag(form.value(*moved)) / STEP)


def log_normaliser(a: Array) -> Array:
    """log((e^a - 1) / a) - log(1 + e^a): minus log C of the continuous Bernoulli, of the logit a."""
    return log_expm1_over(a) - softplus(a)


def cross_entropy(x: Array, p: Array, epsilon: float = 0.0) -> Array:
    return -x * np.log(p + epsilon) - (1 - x) * np.log(1 - p + epsilon)


KERAS = 1e-7
"""Its epsilon, to which its own cross-entropies of probabilities clamp them."""


def _with_epsilon(epsilon: float) -> Form:
    says = f"the binary cross-entropy with {epsilon:g} added inside the logarithms"
    return Form("log-epsilon", "dialect", says, lambda x, p: cross_entropy(x, p, epsilon), "probabilities")


def _kl_with_epsilon(epsilon: float) -> Form:
    says = f"1/2 sum(mu^2 + e^s - 1 - log(e^s + {epsilon:g})), with {epsilon:g} added inside the logarithm"
    return Form("log-epsilon", "dialect", says, lambda m, s: 0.5 * (m**2 + np.exp(s) - 1 - np.log(np.exp(s) + epsilon)))


def _clamped(least: float) -> Form:
    says = f"the binary cross-entropy of probabilities clamped to [{least:g}, 1 - {least:g}], with no gradient beyond"

    def value(x: Array, p: Array) -> Array:
        p = np.where(p.real < least, least, np.where(p.real > 1 - least, 1 - least, p))
        return cross_entropy(x, p)

    keras = least == KERAS
    name, severity = ("bce-clamp-keras", "dialect") if keras else ("probability-clamp", "M")
    return Form(name, severity, says + (", as Keras's" if keras else ""), value, "probabilities")


RECONSTRUCTIONS = (
    Form("bce", "right", "the binary cross-entropy of probabilities", cross_entropy, "probabilities"),
    Form("bce", "right", "the binary cross-entropy of logits", lambda x, a: softplus(a) - x * a, "logits"),
    Form(
        "continuous-bernoulli", "right", "the continuous Bernoulli's negative log-density of probabilities",
        lambda x, p: cross_entropy(x, p) + log_normaliser(np.log(p / (1 - p))), "probabilities",
    ),
    Form(
        "continuous-bernoulli", "right", "the continuous Bernoulli's negative log-density of logits",
        lambda x, a: softplus(a) - x * a + log_normaliser(a), "logits",
    ),
    Form(
        "squares", "right", "half the squared error, a Gaussian's of variance 1",
        lambda x, m: 0.5 * (x - m) ** 2, "mean",
    ),
    Form(
        "absolute-error", "dialect", "the absolute error, a Laplace distribution's of scale 1",
        lambda x, m: np.where((x - m).real > 0, x - m, m - x), "mean",
    ),
    Form(
        "bce-args-swapped", "H", "a binary cross-entropy whose arguments are exchanged, data for prediction",
        lambda x, p: cross_entropy(p, x), "probabilities",
    ),
    Form(
        "double-sigmoid", "H", "a binary cross-entropy of logits to which a sigmoid was applied once more",
        lambda x, a: softplus(sigmoid(a)) - x * sigmoid(a), "logits",
    ),
    *(_with_epsilon(10.0**-power) for power in (5, 6, 7, 8, 9, 10, 12)),
)  # fmt: skip
"""In the order in which they are believed."""
CLAMPED = (
    *(_clamped(10.0**-power) for power in (2, 3, 4, 5, 6, 7)),
    Form(
        "softplus-threshold",
        "dialect",
        "the binary cross-entropy of logits, whose softplus is the identity above 20, as PyTorch's",
        lambda x, a: np.where(a.real > 20, a, softplus(a)) - x * a,
        "logits",
    ),
)
"""What shows only where a probability is near 0 or 1, or a logit large."""

KLS = (
    Form("kl", "right", "1/2 sum(mu^2 + e^s - 1 - s)", lambda m, s: 0.5 * (m**2 + np.exp(s) - 1 - s)),
    Form(
        "kl-logvar-as-logstd", "H", "1/2 sum(mu^2 + e^(2s) - 1 - 2s): it takes s for the log of the deviation",
        lambda m, s: 0.5 * (m**2 + np.exp(2 * s) - 1 - 2 * s),
    ),
    Form(
        "kl-std-unsquared", "H", "1/2 sum(mu^2 + sigma - 1 - s), with the deviation where the variance belongs",
        lambda m, s: 0.5 * (m**2 + np.exp(s / 2) - 1 - s),
    ),
    Form(
        "kl-log-term-sign", "H", "1/2 sum(mu^2 + e^s - 1 + s), with the sign of the log-variance exchanged",
        lambda m, s: 0.5 * (m**2 + np.exp(s) - 1 + s),
    ),
    Form(
        "kl-partial-half", "H", "sum(mu^2 + 1/2 (e^s - 1 - s)), with mu^2 not halved",
        lambda m, s: m**2 + 0.5 * (np.exp(s) - 1 - s),
    ),
    Form(
        "kl-partial-half", "H", "sum(1/2 mu^2 + e^s - 1 - s), with only mu^2 halved",
        lambda m, s: 0.5 * m**2 + np.exp(s) - 1 - s,
    ),
    Form(
        "kl-partial-half", "H", "sum(1/2 (mu^2 - 1 - s) + e^s), with the variance not halved",
        lambda m, s: 0.5 * (m**2 - 1 - s) + np.exp(s),
    ),
    Form(
        "kl-partial-half", "H", "sum(1/2 (mu^2 + e^s - 1) - s), with the log-variance not halved",
        lambda m, s: 0.5 * (m**2 + np.exp(s) - 1) - s,
    ),
    Form(
        "kl-reversed", "H", "KL(p || q) for KL(q || p): 1/2 sum(s + (1 + mu^2) e^-s - 1)",
        lambda m, s: 0.5 * (s + (1 + m**2) * np.exp(-s) - 1),
    ),
    *(_kl_with_epsilon(10.0**-power) for power in (5, 6, 7, 8, 9, 10, 12)),
)  # fmt: skip

SAMPLERS = (
    Form("reparameterise", "right", "mu + exp(s/2) eps", lambda m, s, e: m + np.exp(s / 2) * e),
    Form(
        "std-is-variance", "H", "mu + exp(s) eps, with the variance for the deviation",
        lambda m, s, e: m + np.exp(s) * e,
    ),
    Form("std-is-logvar", "H", "mu + s eps, with the log-variance for the deviation", lambda m, s, e: m + s * e),
    Form("eval-mu-plus-sigma", "H", "mu + exp(s/2), with no noise in it", lambda m, s, e: m + np.exp(s / 2)),
    Form("eval-mean-as-elbo", "M", "mu, with no noise in it, as at evaluation", lambda m, s, e: m),
)  # fmt: skip
"""z of (mu, logvar, eps)."""
