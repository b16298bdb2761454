"""Mistakes and dialects of Adam (Kingma & Ba 2015, algorithm 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.conformance.mistakes.mistake import Form, Mistake, instead
from vae_np.conformance.mistakes.optimiser import Slot, corrected

RIGHT = "theta -= rate * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + epsilon)"
BIAS = "m and v start at 0, and their means are short by 1 - beta^t (algorithm 1). For a constant gradient each step"
BIAS += " has the length of the rate; "


def _direction(f: Any, says: str = "") -> Form:
    """The step is f(rule, slot, t, v), with AMSGrad's largest v where it is on."""

    def wrong(rule: Any, slot: Slot, t: int) -> Any:
        if rule["amsgrad"]:
            slot.largest = np.maximum(slot.largest, slot.v)
        return f(rule, slot, t, slot.largest if rule["amsgrad"] else slot.v)

    return Form({"adam_direction": instead(wrong)}, says)


def _in_place(rule: Any, slot: Slot, t: int, v: Any) -> Any:
    """The corrected moments are kept."""
    slot.m, slot.v = corrected(rule, slot.m, v, t)
    return slot.m / (np.sqrt(slot.v) + rule["epsilon"])


def _one_corrected(which: str) -> Any:
    """The step with the correction of this moment alone."""

    def step(rule: Any, slot: Slot, t: int, v: Any) -> Any:
        m, corrected_v = corrected(rule, slot.m, v, t)
        return (m if which == "m" else slot.m) / (np.sqrt(corrected_v if which == "v" else v) + rule["epsilon"])

    return step


def _unscaled(which: str) -> Any:
    """The running means, of which this one is a sum."""

    def moments(rule: Any, slot: Slot, g: Any) -> None:
        slot.m = rule["beta1"] * slot.m + (1 if which == "m" else 1 - rule["beta1"]) * g
        slot.v = rule["beta2"] * slot.v + (1 if which == "v" else 1 - rule["beta2"]) * g * g

    return moments


def _largest_corrected(rule: Any, slot: Slot, t: int) -> Any:
    m, v = corrected(rule, slot.m, slot.v, t)
    if rule["amsgrad"]:
        slot.largest = v = np.maximum(slot.largest, v)
    return m / (np.sqrt(v) + rule["epsilon"])


def _inside(rule: Any, slot: Slot, t: int, v: Any) -> Any:
    m, v = corrected(rule, slot.m, v, t)
    return m / np.sqrt(v + rule["epsilon"])


def _rule(**changes: Any) -> Form:
    return Form({"adam_rule": instead(lambda rule: rule | {name: f(rule) for name, f in changes.items()})})


