"""The house: imports go one way, and what is confined to one room stays there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from distribution import TOGETHER, part_of
from lengthy import LENGTHY, is_lengthy

import vae_np

ROOT = Path(vae_np.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TESTS = Path(__file__).parent
LONGEST = {ROOT: 330, TESTS: 350, TESTS.parent / "benchmarks": 350, TESTS.parent / "scripts": 350}
"""The most lines of a file, by folder."""


def imported(tree: ast.AST) -> set[str]:
    """The top-level names of all modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names


def imported_from(tree: ast.AST) -> set[str]:
    """The same with the name after it: vae_np.kernels."""
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {".".join(module.split(".")[:2]) for module in modules}


@pytest.mark.parametrize(("package", "folder"), [("numba", "kernels"), ("matplotlib", "plots"), ("sklearn", "sklearn")])
def test_a_heavy_package_is_imported_in_its_folder_only(package, folder):
    users = {path.relative_to(ROOT).parts[0] for path in FILES if package in imported(ast.parse(path.read_text()))}
    assert users == {folder}


REPLACED = {"numpy_noise.py": {"RandomState", "default_rng"}}
"""What replaces a program's generators must name them."""


def test_nothing_reads_or_writes_pickle_and_no_generator_is_global():
    for path in FILES:
        tree = ast.parse(path.read_text())
        assert not imported(tree) & {"pickle", "dill", "joblib", "shelve", "marshal", "random"}, path
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Attribute) and getattr(node.value, "attr", "") == "random"):
                continue
            if ast.unparse(node.value) in ("np.random", "numpy.random"):
                allowed = REPLACED.get(path.name, set()) | {"Generator", "Philox"}
                assert node.attr in allowed, f"{path}: {ast.unparse(node)}"
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert ast.unparse(node.value) == "False", path


def test_files_are_short_enough_to_read():
    long = [
        f"{path} has {n} lines; {limit} are the most"
        for folder, limit in LONGEST.items()
        for path in sorted(folder.rglob("*.py"))
        if (n := len(path.read_text().splitlines())) > limit
    ]
    assert not long, "\n".join(long)


def test_what_is_slow_is_marked_left_out_by_default_and_run_beside_the_gate(request):
    assert any(line.startswith("slow:") for line in request.config.getini("markers"))
    options = request.config.getini("addopts")
    assert options[options.index("-m") + 1] == "not slow"
    assert "--strict-markers" in options  # a name that is mistyped would be run by neither
    gate, beside = ((TESTS.parent / ".ci" / name).read_text() for name in ("run", "slow"))
    assert "pytest -n 2 -m slow\n" in beside
    assert "-m slow" not in gate
    # what is slow is not run a second time; nor are the rooms that call compiled code by others only
    assert 'NUMBA_DISABLE_JIT=1 .venv/bin/pytest -n 2 "${compiled[@]}"' in gate
    (rooms,) = re.findall(r"^compiled=\(([^)]*)\)$", gate, re.MULTILINE)
    for path in sorted(TESTS.rglob("test_*.py")):
        name = path.relative_to(TESTS.parent).as_posix()
        if {"numba", "vae_np.kernels"} & imported_from(
            ast.parse(path.read_text("utf-8"))
        ) and path.name != "test_docs.py":
            assert name.startswith(tuple(rooms.split())), f"{name} calls compiled code: its room belongs to the gate's"


def test_what_is_listed_as_lengthy_exists():
    for path, functions in LENGTHY.items():
        text = (TESTS / path).read_text("utf-8")
        for name in functions:
            assert f"def {name.rpartition('::')[2]}(" in text, f"{path}::{name} is no test"
    path, name = next((path, name) for path, f in LENGTHY.items() for name, stays in f.items() if stays == "svg")
    assert is_lengthy(f"tests/{path}::{name}[pdf-%PDF]")
    assert not is_lengthy(f"tests/{path}::{name}[svg-<?xml]")
    assert not is_lengthy(f"tests/{path}::{name}er")


def test_what_compiles_the_same_is_run_by_one_worker():
    assert all((TESTS.parent / begin).exists() for begin in TOGETHER)
    paths = [path.relative_to(TESTS.parent).as_posix() for path in TESTS.rglob("test_*.py")]
    parts = {path: part_of(f"{path}::test_x[tests/kernels/step/]") for path in paths}
    assert {part for path, part in parts.items() if path.startswith("tests/kernels/")} == {
        "stages",
        "loops",
        "elementary",
    }
    assert parts["tests/kernels/test_kernels_match_oracle.py"] == parts["tests/formulas/test_formulas.py"] == "loops"
    assert all(part == path for path, part in parts.items() if "kernels" not in path and "/test_formula" not in path)


def test_imports_go_one_way():
    config = ROOT.parent / "setup.cfg"
    if not config.exists():
        pytest.skip("not in a checkout")
    code = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
    command = [sys.executable, "-c", code, "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import vae_np", {"numpy", "numba", "scipy", "matplotlib"}),
        ("import vae_np.cli", {"numpy", "numba", "scipy", "matplotlib"}),
        ("import vae_np; vae_np.VAE(4, hidden=(3,), latent=2, backend='numpy')", {"numba", "matplotlib", "tqdm"}),
        ("import vae_np; vae_np.plots.samples", {"numba", "matplotlib"}),
        ("import vae_np; vae_np.VAE(4, hidden=(3,), latent=2)", {"matplotlib", "tqdm"}),
    ],
)
def test_nothing_is_imported_before_it_is_needed(statement, absent):
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not absent & set(loaded)


def test_every_public_name_is_there():
    for name in vae_np.__all__:
        assert getattr(vae_np, name) is not None
    assert set(vae_np.__all__) <= set(dir(vae_np))
    with pytest.raises(AttributeError, match="module 'vae_np' has no attribute 'VEA'"):
        vae_np.VEA  # noqa: B018
