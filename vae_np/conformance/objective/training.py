"""What the training in a program's file does with a right loss and a right model: it may turn a sign, or swap names.

Nothing is run: the file is read, as in `convention`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from vae_np.conformance.objective.accumulating import never_zeroed
from vae_np.conformance.objective.convention import code_of, sign_in_training, source_of
from vae_np.conformance.objective.naming import Finding
from vae_np.conformance.objective.probes import role_of
from vae_np.conformance.objective.training_loop import out_of_order

__all__ = ["in_training", "swapped_names"]


def in_training(f: Callable[..., Any], is_elbo: bool) -> list[Finding]:
    """What is wrong in the training of the file in which a loss was written.

    Parameters
    ----------
    f : callable
        The loss.
    is_elbo : bool
        Whether it is an ELBO, whose sign is to be turned, or nobody knows what.
    """
    code = code_of(f)
    if code is None:
        return []
    found = []
    told = sign_in_training(f)
    if told is not None and told[0] < 0 and not is_elbo and "maximize=True" not in source_of(code.co_filename):
        says = f"backward() in line {told[1]} turns the sign of the loss: the training goes up it"
        found.append(Finding("loss-ascended", "H", says))
    for name, says in _of_file(code.co_filename).items():
        found.append(Finding(name, "M" if name == "clip-noop" else "H", says))
    return found


@functools.cache
def _of_file(file: str) -> dict[str, str]:
    """What its source alone says, by the mistake."""
    source = source_of(file)
    try:
        said = {"names-swapped": swapped_names(source), "grad-accumulates": never_zeroed(source)} | out_of_order(source)
    except (ValueError, SyntaxError):
        return {}
    return {name: says for name, says in said.items() if says}


class _Forward(NamedTuple):
    """What the forward of a class returns."""

    line: int
    names: tuple[str, ...]


def swapped_names(source: str) -> str:
    """Where what a model returns is taken apart in another order than it has, in words; "" where it is not.

    Only names that usually are output, mu, logvar, ... count, of a model that the file makes of a class with one
    ``return`` of such names.
    """
    tree = ast.parse(source)
    for kind in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        forward = _returned(kind)
        if forward is None:
            continue
        models = {name for node in ast.walk(tree) for name in _made_of(node, kind.name)}
        for node in ast.walk(tree):
            names = _taken_apart(node, models)
            if len(names) == len(forward.names) and _is_swapped(names, forward.names):
                return (
                    f"line {node.lineno} takes what the model returns for {', '.join(names)}, and its forward returns"  # type: ignore[attr-defined]
                    f" {', '.join(forward.names)} (line {forward.line})"
                )
    return ""


def _is_swapped(taken: tuple[str, ...], returned: tuple[str, ...]) -> bool:
    """Whether two names stand in each other's place."""
    ours, theirs = ([role_of(name) for name in names] for names in (taken, returned))
    wrong = {i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a and b and a != b}
    return any(ours[i] == theirs[j] and ours[j] == theirs[i] for i in wrong for j in wrong)


def _returned(kind: ast.ClassDef) -> _Forward | None:
    """The names of its forward's only return of three or more."""
    for method in kind.body:
        if isinstance(method, ast.FunctionDef) and method.name in ("forward", "__call__", "call"):
            found = [node for node in ast.walk(method) if isinstance(node, ast.Return)]
            names = _names(found[0].value) if len(found) == 1 else ()
            return _Forward(found[0].lineno, names) if len(names) >= 3 else None
    return None


def _names(node: ast.expr | None) -> tuple[str, ...]:
    """Of a tuple of nothing but names; what is no name stands as ... where there are some."""
    if not isinstance(node, (ast.Tuple, ast.List)):
        return ()
    return tuple(one.id if isinstance(one, ast.Name) else "..." for one in node.elts)


def _made_of(node: ast.AST, kind: str) -> Iterator[str]:
    """What an assignment calls an object of the class: model = VAE(...).to(device), self.vae = VAE()."""
    if isinstance(node, ast.Assign) and any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == kind
        for part in ast.walk(node.value)
    ):
        for target in node.targets:
            yield getattr(target, "id", "") or getattr(target, "attr", "")


def _taken_apart(node: ast.AST, models: set[str]) -> tuple[str, ...]:
    """The names that an assignment gives to what a call of one of these models returns."""
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.targets) == 1):
        return ()
    f = node.value.func
    return _names(node.targets[0]) if (getattr(f, "id", "") or getattr(f, "attr", "")) in models - {""} else ()
