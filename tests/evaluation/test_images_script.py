"""scripts/applications/images.py runs on real digits, says what is measured, and draws."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "applications"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="not in a checkout")


@pytest.fixture
def images(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import images

    return images


def test_it_prints_its_tables_and_draws(tmp_path):
    words = [sys.executable, str(FOLDER / "images.py"), "--quick", "--seeds", "2", "--out", str(tmp_path)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if " ± " in line]
    found = {row[0].removeprefix("| "): [float(cell.split(" ± ")[0]) for cell in row[1:]] for row in rows}
    shares = [found[name][0] for name in list(found)[:8]]
    assert all(0 <= share <= 1 for share in shares)
    # the classifier knows digits; a class that is asked for is there far more often than one in ten
    assert found["held-out images"][0] > 0.85
    assert found["none of the attribute vector"][0] < 0.1
    for asked in ("1 of the attribute vector", "the same z, another label", "conditional samples"):
        assert found[asked][0] > 0.4
    assert found["two classes, line"][0] < 0.9 < found["two classes, sphere"][0] == 1
    one, other = found["log p(x)"], found["log p(x\\|c)"]
    assert found["log p(x\\|c) less log p(x)"][0] == pytest.approx(other[0] - one[0], abs=0.02)
    bound = found["log p(x\\|c) - log 10, a bound of log p(x), less log p(x)"][1]
    assert bound == pytest.approx(other[1] - math.log(10) - one[1], abs=0.02)
    for what in ("samples", "reconstructions", "interpolations", "attributes", "conditional"):
        assert (tmp_path / f"images-digits-{what}.png").stat().st_size > 10_000


def test_the_nearest_vote_and_of_equal_votes_the_nearest(images):
    train = images.Split(np.array([[0.0], [1], [2], [3], [10], [11], [12]]), np.array([4, 7, 7, 7, 9, 9, 9]))
    # of the five nearest of 0.1 three say 7; of 11 three say 9; of 4 rows with two votes each the nearest's class
    assert images.called(np.array([[0.1], [11.0]]), train).tolist() == [7, 9]
    tied = images.Split(np.array([[0.0], [1], [2], [3], [4]]), np.array([5, 2, 2, 5, 8]))
    assert images.called(np.array([[-1.0], [1.2]]), tied).tolist() == [5, 2]


def test_a_share_is_of_all_moved_rows_and_of_their_own_target(images):
    train = images.Split(np.repeat([[0.0], [10.0]], 5, axis=0), np.repeat([0, 1], 5))
    moved = {(0, 1): np.array([[9.0], [11.0], [1.0]]), (1, 0): np.array([[2.0]])}
    assert images.share(moved, train) == 0.75


@pytest.mark.parametrize("binary", [False, True])
def test_parts_have_no_row_in_common_and_are_binarised_where_the_models_are(images, binary):
    data = images.labelled.Labelled("digits", np.arange(100.0)[:, None] / 100, np.arange(100), (1, 1))
    parts = images.split(data, 1, binary)
    assert [len(part.labels) for part in parts] == [70, 70, 10, 20]
    assert len(np.unique(np.concatenate([part.labels for part in parts[1:]]))) == 100
    assert (parts.files.x[:, 0] == parts.files.labels / 100).all()
    for part in parts[1:]:
        assert (set(np.unique(part.x)) == {0, 1}) == binary
