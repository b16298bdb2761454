"""The names of people's own columns, labels and rows, from their table to what the commands write."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from wine import NAMES, wine, write_wine

import vae_np as package
from cli.conftest import one_line

SCALED = ["--likelihood", "gaussian", "--scale", "standard"]


def header(file: str) -> list[str]:
    with open(file, newline="") as lines:
        return next(csv.reader(lines))


@pytest.fixture
def wines(train):
    """The folder of a run on a table with an index, thirteen named measures and the wines' kinds."""
    write_wine("wine.csv", index="")
    assert train("--labels", "last", *SCALED, "--epochs", "1", "--out", "wines", data="wine.csv").code == 0
    return "wines"


def test_a_run_keeps_the_names_of_its_columns_and_labels(wines):
    config = json.loads(Path(wines, "config.json").read_text())
    assert config["feature_names"] == list(NAMES)
    assert config["label_names"] == ["barbera", "barolo", "grignolino"]
    assert config["arguments"]["index"] == "auto"
    assert package.load("wines", backend="numpy").architecture.n_features == len(NAMES)


def test_tables_that_are_written_have_the_columns_names(vae_np, wines):
    assert vae_np("sample", wines, "-n", "3", "--out", "s.csv").code == 0
    assert vae_np("reconstruct", wines, "--out", "r.csv").code == 0
    assert header("s.csv") == list(NAMES)
    assert header("r.csv") == ["row", "index", *NAMES]
    assert vae_np("reconstruct", wines, "--no-rows", "--out", "r.csv").code == 0
    assert header("r.csv") == list(NAMES)
    assert package.data.load("s.csv").feature_names == NAMES
    assert vae_np("sample", wines, "--json").json["columns"] == list(NAMES)


def test_without_names_they_are_numbered(vae_np, run):
    assert vae_np("sample", run, "-n", "3", "--out", "s.csv").code == 0
    assert vae_np("reconstruct", run, "--out", "r.csv").code == 0
    assert header("s.csv") == [f"x{j}" for j in range(6)]
    assert header("r.csv") == ["row", *header("s.csv")]
    assert json.loads(Path(run, "config.json").read_text())["feature_names"] is None


