"""What a program does with what its loss returns: whether its training goes down it, or up, by its own source.

Nothing is run: the calls of ``backward`` in the file are read, and the sign that stands between them and the loss.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["code_of", "minimised", "sign_in_training", "source_of", "what_is_minimised"]


def minimised(f: Callable[..., Any], name: bool = False) -> str:
    """Why f is what its program minimises, in words; "" if it is not, or nothing tells.

    Parameters
    ----------
    f : callable
    name : bool
        Whether it is also to be believed of one that is called a loss, where its file has no training.
    """
    called, code = _called(f), code_of(f)
    if code is None or "maximize=True" in source_of(code.co_filename):  # of an optimiser of its own
        return ""
    told = sign_in_training(f)
    if told is not None:
        sign, line = told
        return f"it is minimised: backward() in line {line}, with no sign turned" if sign > 0 else ""
    word = next((word for word in ("loss", "cost", "criterion") if word in called.lower()), "")
    return f"it is called {called}: a {word} is minimised" if name and word and "elbo" not in called.lower() else ""


def code_of(f: Callable[..., Any]) -> Any:
    """The code of a function of Python, of a method, or of what is inside of a partial or a decorator, or None."""
    return getattr(_inner(f), "__code__", None)


@functools.cache
def source_of(file: str) -> str:
    """What the file holds; nothing where it cannot be read."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def sign_in_training(f: Callable[..., Any]) -> tuple[int, int] | None:
    """`what_is_minimised` in the file in which f was written."""
    code = code_of(f)
    return None if code is None else _of_file(code.co_filename, _called(f))


def _inner(f: Callable[..., Any]) -> Callable[..., Any]:
    f = getattr(f, "func", f)  # of a partial
    return inspect.unwrap(getattr(f, "__func__", f))


def _called(f: Callable[..., Any]) -> str:
    return str(getattr(_inner(f), "__name__", ""))


@functools.cache
def _of_file(file: str, name: str) -> tuple[int, int] | None:
    try:
        return what_is_minimised(source_of(file), name)
    except (ValueError, SyntaxError):
        return None


def what_is_minimised(source: str, name: str) -> tuple[int, int] | None:
    """The sign of what ``name`` returns in the first ``backward`` that comes of it, and its line; None if none does."""
    reader = _Reader(name)
    reader.visit(ast.parse(source))
    return reader.found


class _Reader(ast.NodeVisitor):
    """Follows what a function returns, through names, signs and sums, to ``backward``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.signs: dict[str, int] = {}
        self.found: tuple[int, int] | None = None

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        sign = self.sign(node.value)
        for target in node.targets:
            first = target.elts[0] if isinstance(target, (ast.Tuple, ast.List)) and target.elts else target
            if isinstance(first, ast.Name):
                if sign:
                    self.signs[first.id] = sign
                else:
                    self.signs.pop(first.id, None)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        f = node.func
        if isinstance(f, ast.Attribute) and f.attr == "backward" and self.found is None:
            given = node.args[0] if isinstance(f.value, ast.Name) and f.value.id in WRAPPERS and node.args else f.value
            if sign := self.sign(given):
                self.found = sign, node.lineno

    def sign(self, node: ast.expr) -> int:
        """1 or -1 if it is of what the function returns, else 0."""
        if isinstance(node, ast.Call):
            f = node.func
            if self.name in (getattr(f, "id", ""), getattr(f, "attr", "")):
                return 1
            return self.sign(f.value) if isinstance(f, ast.Attribute) else 0
        if isinstance(node, ast.UnaryOp):
            return -self.sign(node.operand) if isinstance(node.op, ast.USub) else self.sign(node.operand)
        if isinstance(node, ast.BinOp):
            return self._of_two(node)
        if isinstance(node, (ast.Subscript, ast.Attribute)):
            return self.sign(node.value)
        return self.signs.get(node.id, 0) if isinstance(node, ast.Name) else 0

    def _of_two(self, node: ast.BinOp) -> int:
        left, right = self.sign(node.left), self.sign(node.right)
        if left and right:
            return 0
        if isinstance(node.op, ast.Sub):
            return left or -right
        if isinstance(node.op, (ast.Mult, ast.Div)):
            other = node.right if left else node.left
            turned = isinstance(other, ast.UnaryOp) and isinstance(other.op, ast.USub)
            return -(left or right) if turned else left or right
        return left or right


WRAPPERS = {"accelerator", "fabric", "self"}
"""What takes the loss as an argument of backward."""
