"""What is chosen by name and may be added to: likelihoods, posteriors, priors.

A door is an abstract class, such as `Likelihood`. A subclass with a ``name`` is found by that name from then on: by
`chosen`, and so by the model, the command line, the files and the tests that go through all of a door.
"""

from __future__ import annotations

import abc
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

__all__ = ["Named", "chosen", "import_all", "parse"]


class Named(abc.ABC):
    """An object that is known by its class's ``name`` and its `config`; two with one config are equal.

    A direct subclass is a door and says in ``what`` what it is called. A subclass of a door that has a ``name`` of its
    own is known by it from then on, wherever it is defined; a model that was saved with it can be loaded once it is.
    ``ValueError`` for the name of one of this package.
    """

    name: ClassVar[str]
    what: ClassVar[str]
    known: ClassVar[dict[str, type[Any]]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if Named in cls.__bases__:
            cls.known = {}
        elif "name" in cls.__dict__:
            other = cls.known.get(cls.name)
            if other is not None and other.__module__.startswith("vae_np.") and other.__module__ != cls.__module__:
                raise ValueError(f"there is a {cls.what} {cls.name!r} already: {other.__module__}.{other.__name__}")
            cls.known[cls.name] = cls

    def config(self) -> dict[str, Any]:
        """What `chosen` makes the same object from: JSON-able."""
        return {"name": self.name}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and self.what == other.what and self.config() == other.config()

    def __hash__(self) -> int:
        return hash(repr(self.config()))

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in self.config().items() if k != "name")
        return f"{type(self).__name__}({options})"


D = TypeVar("D", bound=Named)


def chosen(door: type[D], given: str | D | Mapping[str, Any]) -> D:
    """The object of a name, perhaps with options (`parse`), or of its `config`; an object is handed back.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If there is none of that name, or it does not take these options.
    """
    if isinstance(given, door):
        return given
    if isinstance(given, str):
        given = parse(given)
    if not isinstance(given, Mapping):
        raise TypeError(f"{door.what} must be a name or a {door.__name__}; got {given!r}")
    options = dict(given)
    name = options.pop("name", None)
    if name not in door.known:
        raise ValueError(f"{door.what} must be one of {', '.join(door.known)}; got {name!r}")
    try:
        made: D = door.known[name](**options)
    except TypeError:
        raise ValueError(f"the {name} {door.what} does not take {', '.join(map(repr, options))}") from None
    return made


def parse(text: str) -> dict[str, Any]:
    """The config that a word stands for: ``"planar:flows=8"`` is ``{"name": "planar", "flows": 8}``.

    After the colon come options with commas between; a value is a whole number, a number or a word.
    """
    name, colon, rest = text.partition(":")
    config: dict[str, Any] = {"name": name}
    for option in rest.split(",") if colon else []:
        key, equals, value = option.partition("=")
        if not (key.isidentifier() and equals and value) or key in config:
            raise ValueError(f"options are such as {name}:flows=8; got {text!r}")
        config[key] = _value(value)
    return config


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def import_all(path: Iterable[str], package: str) -> None:
    """Import every module of a folder, so that each enters its classes."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")
