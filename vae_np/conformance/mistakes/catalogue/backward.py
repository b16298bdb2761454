"""Mistakes of the backward pass alone, of layers, and of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.cases import Case
from vae_np.conformance.mistakes.mistake import Form, Mistake, instead, then
from vae_np.conformance.mistakes.tape import slope_times, stop

Array = NDArray[Any]
CHAIN = "Losses are exact, and a gradient is not that of this forward pass: a gradient check finds it."

OTHER_NOISE = np.array(
    [[0.75, -1.5, 0.25, 1.25, -0.5], [-0.875, 0.5, 1.75, -0.375, 0.625], [1.0625, -0.25, -1.125, 0.1875, -2.0]]
)
"""A draw, for planting."""


def _slope(rule: str, factor: float, says: str) -> Form:
    return Form({rule: then(lambda c, value: slope_times(value, factor))}, says)


def _other_noise(case: Case, given: Mapping[str, Array]) -> Array | None:
    """The noise that d_logvar speaks of, if all else is as it should be, and it looks like noise."""
    names = ("mu", "logvar", "z", "d_z", "d_mu", "d_logvar")
    if case.kind != "model" or case.settings["objective"] != "elbo" or case.settings["samples"] != 1:
        return None
    if "free_bits" in case.settings or not set(names) <= set(given):
        return None
    e = {name: case.expected[name].nearest for name in names}
    close = all(np.allclose(given[name], e[name], rtol=1e-5, atol=1e-6) for name in names[:5])
    if not close:
        return None
    path = np.asarray(given["d_logvar"], float) - float(case.settings["beta"]) * np.expm1(e["logvar"]) / 2 / len(
        e["mu"]
    )
    noise = path / (e["d_z"][0] * np.exp(e["logvar"] / 2) / 2)
    known, deviation = case.inputs["eps"][0], np.sqrt(np.mean(noise**2))
    alike = abs(np.corrcoef(noise.ravel(), known.ravel())[0, 1])
    return noise if 0.5 < deviation < 2 and np.abs(noise).max() < 5 and alike < 0.7 else None


def _backward_noise(found: Array) -> Any:
    def wrap(right: Any) -> Any:
        def wrong(c: Any, mu: Any, sigma: Any, eps: Any) -> Any:
            if eps.shape[-2:] != found.shape:
                return right(c, mu, sigma, eps)
            moved = sigma * found
            return mu + moved + (sigma.value * eps - moved.value)

        return wrong

    return {"sample": wrap}


def _unmoved(case: Case, given: Mapping[str, Array]) -> tuple[str, ...] | None:
    """Tensors that no step has changed, where some were."""
    if case.training is None:
        return None
    names, times = [name for name in case.inputs if "." in name], range(1, len(case.training.rows) + 1)
    if not all(f"step {t}: {name}" in given for name in names for t in times):
        return None
    steps = {name: [given[f"step {t}: {name}"] for t in times] for name in names}
    size = {name: np.abs(case.inputs[name]).max() for name in names}
    still = [
        name for name in names
        if all(np.max(np.abs(np.subtract(value, case.inputs[name]))) <= 1e-6 * size[name] for value in steps[name])
    ]  # fmt: skip
    return tuple(still) if still and len(still) < len(names) else None


def _transposed(right: Any) -> Any:
    def wrong(c: Any, h: Any, W: Any, b: Any) -> Any:
        square = W.value.shape[0] == W.value.shape[1]
        return right(c, h, W.T if square else W, b)

    return wrong


BACKWARD = (
    Mistake(
        "no-reparam", "H", "the sample is detached from its parameters: no gradient goes through it",
        "z = mu + sigma * eps", "z = Normal(mu, sigma).sample()",
        "The encoder then learns from the KL alone, which wants the prior: it collapses.",
        (Form({"sample": lambda right: lambda c, *given: stop(right(c, *given))}),), (
        "Unity-Technologies/ml-agents#5546",),
    ),
    Mistake(
        "backward-constant", "H", "a derivative is not that of its own forward pass, by a factor of 2",
        "d_s = d_z * eps * sigma / 2", "d_s = d_z * eps * sigma", CHAIN,
        (
            _slope("deviation", 2, "sigma's, doubled: the 1/2 of exp(s/2) is missing"),
            _slope("deviation", 0.5, "sigma's, halved"),
            _slope("kl", 2, "the KL's, doubled"),
            _slope("kl", 0.5, "the KL's, halved"),
            _slope("density", 2, "the log-likelihood's, doubled"),
            _slope("density", 0.5, "the log-likelihood's, halved"),
        ),
        ("y0ast/VAE-Torch#5", "y0ast/VAE-Torch#13", "torch/cunn#318"),
    ),
    Mistake(
        "backward-sign", "H", "a derivative has the wrong sign",
        "d_mu = d_z + mu", "d_mu = d_z - mu", CHAIN,
        (
            _slope("kl", -1, "the KL's"),
            _slope("density", -1, "the log-likelihood's"),
            _slope("deviation", -1, "sigma's"),
        ),
        ("Kaixhin/Autoencoders#9",),
    ),
    Mistake(
        "forward-backward-noise", "H", "the backward pass uses another draw of the noise than the forward pass",
        "d_s = d_z * eps * sigma / 2  # the eps of z", "d_s = d_z * randn(N, K) * sigma / 2",
        "The gradient of s goes through the very noise that made z. With another draw its mean is 0: s learns"
        " from the KL alone.",
        (Form(_backward_noise, "", _other_noise, OTHER_NOISE),), ("a NumPy VAE by kwj2104",),
    ),
    Mistake(
        "layout-transposed", "H", "square weights are used transposed",
        "h = x @ W + b  # W is (fan_in, fan_out)", "h = x @ W.T + b",
        "PyTorch keeps W as (fan_out, fan_in). Where a weight is square nothing complains.",
        (Form({"dense": _transposed}),), ("huggingface/transformers#4514",),
    ),
    Mistake(
        "grad-accumulates", "H", "gradients are never set to zero: each step has the sum of all before it",
        "optimizer.zero_grad(); loss.backward()", "loss.backward()",
        "Frameworks add to what is there. After t steps the direction is that of the sum of t gradients.",
        (Form({"accumulated": instead(lambda slot, g: _sum(slot, g))}),), ("seangal/dcgan_vae_pytorch#4",),
    ),
    Mistake(
        "params-not-optimised", "H", "the optimiser does not know some of the parameters: they never move",
        "Adam([*encoder.parameters(), *decoder.parameters()])", "Adam(encoder.parameters())",
        "Their gradients are right, and nobody uses them.",
        (
            Form(
                lambda found: {"optimised": instead(lambda name: name not in found)},
                "{}", _unmoved, ("decoder.0.W", "decoder.0.b"),
            ),
        ),
        ("zdebruine/MMVAE#39",),
    ),
    Mistake(
        "clip-noop", "M", "the gradient is not clipped",
        "gradients = clip(gradients, 1.0)", "clip(gradients, 1.0)  # the result is thrown away",
        "The way of the parameters is that of gradients as they are.",
        (Form({"clip": instead(lambda norm, limit: 1.0)}),), ("pytorch/tutorials#30",),
    ),
)  # fmt: skip


def _sum(slot: Any, g: Any) -> Any:
    slot.sum = slot.sum + g
    return slot.sum
