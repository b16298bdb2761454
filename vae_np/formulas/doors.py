"""What is chosen by name and may be added to: likelihoods, posteriors, priors.

A door is an abstract class, such as `Likelihood`. A subclass with a ``name`` is found by that name from then on: by
`chosen`, and so by the model, the command line, the files and the tests that go through all of a door.
"""

from __future__ import annotations

import abc
import functools
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, TypeVar

from vae_np.support.checks import check_sizes

__all__ = ["Named", "chosen", "import_all", "parse", "split_options"]

NUMBER = re.compile(r"[-+]?([0-9.]+(e[-+]?[0-9]+)?|inf|nan)", re.IGNORECASE)
"""What `parse` takes for a number; Python takes 1_0 and digits of every script as well."""


class Named(abc.ABC):
    """An object that is known by its class's ``name`` and its `config`; two of one class and config are equal.

    A direct subclass is a door and says in ``what`` what it is called. A subclass of a door that has a ``name`` of its
    own is known by it from then on, wherever it is defined; a model that was saved with it can be loaded once it is.
    One whose ``__init__`` takes arguments is a dataclass, or has a `config` that tells them. ``ValueError`` for the
    name of one of this package.
    """

    name: ClassVar[str]
    what: ClassVar[str]
    known: ClassVar[dict[str, type[Any]]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if Named in cls.__bases__:
            cls.known = {}
        elif "name" in cls.__dict__:
            if not isinstance(cls.name, str) or not cls.name or ":" in cls.name:
                raise TypeError(f"the name of {cls.__name__} must be a word without a colon; got {cls.name!r}")
            other = cls.known.get(cls.name)
            if other is not None and other.__module__.startswith("vae_np.") and other.__module__ != cls.__module__:
                raise ValueError(f"there is a {cls.what} {cls.name!r} already: {other.__module__}.{other.__name__}")
            cls.known[cls.name] = cls

    def config(self) -> dict[str, Any]:
        """What `chosen` makes the same object from, JSON-able: the name, and a dataclass's fields."""
        this: Any = self
        told = [field.name for field in fields(this) if field.init] if is_dataclass(this) else []
        return {"name": getattr(self, "name", None)} | {field: getattr(self, field) for field in told}

    def checked_config(self) -> dict[str, Any]:
        """`config`, if `chosen` makes such an object from it once it has been in a file.

        Raises
        ------
        ValueError, TypeError
            If another class is known by its name, or the config is not all that it was made with.
        """
        cls, ours = type(self).__name__, f"{self.what} {type(self).__qualname__}"
        name = getattr(self, "name", None)
        if self.known.get(str(name)) is not type(self):
            of = f"{name!r} is that of another class"
            raise ValueError(f"the {ours} cannot be saved: it needs a name of its own{f'; {of}' if name else ''}")
        if untold := _untold(type(self)):
            names = ", ".join(untold)
            raise ValueError(
                f"the {ours} cannot be saved: {cls}.__init__ takes {names}, and no config() of {cls} tells them"
            )
        config = self.config()
        if not isinstance(config, Mapping) or config.get("name") != name:
            raise TypeError(f"config() of the {ours} must be a dict with its name {name!r}; got {config!r}")
        try:
            text = json.dumps(config)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(f"config() of the {ours} must be JSON-able: {error}") from None
        door = next(base for base in type(self).__mro__ if Named in base.__bases__)
        try:
            again = json.dumps(chosen(door, json.loads(text)).config())
        except (TypeError, ValueError) as error:
            raise ValueError(f"config() of the {ours} does not make it again: {error}") from None
        if again != text:
            raise ValueError(f"config() of the {ours} is {text}, and of the one that this makes {again}")
        return dict(config)

    def checked_shapes(self, size: int) -> dict[str, tuple[int, ...]]:
        """`own_shapes` of a door that has own arrays, or an error unless they are names and shapes."""
        this: Any = self
        found = this.own_shapes(size)
        check_sizes(self, "own_shapes", found)
        if wrong := [name for name, shape in found.items() if not isinstance(shape, tuple)]:
            raise TypeError(f"{type(self).__name__}.own_shapes: the shape of {wrong[0]} must be a tuple")
        return {name: tuple(map(int, shape)) for name, shape in found.items()}

    def __eq__(self, other: object) -> bool:
        if self is other or type(self) is not type(other) or not isinstance(other, Named):
            return self is other
        return not _untold(type(self)) and self.config() == other.config()

    def __hash__(self) -> int:
        return hash(repr(self.config()))

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in self.config().items() if k != "name")
        return f"{type(self).__name__}({options})"


