"""The settings of an optimiser: PyTorch's own, a subclass of one, or one by hand."""

from __future__ import annotations

from typing import Any

__all__ = ["rule_of"]

NAMES = {
    "learning_rate": ("lr", "learning_rate", "alpha", "eta", "step_size", "stepsize", "rate"),
    "beta1": ("beta1", "beta_1", "b1", "betas"),
    "beta2": ("beta2", "beta_2", "b2", "betas"),
    "epsilon": ("eps", "epsilon"),
    "decay": ("weight_decay", "wd", "decay", "l2"),
}
"""What one by hand calls them, with an underscore before them or not; a decay may be decoupled or in the gradient."""


def rule_of(torch: Any, optimizer: Any) -> tuple[dict[str, Any] | None, str]:
    """See `Program.rule`."""
    optim = torch.optim
    if not isinstance(optimizer, optim.Optimizer):
        return _by_hand(optimizer), ""
    kind, groups = type(optimizer).__name__, optimizer.param_groups
    theirs = type(optimizer).__module__.startswith("torch.")
    if theirs and not isinstance(optimizer, (optim.Adam, optim.AdamW)):
        return None, f"{kind} is not Adam"
    names = ("lr", "betas", "eps", "amsgrad", "weight_decay")
    group = groups[0]
    if any(other.get(name) != group.get(name) for other in groups for name in names):
        return None, "its groups of parameters have settings of their own"
    decay = float(group.get("weight_decay", 0.0))
    decoupled = isinstance(optimizer, optim.AdamW) or group.get("decoupled_weight_decay")
    beta1, beta2 = group.get("betas", (0.9, 0.999))
    found: dict[str, Any] = {"learning_rate": float(group["lr"]), "beta1": float(beta1), "beta2": float(beta2)}
    found |= {"epsilon": float(group.get("eps", 1e-8)), "weight_decay" if decoupled else "l2": decay}
    return {n: repr(v) for n, v in found.items()} | {"amsgrad": bool(group.get("amsgrad", False))}, ""


def _by_hand(optimizer: Any) -> dict[str, Any]:
    """What its attributes say; what they do not say is left out."""
    found = {}
    for setting, names in NAMES.items():
        for name in (prefix + name for name in names for prefix in ("", "_")):
            value = getattr(optimizer, name, None)
            if name.endswith("betas") and isinstance(value, (tuple, list)) and len(value) == 2:
                value = value[setting == "beta2"]
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found[setting] = repr(float(value))
                break
    return found
