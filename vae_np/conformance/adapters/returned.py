"""What a forward pass returned, and what the loss is called with of it: alike in every framework."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from vae_np.conformance.adapters.program import Goal, Source
from vae_np.conformance.objective.frameworks import parts_of

__all__ = ["Seen", "tensors_of", "value_of"]


class Seen(Protocol):
    """The products of a forward pass, by their weights' names."""

    def value_of(self, weight: str) -> Any:
        """What this weight made."""

    def given_to(self, weight: str) -> Any:
        """What it was multiplied with."""


def tensors_of(result: Any, is_tensor: Callable[[Any], bool], is_normal: Callable[[Any], bool] = lambda _: False,
               name: str = "", depth: int = 0) -> dict[str, Any]:  # fmt: skip
    """The tensors of what forward returns, by place or name: of tuples, dicts, objects and normal distributions."""
    if is_tensor(result):
        return {name or "0": result}
    if is_normal(result):
        return {f"{name}.loc": result.loc, f"{name}.scale": result.scale}
    if depth > 3:
        return {}
    found: dict[str, Any] = {}
    for key, value in _entries(result):
        found |= tensors_of(value, is_tensor, is_normal, f"{name}.{key}" if name else str(key), depth + 1)
    return found


def _entries(result: Any) -> list[tuple[Any, Any]]:
    if isinstance(result, Mapping):
        return list(result.items())
    if hasattr(result, "_asdict"):
        return list(result._asdict().items())
    if isinstance(result, (tuple, list)):
        return list(enumerate(result))
    return list(getattr(result, "__dict__", {}).items())


def value_of(goal: Goal, given: Any, parts: Mapping[str, Any], seen: Seen, ops: Any,
             during: Callable[[], contextlib.AbstractContextManager[Any]]) -> Any:  # fmt: skip
    """The loss of a forward pass, one number of the goal's scale.

    Parameters
    ----------
    goal : Goal
    given : tensor
        x as forward took it.
    parts : mapping of str to tensor
        What it returned.
    seen : Seen
        What weights were given and made.
    ops : module
        ``reshape(a, shape)``, ``sum(a, axis)`` and ``mean(a)`` of the framework.
    during : callable
        A context in which the loss is called.

    Raises
    ------
    ValueError
        If the loss cannot be called with what was returned.
    """

    def tensor(source: Source | None, data: Any) -> Any:
        if source is None:
            return data
        if source.part is not None:
            return parts[source.part]
        if source.given_to is not None:
            return seen.given_to(source.given_to)
        assert source.piece is not None
        return seen.value_of(source.piece.tensor)[..., source.piece.columns]

    rows = int(given.shape[0])
    output = next((tensor(source, given) for role, source in goal.arguments if role == "output"), given)
    problem: Exception | None = None
    for data in _shapes(given, tuple(output.shape), rows, ops):
        try:
            with during():
                value = goal.function(*[tensor(source, data) for _, source in goal.arguments])
            break
        except Exception as error:
            problem = problem or error
    else:
        raise ValueError(f"the loss fails on what forward returns: {type(problem).__name__}: {problem}")
    value = parts_of(value)[0]
    shape = tuple(getattr(value, "shape", ()))
    if shape and shape[0] == rows:
        value = ops.mean(ops.sum(ops.reshape(value, (rows, -1)), 1))
    return (ops.sum(value) if shape else value) * goal.scale(rows) + goal.offset


def _shapes(given: Any, like: tuple[int, ...], rows: int, ops: Any) -> Iterator[Any]:
    """x in the output's shape, else it might be broadcast; as it was given; flat."""
    if math.prod(like) == math.prod(given.shape):
        yield ops.reshape(given, like)
    yield given
    yield ops.reshape(given, (rows, -1))
