"""A loss of JAX that calls its model itself, loss_fn(params, x, key), as a loss of output, x, mu and logvar.

While it is called, the model returns what is given, in the structure in which it returns its own.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

from vae_np.conformance.adapters.jax_models import TREES, JaxModel, arguments
from vae_np.conformance.objective.frameworks import globals_of

__all__ = ["calls_its_model", "filled", "of_outputs", "skeleton"]


def calls_its_model(f: Callable[..., Any]) -> bool:
    """Whether its first argument is the parameters, or the model."""
    try:
        names = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return False
    return len(names) > 1 and names[0].lower() in TREES


def skeleton(result: Any, name: str = "") -> Any:
    """What forward returns, with the name of each part in its place, as `tensors_of` calls it."""

    def inner(key: Any, value: Any) -> Any:
        return skeleton(value, f"{name}.{key}" if name else str(key))

    if isinstance(result, Mapping):
        return {key: inner(key, value) for key, value in result.items()}
    if hasattr(result, "_asdict"):
        return type(result)(**{key: inner(key, value) for key, value in result._asdict().items()})
    if isinstance(result, (tuple, list)):
        return type(result)(inner(i, value) for i, value in enumerate(result))
    return name or "0"


def filled(frame: Any, values: Mapping[str, Any]) -> Any:
    """The skeleton with values for names; None for what has none."""
    if isinstance(frame, Mapping):
        return {key: filled(value, values) for key, value in frame.items()}
    if hasattr(frame, "_asdict"):
        return type(frame)(*(filled(value, values) for value in frame))
    if isinstance(frame, (tuple, list)):
        return type(frame)(filled(value, values) for value in frame)
    return values.get(frame)


def of_outputs(f: Callable[..., Any], model: JaxModel, tree: Any, frame: Any, named: Mapping[str, str], key: Any,
               ) -> Callable[..., Any]:  # fmt: skip
    """The loss as a function of those of output, x, mu and logvar that the model returns.

    Parameters
    ----------
    f : callable
        Of the parameters or the model, x, and what `arguments` knows.
    model : JaxModel
    tree : tree
        Its parameters.
    frame : structure
        The `skeleton` of what it returns.
    named : mapping of str to str
        The parts' names, by what they are.
    key : array
    """
    roles = [role for role in ("output", "x", "mu", "logvar") if role == "x" or role in named]
    plain = inspect.unwrap(f)  # what is jitted keeps what the model returned when it was traced

    def loss(*given: Any) -> Any:
        by_role = dict(zip(roles, given, strict=True))
        x = by_role.pop("x")
        values = {named[role]: value for role, value in by_role.items()}
        if "z" in named:
            values[named["z"]] = by_role.get("mu")
        result = filled(frame, values)
        with _returning(model, result):
            first = tree if model.init is not None or _is_function(model) else lambda *_, **__: result
            return plain(first, **arguments(plain, x, key, lambda: by_role.get("mu"), {}, 1))

    loss.__wrapped__ = f  # type: ignore[attr-defined]  # whose file has imported its framework
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    loss.__signature__ = inspect.Signature([inspect.Parameter(r, kind) for r in roles])  # type: ignore[attr-defined]
    return loss


def _is_function(model: JaxModel) -> bool:
    return getattr(model.within, "__name__", "") != "__call__"


@contextlib.contextmanager
def _returning(model: JaxModel, result: Any) -> Iterator[None]:
    """The model's own ways to be called: `apply` of linen, the name of a function in its file."""
    if model.init is not None:
        with mock.patch.object(sys.modules["flax"].linen.Module, "apply", lambda *_, **__: result):  # noqa: PT008
            yield
        return
    names = globals_of(model.within)
    mine = {name: (lambda *_, **__: result) for name, value in names.items() if value is model.within}
    with mock.patch.dict(names, mine):
        yield
