"""Optimisers of JAX: optax's transformations, those of jax.example_libraries, and one's own with init and update.

The settings of a transformation of optax stand in the closures of its functions, by the names of its arguments.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["is_optax", "optimizer_of", "rule_of"]


class _Triple:
    """(init, update, get_params) of jax.example_libraries.optimizers, as init and update are elsewhere."""

    def __init__(self, triple: Any) -> None:
        self.opt_init, self.opt_update, self.get_params = triple
        rate = _closure(_closure(self.opt_update).get("update")).get("step_size", 1e-3)  # a schedule
        self.lr = float(rate(0) if callable(rate) else rate)

    def init(self, tree: Any) -> Any:
        """The number of the step beside the state."""
        return 0, self.opt_init(tree)

    def update(self, slopes: Any, state: Any, tree: Any) -> tuple[Any, Any]:
        """The change of the parameters."""
        jax = sys.modules["jax"]
        step, inner = state
        inner = self.opt_update(step, slopes, inner)
        change = jax.tree_util.tree_map(lambda new, old: new - old, self.get_params(inner), tree)
        return change, (step + 1, inner)


def optimizer_of(make: Any, tree: Any) -> Any:
    """That which this function of the parameters, or of nothing, makes; Adam with 0.001 if there is none.

    Raises
    ------
    ValueError
        If it fails, or returns nothing with init and update.
    """
    if make is None:
        try:
            return importlib.import_module("optax").adam(1e-3)
        except ImportError:
            return _Triple(importlib.import_module("jax.example_libraries.optimizers").adam(1e-3))
    found = make
    if callable(make):
        try:
            found = make(tree)
        except TypeError:
            try:
                found = make()
            except Exception as error:
                raise _failing(error) from None
        except Exception as error:
            raise _failing(error) from None
    found = getattr(found, "tx", found)  # of nnx.Optimizer, of a TrainState
    if isinstance(found, tuple) and len(found) == 3 and not hasattr(found, "update"):
        return _Triple(found)
    if not callable(getattr(found, "init", None)) or not callable(getattr(found, "update", None)):
        raise ValueError(
            f"the optimiser's function is to return what has init and update, as optax's do; it returns {type(found)}"
        )
    return found


def _failing(error: Exception) -> ValueError:
    return ValueError(f"the optimiser is to be a function of the parameters: {type(error).__name__}: {error}")


def is_optax(optimizer: Any) -> bool:
    """Whether all of it is optax's, and may be jitted."""
    return all(module.startswith("optax") for module, _, _ in _parts(optimizer.update))


def rule_of(optimizer: Any) -> tuple[dict[str, Any] | None, str]:
    """The settings of Adam that it has; what is not optax's is taken for Adam, with its ``lr`` if it has one."""
    update = optimizer.update
    parts = list(_parts(update))
    if not any(module.startswith("optax") for module, _, _ in parts):
        rates = [cells[name] for _, _, cells in parts for name in ("lr", "learning_rate", "step_size") if name in cells]
        lr = getattr(optimizer, "lr", getattr(optimizer, "learning_rate", next(iter(rates), 1e-3)))
        return {"learning_rate": repr(float(lr))} | USUAL, ""
    found: dict[str, Any] = {"weight_decay": repr(0.0), "amsgrad": False}
    seen: list[str] = []
    for module, name, cells in parts:
        try:
            problem = _setting(name if module.startswith("optax") else "", cells, seen, found)
        except (TypeError, ValueError):  # a schedule
            problem = f"its {name} is no number"
        if problem:
            return None, problem
        seen.append(name)
    if "beta1" not in found or "learning_rate" not in found:
        return None, f"{' and '.join(seen)} is not Adam"
    return found, ""


USUAL = {"beta1": repr(0.9), "beta2": repr(0.999), "epsilon": repr(1e-8)}
MOMENTS = ("scale_by_adam", "scale_by_amsgrad")


def _setting(name: str, cells: dict[str, Any], seen: list[str], found: dict[str, Any]) -> str:
    """What a transformation of optax adds to the settings, those before it seen; why it is not ours, if it is not."""
    if name in MOMENTS:
        found["amsgrad"] = name == "scale_by_amsgrad"
        return _moments(cells, found)
    if name == "scale":
        found["learning_rate"] = repr(-float(cells["step_size"]))
        return "it has two rates" if "scale" in seen else ""
    if name == "add_decayed_weights":
        found["weight_decay"] = repr(float(cells["weight_decay"]))
        decoupled = any(adam in seen for adam in MOMENTS) and "scale" not in seen
        return "" if decoupled else "its weight decay is no decoupled one"
    if name == "clip_by_global_norm":
        found["clip_norm"] = repr(float(cells["max_norm"]))
        return "it clips what is no gradient" if seen else ""
    if not name:  # one's own, which is meant to be Adam's moments
        found |= USUAL
        return ""
    return "" if name == "identity" else f"it has {name}, which Adam has not"


def _moments(cells: dict[str, Any], found: dict[str, Any]) -> str:
    """The moments' settings; why they are not ours, if they are not."""
    if cells.get("nesterov"):
        return "it is Adam with Nesterov's momentum"
    eps, root = float(cells["eps"]), float(cells.get("eps_root", 0.0))
    if eps and root:
        return "it has an epsilon inside the root and one outside"
    found |= {"beta1": repr(float(cells["b1"])), "beta2": repr(float(cells["b2"])), "epsilon": repr(eps or root)}
    return ""


def _parts(f: Callable[..., Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of an update function: module, name and closure of each transformation in it, in the order in which they act."""
    cells = _closure(f)
    if "update_fns" in cells:  # a chain
        for inner in cells["update_fns"]:
            yield from _parts(inner)
    elif hasattr(cells.get("tx"), "update"):  # a wrapper
        yield from _parts(cells["tx"].update)
    else:
        name = getattr(f, "__qualname__", type(f).__name__).partition(".<locals>")[0]
        yield str(getattr(f, "__module__", "")), name, cells


def _closure(f: Any) -> dict[str, Any]:
    code, cells = getattr(f, "__code__", None), getattr(f, "__closure__", None)
    if code is None or not cells:
        return {}
    return {name: cell.cell_contents for name, cell in zip(code.co_freevars, cells, strict=True)}
