"""Mistakes of the KL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vae_np.conformance.mistakes.mistake import Form, Mistake, instead, then, times
from vae_np.conformance.mistakes.tape import Node, exp

RIGHT = "kl = 0.5 * (mu**2 + exp(s) - 1 - s).sum(axis=1)"
BOTH = (
    "KL(N(mu, e^s) || N(0, 1)) = E_q[log q - log p] = 1/2 (mu^2 + e^s - 1 - s) for each dimension, s the log-variance."
)


def used(c: Any, p: Any) -> Any:
    """The KL as the bound has it, 0 where the objective has none."""
    if c.settings["objective"] == "iwae":
        return 0.0
    return c.extra["rules"]["bounded"](c, p.entries) if "free_bits" in c.settings else p.kl


def _kl(f: Callable[[Node, Node], Node], says: str = "") -> Form:
    return Form({"kl": instead(lambda c, mu, s: f(mu, s))}, says)


KL = (
    Mistake(
        "kl-missing-half", "H", "the KL is twice what it should be: its 1/2 is missing",
        RIGHT, "kl = (mu**2 + exp(s) - 1 - s).sum(axis=1)",
        f"{BOTH} Without the 1/2 the KL and its gradients are doubled: a beta of 2.",
        (Form({"kl": times(2)}),), ("facebookresearch/irmae#1",),
    ),
    Mistake(
        "kl-double-half", "H", "the KL is half of what it should be: 1/2 was taken twice",
        RIGHT, "kl = 0.5 * (0.5 * (mu**2 + exp(s) - 1 - s)).sum(axis=1)",
        f"{BOTH} A second 1/2 halves the KL and its gradients: a beta of 1/2.",
        (Form({"kl": times(0.5)}),),
    ),
    Mistake(
        "kl-partial-half", "H", "some of the KL's terms are halved and others are not",
        RIGHT, "kl = (mu**2 + 0.5 * (exp(s) - 1 - s)).sum(axis=1)",
        f"{BOTH} With a bracket in the wrong place a term has another weight: means weigh too much or too little, or"
        " the minimum is no longer at the prior.",
        (
            _kl(lambda m, s: m * m + 0.5 * (exp(s) - 1 - s), "mu^2 is not halved"),
            _kl(lambda m, s: 0.5 * (m * m - 1 - s) + exp(s), "e^s is not halved"),
            _kl(lambda m, s: 0.5 * (m * m + exp(s) - 1) - s, "s is not halved"),
            _kl(lambda m, s: 0.5 * m * m + exp(s) - 1 - s, "only mu^2 is halved"),
        ),
        ("SupaeroDataScience/deep-learning#6",),
    ),
    Mistake(
        "kl-log-term-sign", "H", "the log-variance has the wrong sign in the KL",
        RIGHT, "kl = 0.5 * (mu**2 + exp(s) - 1 + s).sum(axis=1)",
        f"{BOTH} With +s it falls without bound as s does: the posterior's variance goes to 0.",
        (_kl(lambda m, s: 0.5 * (m * m + exp(s) - 1 + s)),), ("FluxML/model-zoo#147",),
    ),
    Mistake(
        "kl-sign", "H", "the KL is added to the log-likelihood, not taken from it",
        "elbo = log_likelihood - kl", "elbo = log_likelihood + kl",
        "ELBO = E_q[log p(x|z)] - KL(q || p). With the other sign the posterior is rewarded for leaving the prior.",
        (Form({"bound": lambda right: lambda c, p: right(c, p) + 2 * c.beta * used(c, p)}),),
    ),
    Mistake(
        "kl-sign-logged", "L", "the KL that is reported has the wrong sign; the bound and the gradients are right",
        RIGHT, "log(kl=-kl)",
        "A KL is never negative: what is logged is minus it, while the loss has the right one.",
        (Form({"report": then(lambda c, found: found | {"kl": -found["kl"]})}),), ("AntixK/PyTorch-VAE#68",),
    ),
    Mistake(
        "kl-logvar-as-logstd", "H", "the KL takes the log-variance for the logarithm of the deviation",
        RIGHT, "kl = 0.5 * (mu**2 + exp(2 * s) - 1 - 2 * s).sum(axis=1)",
        f"{BOTH} With log sigma = l it is 1/2 (mu^2 + e^(2l) - 1 - 2l). The sampler takes s for the log-variance:"
        " the KL is"
        " then that of another distribution than the one that is sampled, and both agree at s = 0 only.",
        (_kl(lambda m, s: 0.5 * (m * m + exp(2 * s) - 1 - 2 * s)),),
        ("KarenUllrich/Tutorial_BayesianCompressionForDL#1",),
    ),
    Mistake(
        "kl-std-unsquared", "H", "the KL has the deviation where the variance belongs",
        RIGHT, "kl = 0.5 * (mu**2 + exp(s / 2) - 1 - s).sum(axis=1)",
        f"{BOTH} e^s is sigma squared; with sigma itself the minimum over s is at e^(s/2) = 2, not at the prior.",
        (_kl(lambda m, s: 0.5 * (m * m + exp(0.5 * s) - 1 - s)),), ("DaehanKim/vgae_pytorch#2",),
    ),
    Mistake(
        "kl-constant", "L", "the KL is off by a constant: its -1/2 stands once, not for each dimension, or not at all",
        RIGHT, "kl = 0.5 * (mu**2 + exp(s) - s).sum(axis=1) - 0.5",
        f"{BOTH} The gradients are exact; the value, and so the bound, is not.",
        (
            Form({"kl_sum": then(lambda c, value: value + (c.k - 1) / 2)}, "-1/2 for -K/2"),
            Form({"kl_sum": then(lambda c, value: value + c.k / 2)}, "no -K/2"),
        ),
        ("ericjang/draw#2", "valdersoul/bn-vae#4"),
    ),
    Mistake(
        "kl-reversed", "H", "it is KL(p || q), not KL(q || p)",
        RIGHT, "kl = 0.5 * (s + (1 + mu**2) * exp(-s) - 1).sum(axis=1)",
        f"{BOTH} The other direction, KL(p || q) = 1/2 (s + (1 + mu^2) e^(-s) - 1), is no part of the ELBO.",
        (_kl(lambda m, s: 0.5 * (s + (1 + m * m) * exp(-s) - 1)),),
        ("kumar-shridhar/PyTorch-BayesianCNN#28", "kumar-shridhar/PyTorch-BayesianCNN#73"),
    ),
    Mistake(
        "kl-mean-over-latent", "H", "the KL is a mean over the latent dimensions, not their sum",
        RIGHT, "kl = 0.5 * (mu**2 + exp(s) - 1 - s).mean(axis=1)",
        "The KL of a product of independent dimensions is the sum of theirs. A mean is a beta of 1/K.",
        (Form({"kl_sum": then(lambda c, value: value / c.k)}),),
        ("keras-team/keras#6015", "keras-team/keras#4538", "podgorskiy/VAE#1"),
    ),
)  # fmt: skip