def _untold(cls: type[Named]) -> list[str]:
    """The arguments of the ``__init__`` in use that the ``config`` in use, a base class's, cannot know of."""
    config = next(base for base in cls.__mro__ if "config" in base.__dict__)
    for base in cls.__mro__:
        if base is config:
            return []
        if "__init__" not in base.__dict__:
            continue
        if config is Named and getattr(base.__dict__.get("__dataclass_params__"), "init", False):
            return []
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]  # type: ignore[misc]
        if named := [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]:
            return named
        if not parameters:  # others, *args and **kwargs, go on to a base class
            return []
    return []


D = TypeVar("D", bound=Named)


def chosen(door: type[D], given: str | D | Mapping[str, Any]) -> D:
    """The object of a name, perhaps with options (`parse`), or of its `config`; an object is handed back.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If there is none of that name, or it does not take these options; what the class itself raises comes through.
    """
    if isinstance(given, door):
        return given
    if isinstance(given, str):
        given = parse(given)
    if not isinstance(given, Mapping):
        raise TypeError(f"{door.what} must be a name or a {door.__name__}; got {given!r}")
    options = dict(given)
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in door.known:
        raise ValueError(f"{door.what} must be one of {', '.join(door.known)}; got {name!r}")
    cls: type[D] = door.known[name]
    named, others = _options(cls)
    unknown = [option for option in options if option not in named]
    if unknown and not others:
        raise ValueError(f"the {name} {door.what} does not take {', '.join(map(repr, unknown))}")
    if missing := [option for option, needed in named.items() if needed and option not in options]:
        raise ValueError(f"the {name} {door.what} needs {', '.join(missing)}")
    return cls(**options)


@functools.cache  # an activation is asked for in every step, and a signature is slow to find
def _options(cls: type[Any]) -> tuple[dict[str, bool], bool]:
    """The arguments by name of a class and whether each must be given, and whether it takes any others."""
    parameters = inspect.signature(cls).parameters.values()
    named = {p.name: p.default is p.empty for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return named, any(p.kind is p.VAR_KEYWORD for p in parameters)


def parse(text: str) -> dict[str, Any]:
    """The config that a word stands for: ``"planar:flows=8"`` is ``{"name": "planar", "flows": 8}``.

    After the colon come options with commas between; a value is a whole number, a number or a word. A class with a
    class method ``read`` makes its options of that text itself.
    """
    name, colon, rest = text.partition(":")
    config: dict[str, Any] = {"name": name}
    readers = [read for door in Named.__subclasses__() if (read := getattr(door.known.get(name), "read", None))]
    if colon and readers:
        return config | readers[0](rest)
    for option in split_options(rest) if colon else []:
        key, equals, value = option.partition("=")
        if not (key.isidentifier() and equals and value) or key in config:
            raise ValueError(f"options are such as {name}:flows=8; got {text!r}")
        config[key] = _value(value)
    return config


def split_options(text: str) -> list[str]:
    """The parts of a text with commas between, of which those in parentheses count for nothing."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _value(text: str) -> int | float | str:
    for kind in (int, float) if NUMBER.fullmatch(text) else ():
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def import_all(path: Iterable[str], package: str) -> None:
    """Import every module of a folder, so that each enters its classes."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")
