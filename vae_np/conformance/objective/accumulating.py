"""Whether a PyTorch file's training sets its gradients to zero; nothing is run, the file is read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["ZEROING", "calls", "holder", "method", "never_zeroed", "optimisers_of"]

ZEROING = ("zero_grad", "optimizer_zero_grad", "grad")
"""Attributes by which gradients are set to zero, or read and kept apart: ``p.grad = None``, ``autograd.grad``."""
OPTIMISERS = (
    "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD",
)  # fmt: skip


def never_zeroed(source: str) -> str:
    """Where a training steps, time and again, on gradients that nothing in the file sets to zero, in words; or "".

    Nothing is said where something of another file could do it: a function that is given the optimiser or the model.
    """
    tree = ast.parse(source)
    if any(_zeroes(node) for node in ast.walk(tree)):
        return ""
    optimisers = optimisers_of(tree).names
    models = set(_assigned(tree, {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}))
    for node in _repeated(tree):
        steps = [call for call in calls(node) if method(call) == "step" and holder(call) in optimisers]
        if steps and any(method(call) == "backward" for call in calls(node)):
            if any(_goes_elsewhere(call, optimisers | models, tree) for call in calls(node)):
                return ""
            return (
                f"{holder(steps[0])}.step() in line {steps[0].lineno} goes by gradients that nothing in the file sets"
                " to zero: there is no zero_grad()"
            )
    return ""


class Made(NamedTuple):
    """The optimisers of a file."""

    names: set[str]
    makers: set[str]
    """The classes, and the file's own functions, that make one."""


def optimisers_of(tree: ast.AST) -> Made:
    """Those that a class of PyTorch's, or a function of the file that calls one, has made."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    makers = set(OPTIMISERS)
    makers |= {f.name for f in functions if any(method(call) in makers for part in ast.walk(f)
               if isinstance(part, ast.Return) for call in calls(part))}  # fmt: skip
    return Made(set(_assigned(tree, makers)), makers)


def _zeroes(node: ast.AST) -> bool:
    named = getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "value", None)
    return isinstance(named, str) and named in ZEROING


def _assigned(tree: ast.AST, kinds: set[str]) -> Iterator[str]:
    """The names of what a call of one of these classes made: optimizer = optim.Adam(...), self.opt = Adam(...)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(part, ast.Call) and method(part) in kinds for part in ast.walk(node.value)
        ):
            yield from (_name(target) for target in node.targets if _name(target))


def _repeated(tree: ast.AST) -> Iterator[ast.AST]:
    """Loops, and the functions that are called in one."""
    loops = [node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.While))]
    yield from loops
    called = {method(call) for loop in loops for call in calls(loop)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in called:
            yield node


def _goes_elsewhere(call: ast.Call, names: set[str], tree: ast.AST) -> bool:
    """Whether a function that the file does not define is given one of these, but for PyTorch's own schedules."""
    if not any(_name(given) in names for given in [*call.args, *(word.value for word in call.keywords)]):
        return False
    own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return method(call) not in own | {"len", "print", "str"} and not method(call).endswith("LR")


def calls(node: ast.AST) -> list[ast.Call]:
    """Those in it."""
    return [part for part in ast.walk(node) if isinstance(part, ast.Call)]


def _name(node: ast.AST) -> str:
    """The last name of a, self.a or of what is no name: ""."""
    return str(getattr(node, "id", "") or getattr(node, "attr", ""))


def method(call: ast.Call) -> str:
    """The name of what is called, without what holds it."""
    return _name(call.func)


def holder(call: ast.Call) -> str:
    """The name of what holds what is called."""
    return _name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
