"""A table of several kinds of columns on the command line."""

from __future__ import annotations

import json

import numpy as np

from vae_np.cli import main

WORD = "columns:gaussian(sigma=per-feature,floor=0.05)=0+4,categorical=1-3,poisson=5"


def test_a_table_trains_with_a_likelihood_for_each_group_and_is_evaluated_drawn_and_checked(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    classes = np.eye(3)[rng.integers(0, 3, 240)]
    x = np.column_stack([rng.normal(100, 30, 240), classes, rng.normal(size=240), rng.poisson(4, 240)])
    np.savetxt("x.csv", x, delimiter=",", header="size,red,green,blue,depth,visits", comments="")
    words = ["--epochs", "2", "--hidden", "4", "--latent", "2", "--backend", "numpy", "--no-pictures", "--out", "run"]
    assert main(["train", "--data", "x.csv", "--likelihood", WORD, "--scale", "standard", *words]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["arguments"]["likelihood"] == WORD
    assert main(["evaluate", "run", "--backend", "numpy"]) == 0
    assert main(["anomalies", "x.csv", "--train", "run", "--out", "scores.csv"]) == 0
    assert main(["reconstruct", "run", "--out", "back.csv"]) == 0
    assert main(["sample", "run", "-n", "9", "--draw", "--out", "drawn.csv"]) == 0
    drawn = np.loadtxt("drawn.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(drawn[:, 1:4].sum(axis=1), 1)
    np.testing.assert_array_equal(drawn[:, 5], np.round(drawn[:, 5]))
    assert np.abs(drawn[:, 0]).max() > 20  # in the units of the table
    assert main(["train", "--resume", "--out", "run", "--epochs", "3"]) == 0
    assert main(["gradcheck", "--features", "6", "--likelihood", WORD]) == 0
    capsys.readouterr()


def test_what_a_group_does_not_admit_is_named_and_a_table_is_left_unscaled(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.column_stack([np.linspace(9, 250, 30) ** 2, np.random.default_rng(0).poisson(3.0, 30)])
    np.savetxt("x.csv", x, delimiter=",", header="a,b", comments="")
    words = ["--epochs", "1", "--hidden", "4", "--latent", "1", "--backend", "numpy", "--no-pictures"]
    assert main(["train", "--data", "x.csv", "--likelihood", "columns:gaussian=0,poisson=1", *words, "--out", "r"]) == 0
    assert json.loads((tmp_path / "r" / "config.json").read_text())["arguments"]["scale"] == "none"
    x[3, 1] = -2
    np.savetxt("x.csv", x, delimiter=",", header="a,b", comments="")
    assert main(["train", "--data", "x.csv", "--likelihood", "columns:gaussian=0,poisson=1", *words, "--out", "s"]) == 2
    assert "column 1 ('b') is -2" in capsys.readouterr().err
