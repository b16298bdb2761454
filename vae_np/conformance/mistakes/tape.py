"""Arrays that remember how they were made: the derivatives of a computation that a mistake has changed.

A program with a mistake in its forward pass differentiates that mistake, and `gradients` does the same. What is wrong
with a backward pass itself is `stop` and `slope_times`. The package's own gradients are written by hand and use none of
this.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Node", "clip", "exp", "gradients", "log", "of", "slope_times", "stop", "unary", "where"]

Array = NDArray[Any]
Pull = Callable[[Array], Array]
"""From the cotangent of a result to that of what it was made of."""
_numbers = itertools.count()


class Node:
    """An array and where it came from."""

    __slots__ = ("number", "parents", "value")
    __array_ufunc__ = None  # so that array * Node is ours

    def __init__(self, value: Any, parents: Sequence[tuple[Node, Pull]] = ()) -> None:
        self.value: Array = np.asarray(value)
        self.parents, self.number = tuple(parents), next(_numbers)

    def __add__(self, other: Any) -> Node:
        b = _beside(self, other)
        return Node(self.value + b.value, [(self, lambda g: g), (b, lambda g: g)])

    def __sub__(self, other: Any) -> Node:
        b = _beside(self, other)
        return Node(self.value - b.value, [(self, lambda g: g), (b, lambda g: -g)])

    def __mul__(self, other: Any) -> Node:
        b = _beside(self, other)
        return Node(self.value * b.value, [(self, lambda g: g * b.value), (b, lambda g: g * self.value)])

    def __truediv__(self, other: Any) -> Node:
        b = _beside(self, other)
        ratio = self.value / b.value
        return Node(ratio, [(self, lambda g: g / b.value), (b, lambda g: -g * ratio / b.value)])

    def __matmul__(self, other: Any) -> Node:
        b = of(other)

        def pull(g: Array) -> Array:  # of b, (H, D), over all leading axes
            h, d = self.value.shape[-1], g.shape[-1]
            return np.asarray(self.value.reshape(-1, h).T @ g.reshape(-1, d))

        return Node(self.value @ b.value, [(self, lambda g: g @ b.value.T), (b, pull)])

    def __neg__(self) -> Node:
        return Node(-self.value, [(self, lambda g: -g)])

    def __radd__(self, other: Any) -> Node:
        return _beside(self, other) + self

    def __rsub__(self, other: Any) -> Node:
        return _beside(self, other) - self

    def __rmul__(self, other: Any) -> Node:
        return _beside(self, other) * self

    def __rtruediv__(self, other: Any) -> Node:
        return _beside(self, other) / self

    def __getitem__(self, key: Any) -> Node:
        def pull(g: Array) -> Array:
            found = np.zeros_like(self.value)
            found[key] = g
            return found

        return Node(self.value[key], [(self, pull)])

    @property
    def T(self) -> Node:
        """The transpose of a matrix."""
        return Node(self.value.T, [(self, lambda g: g.T)])

    def sum(self, axis: int | tuple[int, ...] | None = None) -> Node:
        """Over these axes, or all."""
        shape = self.value.shape
        axes = range(len(shape)) if axis is None else np.atleast_1d(axis).tolist()
        kept = tuple(1 if i in {a % len(shape) for a in axes} else n for i, n in enumerate(shape))
        pull = lambda g: np.broadcast_to(np.reshape(g, kept), shape)  # noqa: E731
        return Node(self.value.sum(axis=axis), [(self, pull)])

    def mean(self, axis: int | tuple[int, ...] | None = None) -> Node:
        """Over these axes, or all."""
        total = self.sum(axis)
        return total * (total.value.size / self.value.size)


def _beside(a: Node, value: Any) -> Node:
    """A number of Python's takes a's dtype, as NumPy has it."""
    return Node(np.asarray(value, a.value.dtype)) if isinstance(value, (int, float)) else of(value)


def of(value: Any) -> Node:
    """A constant, unless it is a `Node` already."""
    return value if isinstance(value, Node) else Node(value)


def unary(f: Callable[[Array], Any], slope: Callable[[Array], Any], a: Node) -> Node:
    """f(a), entry by entry, whose derivative is slope(a)."""
    return Node(f(a.value), [(a, lambda g: g * slope(a.value))])


def exp(a: Node) -> Node:
    """e^a."""
    return unary(np.exp, np.exp, a)


def log(a: Node) -> Node:
    """The natural logarithm."""
    return unary(np.log, lambda v: 1 / v, a)


def where(condition: Array, a: Any, b: Any) -> Node:
    """a where it holds, else b; the other one has no derivative there."""
    a, b = (_beside(b, a), b) if isinstance(b, Node) else (a, _beside(a, b))
    pulls = [(a, lambda g: np.where(condition, g, 0)), (b, lambda g: np.where(condition, 0, g))]
    return Node(np.where(condition, a.value, b.value), pulls)


def clip(a: Node, low: float, high: float) -> Node:
    """As NumPy's, with the derivative 0 beyond."""
    inside = (a.value >= low) & (a.value <= high)
    return where(inside, a, np.clip(a.value, low, high))


def stop(a: Node) -> Node:
    """The value, without a derivative."""
    return Node(a.value)


def slope_times(a: Node, factor: float) -> Node:
    """The value, with a derivative that is wrong by this factor."""
    return Node(a.value, [(a, lambda g: g * factor)])


def gradients(result: Node, wanted: Sequence[Node], cotangent: Any = 1.0) -> list[Array]:
    """The derivative of sum(cotangent * result) with respect to each of these, 0 where there is no path."""
    nodes, stack = {result.number: result}, [result]
    while stack:
        for parent, _ in stack.pop().parents:
            if parent.number not in nodes:
                nodes[parent.number] = parent
                stack.append(parent)
    found = {result.number: np.broadcast_to(np.asarray(cotangent, result.value.dtype), result.value.shape)}
    for number in sorted(nodes, reverse=True):  # parents are older than their children
        g = found.get(number)
        if g is None:
            continue
        for parent, pull in nodes[number].parents:
            part = _summed(pull(g), parent.value.shape)
            found[parent.number] = found[parent.number] + part if parent.number in found else part
    return [found.get(node.number, np.zeros_like(node.value)) for node in wanted]


def _summed(g: Array, shape: tuple[int, ...]) -> Array:
    """Over what broadcasting has repeated."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape)))) if g.ndim > len(shape) else g
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=axes, keepdims=True) if axes else g
