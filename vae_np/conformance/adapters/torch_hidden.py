"""Parameters that a PyTorch module uses and does not know of: layers in a plain list, say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["hidden"]


def hidden(module: Any, nn: Any) -> dict[str, Any]:
    """Modules and parameters that stand in lists, tuples and dicts of it and are not registered, by their names.

    ``parameters()``, ``to()`` and ``state_dict()`` have none of them: no optimiser moves them.
    """
    known = {id(thing) for thing in (*module.modules(), *module.parameters())}
    found = {}
    for place, part in module.named_modules():
        for name, thing in vars(part).items():
            if name.startswith("_"):  # PyTorch's own books
                continue
            prefix = f"{place}.{name}" if place else name
            for key, one in _within(thing, prefix):
                if isinstance(one, (nn.Module, nn.Parameter)) and id(one) not in known:
                    found[key] = one
    return found


def _within(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    """What a list, tuple or dict holds, and those within it."""
    if isinstance(thing, Mapping):
        pairs = list(thing.items())
    elif isinstance(thing, (list, tuple)):
        pairs = list(enumerate(thing))
    else:
        return
    for key, one in pairs:
        yield f"{name}.{key}", one
        yield from _within(one, f"{name}.{key}")
