"""NumPy's ways to draw normal and uniform numbers, replaced by ones that give a noise of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["generators_of", "replacements", "shape_of"]

Array = NDArray[Any]
Give = Callable[[tuple[int, ...]], Any]
GENERATORS = (np.random.Generator, np.random.RandomState)


class _Generator:
    """One of NumPy's generators, but for what it draws of normal and uniform numbers."""

    def __init__(self, generator: Any, give: Give, uniform: Give) -> None:
        self._generator, self._functions = generator, _functions(give, uniform)

    def __getattr__(self, name: str) -> Any:
        return self._functions.get(name) or getattr(self._generator, name)


def _functions(give: Give, uniform: Give) -> dict[str, Callable[..., Any]]:
    def normal(loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        shape = np.broadcast_shapes(np.shape(loc), np.shape(scale)) if size is None else shape_of(size)
        return loc + scale * give(shape)

    def between(low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        shape = np.broadcast_shapes(np.shape(low), np.shape(high)) if size is None else shape_of(size)
        return low + (high - low) * uniform(shape)

    return {
        "randn": lambda *shape: give(shape),
        "standard_normal": lambda size=None, dtype=np.float64, out=None: give(shape_of(size)),
        "normal": normal,
        "rand": lambda *shape: uniform(shape),
        "random": lambda size=None, dtype=np.float64, out=None: uniform(shape_of(size)),
        "random_sample": lambda size=None: uniform(shape_of(size)),
        "uniform": between,
    }


def replacements(give: Give, uniform: Give) -> list[tuple[Any, str, Any]]:
    """What to replace: a holder, a name, and the replacement."""
    made: dict[str, Any] = _functions(give, uniform)
    for original in GENERATORS:
        methods = {name: _method(f) for name, f in made.items() if hasattr(original, name)}
        made[original.__name__] = type(original.__name__, (original,), methods)
    default_rng = np.random.default_rng
    made["default_rng"] = lambda seed=None: _Generator(default_rng(seed), give, uniform)
    return [(np.random, name, replacement) for name, replacement in made.items()]


def _method(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *given, **named: f(*given, **named)


def generators_of(names: Mapping[str, Any], give: Give, uniform: Give) -> dict[str, Any]:
    """Replacements for the generators that a module holds by name."""
    return {name: _Generator(value, give, uniform) for name, value in names.items() if isinstance(value, GENERATORS)}


def shape_of(size: Any) -> tuple[int, ...]:
    """Of None, a number or a sequence of numbers."""
    return () if size is None else tuple(int(n) for n in np.atleast_1d(np.asarray(size)).tolist())
