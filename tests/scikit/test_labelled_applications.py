"""The scripts of clusters and of two dimensions run on real data and say what is measured; only with scikit-learn."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "applications"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="not in a checkout")


@pytest.mark.parametrize(
    ("script", "methods"),
    [
        (
            "clusters",
            ["k-means of pixels", "mixture of posterior means", "VaDE from k-means, optimal responsibilities"],
        ),
        ("dimensions", ["PCA", "Isomap", "t-SNE", "VAE"]),
    ],
)
def test_a_script_prints_its_table_and_draws(script, methods, tmp_path):
    words = [sys.executable, str(FOLDER / f"{script}.py"), "--quick", "--seeds", "2", "--out", str(tmp_path)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if " ± " in line]
    found = {row[0].removeprefix("| "): [float(cell.split(" ± ")[0]) for cell in row[1:3]] for row in rows}
    assert set(methods) <= set(found)
    assert all(0 <= value <= 1 for values in found.values() for value in values)
    first = found[methods[0]]
    assert first[0] > 0.5  # k-means' accuracy, PCA's trustworthiness on real digits
    assert (tmp_path / f"{script}-digits.png").stat().st_size > 10_000


def test_the_accuracy_is_of_the_best_matching(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import clusters

    labels = np.array([0, 0, 0, 1, 1, 2])
    assert clusters.accuracy(labels, np.array([2, 2, 2, 0, 0, 1])) == 1
    assert clusters.accuracy(labels, np.zeros(6, int)) == 0.5
    # greedily the largest count, cluster 0 with label 0, leaves 1 + 0; the best matching has 2 + 2
    assert clusters.accuracy(np.repeat([0, 1], [5, 2]), np.repeat([0, 1, 0], [3, 2, 2])) == pytest.approx(4 / 7)


def test_neighbours_vote_without_the_row_itself(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import dimensions

    z = np.concatenate([np.zeros((20, 2)), np.ones((20, 2))]) + np.random.default_rng(0).normal(0, 0.01, (40, 2))
    labels = np.repeat([0, 1], 20)
    assert dimensions.vote(z, labels) == 1
    labels[0] = 1  # it alone among others: its own label has no vote
    assert dimensions.vote(z, labels) == 39 / 40
