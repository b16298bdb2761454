"""Somebody's program: a name in its file, without what stands under ``__main__``.

The file is imported as a module of another name, with its folder on the path and no arguments, as `import` would.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["callable_of", "load_file", "object_of", "split"]


def split(what: str) -> tuple[Path, str]:
    """FILE.py:NAME, where NAME may be Class.method.

    Raises
    ------
    ValueError
        If there is no name, or the file is no Python file.
    """
    file, _, name = what.rpartition(":")
    if not file or not name:
        raise ValueError(f"{what}: FILE.py:NAME is needed, my_vae.py:loss_function say")
    if Path(file).suffix != ".py":
        raise ValueError(f"{file}: a Python file is needed, whose name ends in .py")
    return Path(file), name


def _of_package(file: Path) -> Any:
    """The module as one of the package in whose folder it lies: it imports others by `from .`."""
    folder, names = file.resolve().parent, [file.stem]
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    if len(names) == 1:
        raise ValueError(f"{file}: it imports relative to a package, and its folder has no __init__.py")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(".".join(names))
    except (Exception, SystemExit) as error:
        raise ValueError(f"{file}: its import as {'.'.join(names)} fails: {type(error).__name__}: {error}") from None


def load_file(file: Path) -> Any:
    """The module.

    Raises
    ------
    ValueError
        If it is not there, is no Python, or its import fails or ends the program.
    """
    if not file.is_file():
        raise ValueError(f"{file}: no such file")
    name = f"vae_np_checks_{file.stem}"
    loaded = sys.modules.get(name)
    if loaded is not None and Path(getattr(loaded, "__file__", None) or "").resolve() == file.resolve():
        return loaded  # its loss and its model are of one module
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name], sys.argv = module, [str(file)]
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        if "no known parent package" not in str(error):
            raise ValueError(f"{file}: its import fails: {type(error).__name__}: {error}") from None
        module = sys.modules[name] = _of_package(file)
    except SyntaxError as error:
        where = "" if error.lineno is None else f", in line {error.lineno}"
        raise ValueError(f"{file}: no Python{where}: {error.msg}") from None
    except SystemExit as error:
        raise ValueError(
            f"{file}: its import ends the program (exit {error.code}): put what runs it under if __name__ == '__main__'"
        ) from None
    except Exception as error:
        raise ValueError(f"{file}: its import fails: {type(error).__name__}: {error}") from None
    return module


def object_of(what: str) -> Any:
    """What stands under a name in FILE.py:NAME.

    Raises
    ------
    ValueError
        See `load_file`; and if there is no such name.
    """
    return _found(what)[0]


def callable_of(what: str) -> Callable[..., Any]:
    """The function, the method or the object that is called, of FILE.py:NAME.

    A method gets an object of its class, made without ``__init__`` if that needs arguments: a sampler seldom does.
    A class that has ``call`` or ``forward``, of Keras and PyTorch, is that method of an object of it.
    """
    found, holder, name = _found(what)
    if isinstance(holder, type) and not isinstance(vars(holder).get(name), (staticmethod, classmethod)):
        found = getattr(_an_object(holder), name)
    elif isinstance(found, type) and (called := [n for n in ("call", "forward") if callable(getattr(found, n, None))]):
        found = getattr(_an_object(found), called[0])
    if not callable(found):
        file, whole = split(what)
        raise ValueError(
            f"{file}: {whole} is no function but {_a(type(found).__name__)}; give one, as in def"
            f" {whole.rpartition('.')[2]}(...): return ..."
        )
    function: Callable[..., Any] = found
    return function


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def _an_object(kind: type) -> Any:
    try:
        return kind()
    except Exception:
        return object.__new__(kind)


def _found(what: str) -> tuple[Any, Any, str]:
    """The object, what holds it, and its name there."""
    file, name = split(what)
    module = load_file(file)
    found, holder, part = module, None, name
    for part in name.split("."):
        holder = found
        found = getattr(holder, part, None)
        if found is None:
            known = [key for key, value in vars(module).items() if callable(value) and _is_own(value, module)]
            raise ValueError(f"{file}: has no {name}; it has {', '.join(known) or 'no functions'}")
    return found, holder, part


def _is_own(value: Any, module: Any) -> bool:
    return getattr(value, "__module__", None) == module.__name__
