"""Mistakes of importance-weighted bounds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from vae_np.conformance.mistakes.mistake import Form, Mistake, instead, then
from vae_np.conformance.mistakes.tape import Node, exp, log, stop

RIGHT = "bound = logsumexp(log_w, axis=0) - log(S)"
BURDA = "log p(x) >= E[log 1/S sum_s w_s] with w = p(x|z) p(z) / q(z|x) (Burda et al. 2016, eq. 8)."


def _weighted_logs(c: Any, log_w: Node) -> Node:
    """sum_s w~_s log w_s with the normalised weights w~ differentiated, too."""
    powers = exp(log_w - log_w.value.max(axis=0))
    return (powers * log_w).sum(axis=0) / powers.sum(axis=0)


def _with(p: Any, **changed: Any) -> Any:
    return SimpleNamespace(**{**vars(p), **changed})


def _stopped(right: Any) -> Any:
    return lambda c, z, mu, s: (
        right(c, z, stop(mu), stop(s)) if c.settings["objective"] == "iwae" else right(c, z, mu, s)
    )


def _stopped_sample(right: Any) -> Any:
    return lambda c, z, mu, s: right(c, stop(z), mu, s) if c.settings["objective"] == "iwae" else right(c, z, mu, s)


BOUNDS = (
    Mistake(
        "iwae-mean-of-logs", "H", "it is the mean of the log-weights, not the logarithm of their mean",
        RIGHT, "bound = log_w.mean(axis=0)",
        f"{BURDA} The mean of the logarithms is the ELBO with S samples: no tighter, whatever S.",
        (Form({"log_mean_exp": instead(lambda c, w: w.mean(axis=0))}),), ("arahuja/generative-tf#1",),
    ),
    Mistake(
        "iwae-no-logk", "H", "log S is not taken off: a sum, not a mean, of the weights",
        RIGHT, "bound = logsumexp(log_w, axis=0)",
        f"{BURDA} The value is log S too high, and no bound; the gradients are exact.",
        (Form({"log_mean_exp": then(lambda c, value: value + np.log(c.extra.get("samples", 0) or _samples(c)))}),),
        ("YosefLab/scVI-dev#8",),
    ),
    Mistake(
        "iwae-lse-of-loss", "H", "the log-sum-exp is of the losses, -log w, not of the log-weights",
        RIGHT, "loss = logsumexp(-log_w, axis=0) - log(S)",
        f"{BURDA} The logarithm of the mean of 1/w is at least the largest loss: the worst sample has all the weight.",
        (
            Form({"log_mean_exp": lambda right: lambda c, w: -right(c, -w)}, "less log S"),
            Form({"log_mean_exp": lambda right: lambda c, w: -(right(c, -w) + np.log(len(w.value)))}),
        ),
        ("phlippe/CategoricalNF#2",),
    ),
    Mistake(
        "iwae-no-max", "M", "the weights are exponentials of the log-weights as they are: they overflow, or all vanish",
        RIGHT, "bound = log(mean(exp(log_w)))",
        "exp(log w) is 0 below -745 (float32: -104), and the logarithm of 0 is -inf. Take the largest log-weight"
        " out first.",
        (Form({"log_mean_exp": instead(lambda c, w: log(exp(w).mean(axis=0)))}, own_dtype=True),),
        ("xqding/Importance_Weighted_Autoencoders#2", "xqding/Importance_Weighted_Autoencoders#3"),
    ),
    Mistake(
        "iwae-weight-not-detached", "H", "the weights of sum_s w~ log w are differentiated, too",
        "loss = -(w_tilde.detach() * log_w).sum(axis=0)", "loss = -(w_tilde * log_w).sum(axis=0)",
        "The gradient of the bound is sum_s w~_s grad log w_s with the normalised weights as constants."
        " Differentiated, they"
        " add sum_s log w_s grad w~_s.",
        (Form({"log_mean_exp": instead(_weighted_logs)}),), ("AntixK/PyTorch-VAE#34", "AntixK/PyTorch-VAE#53"),
    ),
    Mistake(
        "iwae-analytic-kl", "H", "the closed form of the KL stands in the log-weights",
        "log_w = log_p_x_given_z + log_p_z - log_q_z", "log_w = log_p_x_given_z - kl",
        "A weight needs the densities at its own sample; the KL is their mean: the bound is no longer one on log p(x).",
        (Form({"log_w": instead(lambda c, p: p.ll - p.kl)}),), ("AntixK/PyTorch-VAE#34",),
    ),
    Mistake(
        "iwae-logw-averaged", "H", "terms of the log-weights are means over dimensions or features, not sums",
        "log_q_z = log_normal(z, mu, s).sum(axis=-1)", "log_q_z = log_normal(z, mu, s).mean(axis=-1)",
        "A log-weight is the logarithm of a ratio of densities of whole vectors: sums.",
        (
            Form({"log_w": lambda right: lambda c, p: right(c, _with(p, log_prior=p.log_prior / c.k,
                                                               log_posterior=p.log_posterior / c.k))}, "of z"),
            Form({"log_w": lambda right: lambda c, p: right(c, _with(p, ll=p.ll / c.d))}, "of x"),
            Form({"log_w": lambda right: lambda c, p: right(c, _with(p, ll=p.ll / c.d, log_prior=p.log_prior / c.k,
                                                               log_posterior=p.log_posterior / c.k))}, "of both"),
        ),
        ("AntixK/PyTorch-VAE",),
    ),
    Mistake(
        "sticking-the-landing", "dialect", "log q has no gradient to its own parameters, but through z",
        "log_q_z = log_normal(z, mu, s)", "log_q_z = log_normal(z, mu.detach(), s.detach())",
        "The part that is left out has the mean 0 for the ELBO (Roeder et al. 2017): another estimator, of less"
        " variance near the"
        " optimum. With several samples it is biased (Tucker et al. 2019).",
        (Form({"log_posterior": _stopped}),), ("arXiv:1703.09194",),
    ),
    Mistake(
        "stl-dreg-stop", "H", "the gradient is stopped at z in log q, not at q's parameters",
        "log_q_z = log_normal(z, mu.detach(), s.detach())", "log_q_z = log_normal(z.detach(), mu, s)",
        "What may be left out is log q's direct part. Stopped at z, its path through the sample is lost instead.",
        (Form({"log_posterior": _stopped_sample}),), ("arXiv:1810.04152",),
    ),
)  # fmt: skip


def _samples(c: Any) -> int:
    return int(c.settings.get("samples", c.n))