@pytest.mark.parametrize("names", [["0", "1"], ["a, 5", 'b"c'], ["", "x"]])
def test_names_come_back_as_they_were(vae_np, train, names):
    x = np.random.default_rng(0).random((20, 2))
    with open("t.csv", "w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([names, *x.tolist()])
    lines = Path("t.csv").read_text().splitlines()
    Path("t.csv").write_text("\n".join([lines[0], *(line.replace('"', "") for line in lines[1:])]))
    assert train("--index", "none", "--epochs", "0", "--out", "named", data="t.csv").code == 0
    assert vae_np("reconstruct", "named", "--part", "all", "--out", "r.csv").code == 0
    expected = ["x0", "x"] if names[0] == "" else names
    assert header("r.csv") == ["row", *expected]
    assert package.data.load("r.csv").feature_names == tuple(expected)  # row is an index


def test_the_index_stands_beside_the_row(vae_np, wines):
    order = {str(i + 1): row for i, row in enumerate(wine()[0].tolist())}
    assert vae_np("encode", wines, "--with-labels", "--out", "codes.csv").code == 0
    assert vae_np("evaluate", wines, "--out", "values.csv").code == 0
    assert header("codes.csv")[:4] == ["row", "index", "label", "mu0"]
    assert header("values.csv")[:3] == ["row", "index", "elbo"]
    vae = package.load(wines, backend="numpy")
    with open("codes.csv", newline="") as lines:
        for line in csv.DictReader(lines):
            assert int(line["index"]) == int(line["row"]) + 1
            mu = vae.encode(np.array([order[line["index"]]]))[0]
            assert float(line["mu0"]) == pytest.approx(mu[0, 0], rel=1e-9)
            assert line["label"] == wine()[1][int(line["row"])]
    assert vae_np("encode", wines, "--no-rows", "--part", "all", "--out", "codes.csv").code == 0
    assert header("codes.csv") == ["mu0", "mu1"]
    assert vae_np("encode", wines, "--part", "all", "--out", "codes.csv").code == 0
    assert package.data.load("codes.csv", index="first").x[:3, 0].tolist() == [1, 2, 3]  # the index of row 0, 1, 2


def test_one_line_says_that_there_is_an_index_and_a_word_overrules_it(train):
    write_wine("wine.csv", index="no")
    words = [*SCALED, "--labels", "last", "--epochs", "0", "--out"]
    line = "index: the first column of wine.csv, 'no', names the rows and is no feature (--index none makes it one)"
    assert train(*words, "a", data="wine.csv").out.splitlines().count(line) == 1
    assert json.loads(Path("a/config.json").read_text())["assumed"] == [line]
    done = train(*words, "b", "--index", "none", data="wine.csv")
    assert "index" not in done.out
    assert json.loads(Path("b/config.json").read_text())["assumed"] == []
    assert json.loads(Path("b/config.json").read_text())["feature_names"] == ["no", *NAMES]


def test_a_run_from_before_names_and_index_is_used_and_resumed(vae_np, train):
    write_wine("wine.csv", index="", kinds=False)
    assert train(*SCALED, "--index", "none", "--epochs", "1", "--out", "old", data="wine.csv").code == 0
    config = json.loads(Path("old/config.json").read_text())
    del config["feature_names"], config["label_names"], config["arguments"]["index"]
    Path("old/config.json").write_text(json.dumps(config))
    assert vae_np("evaluate", "old").code == 0
    assert vae_np("evaluate", "old", "--data", "wine.csv").code == 0
    assert vae_np("sample", "old", "--out", "s.csv").code == 0
    assert header("s.csv") == [f"x{j}" for j in range(14)]
    assert train("--resume", "--epochs", "2", "--out", "old", data="wine.csv").code == 0


def test_other_data_are_read_as_the_model_needs_them(vae_np, wines, train):
    x = wine()[0]
    lines = Path("wine.csv").read_text().splitlines()
    Path("new.csv").write_text("\n".join([lines[0], lines[9], lines[4]]))
    assert vae_np("encode", wines, "--data", "new.csv", "--labels", "last", "--out", "c.csv").code == 0
    assert np.genfromtxt("c.csv", delimiter=",", names=True)["index"].tolist() == [9, 4]
    # three rows that count by chance: the model has that column
    np.savetxt("few.csv", np.column_stack([np.arange(3), x[:3, 1:]]), "%.17g", delimiter=",", header=",".join(NAMES))
    done = vae_np("encode", wines, "--data", "few.csv", "--out", "c.csv")
    assert done.code == 0, done.err
    assert header("c.csv") == ["row", "mu0", "mu1"]
    np.savetxt("odd.csv", np.column_stack([[5, 2, 9], x[:3]]), delimiter=",", header=",".join(["no", *NAMES]))
    one_line(
        vae_np("encode", wines, "--data", "odd.csv"),
        "odd.csv: has 14 columns, the model 13 features; if its first column is no feature: --index first",
    )
    assert vae_np("encode", wines, "--data", "odd.csv", "--index", "first").code == 0


def test_columns_in_another_order_are_refused(vae_np, wines):
    swapped = [NAMES[1], NAMES[0], *NAMES[2:]]
    np.savetxt("swapped.csv", wine()[0][:3], delimiter=",", header=",".join(swapped))
    fact = "swapped.csv: its columns have another order than in training: column 0 is 'malic_acid', was 'alcohol'"
    one_line(vae_np("evaluate", wines, "--data", "swapped.csv"), fact)


@pytest.mark.parametrize(
    ("names", "fact"),
    [
        (["a", 3], "wines/config.json: feature_names must be a list of texts or null"),
        ("alcohol", "wines/config.json: feature_names must be a list of texts or null"),
        (["a", "b"], "wines/config.json: 2 feature_names; the model has 13 features"),
    ],
)
def test_names_that_are_none_are_refused(vae_np, wines, names, fact):
    config = json.loads(Path("wines/config.json").read_text())
    Path("wines/config.json").write_text(json.dumps(config | {"feature_names": names}))
    one_line(vae_np("sample", wines, "--out", "s.csv"), fact)
