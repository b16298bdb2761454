"""Every snippet of the README and of the docstrings runs, and what they say is true."""

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

README = Path(vae_np.__file__).parents[1] / "README.md"
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


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


@needs_readme
@in_earnest
def test_the_readmes_python_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = blocks("python")
    assert found
    names: dict[str, object] = {}
    for block in found:
        exec(compile(block, "README.md", "exec"), names)


@needs_readme
@in_earnest
def test_the_readmes_commands_run_in_their_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks("console") for line in block.splitlines() if line.startswith("$ vae-np ")]
    assert len(lines) >= 6
    for line in lines:
        words = shlex.split(line.removeprefix("$ vae-np "), comments=True)
        assert main(words) == 0, f"{line}: {capsys.readouterr().err}"


@needs_readme
def test_the_readme_shows_what_the_generators_print():
    text = README.read_text()
    for name in ("accuracy", "figures"):
        begin, end = text.index(f"<!-- {name}:begin -->"), text.index(f"<!-- {name}:end -->")
        assert "|" in text[begin:end], f"the {name} table is empty: run its script with --write README.md"
