"""Mistakes and dialects of how reconstruction and KL become a bound and a loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.conformance.mistakes.catalogue.kl import used
from vae_np.conformance.mistakes.mistake import Change, Form, Mistake, instead, then, times
from vae_np.conformance.mistakes.reference import bounded
from vae_np.conformance.mistakes.tape import where

RIGHT = "loss = -(log_likelihood.sum(axis=1) - beta * kl.sum(axis=1)).mean()"
ELBO = (
    "The ELBO of an example is a sum over its D features minus beta times a sum over its K latent dimensions; the loss"
)
ELBO += " is minus its mean over the batch."


def _bound(f: Any) -> Change:
    """The ELBO of each example becomes f(context, log-likelihood (N,), KL (N,))."""

    def wrap(right: Any) -> Any:
        return lambda c, p: right(c, p) if c.settings["objective"] == "iwae" else f(c, p.ll.mean(axis=0), used(c, p))

    return {"bound": wrap}


def _loss(f: Any) -> Change:
    """The loss becomes f(context, log-likelihood (N,), KL (N,)); the bounds of the examples stay."""

    def wrap(right: Any) -> Any:
        return lambda c, p: right(c, p) if c.settings["objective"] == "iwae" else f(c, p.ll.mean(axis=0), used(c, p))

    return {"loss": wrap}


def _other_bits(kind: str) -> Form:
    return Form({"bounded": instead(lambda c, entries: bounded(c, entries, kind))}, f"free bits {kind}")


def _scaled_bits(c: Any, entries: Any) -> Any:
    mean, least = entries.mean(axis=1), float(c.settings["free_bits"])
    return where(mean.value > least, mean, least)


def _offset(case: Any, given: Any) -> float | None:
    """The constant by which the bound is off."""
    if "bound" not in given or "bound" not in case.expected or case.kind != "model":
        return None
    rest = np.asarray(given["bound"], float) - case.expected["bound"].nearest
    size = np.abs(case.expected["bound"].nearest).max()
    constant = np.isfinite(rest).all() and np.ptp(rest) <= 1e-6 * size and abs(rest.mean()) > 1e-6 * size
    return float(rest.mean()) if constant else None


OBJECTIVE = (
    Mistake(
        "rec-mean-over-pixels", "H", "the reconstruction is a mean over the features beside a KL that is a sum",
        RIGHT, "loss = -(log_likelihood.mean(axis=1) - beta * kl.sum(axis=1)).mean()",
        f"{ELBO} With the mean over the features the reconstruction weighs 1/D: a beta of D, and the posterior"
        " collapses.",
        (
            Form({"density_sum": then(lambda c, value: value / c.d)}, "the log-likelihood itself is divided"),
            Form(_bound(lambda c, ll, kl: ll / c.d - c.beta * kl), "in the bound"),
            Form(_loss(lambda c, ll, kl: -(ll / c.d - c.beta * kl).mean()), "in the loss"),
        ),
        ("keras-team/keras#3373", "orybkin/sigma-vae-tensorflow#2"),
    ),
    Mistake(
        "rec-over-latent", "H", "the reconstruction is divided by the latent dimensions",
        RIGHT, "loss = -(log_likelihood.sum(axis=1) / K - beta * kl.sum(axis=1)).mean()",
        f"{ELBO} A mean over the wrong axis, or of an array of another shape: a beta of K.",
        (Form(_bound(lambda c, ll, kl: ll / c.k - c.beta * kl)),),
    ),
    Mistake(
        "objective-per-pixel", "dialect", "the whole loss is divided by the number of features",
        RIGHT, "loss = -(...).mean() / D",
        "Value and gradients are all 1/D: the same minimum, another learning rate where the optimiser is no Adam.",
        (
            Form({"bound": then(lambda c, value: value / c.d)}, "of each example"),
            Form({"loss": then(lambda c, value: value / c.d)}, "of the batch"),
        ),
        ("pytorch/examples#290", "pytorch/examples#294"),
    ),
    Mistake(
        "objective-batch-sum", "dialect", "the loss is a sum over the batch, not its mean",
        RIGHT, "loss = -(...).sum()",
        "Loss and gradients are N times the mean's: the gradient of the epoch, if the batches are alike.",
        (Form({"loss": then(lambda c, value: value * c.n)}),), ("altosaar/variational-autoencoder#16",),
    ),
    Mistake(
        "elbo-for-loss", "dialect", "it is the ELBO, which is maximised, in the place of the loss",
        RIGHT, "loss = (...).mean()",
        "Loss and gradients have the other sign: right for gradient ascent.",
        (Form({"loss": times(-1)}),),
    ),
    Mistake(
        "kl-batch-sum-rec-mean", "H", "the reconstruction is a mean over batch and features, the KL a sum over both",
        RIGHT, "loss = -log_likelihood.mean() + beta * kl.sum()",
        f"{ELBO} Here the KL weighs N D times as much as it should beside the reconstruction.",
        (Form(_loss(lambda c, ll, kl: -ll.mean() / c.d + c.beta * kl.sum())),), ("zdebruine/MMVAE#19",),
    ),
    Mistake(
        "kl-batch-sum", "H", "the KL is a sum over the batch beside a reconstruction that is a mean",
        RIGHT, "loss = -log_likelihood.sum(axis=1).mean() + beta * kl.sum()",
        f"{ELBO} A KL that is not divided by the batch's size is a beta of N, another one for the last batch.",
        (Form(_loss(lambda c, ll, kl: -ll.mean() + c.beta * kl.sum())),),
    ),
    Mistake(
        "kl-batch-mean-twice", "H", "the KL is divided by the size of the batch twice",
        RIGHT, "loss = -log_likelihood.sum(axis=1).mean() + beta * kl.mean() / N",
        f"{ELBO} The second division is a beta of 1/N.",
        (Form(_loss(lambda c, ll, kl: -ll.mean() + c.beta * kl.mean() / c.n)),),
    ),
    Mistake(
        "kl-weight-dataset-fraction", "H", "the KL is weighted by the batch's share of the data set",
        RIGHT, "loss = -(log_likelihood - beta * len(batch) / len(dataset) * kl).mean()",
        "That factor belongs to the KL of a Bayesian network's weights, of which there is one for the whole data"
        " set. A VAE"
        " has one KL for each example.",
        (
            Form({"bound": lambda right: lambda c, p: right(c, p) + c.beta * (1 - c.n / c.dataset) * used(c, p)}),
        ),
        ("AntixK/PyTorch-VAE#11", "AntixK/PyTorch-VAE#40", "AntixK/PyTorch-VAE#56"),
    ),
    Mistake(
        "beta-ignored", "H", "the KL is not multiplied by beta",
        "elbo = log_likelihood - beta * kl", "elbo = log_likelihood - kl",
        "What is trained is the plain ELBO, whatever beta is set to.",
        (Form(_bound(lambda c, ll, kl: ll - kl)),), ("AlexanderVNikitin/tsgm#69", "WenjieDu/PyPOTS#540"),
    ),
    Mistake(
        "kl-double-counted", "H", "the KL is in the loss twice, and right where it stands alone",
        "elbo = log_likelihood - beta * kl", "elbo = log_likelihood - 2 * beta * kl",
        "Added by hand to a loss that has it already (a layer that adds its own, say).",
        (Form(_bound(lambda c, ll, kl: ll - 2 * c.beta * kl)),), ("tensorflow/probability#1215",),
    ),
    Mistake(
        "rec-scalar-mean", "H", "the reconstruction is one number, a mean over batch and features, added to each KL",
        RIGHT, "loss = tf.reduce_mean((x - x_hat)**2) + kl",
        f"{ELBO} A scalar added to a vector: per example it is a Gaussian of variance D/2, or a beta of D/2 at"
        " variance 1, and"
        " no example's own value is right.",
        (Form(_bound(lambda c, ll, kl: ll.mean() / c.d - c.beta * kl)),), ("many TensorFlow tutorials",),
    ),
    Mistake(
        "rec-flattened-broadcast", "M", "the reconstruction is one number, a mean over the batch, added to each KL",
        RIGHT, "elbo = log_likelihood.mean() - beta * kl",
        "Right in the mean over the batch, and so in its gradients; wrong for each example.",
        (Form(_bound(lambda c, ll, kl: ll.mean() - c.beta * kl)),), ("keras-team/keras#4538",),
    ),
    Mistake(
        "kl-scalar-mean", "M", "the KL is one number, a mean over the batch, taken from each log-likelihood",
        RIGHT, "elbo = log_likelihood - beta * kl.mean()",
        "Right in the mean over the batch, and so in its gradients; wrong for each example.",
        (Form(_bound(lambda c, ll, kl: ll - c.beta * kl.mean())),),
    ),
    Mistake(
        "constant-offset", "L", "the bound is off by a constant, its gradients are exact",
        "elbo = log_likelihood - beta * kl", "elbo = log_likelihood - beta * kl + constant",
        "A constant left out or added: the value is no bound on log p(x) that can be compared.",
        (Form(lambda found: {"bound": then(lambda c, value: value + found)}, "by {:.6g}", _offset, 3.25),),
    ),
    Mistake(
        "anneal-reset", "M", "the warm-up of the KL's weight begins anew with each epoch, or stands still inside one",
        "beta = min((t - 1) / warm_up, 1)  # t = 1, 2, ... over all epochs", "beta = min(batch_index / warm_up, 1)",
        "t counts all steps. Counted within an epoch, the weight never comes to 1 if the epoch is shorter than"
        " the warm-up.",
        (
            Form({"warm_up": lambda right: lambda t, n, e: right((t - 1) % e + 1, n, e)}, "anew with each epoch"),
            Form({"warm_up": lambda right: lambda t, n, e: right((t - 1) // e * e + 1, n, e)}, "still inside an epoch"),
        ),
        ("valdersoul/bn-vae#1",),
    ),
    Mistake(
        "free-bits-after-mean", "dialect", "free bits by another convention than the one asked for",
        "sum_k max(lambda, mean_n KL_nk)  # or what the case says", "max(lambda, KL_n)",
        "Three are in use: a minimum for the batch's mean of a dimension (Kingma et al. 2016, eq. 15), for each"
        " entry, for each"
        " example. They differ where entries lie on both sides of lambda.",
        tuple(map(_other_bits, ("per-dimension", "per-entry", "total"))), ("weipu-zhang/STORM#12",),
    ),
    Mistake(
        "free-bits-after-scaling", "H", "free bits bound a KL that was divided by the latent dimensions",
        "max(lambda, KL_n)", "max(lambda, KL_n / K)",
        "lambda is in nats. Compared with a mean over dimensions it is K times too large: the KL is the constant"
        " lambda and has"
        " no gradient.",
        (Form({"bounded": instead(_scaled_bits)}),), ("CAREamics/careamics#277",),
    ),
)  # fmt: skip
