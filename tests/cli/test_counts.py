"""Counts on the command line: unscaled, and what is none is refused with its column."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vae_np.cli import main


@pytest.mark.parametrize("likelihood", ["poisson", "negative-binomial:dispersion=learned"])
def test_counts_train_unscaled_and_are_evaluated_and_drawn_as_counts(likelihood, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts = np.random.default_rng(0).poisson([3, 20, 0.2], size=(60, 3))
    np.savetxt("counts.csv", counts, fmt="%d", delimiter=",", header="visits,clicks,errors", comments="")
    words = ["--epochs", "2", "--hidden", "4", "--latent", "2", "--backend", "numpy", "--no-pictures", "--out", "run"]
    assert main(["train", "--data", "counts.csv", "--likelihood", likelihood, *words]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["arguments"]["scale"] == "none"
    assert config["range"] == [counts.min(), counts.max()]
    assert main(["evaluate", "run", "--backend", "numpy"]) == 0
    assert main(["sample", "run", "-n", "9", "--draw", "--out", "drawn.csv"]) == 0
    drawn = np.loadtxt("drawn.csv", delimiter=",", skiprows=1)
    assert np.array_equal(drawn, np.round(drawn))
    capsys.readouterr()


def test_what_is_no_count_is_one_line_that_names_row_and_column(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).poisson(3.0, size=(30, 3)).astype(float)
    x[4, 1] = 2.5
    np.savetxt("x.csv", x, delimiter=",", header="a,b,c", comments="")
    assert main(["train", "--data", "x.csv", "--likelihood", "poisson", "--out", "run"]) == 2
    error = capsys.readouterr().err
    assert "must be whole counts for the poisson likelihood" in error
    assert "column 1 ('b') is 2.5" in error
    assert error.count("\n") == 1
