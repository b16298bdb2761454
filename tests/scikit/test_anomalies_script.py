"""scripts/applications/anomalies.py, on what needs no download: that it runs, and that it cannot look at anomalies."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "applications"))
import anomalies as script


def test_a_row_for_each_measure_and_a_picture(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    script.main(["--only", "cancer,wine", "--seeds", "2", "--quick", "--out", str(tmp_path)])
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [line.split(" |")[0] for line in table[1:]] == [
        f"| {name}, {measure}" for name in ("breast cancer", "wine") for measure in ("ROC AUC", "average precision")
    ]
    assert all(line.count("**") == 2 for line in table[1:])
    assert (tmp_path / "anomalies.png").stat().st_size > 1000


def test_what_is_fitted_is_normal_and_none_of_what_is_judged():
    x, odd = np.arange(40.0)[:, np.newaxis], np.arange(40) % 4 == 0
    task = script.halves(x, odd, seed=3)
    assert not odd[task.train[:, 0].astype(int)].any()
    np.testing.assert_array_equal(odd[task.test[:, 0].astype(int)], task.odd)
    together = np.concatenate([task.train, task.test])[:, 0]
    np.testing.assert_array_equal(np.sort(together), x[:, 0])  # of 30 normal rows; all are used


def test_an_unknown_part_is_an_error(capsys):
    with pytest.raises(SystemExit):
        script.main(["--only", "cancr"])
    assert "not cancr" in capsys.readouterr().err
