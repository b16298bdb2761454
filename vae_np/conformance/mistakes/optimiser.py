"""Adam and what surrounds it, for the reference computation (Kingma & Ba 2015, algorithm 1), in rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RULES", "Memory", "Slot", "alone", "corrected", "of_tensors"]

Array = NDArray[Any]
NUMBERS = ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "clip_norm", "l2")


@dataclass
class Slot:
    """What Adam keeps of one tensor."""

    m: Any = 0.0
    v: Any = 0.0
    largest: Any = 0.0
    sum: Any = 0.0


def corrected(rule: Mapping[str, Any], m: Any, v: Any, t: int) -> tuple[Any, Any]:
    """m and v without their bias towards 0."""
    return m / (1 - rule["beta1"] ** t), v / (1 - rule["beta2"] ** t)


def direction(rule: Mapping[str, Any], slot: Slot, t: int) -> Any:
    """What theta moves by, but for the rate: m_hat / (sqrt(v_hat) + epsilon), or the other epsilon."""
    if rule["amsgrad"]:
        slot.largest = np.maximum(slot.largest, slot.v)
    m, v = corrected(rule, slot.m, slot.largest if rule["amsgrad"] else slot.v, t)
    epsilon = rule["epsilon"] / np.sqrt(1 - rule["beta2"] ** t) if rule["epsilon_hat"] else rule["epsilon"]
    return m / (np.sqrt(v) + epsilon)


def moments(rule: Mapping[str, Any], slot: Slot, g: Any) -> None:
    """The running means of g and of its square."""
    slot.m = rule["beta1"] * slot.m + (1 - rule["beta1"]) * g
    slot.v = rule["beta2"] * slot.v + (1 - rule["beta2"]) * g * g


RULES: dict[str, Callable[..., Any]] = {
    "step_noise": lambda eps, first: eps,
    "clip": lambda norm, limit: min(1.0, limit / norm) if limit else 1.0,
    "accumulated": lambda slot, g: g,
    "optimised": lambda name: True,
    "adam_rule": lambda rule: rule,
    "adam_gradient": lambda rule, g, theta: g + rule["l2"] * theta,
    "adam_time": lambda t, place, tensors: t,
    "adam_moments": moments,
    "adam_direction": direction,
    "adam_decay": lambda rule, theta: rule["learning_rate"] * rule["weight_decay"] * theta,
}


@dataclass
class Memory:
    """The state of a run, and its steps."""

    rules: Mapping[str, Callable[..., Any]]
    settings: Mapping[str, Any]
    theta: Mapping[str, Array]
    slots: dict[str, Slot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = {"epsilon_hat": False, "amsgrad": False, "weight_decay": 0.0, "clip_norm": 0.0, "l2": 0.0}
        found |= dict(self.settings)
        found |= {name: float(found[name]) for name in NUMBERS}
        self.rule = self.rules["adam_rule"](found)
        self.slots = {name: Slot() for name in self.theta}

    def step(self, theta: Mapping[str, Array], gradients: Mapping[str, Array], t: int) -> dict[str, Array]:
        """All tensors after step t = 1, 2, ..."""
        rules, rule, after = self.rules, self.rule, {}
        norm = np.sqrt(sum(float(np.sum(g * g)) for g in gradients.values()))
        factor = rules["clip"](norm, rule["clip_norm"])
        for place, (name, value) in enumerate(theta.items()):
            slot = self.slots[name]
            g = rules["adam_gradient"](rule, rules["accumulated"](slot, factor * gradients[name]), value)
            rules["adam_moments"](rule, slot, g)
            move = rules["adam_direction"](rule, slot, rules["adam_time"](t, place, len(theta)))
            moved = value - rules["adam_decay"](rule, value) - rule["learning_rate"] * move
            after[name] = np.asarray(moved if rules["optimised"](name) else value)
        return after


def alone(inputs: Mapping[str, Array], settings: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Array]:
    """A case of kind adam."""
    theta: Mapping[str, Array] = {"theta": inputs["theta"]}
    memory, after = Memory(rules, settings, theta), []
    for t, g in enumerate(inputs["gradients"], start=1):
        theta = memory.step(theta, {"theta": g}, t)
        after.append(theta["theta"])
    return {"theta": np.stack(after)}


def of_tensors(inputs: Mapping[str, Array], settings: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Array]:
    """A case of kind optimiser: ``theta: NAME`` and its ``gradients: NAME`` of every step, in the order of a step."""
    theta: Mapping[str, Array] = {name[7:]: value for name, value in inputs.items() if name.startswith("theta: ")}
    memory = Memory(rules, settings, theta)
    found: dict[str, Array] = {}
    for t, gradients in enumerate(zip(*(inputs[f"gradients: {name}"] for name in theta), strict=True), start=1):
        theta = memory.step(theta, dict(zip(theta, gradients, strict=True)), t)
        found |= {f"step {t}: {name}": value for name, value in theta.items()}
    return found
