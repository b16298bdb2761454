"""vae-np anomalies: beside a run, beside data that are trained on first, or among themselves."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import vae_np as package
from cli.conftest import one_line
from vae_np.evaluation import anomalies, normal

QUICK = ["--epochs", "1", "--latent", "2"]


@pytest.fixture
def tables(here):
    """normal.csv of 60 rows, and new.csv of 12 whose row 4 is far away in column c; both with an index."""
    draw = np.random.default_rng(1)
    for name, n in (("normal", 60), ("new", 12)):
        x = draw.normal(size=(n, 3))
        x[4, 2] += 40 * (name == "new")
        lines = [",a,b,c", *(f"{name}-{i},{','.join(map(repr, row))}" for i, row in enumerate(x.tolist()))]
        (here / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return here


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_new_rows_are_flagged_beside_held_out_rows_of_the_data_that_are_trained_on(vae_np, tables):
    done = vae_np("anomalies", "new.csv", "--train", "normal.csv", "--split", "0.5,0.1,0.4", "--run", "first", *QUICK)
    assert done.code == 0, done.err
    assert "1 of 12 rows are flagged: p-value at most 0.05 beside 24 held-out normal rows" in done.out
    found = read("anomalies.csv")
    assert [row["index"] for row in found if row["flag"] == "1"] == ["new-4"]
    assert found[4]["feature_1"] == "c"
    assert len(found) == 12
    vae = package.load("first")
    x = package.data.load("normal.csv", dtype=str(vae.dtype)).x
    test = package.data.split(60, (0.5, 0.1, 0.4), seed=0)[2]
    expected = anomalies(vae, package.data.load("new.csv", dtype=str(vae.dtype)).x, normal(vae, x[test]))
    np.testing.assert_array_equal([float(row["score"]) for row in found], expected.score)
    np.testing.assert_array_equal([float(row["error"]) for row in found], expected.error)
    np.testing.assert_array_equal([float(row["p_value"]) for row in found], expected.p_value)
    order = (-expected.contributions).argsort(axis=1)
    assert [row["feature_2"] for row in found] == ["abc"[d] for d in order[:, 1]]

    again = vae_np("anomalies", "new.csv", "--train", "first", "--json", "--out", "again.csv").json
    assert read("again.csv") == found
    assert (again["flagged"], again["normal_rows"], again["false_alarms"]) == (1, 24, 0.05)
    assert [row["index"] for row in again["rows"]] == ["new-4"]
    few = vae_np("anomalies", "new.csv", "--train", "first", "--contamination", "0.4", "--json").json
    assert few["normal_rows"] == 30
    assert few["flagged"] > 1


def test_rows_are_flagged_among_themselves(vae_np, tables):
    found = vae_np("anomalies", "normal.csv", "--contamination", "0.1", *QUICK, "--json").json
    assert (found["flagged"], found["examples"], found["normal_rows"]) == (6, 60, 60)
    assert found["run"] == "runs/normal-1"


def test_a_picture_is_drawn(vae_np, tables):
    pytest.importorskip("matplotlib")
    done = vae_np("anomalies", "normal.csv", "--picture", "scores.png", *QUICK)
    assert done.code == 0, done.err
    assert "picture: scores.png" in done.out
    assert (tables / "scores.png").stat().st_size > 1000


def test_what_cannot_be_is_refused_before_anything_is_trained(vae_np, tables, run):
    for words, says in (
        (["--false-alarms", "0.1"], "needs --train"),
        (["--contamination", "1.5"], "--contamination must lie between 0 and 1"),
        (["--out", "a.txt"], "must end in .csv"),
        (["--picture", "a.csv"], "--picture must end in"),
        (["--samples", "0"], "--samples must be at least 1"),
        (["--train", run, "--epochs", "3"], "is a run already"),
    ):
        one_line(vae_np("anomalies", "new.csv", *words), says)
    assert not (tables / "runs").exists()


def test_too_few_normal_rows_for_a_rate_are_told_with_the_number_that_is_needed(vae_np, tables):
    done = vae_np("anomalies", "new.csv", "--train", "normal.csv", "--run", "first", *QUICK, "--false-alarms", "0.01")
    assert done.code == 2
    assert (
        "--false-alarms 0.01 needs at least 99 normal rows; the test part of normal.csv has 6 (--split makes"
        in done.err
    )
    assert not (tables / "first").exists()


def test_columns_in_another_order_are_refused(vae_np, tables):
    vae_np("anomalies", "normal.csv", "--run", "first", *QUICK)
    lines = (tables / "new.csv").read_text().replace(",a,b,c", ",b,a,c")
    (tables / "turned.csv").write_text(lines)
    one_line(vae_np("anomalies", "turned.csv", "--train", "first", "--contamination", "0.1"), "order")
