"""Every snippet of the README, of docs/ and of the docstrings runs, and what they say is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import vae_np
from vae_np.cli import main
from vae_np.kernels.compiler.decorators import COMPILED

ROOT = Path(vae_np.__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))] if README.exists() else []
MODULES = [m.name for m in pkgutil.walk_packages(vae_np.__path__, "vae_np.") if not m.name.endswith("__main__")]

needs_readme = pytest.mark.skipif(not README.exists(), reason="not in a checkout")
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


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@in_earnest
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_a_pages_python_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), names)


@in_earnest
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=lambda page: page.name)
def test_a_pages_commands_run_in_their_order(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ vae-np ")]
    assert len(lines) >= 4
    for line in lines:
        words = shlex.split(line.removeprefix("$ vae-np "), comments=True)
        assert main(words) == 0, f"{line}: {capsys.readouterr().err}"


@needs_readme
def test_the_pages_hold_snippets_at_all():
    with_python = {page.name for page in PAGES if blocks(page, "python")}
    assert with_python >= {"README.md", "verify.md", "training.md", "models.md"}
    assert {page.name for page in PAGES if blocks(page, "console")} >= {"README.md", "training.md"}


@pytest.mark.parametrize("name", ["accuracy", "figures"])
@needs_readme
def test_a_page_shows_what_its_generator_prints(name):
    text = (ROOT / "docs" / f"{name}.md").read_text()
    begin, end = text.index(f"<!-- {name}:begin -->"), text.index(f"<!-- {name}:end -->")
    assert "|" in text[begin:end], f"the {name} table is empty: run its script with --write docs/{name}.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@needs_readme
def test_the_readme_is_a_newcomers_page():
    assert len(README.read_text().splitlines()) <= 150
    linked = set(re.findall(r"\]\((docs/[^)]+)\)", README.read_text()))
    assert linked == {f"docs/{page.name}" for page in PAGES[1:]}
