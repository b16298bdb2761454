"""Optimisers of Keras 3: their settings as those of `Adam`, and their steps without a state of their own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["OfKeras", "optimizer_of", "rule_of"]


def optimizer_of(make: Any, model: Any, variables: list[Any]) -> Any:
    """A new one: of a function of the variables, or of nothing; like the one that is given, or that of `compile`.

    Raises
    ------
    ValueError
        If it is no optimiser of Keras.
    """
    keras: Any = sys.modules["keras"]
    found = make
    if make is None:
        compiled = getattr(model, "optimizer", None)
        found = keras.optimizers.Adam(1e-3) if compiled is None else compiled
    elif not isinstance(make, keras.optimizers.Optimizer):
        try:
            found = make(variables)
        except TypeError:
            found = make()
    if not isinstance(found, keras.optimizers.Optimizer):
        raise ValueError(f"the optimiser's function is to return an optimiser of Keras; it returns {type(found)}")
    try:
        return type(found).from_config(found.get_config())
    except Exception:  # one's own, without get_config
        return found


class OfKeras:
    """An optimiser with ``init`` and ``update``, as optax's: it leaves the model's variables alone."""

    def __init__(self, make: Any, model: Any, variables: list[Any], names: list[str]) -> None:
        self.optimizer = optimizer_of(make, model, variables)
        self.optimizer.build(variables)
        self.names = names

    def init(self, tree: Mapping[str, Any]) -> Any:
        """The optimiser's variables."""
        return [variable.value for variable in self.optimizer.variables]

    def update(self, slopes: Mapping[str, Any], state: Any, tree: Mapping[str, Any]) -> Any:
        """The change of the parameters, and the state after it."""
        before = [tree[name] for name in self.names]
        after, state = self.optimizer.stateless_apply(state, [slopes[name] for name in self.names], before)
        return {name: new - old for name, new, old in zip(self.names, after, before, strict=True)}, state


def _number(tensor: Any) -> float:
    return float(sys.modules["keras"].ops.convert_to_numpy(tensor))


def rule_of(optimizer: Any) -> tuple[dict[str, Any] | None, str]:
    """The settings of Adam that it has, or why it is none; one's own is taken for Keras's Adam at its rate."""
    config: Mapping[str, Any] = optimizer.get_config()
    kind, theirs = type(optimizer).__name__, type(optimizer).__module__.startswith("keras.")
    if theirs and kind not in ("Adam", "AdamW"):
        return None, f"{kind} is not Adam"
    if isinstance(config.get("learning_rate"), Mapping):
        return None, "its learning rate follows a schedule"
    for name in ("clipnorm", "clipvalue", "use_ema", "loss_scale_factor", "gradient_accumulation_steps"):
        if config.get(name):
            return None, f"it has {name}, which Adam has not"
    found: dict[str, Any] = {"learning_rate": repr(_number(optimizer.learning_rate)), "epsilon_hat": True}
    for ours, name, usual in (("beta1", "beta_1", 0.9), ("beta2", "beta_2", 0.999), ("epsilon", "epsilon", 1e-7)):
        found[ours] = repr(float(config.get(name, usual)))
    found |= {"amsgrad": bool(config.get("amsgrad")), "weight_decay": repr(float(config.get("weight_decay") or 0.0))}
    if config.get("global_clipnorm"):
        found["clip_norm"] = repr(float(config["global_clipnorm"]))
    return found, ""
