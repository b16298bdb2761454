"""Whether a PyTorch file's training sets its gradients to zero; nothing is run, the file is read."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["never_zeroed"]

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
    optimisers = set(_assigned(tree, set(OPTIMISERS)))
    models = set(_assigned(tree, {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}))
    for node in _repeated(tree):
        steps = [call for call in _calls(node) if _method(call) == "step" and _holder(call) in optimisers]
        if steps and any(_method(call) == "backward" for call in _calls(node)):
            if any(_goes_elsewhere(call, optimisers | models, tree) for call in _calls(node)):
                return ""
            return (
                f"{_holder(steps[0])}.step() in line {steps[0].lineno} goes by gradients that nothing in the file sets"
                " to zero: there is no zero_grad()"
            )
    return ""


def _zeroes(node: ast.AST) -> bool:
    named = getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "value", None)
    return isinstance(named, str) and named in ZEROING


def _assigned(tree: ast.AST, kinds: set[str]) -> Iterator[str]:
    """The names of what a call of one of these classes made: optimizer = optim.Adam(...), self.opt = Adam(...)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(part, ast.Call) and _method(part) in kinds for part in ast.walk(node.value)
        ):
            yield from (_name(target) for target in node.targets if _name(target))


def _repeated(tree: ast.AST) -> Iterator[ast.AST]:
    """Loops, and the functions that are called in one."""
    loops = [node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.While))]
    yield from loops
    called = {_method(call) for loop in loops for call in _calls(loop)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in called:
            yield node


def _goes_elsewhere(call: ast.Call, names: set[str], tree: ast.AST) -> bool:
    """Whether a function that the file does not define is given one of these, but for PyTorch's own schedules."""
    if not any(_name(given) in names for given in [*call.args, *(word.value for word in call.keywords)]):
        return False
    own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return _method(call) not in own | {"len", "print", "str"} and not _method(call).endswith("LR")


def _calls(node: ast.AST) -> list[ast.Call]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Call)]


def _name(node: ast.AST) -> str:
    """The last name of a, self.a or of what is no name: ""."""
    return str(getattr(node, "id", "") or getattr(node, "attr", ""))


def _method(call: ast.Call) -> str:
    return _name(call.func)


def _holder(call: ast.Call) -> str:
    return _name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
