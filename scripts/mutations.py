"""Small mistakes, one at a time, in a Python file: what scripts/mutants.py runs the tests against.

Each changes one node of the syntax tree, by the text at its place, so that the rest of the file stays as it is:

    operator    + for -, * for /, * for **, // for /, = for += and -= for it; and for or
    sign        -a to a
    dropped     a + b or a * b to a and to b; a statement that only calls or adds
    constant    a whole number plus 1, another times 1.01; True for False
    boundary    < for <=, > for >=, == for !=
    branch      a condition turned round
    function    sum for mean, max for min, log for log1p, exp for expm1, sin for cos ...
    arguments   the first two of a call, or a where's last two, swapped; two results swapped
    axis        the next one

What is not mathematics is left alone: imports, docstrings, annotations, decorators, messages of errors, names.
`differs` says which of them are mistakes at all.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.BitXor: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.RShift: ast.LShift, ast.LShift: ast.RShift,
}  # fmt: skip
BOUNDARIES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
FUNCTIONS = {
    "sum": "mean", "mean": "sum", "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum",
    "exp": "expm1", "expm1": "exp", "log": "log1p", "log1p": "log", "sin": "cos", "cos": "sin",
    "tanh": "sinh", "floor": "ceil",
    "zeros": "ones", "ones": "zeros", "zeros_like": "ones_like", "ones_like": "zeros_like", "any": "all", "all": "any",
    "var": "std", "std": "var", "column_sums": "len", "log_mean_exp": "log_sum_exp", "log_sum_exp": "log_mean_exp",
    "sigmoid": "softplus", "softplus": "sigmoid", "cumsum": "cumprod", "tril": "triu", "isfinite": "isnan",
    "isnan": "isfinite",
}  # fmt: skip
IDENTITIES = {"abs", "sqrt", "square", "float", "int", "round"}
"""Functions of one argument that are left out altogether."""

UNORDERED = {"isinstance", "getattr", "hasattr", "typed", "result_type", "min", "max", "minimum", "maximum", "hypot"}
"""Functions whose arguments may be swapped, or are not numbers."""
GENERIC = {"Callable", "Mapping", "NDArray", "dict", "list", "tuple", "type"}
"""What makes a type of what stands in its brackets."""


@dataclass(frozen=True)
class Mutation:
    """A mistake: what kind, its line, its bytes [begin, end), what stood there and what stands there now."""

    kind: str
    line: int
    begin: int
    end: int
    was: str
    now: str

    def planted(self, source: str) -> str:
        """The file with it."""
        text = source.encode()
        return (text[: self.begin] + self.now.encode() + text[self.end :]).decode()

    def key(self, path: str, source: str) -> str:
        """What names it in a journal: it changes with the file."""
        return hashlib.sha256(f"{path}\n{self.planted(source)}".encode()).hexdigest()[:16]


def mutations(source: str) -> list[Mutation]:
    """All of a file."""
    tree = ast.parse(source)
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    text, found = source.encode(), {}
    for kind, node, new in _of(tree):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        was = text[begin:end].decode()
        if new.strip("()") != was.strip("()"):
            found.setdefault((begin, end, new), Mutation(kind, node.lineno, begin, end, was, new))
    return list(found.values())


def differs(source: str, mutation: Mutation) -> bool:
    """Whether it is a program, and one that may do something else than the file."""
    try:
        return _meaning(mutation.planted(source)) != _meaning(source)
    except SyntaxError:
        return False


def _meaning(source: str) -> str:
    return ast.dump(_Meaning().visit(ast.parse(source)))


class _Meaning(ast.NodeTransformer):
    """Less what is no mathematics: the order behind ``in``, a type's brackets, an index whose type alone is read."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)) and isinstance(right, (ast.Tuple, ast.List, ast.Set)):
                right.elts.sort(key=ast.dump)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        return node.value if isinstance(node.value, ast.Name) and node.value.id in GENERIC else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "typed" and isinstance(node.args[0], ast.Subscript):
            node.args[0] = node.args[0].value
        return node


def _of(tree: ast.AST) -> Iterator[tuple[str, ast.stmt | ast.expr, str]]:
    """(kind, the node, what stands in its place)."""
    for node in _mathematics(tree):
        for kind, new in _changes(node):
            written = ast.unparse(ast.fix_missing_locations(new))
            yield kind, node, f"({written})" if isinstance(node, ast.expr) and _binds_loosely(new) else written


def _binds_loosely(node: ast.AST) -> bool:
    return isinstance(node, (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp))


def _mathematics(node: ast.AST) -> Iterator[ast.stmt | ast.expr]:
    """The nodes that may be changed, parents before children."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Raise, ast.Assert, ast.JoinedStr)):
        return
    if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
        return
    if isinstance(node, (ast.stmt, ast.expr)):
        yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "keywords") and not isinstance(node, ast.Call):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _mathematics(child)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """(kind, the new node)."""
    if isinstance(node, ast.BinOp):
        if other := OPERATORS.get(type(node.op)):
            yield "operator", _with(node, op=other())
        if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            yield "dropped", node.left
            yield "dropped", node.right
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, (ast.USub, ast.Not)):
            yield "sign" if isinstance(node.op, ast.USub) else "branch", node.operand
    elif isinstance(node, ast.BoolOp):
        yield "operator", _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield "boundary", _with(node, ops=[BOUNDARIES[type(node.ops[0])]()])
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.IfExp):
        yield "branch", _with(node, body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.ctx, ast.Load):
        yield "arguments", _with(node, elts=node.elts[::-1])
    elif isinstance(node, ast.AugAssign):
        if other := OPERATORS.get(type(node.op)):
            yield "operator", _with(node, op=other())
        yield "dropped", ast.Pass()
        yield "operator", ast.Assign([node.target], node.value)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "dropped", ast.Pass()


def _constants(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int) or (isinstance(value, float) and value == int(value) and abs(value) < 10):
        yield "constant", ast.Constant(value + 1)
    elif isinstance(value, float):
        yield "constant", ast.Constant(value * 1.01)


def _calls(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if other := FUNCTIONS.get(name):
        new = _with(function, attr=other) if isinstance(function, ast.Attribute) else ast.Name(other)
        yield "function", _with(node, func=new)
    if name in IDENTITIES and len(node.args) == 1 and not node.keywords:
        yield "dropped", node.args[0]
    for i, keyword in enumerate(node.keywords):
        if keyword.arg == "axis" and isinstance(keyword.value, (ast.Constant, ast.UnaryOp)):
            last = ast.unparse(keyword.value) == "-1"
            keywords = copy.deepcopy(node.keywords)
            keywords[i].value = ast.Constant(0 if last else -1)
            yield "axis", _with(node, keywords=keywords)
    arguments = list(node.args)
    if len(arguments) >= 2 and not any(isinstance(a, ast.Starred) for a in arguments):
        if name in UNORDERED:
            return
        a, b = (1, 2) if name == "where" and len(arguments) == 3 else (0, 1)
        arguments[a], arguments[b] = arguments[b], arguments[a]
        yield "arguments", _with(node, args=arguments)
