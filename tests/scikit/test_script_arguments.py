"""What the scripts of applications cannot work on is one line, before any work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "applications"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="not in a checkout")


@pytest.mark.parametrize(
    ("script", "words", "says"),
    [
        pytest.param("anomalies", ["--data", "MNIST"], "--data MNIST: ", marks=pytest.mark.slow),
        pytest.param("anomalies", ["--seeds", "0"], "--seeds must be at least 1; got 0", marks=pytest.mark.slow),
        ("images", ["--data", "MNIST"], "--data MNIST: "),
        ("clusters", ["--seeds", "0"], "--seeds must be at least 1; got 0"),
        ("dimensions", ["--data", "few.txt"], "--data few.txt: "),
        ("names", ["--data", "nope"], "--data nope: there is no such file; it has a name a line"),
        ("names", ["--data", "few.txt"], "3 names of at most 12 letters are too few to split; 10 are needed"),
        ("topics", ["--data", "nope"], "--data nope: there is no such file; it has a document a line"),
        ("topics", ["--data", "few.txt"], "--data few.txt: "),
        ("topics", ["--data", "short.txt"], "--data short.txt: no document has 15 words that count"),
    ],
)
def test_it_is_one_line(script, words, says, tmp_path):
    (tmp_path / "few.txt").write_text("anna\notto\nida\n")
    (tmp_path / "short.txt").write_text("".join(f"wo{chr(97 + i % 20)}d ri{chr(97 + i % 21)}er\n" for i in range(100)))
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{script}.py"), *words],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(says)
    assert done.stdout == ""
    assert not (tmp_path / "runs").exists()
