"""Calling a function of somebody's framework with arrays of ours: numbers in, numbers and derivatives out.

A framework is never imported here unless the program has imported it already.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, Protocol
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.numpy_noise import generators_of, replacements
from vae_np.formulas.numerics import normal_cdf
from vae_np.gradcheck.numeric import central_difference

__all__ = ["Framework", "Numpy", "framework_of", "giver", "giver_of_uniform", "parts_of", "replaced"]

Array = NDArray[Any]
LOSSES = ("loss", "total_loss", "neg_elbo", "negative_elbo")
"""What the whole is called in a dict of it and its parts."""


class Framework(Protocol):
    """What calls functions of a framework: see `Numpy`, which has the docstrings."""

    @property
    def name(self) -> str:
        """For the report."""

    @property
    def exact(self) -> bool:
        """Whether derivatives are its own, and not differences."""

    def key(self) -> Any:
        """For a function that takes the state of a generator."""

    def call(self, f: Callable[..., Any], arrays: Sequence[Array]) -> list[Array]:
        """The results."""

    def gradients(self, f: Callable[..., Any], arrays: Sequence[Array], steps: Array | None = None) -> list[Array]:
        """The derivatives."""

    def noise(
        self, eps: Array, drawn: list[tuple[int, ...]], within: Callable[..., Any]
    ) -> contextlib.AbstractContextManager[None]:
        """While eps is drawn."""


class Numpy:
    """Functions of NumPy arrays; derivatives by extrapolated central differences."""

    name, exact = "NumPy", False

    def key(self) -> Any:
        """A generator, which gives our noise while `noise` lasts."""
        return np.random.Generator(np.random.Philox(0))

    def call(self, f: Callable[..., Any], arrays: Sequence[Array]) -> list[Array]:
        """What f returns, one array or a tuple of them, in float64."""
        with np.errstate(all="ignore"):  # what is not finite is told by the report
            return [np.asarray(part, np.float64) for part in parts_of(f(*[a.copy() for a in arrays]))]

    def gradients(self, f: Callable[..., Any], arrays: Sequence[Array], steps: Array | None = None) -> list[Array]:
        """The derivatives of the sum of the (first) result, one array for each argument.

        ``steps`` are the largest differences of the entries of the first argument, and only its derivative is taken.
        """
        found = []
        for i, a in enumerate(arrays if steps is None else arrays[:1]):
            slope = np.empty_like(a)
            for at in np.ndindex(a.shape):
                unit = np.zeros_like(a)
                unit[at] = 1

                def value(moved: Array, i: int = i) -> float:
                    given = [moved if j == i else other for j, other in enumerate(arrays)]
                    return float(np.sum(self.call(f, given)[0]))

                h = 0.01 if steps is None else float(steps[at])
                slope[at] = central_difference(value, a, unit, h=h, levels=4)[0]
            found.append(slope)
        return found

    @contextlib.contextmanager
    def noise(self, eps: Array, drawn: list[tuple[int, ...]], within: Callable[..., Any]) -> Iterator[None]:
        """numpy.random's functions give eps, and so do generators that are made meanwhile.

        So do the functions and the generators that the module of ``within`` has by name. One that is kept elsewhere, in
        an object say, is out of reach.
        """
        give, uniform = giver(eps, drawn, np.array), giver_of_uniform(eps, drawn, np.array)
        names = globals_of(within)
        with replaced(replacements(give, uniform), within), \
                mock.patch.dict(names, generators_of(names, give, uniform)):  # fmt: skip
            yield


@contextlib.contextmanager
def replaced(what: list[tuple[Any, str, Any]], within: Callable[..., Any]) -> Iterator[None]:
    """For a while, functions of a framework, and the names that a module has for them."""
    names = globals_of(within)
    with contextlib.ExitStack() as stack:
        for where, name, replacement in what:
            original = getattr(where, name)
            mine = {key: replacement for key, value in names.items() if value is original}
            stack.enter_context(mock.patch.dict(names, mine))
            stack.enter_context(mock.patch.object(where, name, replacement))
        yield


def globals_of(f: Callable[..., Any]) -> dict[str, Any]:
    """Of the module that f, a method of it, what it decorates, or an object that is called, was written in."""
    f = getattr(f, "func", f)  # of a partial
    f = inspect.unwrap(getattr(f, "__func__", f))
    names: dict[str, Any] | None = getattr(f, "__globals__", None)
    return vars(sys.modules[type(f).__module__]) if names is None else names


def framework_of(f: Callable[..., Any]) -> Framework:
    """That which the module of f has imported; NumPy if it is none of those that are known here."""
    names = globals_of(f)
    modules = {value.__name__.split(".")[0] for value in names.values() if isinstance(value, ModuleType)}
    modules |= {str(getattr(value, "__module__", "") or "").split(".")[0] for value in names.values()}
    modules &= set(sys.modules)
    if "keras" in modules:
        from vae_np.conformance.objective.jax_and_keras import Keras

        keras: Any = sys.modules["keras"]
        return Keras(keras, _named(keras.backend.backend()))
    return _named(next((name for name in ("torch", "jax", "tensorflow") if name in modules), "numpy"))


def _named(name: str) -> Framework:
    from vae_np.conformance.objective.jax_and_keras import Jax, TensorFlow
    from vae_np.conformance.objective.pytorch import Torch

    known: dict[str, Callable[[Any], Framework]] = {"torch": Torch, "jax": Jax, "tensorflow": TensorFlow}
    return known[name](sys.modules[name]) if name in known and name in sys.modules else Numpy()


def parts_of(result: Any) -> list[Any]:
    """A tuple's, a list's or a dict's entries, the one called loss first; or the one thing that there is."""
    if result is None:
        raise ValueError("it returned None; is a return missing?")
    if isinstance(result, dict):
        whole = next((name for name in LOSSES if name in result), None)
        return [result[name] for name in sorted(result, key=lambda name: name != whole)]
    return list(result) if isinstance(result, (tuple, list)) else [result]


def giver(eps: Array, drawn: list[tuple[int, ...]], make: Callable[[Array], Any],
          resize: Callable[..., Any] = np.resize) -> Callable[[tuple[int, ...]], Any]:  # fmt: skip
    """A draw of this shape: eps where it has its shape, else its first entries, as often as they are needed."""

    def give(shape: tuple[int, ...]) -> Any:
        drawn.append(tuple(int(n) for n in shape))
        return make(resize(eps, drawn[-1]))

    return give


def giver_of_uniform(
    eps: Array,
    drawn: list[tuple[int, ...]],
    make: Callable[[Array], Any],
    resize: Callable[..., Any] = np.resize,
    cdf: Callable[[Any], Any] | None = None,
) -> Callable[[tuple[int, ...]], Any]:
    """The same for a draw from [0, 1): Phi(eps), of which a right program makes eps again."""

    def give(shape: tuple[int, ...]) -> Any:  # Phi is taken only where it is drawn: eps may be another framework's
        return giver((cdf or normal_cdf)(eps), drawn, make, resize)(shape)

    return give
