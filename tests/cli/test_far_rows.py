"""vae-np anomalies where a row is too far for its number type, columns have one name, or a flag cannot be meant."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

from cli.conftest import SMALL, one_line

QUICK = ["--epochs", "1", "--latent", "2"]


def written(path, x, header="a,b,c"):
    path.write_text("\n".join([header, *(",".join(map(repr, row)) for row in x.tolist())]) + "\n")


@pytest.fixture
def normal_run(here, vae_np):
    """A run in float32 on 100 normal rows; new.csv has 12, of which row 5 has 1e30 in column b."""
    draw = np.random.default_rng(1)
    written(here / "normal.csv", draw.normal(size=(100, 3)))
    x = draw.normal(size=(12, 3))
    x[5, 1] = 1e30
    written(here / "new.csv", x)
    words = [word for word in SMALL if word not in ("--dtype", "float64")]
    words += ["--likelihood", "gaussian", "--split", "0.6,0.1,0.3", "--no-pictures", "--epochs", "1", "--out", "run"]
    assert vae_np("train", "--data", "normal.csv", *words).code == 0
    return here


def test_one_row_that_is_too_far_is_flagged_and_the_others_have_their_scores(normal_run, vae_np):
    pytest.importorskip("matplotlib")
    done = vae_np("anomalies", "new.csv", "--train", "run", "--picture", "scores.png")
    assert done.code == 0, done.err
    assert (
        "log p(x) is not finite in float32 of 1 row (5), far beyond the data of training: the score is -inf" in done.out
    )
    assert re.search(r"^  row 5: log p\(x\) -inf .*; nats missing: b [\d.]+e\+\d\d, ", done.out, re.MULTILINE)
    with open("anomalies.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[5]["score"] == "-inf"
    assert (rows[5]["flag"], rows[5]["feature_1"], float(rows[5]["p_value"])) == ("1", "b", 1 / 31)
    assert float(rows[5]["nats_1"]) > 1e55
    written(normal_run / "others.csv", np.delete(np.loadtxt("new.csv", delimiter=",", skiprows=1), 5, axis=0))
    assert vae_np("anomalies", "others.csv", "--train", "run").code == 0
    with open("anomalies.csv", newline="") as file:
        others = list(csv.DictReader(file))
    for ours, theirs in zip(rows[:5] + rows[6:], others, strict=True):
        assert float(ours["score"]) == pytest.approx(float(theirs["score"]), rel=1e-6)
        assert [ours["p_value"], ours["feature_1"]] == [theirs["p_value"], theirs["feature_1"]]
    told = vae_np("anomalies", "new.csv", "--train", "run", "--json").json
    assert told["rows"][0]["row"] == 5
    assert told["rows"][0]["score"] is None
    assert len(told["remarks"]) == 1


def test_columns_of_one_name_are_told_with_their_places(normal_run, vae_np):
    lines = (normal_run / "new.csv").read_text().replace("a,b,c", "a,a,c").replace("1e+30", "50.0")
    (normal_run / "twice.csv").write_text(lines)
    lines = (normal_run / "normal.csv").read_text().replace("a,b,c", "a,a,c")
    (normal_run / "normal.csv").write_text(lines)
    found = vae_np("anomalies", "twice.csv", "--train", "normal.csv", *QUICK, "--false-alarms", "0.2", "--json").json
    row = next(row for row in found["rows"] if row["row"] == 5)
    assert next(iter(row["features"])) == "a (column 1)"
    assert sorted(row["features"]) == ["a (column 0)", "a (column 1)", "c"]


def test_what_is_too_few_is_told_before_anything_is_trained(normal_run, vae_np):
    words = ["anomalies", "new.csv", "--train", "normal.csv", "--run", "later", *QUICK]
    says = (
        "--false-alarms 0.05 needs at least 19 normal rows; the test part of normal.csv has 10 (--split makes it larger"
    )
    one_line(vae_np(*words), says)
    one_line(vae_np(*words, "--split", "1,0,0"), "the test part of normal.csv has 0")
    assert not (normal_run / "later").exists()
    done = vae_np("anomalies", "new.csv", "--train", "run", "--false-alarms", "0.01")
    assert "needs at least 99 normal rows; the test part of run has 30" in done.err


def test_flags_that_are_named_exist(normal_run, vae_np):
    done = vae_np("anomalies", "normal.csv", "--run", "run", *QUICK)
    one_line(done, "--run run holds a run already; --train run looks at rows beside it")
    before = (normal_run / "new.csv").read_text()
    one_line(vae_np("anomalies", "new.csv", "--train", "run", "--out", "./new.csv"), "would overwrite the data")
    one_line(vae_np("anomalies", "new.csv", "--train", "normal.csv", "--out", "normal.csv"), "would overwrite the data")
    assert (normal_run / "new.csv").read_text() == before
    x = np.loadtxt("normal.csv", delimiter=",", skiprows=1)
    x[3, 0] = 1e39
    written(normal_run / "huge.csv", x)
    done = vae_np("anomalies", "huge.csv", *QUICK)
    assert done.code == 2
    assert "--dtype float64" in done.err
    assert vae_np("anomalies", "new.csv", *QUICK, "--dtype", "float64", "--contamination", "0.2").code == 0