OPTIMISER = (
    Mistake(
        "adam-no-correction", "H", "the moments are not corrected for their start at 0",
        RIGHT, "theta -= rate * m / (sqrt(v) + epsilon)",
        f"{BIAS}without it the first are 3.162, 4.250 and 4.950 times the rate.",
        (_direction(lambda rule, slot, t, v: slot.m / (np.sqrt(v) + rule["epsilon"])),), ("oxiglade/mlx-rs#301",),
    ),
    Mistake(
        "adam-one-correction", "H", "one of the two moments is corrected for its start at 0, and the other is not",
        RIGHT, "theta -= rate * (m / (1 - beta1**t)) / (sqrt(v) + epsilon)",
        f"{BIAS}with m's correction alone they are 31.6, 22.4 and 18.3 times it, with v's alone 0.1, 0.19 and 0.271.",
        (
            _direction(_one_corrected("m"), "that of m"),
            _direction(_one_corrected("v"), "that of v"),
        ),
    ),
    Mistake(
        "adam-moment-unscaled", "H", "a moment's mean lacks its factor 1 - beta: it is 1 / (1 - beta) times too large",
        "m = beta1 * m + (1 - beta1) * g", "m = beta1 * m + g",
        "A running mean weighs what is new by 1 - beta. Without it each step is 10 times the rate where m lacks it, and"
        " 0.0316 times where v does, with beta1 = 0.9 and beta2 = 0.999.",
        (
            Form({"adam_moments": instead(_unscaled("m"))}, "that of m"),
            Form({"adam_moments": instead(_unscaled("v"))}, "that of v"),
        ),
    ),
    Mistake(
        "adam-constant-correction", "H", "the correction is the same in every step: 1 - beta, or t begins anew",
        RIGHT, "theta -= rate * (m / (1 - beta1)) / (sqrt(v / (1 - beta2)) + epsilon)",
        f"{BIAS}with a constant one they are 1, 1.344 and 1.565 times it.",
        (Form({"adam_time": instead(lambda t, place, tensors: 1)}),), ("eriklindernoren/ML-From-Scratch#35",),
    ),
    Mistake(
        "adam-multiplies-correction", "H", "the moments are multiplied by 1 - beta^t, not divided",
        RIGHT, "theta -= rate * m * (1 - beta1**t) / (sqrt(v * (1 - beta2**t)) + epsilon)",
        f"{BIAS}multiplied, they are 10, 18.06 and 24.50 times it.",
        (
            _direction(lambda rule, slot, t, v: slot.m * (1 - rule["beta1"]**t)
                       / (np.sqrt(v * (1 - rule["beta2"]**t)) + rule["epsilon"])),
        ),
        ("karpathy/convnetjs#107",),
    ),
    Mistake(
        "adam-correction-in-place", "H", "the corrected moments are kept, and corrected again in the next step",
        "m_hat = m / (1 - beta1**t)", "m /= 1 - beta1**t",
        f"{BIAS}here they are 1, 0.235 and 0.044 times it.",
        (_direction(_in_place),), ("frgfm/holocron#1",),
    ),
    Mistake(
        "adam-t-per-tensor", "H", "the step's number goes up once for each tensor, not once for each step",
        "t += 1  # before the loop over the tensors", "t += 1  # inside it",
        f"{BIAS}the second tensor's first step, with t = 2, is 0.744 times it.",
        (Form({"adam_time": instead(lambda t, place, tensors: (t - 1) * tensors + place + 1)}),),
        ("flashlight/flashlight#143", "clab/dynet#77"),
    ),
    Mistake(
        "adam-ascent", "H", "the step goes up the loss, not down",
        "theta -= rate * step", "theta += rate * step",
        "A loss is minimised, an ELBO maximised: one of the two signs is turned, and not the other.",
        (Form({"adam_direction": lambda right: lambda rule, slot, t: -right(rule, slot, t)}),),
    ),
    Mistake(
        "adam-eps-inside", "M", "epsilon is added inside the root",
        RIGHT, "theta -= rate * m_hat / sqrt(v_hat + epsilon)",
        "sqrt(v + epsilon) is 1e-4 where v is 0, and not 1e-8: gradients as small as sqrt(epsilon) move by"
        " 0.7071 of the rate.",
        (_direction(_inside),), ("FluxML/Flux.jl#448",),
    ),
    Mistake(
        "adam-eps-hat", "dialect",
        "epsilon is the other one: added before the correction of v (epsilon-hat) or after it",
        RIGHT, "theta -= rate * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + epsilon_hat)",
        "The paper names both, section 2 the second. They differ where |g| is not far above epsilon.",
        (_rule(epsilon_hat=lambda rule: not rule["epsilon_hat"]),),
        ("tensorflow/tensorflow#9047", "keras-team/keras#17391"),
    ),
    Mistake(
        "amsgrad-max-order", "dialect", "AMSGrad's maximum is of the corrected second moment",
        "v_max = max(v_max, v)", "v_max = max(v_max, v / (1 - beta2**t))",
        "Reddi et al. (2018) correct nothing; frameworks take the maximum before the correction or after it.",
        (Form({"adam_direction": instead(_largest_corrected)}),), (
        "pytorch/pytorch#142323", "google-deepmind/optax#1423"),
    ),
    Mistake(
        "amsgrad-ignored", "H", "AMSGrad is not switched on, or is where it should not be",
        "v = max(v_max, v)", "v = v", "Plain Adam and AMSGrad differ as soon as a gradient shrinks.",
        (_rule(amsgrad=lambda rule: not rule["amsgrad"]),),
    ),
    Mistake(
        "adam-l2-decay", "M", "weight decay goes another way than the decoupled one, rate * decay * theta",
        "theta -= rate * (step + decay * theta)", "gradient += decay * theta",
        "L2 in the gradient is normalised away by v (Loshchilov & Hutter 2019); without the rate the decay is"
        " 1/rate too strong.",
        (
            Form({"adam_gradient": instead(lambda rule, g, theta: g + rule["weight_decay"] * theta),
                  "adam_decay": instead(lambda rule, theta: 0.0)}, "L2, in the gradient"),
            Form({"adam_decay": instead(lambda rule, theta: rule["weight_decay"] * theta)}, "without the rate"),
            Form({"adam_decay": instead(lambda rule, theta: 0.0)}, "none at all"),
        ),
        ("nntrainer/nntrainer#3565",),
    ),
)  # fmt: skip
