"""What makes a file of this folder a command: it says ``COMMAND``, and has ``add_arguments`` and ``run``."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import ModuleType
from typing import NamedTuple

__all__ = ["Command", "commands", "module_of"]


class Command(NamedTuple):
    """A line of the first page of help: what the command does, and a use of it."""

    place: int
    """By which the commands are ordered there: in the order in which one needs them."""
    summary: str
    example: str
    """The words after ``vae-np NAME``."""
    remark: str = ""
    """On the example."""


def module_of(name: str) -> ModuleType:
    """The file of a command, which has ``add_arguments(parser)`` and ``run(args)``, which returns the exit code."""
    return importlib.import_module(f"vae_np.cli.{name}")


@functools.cache
def commands() -> dict[str, Command]:
    """Every command by name. All files of the folder are imported, so none may import what is heavy at its top."""
    import vae_np.cli

    names = [module.name for module in pkgutil.iter_modules(vae_np.cli.__path__)]
    found = {name: getattr(module_of(name), "COMMAND", None) for name in names}
    known = {name: command for name, command in found.items() if isinstance(command, Command)}
    return dict(sorted(known.items(), key=lambda item: (item[1].place, item[0])))
