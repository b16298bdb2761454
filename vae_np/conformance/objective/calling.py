"""How a loss is called: with numbers of its own, by keyword only, or with forward's result as a whole; twice the same.

`as_called` makes one of arrays alone of it.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vae_np.conformance.objective.frameworks import Framework, framework_of
from vae_np.conformance.objective.probes import ROLES, WEIGHTS, Probe, probe, role_of, with_numbers

__all__ = ["as_called", "depends", "of_the_head", "repeats"]

Arguments = tuple[str, ...] | None


def as_called(f: Callable[..., Any], beta: float, arguments: Arguments) -> tuple[Callable[..., Any], Arguments, str]:
    """The loss of arrays alone, the roles of its arguments that are given, and a line on what they are made of.

    Only one that fails with an output and x alone is given what forward returns as a whole.
    """
    f, said = _spread(f, beta)
    f, arguments = with_numbers(_by_position(f), beta, arguments)
    if said:
        return f, arguments, said
    if arguments is not None or _runs(f, 2, "output", "x") or _runs(f, 2, "x", "output"):
        return f, arguments, ""
    for whole, said in _bundled(f):
        if _runs(whole, 4, *ROLES):
            return whole, arguments, said
    return f, arguments, ""


def of_the_head(f: Callable[..., Any]) -> Callable[..., Any]:
    """The loss of a model, where what its head puts out, and is called the logarithm of a deviation, is seen."""
    found = list(inspect.signature(f).parameters.values())
    if not any(role_of(p.name) == "logstd" for p in found):
        return f
    names = ["logvar" if role_of(p.name) == "logstd" else p.name for p in found]
    if len(set(names)) < len(names) or any(p.kind is inspect.Parameter.KEYWORD_ONLY for p in found):
        return f
    return _like(f, lambda *given: f(*given), [p.replace(name=name) for p, name in zip(found, names, strict=True)])


def _runs(f: Callable[..., Any], count: int, *roles: str) -> bool:
    """Whether a function of so many arguments can be called with these."""
    if len(_needed(f)) != count:
        return False
    for features in (None, 784):
        at = probe() if features is None else probe(features=features)
        with contextlib.suppress(Exception):
            framework_of(f).call(f, at.of(roles))
            return True
    return False


def repeats(f: Callable[..., Any], order: tuple[str, ...], at: Probe, framework: Framework) -> bool:
    """Whether the loss is the same number when it is asked once more."""
    first, second = (framework.call(f, at.of(order))[0] for _ in range(2))
    return bool(np.array_equal(first, second, equal_nan=True))


def depends(f: Callable[..., Any], order: tuple[str, ...], at: Probe, framework: Framework, *roles: str) -> bool:
    """Whether the value changes with one of these arguments, whatever its derivative is."""
    before = framework.call(f, at.of(order))[0]
    for role in set(roles) & set(order):
        arrays = at.of(order)
        arrays[order.index(role)] = arrays[order.index(role)] * 1.01
        if not np.array_equal(framework.call(f, arrays)[0], before, equal_nan=True):
            return True
    return False


def _needed(f: Callable[..., Any]) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(f).parameters.values() if p.default is p.empty and p.kind in _POSITIONAL]


def _by_position(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose arguments that must be given by keyword are taken in their order, too."""
    found = list(inspect.signature(f).parameters.values())
    needed = [p for p in found if p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is inspect.Parameter.empty]
    if not needed:
        return f
    before = _needed(f)

    def called(*arguments: Any) -> Any:
        own = arguments[: len(before)]
        return f(*own, **{p.name: a for p, a in zip(needed, arguments[len(before) :], strict=True)})

    parameters = [p.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for p in (*before, *needed)]
    return _like(f, called, parameters)


def _spread(f: Callable[..., Any], beta: float) -> tuple[Callable[..., Any], str]:
    """A loss of ``*args, **kwargs`` as one of output, x, mu and logvar; what it looks up by other names is a number.

    A weight of the KL, by its name, is ``beta``; anything else 1.
    """
    found = list(inspect.signature(f).parameters.values())
    if not any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in found) or _needed(f):
        return f, ""
    numbers: dict[str, float] = {}
    takes_names = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in found)

    def called(*arguments: Any) -> Any:
        while True:
            try:
                return f(*arguments, **numbers)
            except KeyError as error:
                name = error.args[0] if error.args else None
                if not takes_names or not isinstance(name, str) or name in numbers:
                    raise
                numbers[name] = beta if name.lower() in WEIGHTS else 1.0

    for order in itertools.permutations(ROLES):
        with contextlib.suppress(Exception):
            framework_of(f).call(called, probe().of(order))
            break
    parameters = [inspect.Parameter(f"a{i}", inspect.Parameter.POSITIONAL_OR_KEYWORD) for i in range(len(ROLES))]
    given = "".join(f", {name} {value:g}" for name, value in numbers.items())
    return _like(f, called, parameters), f"the loss takes any arguments: it is given output, x, mu and logvar{given}"


def _bundled(f: Callable[..., Any]) -> Iterator[tuple[Callable[..., Any], str]]:
    """A loss of two arguments, x and what forward returns, as one of output, x, mu and logvar; and what it was given.

    Each way to call it in turn: forward's result as a dict whose keys are any of the usual names, which are attributes
    as well, or as the tuple (output, mu, logvar); before x or after it.
    """
    names = [p.name for p in _needed(f)]
    if len(names) != 2:
        return
    first = role_of(names[0]) == "x"
    for x_first in (first, not first):
        for make, what in ((_Results, "a dict"), (_in_a_row, "a tuple (output, mu, logvar)")):

            def called(output: Any, x: Any, mu: Any, logvar: Any, make: Any = make, x_first: bool = x_first) -> Any:
                whole = make(output=output, mu=mu, logvar=logvar)
                return f(x, whole) if x_first else f(whole, x)

            parameters = [inspect.Parameter(role, inspect.Parameter.POSITIONAL_OR_KEYWORD) for role in ROLES]
            yield _like(f, called, parameters), f"{names[x_first]} is what forward returns, {what}"


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _like(f: Callable[..., Any], called: Callable[..., Any], parameters: list[inspect.Parameter]) -> Callable[..., Any]:
    called.__wrapped__ = f  # type: ignore[attr-defined]  # its module, its file and its name are f's
    called.__name__ = getattr(f, "__name__", "loss")
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return called


def _in_a_row(output: Any, mu: Any, logvar: Any) -> tuple[Any, Any, Any]:
    return output, mu, logvar


class _Results(dict[str, Any]):
    """By role, and by whatever a program calls the role; attributes as well."""

    def __missing__(self, name: str) -> Any:
        role = role_of(name) if isinstance(name, str) else None
        if role is None or role not in self:
            raise KeyError(f"{name!r} (the loss is given output, mu and logvar by their usual names)")
        return self[role]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(str(error)) from None
