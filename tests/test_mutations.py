"""scripts/mutations.py plants each kind of mistake, one at a time, and only where mathematics is."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from mutations import differs, mutations

SOURCE = '''"""Docstring - 1."""

import math

__all__ = ["f"]
LIMIT: float = -2.5


@decorator(1)
def f(a: Array, b=0.5) -> tuple[float, 3]:
    """x + y."""
    total = 0
    if a < b and not total:
        raise ValueError(f"must be {a + 1}")
    for i in range(1, len(a)):
        total += a[i] * b ** 2
    out.fill(np.sum(a, axis=0))
    return np.where(a >= 0, math.log(a), total), i
'''


def planted(kind: str) -> list[str]:
    """What stands where a mistake of that kind does."""
    return [m.now for m in mutations(SOURCE) if m.kind == kind]


@pytest.mark.parametrize(
    ("kind", "now"),
    [
        (
            "operator",
            ["a < b or not total", "a[i] / b ** 2", "b * 2", "total -= a[i] * b ** 2", "total = a[i] * b ** 2"],
        ),
        ("sign", ["2.5"]),
        ("dropped", ["a[i]", "b ** 2", "pass", "pass"]),
        ("constant", ["2.525", "0.505", "1", "2", "3", "1", "1"]),
        ("boundary", ["a <= b", "a > 0"]),
        ("branch", ["total"]),
        ("function", ["np.mean(a, axis=0)", "math.log1p(a)"]),
        ("axis", ["np.sum(a, axis=-1)"]),
        ("arguments", ["range(len(a), 1)", "np.where(a >= 0, total, math.log(a))", "(i, np.where("]),
    ],
)
def test_each_kind_of_mistake_is_planted_where_it_can_be(kind, now):
    found = [text.removeprefix("(").removesuffix(")") if kind == "operator" else text for text in planted(kind)]
    if kind in ("boundary", "branch", "sign"):
        found = [text.strip("()") for text in found]
    assert len(found) == len(now)
    for text in now:
        assert any(text.strip("()") in one for one in found), f"{text} is not among {found}"


def test_every_mutant_is_another_program_and_changes_one_place():
    for mutation in mutations(SOURCE):
        assert differs(SOURCE, mutation)
        new = mutation.planted(SOURCE)
        ast.parse(new)
        assert new[: mutation.begin] == SOURCE[: mutation.begin]
        assert new.endswith(SOURCE[mutation.end :])
        assert SOURCE[mutation.begin : mutation.end] == mutation.was


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("tuple[int, ...]", []),
        ("x[0, ...]", ["x[..., 0]", "x[1, ...]"]),
        ("dtype in (a, b)", ["dtype not in (a, b)"]),
        ("f in (a, -b)", ["f in (a, b)", "f not in (a, -b)"]),
        ("y = typed(x[0, 0], 0.5)", ["y = typed(x[0, 0], 0.505)"]),
        ("W[a, b]", ["W[b, a]"]),
    ],
)
def test_a_mutant_that_can_do_nothing_else_is_none(source, changed):
    found = [ast.unparse(ast.parse(m.planted(source))) for m in mutations(source) if differs(source, m)]
    assert sorted(found) == changed


def test_what_is_no_mathematics_is_left_alone():
    lines = {mutation.line for mutation in mutations(SOURCE)}
    number = {line: i for i, line in enumerate(SOURCE.splitlines(), start=1)}
    for text in ('"""Docstring - 1."""', "import math", '__all__ = ["f"]', "@decorator(1)", '    """x + y."""'):
        assert number[text] not in lines
    assert number['        raise ValueError(f"must be {a + 1}")'] not in lines
    assert not [m for m in mutations(SOURCE) if m.was == "3"]  # of the annotation


def test_a_mutants_key_changes_with_its_file_and_its_place():
    keys = {m.key("a.py", SOURCE) for m in mutations(SOURCE)}
    assert len(keys) == len(mutations(SOURCE))
    first = mutations(SOURCE)[0]
    assert first.key("a.py", SOURCE) != first.key("b.py", SOURCE) != first.key("b.py", SOURCE + "\n")
