"""Mistakes of the sampler, of the log-variance's head, and of what is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.cases import Case
from vae_np.conformance.mistakes.densities import sigmoid, softplus
from vae_np.conformance.mistakes.mistake import Change, Form, Mistake, instead
from vae_np.conformance.mistakes.tape import clip, exp, unary, where

Array = NDArray[Any]
RIGHT = "z = mu + exp(s / 2) * eps"
SAMPLED = (
    "z = mu + sigma eps with eps ~ N(0, I) is a sample of N(mu, sigma^2), and sigma = e^(s/2) where s = log sigma^2."
)


def _noise_of(case: Case, given: Mapping[str, Array]) -> tuple[Array, Array] | None:
    """(z - mu) / sigma, (S, N, K), as the answers have them, and where it has digits beside mu."""
    if "z" not in given or "z" not in case.expected:
        return None
    mu, s = (given.get(name, _known(case, name)) for name in ("mu", "logvar"))
    z = given["z"]
    if not np.isfinite(z).all():
        return None
    sigma = np.exp(s / 2)
    noise = ((z - mu) / sigma).reshape(-1, *mu.shape)
    sure = np.broadcast_to(sigma > 1e-3 * np.abs(mu), noise.shape)
    return (noise, sure) if np.isfinite(noise).all() and noise[sure].any() else None


def _known(case: Case, name: str) -> Array:
    return case.expected[name].nearest if name in case.expected else case.inputs[name]


def _one_number(case: Case, given: Mapping[str, Array]) -> float | None:
    if (found := _noise_of(case, given)) is None:
        return None
    noise = found[0][found[1]]
    if np.ptp(noise) > 1e-5 * np.abs(noise).max():
        return None
    return float(noise.mean()) if abs(noise.mean() - 1) > 1e-4 else None  # mu + sigma has a name of its own


def _one_factor(case: Case, given: Mapping[str, Array]) -> float | None:
    if (found := _noise_of(case, given)) is None:
        return None
    noise, sure = found
    ratio = (noise / case.inputs["eps"].reshape(noise.shape))[sure]
    return float(np.median(ratio)) if np.ptp(ratio) <= 1e-4 * np.abs(ratio).max() else None


def _one_row(case: Case, given: Mapping[str, Array]) -> Array | None:
    if (found := _noise_of(case, given)) is None:
        return None
    noise, sure = found
    alike = sure.all() and noise.shape[1] > 1 and np.ptp(noise, axis=1).max() <= 1e-5 * np.abs(noise).max()
    return np.asarray(noise.mean(axis=1, keepdims=True)) if alike else None


def _full(c: Any, eps: Array, value: Any) -> Array:
    return np.broadcast_to(np.asarray(value, eps.dtype), eps.shape).copy()


def _row(found: Any) -> Change:
    return {"noise": instead(lambda c, eps: _full(c, eps, found))}


def _head(f: Any, says: str, rule: str = "head") -> Form:
    return Form({rule: instead(lambda c, a: f(a))}, says)


def _clamp(low: float, high: float) -> Form:
    return Form(
        {
            "head": instead(lambda c, s: clip(s, low, high)),
            "deviation": instead(lambda c, s: exp(clip(s, low, high) * 0.5)),
            "kl": lambda right: lambda c, mu, s: right(c, mu, clip(s, low, high)),
        },
        f"to [{low:g}, {high:g}]",
    )


CLAMPS = (*((-high, high) for high in (1, 2, 4, 5, 6, 10, 15, 20)), (-30, 20), (-10, 2), (-4, 15), (-20, 2))

SAMPLER = (
    Mistake(
        "std-is-variance", "H", "the sampler takes the variance for the deviation",
        RIGHT, "z = mu + exp(s) * eps",
        f"{SAMPLED} A gradient check does not notice: backward belongs to the wrong forward.",
        (Form({"deviation": instead(lambda c, s: exp(s))}),),
        ("keras-team/keras#9972", "rachtsingh/ibp_vae#3", "ddbourgin/numpy-ml"),
    ),
    Mistake(
        "std-is-logvar", "H", "the sampler takes the log-variance for the deviation",
        RIGHT, "z = mu + s * eps", SAMPLED,
        (Form({"deviation": instead(lambda c, s: s)}),), ("cmzuo11/scMVAE#1",),
    ),
    Mistake(
        "eps-ignored", "H", "entries share one number for their noise",
        RIGHT, "z = mu + exp(s / 2) * np.random.randn()",
        f"{SAMPLED} One number for all entries makes dimensions and examples move together.",
        (
            Form(
                lambda found: {"noise": instead(lambda c, eps: _full(c, eps, found))},
                "(z - mu) / sigma is {:.6g} everywhere", _one_number, 0.7,
            ),
        ),
        ("twairball/keras_lstm_vae#1",),
    ),
    Mistake(
        "eps-std-not-one", "H", "the noise has another deviation than 1",
        RIGHT, "z = mu + exp(s / 2) * 0.01 * eps",
        f"{SAMPLED} With a smaller noise the posterior that is sampled is not the one whose KL is taken.",
        (
            Form(
                lambda found: {"noise": instead(lambda c, eps: found * eps)},
                "the noise is multiplied by {:.6g}", _one_factor, 0.01,
            ),
        ),
        ("keras-team/keras#4211",),
    ),
    Mistake(
        "eps-shared-batch", "H", "every example of the batch has the same noise",
        "eps = randn(N, K)", "eps = randn(K)",
        f"{SAMPLED} One row for the batch: the gradient's noise no longer averages out over the examples.",
        (
            Form({"noise": instead(lambda c, eps: _full(c, eps, eps[..., :1, :]))}, "that of the first"),
            Form(_row, "a row of its own", _one_row, np.array([0.75, -1.5, 0.25, 1.25, -0.5])[None, None]),
        ),
        ("keras-team/keras#7036",),
    ),
    Mistake(
        "eps-frozen", "H", "the noise was drawn once, and is the same in every step",
        "eps = randn(N, K)  # in every step", "eps = randn(N, K)  # once, when the model is built or traced",
        "Each step needs a draw of its own. A frozen one lets the decoder learn the noise by heart.",
        (Form({"step_noise": instead(lambda eps, first: np.resize(first, eps.shape))}),), (
        "tensorflow/tensorflow#36715",),
    ),
    Mistake(
        "eval-mu-plus-sigma", "H", "z is mu + sigma, with no noise in it",
        RIGHT, "z = mu + exp(s / 2)", f"{SAMPLED} At evaluation use mu, or samples; mu + sigma is neither.",
        (Form({"sample": instead(lambda c, mu, sigma, eps: mu + sigma)}),), ("Project-MONAI/MONAI#8413",),
    ),
    Mistake(
        "eval-mean-as-elbo", "M", "the reconstruction is that of z = mu, without noise",
        "elbo = E_q[log p(x|z)] - kl", "elbo = log p(x | z = mu) - kl",
        "log p(x|mu) is no expectation: a number that is too high, reported as the ELBO.",
        (
            Form({"sample": instead(lambda c, mu, sigma, eps: mu)}, "z is mu"),
            Form({"decoded": instead(lambda c, z, mu: mu + 0 * z.value)}, "mu is decoded, and not z"),
        ),
        ("pytorch/examples#419",),
    ),
    Mistake(
        "head-activation", "H", "the head of the log-variance, or of the mean, has an activation",
        "s = h @ W + b", "s = relu(h @ W + b)",
        "s is any number: with a relu or a softplus sigma is never below 1, with a tanh it is between 0.6 and 1.7."
        " So is mu: with a relu the code has half of its space, with a tanh or a sigmoid a box.",
        (
            _head(lambda s: where(s.value > 0, s, 0.0), "a relu: s >= 0"),
            _head(softplus, "a softplus: s > 0"),
            _head(lambda s: unary(np.tanh, lambda v: 1 - np.tanh(v) ** 2, s), "a tanh: |s| < 1"),
            _head(lambda m: where(m.value > 0, m, 0.0), "a relu: mu >= 0", "mean_head"),
            _head(sigmoid, "a sigmoid: 0 < mu < 1", "mean_head"),
            _head(lambda m: unary(np.tanh, lambda v: 1 - np.tanh(v) ** 2, m), "a tanh: |mu| < 1", "mean_head"),
        ),
        ("shekkizh/TensorflowProjects#1", "pkmital/CADL#84"),
    ),
    Mistake(
        "clamp-gradient", "M", "the log-variance is clamped: no gradient beyond",
        RIGHT, "s = clamp(s, -10, 10)",
        "The derivative of a clamp is 0 beyond its ends: a posterior that has gone there does not come back.",
        tuple(_clamp(*ends) for ends in CLAMPS),
        ("pytorch/pytorch#7002",),
    ),
    Mistake(
        "logvar-overflow", "M", "e^s is taken where e^(s/2) would do, and overflows",
        "sigma = exp(s / 2)", "sigma = sqrt(exp(s))",
        "In float32 e^s is infinite from s = 88.73 on and 0 below -103.98, e^(s/2) at twice that.",
        (
            Form(
                {"deviation": instead(lambda c, s: unary(np.sqrt, lambda v: 0.5 / np.sqrt(v), exp(s)))}, own_dtype=True
            ),
        ),
        ("vanderschaarlab/synthcity#331",),
    ),
)  # fmt: skip
