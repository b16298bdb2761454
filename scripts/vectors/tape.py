"""Scalars of many digits that remember how they were made, for derivatives without a formula of ours.

A `Var` is a number of mpmath with its parents and the local derivatives; `gradients` walks back from a result. It knows
nothing of vae_np: the derivatives that it finds are those of the forward computation alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import mpmath as mp

__all__ = ["DIGITS", "Var", "gradients", "log_mean_exp", "total", "unary"]

DIGITS = 60
"""Those of the arithmetic; 50 of them are meant to be right."""
_numbers = itertools.count()


class Var:
    """A number and where it came from."""

    __slots__ = ("number", "parents", "value")

    def __init__(self, value: object, parents: Sequence[tuple[Var, mp.mpf]] = ()) -> None:
        self.value, self.parents, self.number = mp.mpf(value), parents, next(_numbers)

    def __add__(self, other: object) -> Var:
        b = of(other)
        return Var(self.value + b.value, ((self, mp.mpf(1)), (b, mp.mpf(1))))

    def __sub__(self, other: object) -> Var:
        b = of(other)
        return Var(self.value - b.value, ((self, mp.mpf(1)), (b, mp.mpf(-1))))

    def __mul__(self, other: object) -> Var:
        b = of(other)
        return Var(self.value * b.value, ((self, b.value), (b, self.value)))

    def __truediv__(self, other: object) -> Var:
        b = of(other)
        ratio = self.value / b.value
        return Var(ratio, ((self, 1 / b.value), (b, -ratio / b.value)))

    def __neg__(self) -> Var:
        return Var(-self.value, ((self, mp.mpf(-1)),))

    def __radd__(self, other: object) -> Var:
        return of(other) + self

    def __rsub__(self, other: object) -> Var:
        return of(other) - self

    def __rmul__(self, other: object) -> Var:
        return of(other) * self


def of(value: object) -> Var:
    """A constant, unless it is a `Var` already."""
    return value if isinstance(value, Var) else Var(value)


def unary(f: Callable[[mp.mpf], mp.mpf], slope: Callable[[mp.mpf], mp.mpf], a: Var) -> Var:
    """f(a), whose derivative is slope(a)."""
    return Var(f(a.value), ((a, slope(a.value)),))


def total(terms: Iterable[Var]) -> Var:
    """Their sum, in one node."""
    terms = list(terms)
    return Var(mp.fsum(term.value for term in terms), [(term, mp.mpf(1)) for term in terms])


def log_mean_exp(terms: Sequence[Var]) -> Var:
    """log(1/S sum_s e^(t_s)); its derivatives are the normalised weights."""
    largest = max(term.value for term in terms)
    powers = [mp.exp(term.value - largest) for term in terms]
    whole = mp.fsum(powers)
    parents = [(term, power / whole) for term, power in zip(terms, powers, strict=True)]
    return Var(largest + mp.log(whole / len(terms)), parents)


def gradients(result: Var, wanted: Sequence[Var]) -> list[mp.mpf]:
    """d result / d w for each of these, 0 where there is no path."""
    found: dict[int, mp.mpf] = {result.number: mp.mpf(1)}
    nodes = {result.number: result}
    stack = [result]
    while stack:  # all ancestors; parents are always older than their children
        for parent, _ in stack.pop().parents:
            if parent.number not in nodes:
                nodes[parent.number] = parent
                stack.append(parent)
    for number in sorted(nodes, reverse=True):
        cotangent = found.get(number)
        if cotangent is None:
            continue
        for parent, slope in nodes[number].parents:
            found[parent.number] = found.get(parent.number, mp.mpf(0)) + cotangent * slope
    return [found.get(variable.number, mp.mpf(0)) for variable in wanted]
