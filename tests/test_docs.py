"""Every snippet of README.md, of docs/ and of the docstrings runs, and what they say is true."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import vae_np
from vae_np.cli import main
from vae_np.cli.command import commands
from vae_np.formulas.likelihoods import LIKELIHOODS
from vae_np.kernels.compiler.decorators import COMPILED

ROOT = Path(vae_np.__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md"))] if README.exists() else []
NEEDS = {"vae_np.sklearn": "sklearn", "vae_np.model.tables.table": "pandas"}
WITHOUT = tuple(room for room, needed in NEEDS.items() if not importlib.util.find_spec(needed))
"""Rooms whose extra is not installed."""
MODULES = [
    m.name
    for m in pkgutil.walk_packages(vae_np.__path__, "vae_np.")
    if not m.name.endswith("__main__") and not m.name.startswith(WITHOUT)
]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PROMPT = "$ vae-np "

in_a_checkout = pytest.mark.skipif(not PAGES, reason="not in a checkout")
in_earnest = pytest.mark.skipif(not COMPILED, reason="training in plain Python loops takes minutes")


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_examples_are_true(name):
    module = importlib.import_module(name)
    names = {"np": np, "vae_np": vae_np, **{n: getattr(vae_np, n) for n in ("VAE", "fit")}}
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failures, _ = doctest.testmod(module, extraglobs=names, optionflags=flags)
    assert failures == 0


def test_the_docstrings_hold_examples_at_all():
    finder = doctest.DocTestFinder()
    examples = [e for name in MODULES for t in finder.find(importlib.import_module(name)) for e in t.examples]
    assert len(examples) >= 10


# ---- the pages


def named(pages: list[Path], slow: tuple[str, ...] = ()) -> list:
    """Pages as parameters, by their paths, with a mark on those that take long."""
    marks = {True: [pytest.mark.slow], False: []}
    return [pytest.param(page, id=page.relative_to(ROOT).as_posix(), marks=marks[page.name in slow]) for page in pages]


def python_of(text: str) -> list[tuple[int, str]]:
    """The Python blocks of a page, each with the number of lines before it."""
    return [(text.count("\n", 0, m.start(2)), m[2]) for m in FENCE.finditer(text) if m[1] == "python"]


SHOWN_FILE = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)```", re.DOTALL)
"""A file that a page shows, for the commands that follow."""


def commands_of(text: str) -> list[str]:
    """What the console blocks of a page have typed after vae-np, a line a command."""
    lines = [line for m in FENCE.finditer(text) if m[1] == "console" for line in m[2].splitlines()]
    return [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]


def anchors_of(text: str) -> set[str]:
    """The names by which a page's headings are linked to: lower case, blanks as hyphens, other marks left out."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


WITH_PYTHON = named([page for page in PAGES if python_of(page.read_text("utf-8")) and (
    page.name != "sklearn.md" or not WITHOUT)])  # fmt: skip
WITH_COMMANDS = named(
    [page for page in PAGES if commands_of(page.read_text("utf-8"))], slow=("training.md", "verify.md")
)


@pytest.fixture
def no_likelihood_stays():
    """A likelihood that a page defines is forgotten again."""
    before = dict(LIKELIHOODS)
    yield
    LIKELIHOODS.clear()
    LIKELIHOODS.update(before)


@in_earnest
@pytest.mark.usefixtures("no_likelihood_stays")
@pytest.mark.parametrize("page", WITH_PYTHON)
def test_a_pages_python_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page.stem}
    for before, block in python_of(page.read_text("utf-8")):
        exec(compile("\n" * before + block, str(page), "exec"), names)  # errors tell the page's own line


@in_earnest
@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_a_pages_commands_run_in_their_order(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = page.read_text("utf-8")
    for name, content in SHOWN_FILE.findall(text):
        (tmp_path / name).write_text(content)
    for command in commands_of(text):
        assert main(shlex.split(command, comments=True)) == 0, f"{command}: {capsys.readouterr().err}"


@in_a_checkout
def test_the_pages_hold_code_and_commands_at_all():
    texts = {page.name: page.read_text("utf-8") for page in PAGES}
    for name in ("README.md", "study.md", "verify.md", "training.md", "data.md", "models.md", "proof.md", "house.md"):
        assert python_of(texts[name]), name
    for name in ("README.md", "verify.md", "training.md", "data.md", "speed.md"):
        assert commands_of(texts[name]), name


@in_a_checkout
def test_every_command_is_shown_and_each_of_its_options_described(capsys):
    shown = {command.split()[0] for page in PAGES for command in commands_of(page.read_text("utf-8"))}
    assert shown == set(commands())
    training = (DOCS / "training.md").read_text("utf-8")
    described = set(re.findall(r"--[a-z][a-z-]*", training))
    for command in commands():
        with pytest.raises(SystemExit):
            main([command, "--help"])
        options = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}
        assert options <= described, f"docs/training.md does not name {options - described} of vae-np {command}"


@in_a_checkout
@pytest.mark.parametrize("name", ["accuracy", "figures"])
def test_a_generated_table_is_filled(name):
    text = (DOCS / f"{name}.md").read_text("utf-8")
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    assert text.count(begin) == text.count(end) == 1
    table = text[text.index(begin) : text.index(end)]
    assert table.count("\n| ") >= 5, f"the table is empty: python scripts/{name}.py --write docs/{name}.md"


@in_a_checkout
def test_the_readmes_ratios_are_the_ends_of_the_speed_table():
    ratios = re.findall(r"\*\*(\d+\.\d\d)\*\* \|$", (DOCS / "speed.md").read_text("utf-8"), re.MULTILINE)
    assert len(ratios) >= 20
    assert f"{min(ratios, key=float)} to {max(ratios, key=float)} times as long" in README.read_text("utf-8")


@pytest.mark.parametrize("page", named(PAGES))
def test_every_relative_link_leads_somewhere(page):
    for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target} is not there"
        assert file.is_relative_to(ROOT.resolve()), f"{page.name}: {target} is not in the repository"
        if anchor:
            assert anchor in anchors_of(file.read_text("utf-8")), f"{page.name}: {target} has no such heading"


@in_a_checkout
def test_every_page_is_linked_to_from_the_readme():
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= set(LINK.findall(README.read_text("utf-8")))


@in_a_checkout
def test_the_readme_is_read_in_three_minutes():
    assert len(README.read_text("utf-8").splitlines()) <= 150


def test_links_blocks_and_commands_are_found():
    text = "# A b, *c*\n[x](y.md#a-b-c) ![p](q.png)\n```python\na = 1\n```\n```console\n$ vae-np x\nout\n$ ls\n```\n"
    assert LINK.findall(text) == ["y.md#a-b-c", "q.png"]
    assert anchors_of(text) == {"a-b-c"}
    assert python_of(text) == [(3, "a = 1\n")]
    assert commands_of(text) == ["x"]
