"""--likelihood auto and table: a csv file of several kinds of columns, from training to draws and anomalies."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from vae_np.cli import main
from vae_np.cli.tables import features, in_words
from vae_np.formulas.doors import chosen, parse
from vae_np.formulas.likelihoods import Columns, Likelihood

SMALL = ["--epochs", "3", "--hidden", "8", "--latent", "2", "--backend", "numpy", "--no-pictures"]
TOWNS = ("Bad Ragaz, Dorf", "Bern", "Chur")
WORD = (
    "columns:gaussian(sigma=per-feature,floor=0.05)=0,categorical=1-3,"
    "negative-binomial(dispersion=per-feature)=4,bernoulli=5,categorical=6-8"
)


def people(n: int = 300, seed: int = 0) -> list[tuple]:
    """A kind decides income, town, visits and whether one is a member; the grade is of nothing."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    return list(
        zip(
            np.exp(rng.normal(10 + kind, 0.3)).round(2).tolist(),
            np.array(TOWNS)[kind].tolist(),
            rng.poisson(1 + 4 * kind).tolist(),
            (kind == 2).tolist(),
            rng.integers(1, 4, n).tolist(),
            strict=True,
        )
    )


def write(rows, name="people.csv", header=("income", "town", "visits", "member", "grade")) -> None:
    with open(name, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """A run on people.csv, and what it printed."""
    monkeypatch.chdir(tmp_path)
    write(people())
    assert main(["train", "--data", "people.csv", *SMALL, "--out", "run"]) == 0
    return capsys.readouterr().out


def test_each_column_is_taken_for_what_it_is_and_the_table_is_printed(trained):
    lines = [line.split() for line in trained.splitlines()]
    assert ["column", "values", "likelihood", "why"] in lines
    assert ["town", "Bad", "Ragaz,", "Dorf,", "Bern,", "Chur", "categorical", "3", "levels"] in lines
    assert "numbers are standardised (--scale none leaves them)" in trained
    config = json.loads(Path("run/config.json").read_text())
    options = config["arguments"]
    assert (options["likelihood"], options["scale"]) == (WORD, "standard")
    assert options["classes"] == [None, list(TOWNS), None, None, ["1", "2", "3"]]
    assert config["feature_names"][1:4] == [f"town={town}" for town in TOWNS]


def test_it_is_what_the_table_of_a_data_frame_chooses(trained):
    """The same likelihood, scale and numbers as from pandas."""
    pandas = pytest.importorskip("pandas")
    from vae_np import Table
    from vae_np.data import load

    frame = pandas.read_csv("people.csv")
    table = Table(frame)
    options = json.loads(Path("run/config.json").read_text())["arguments"]
    assert chosen(Likelihood, options["likelihood"]) == table.likelihood
    assert options["scale"] == table.scale
    np.testing.assert_array_equal(load("people.csv", classes=options["classes"]).x, table.code(frame))
    assert all(line.strip() in trained for line in repr(table).splitlines())


def test_draws_and_reconstructions_are_tables_like_the_first(trained, capsys):
    assert main(["sample", "run", "-n", "50", "--draw", "--out", "drawn.csv"]) == 0
    with open("drawn.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["income", "town", "visits", "member", "grade"]
    assert {row["town"] for row in rows} <= set(TOWNS)
    assert {row["grade"] for row in rows} <= set("123")
    assert {row["member"] for row in rows} <= set("01")
    assert all(row["visits"].isdecimal() for row in rows)
    assert main(["evaluate", "run", "--data", "drawn.csv"]) == 0  # a draw is a row that it could have had
    assert main(["reconstruct", "run", "--out", "back.csv"]) == 0
    assert Path("back.csv").read_text().splitlines()[0] == "row,income,town,visits,member,grade"
    assert main(["sample", "run", "-n", "4", "--out", "drawn.npy"]) == 0
    assert np.load("drawn.npy").shape == (4, 9)
    capsys.readouterr()
    assert main(["sample", "run", "-n", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["columns"][1] == "town"
    assert {row[1] for row in found["samples"]} <= set(TOWNS)


def test_a_run_is_resumed_evaluated_and_begun_anew_with_its_classes(trained, capsys):
    assert main(["train", "--resume", "--out", "run", "--epochs", "4"]) == 0
    assert main(["train", "--resume", "--out", "run", "--epochs", "5", "--likelihood", "auto"]) == 0
    assert main(["evaluate", "run"]) == 0
    write(people(40, seed=1)[:30], "few.csv")
    assert main(["train", "--start-from", "run", "--data", "few.csv", "--epochs", "1", "--out", "two"]) == 0
    assert json.loads(Path("two/config.json").read_text())["arguments"]["classes"][1] == list(TOWNS)
    write([(1.5, "Genf", 1, False, 2)] * 3, "new.csv")
    capsys.readouterr()
    assert main(["evaluate", "run", "--data", "new.csv"]) == 2
    error = capsys.readouterr().err
    assert "line 2, column 2 (town): 'Genf' is none of its classes: 'Bad Ragaz, Dorf', 'Bern', 'Chur'" in error


@pytest.mark.slow
def test_anomalies_of_a_table_are_told_by_its_columns(tmp_path, monkeypatch, capsys):
    """The usual town and number of visits each, never together."""
    monkeypatch.chdir(tmp_path)
    write(people(600))
    words = ["--epochs", "200", "--latent", "1", "--run", "run", "--contamination", "0.02"]
    assert main(["anomalies", "people.csv", *words]) == 0
    odd = [(60000.0, "Bern", 5, False, 2), (150000.0, "Bern", 9, True, 2)]  # members all are of Chur
    write(odd, "odd.csv")
    capsys.readouterr()
    assert main(["anomalies", "odd.csv", "--train", "run", "--false-alarms", "0.1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["row"] for row in found["rows"]] == [1]
    assert set(found["rows"][0]["features"]) <= {"income", "town", "visits", "member", "grade"}
    assert next(iter(found["rows"][0]["features"])) == "town"


def test_a_class_tells_what_stands_at_its_columns():
    from vae_np.cli.anomalies import _by_feature
    from vae_np.cli.runs import Run
    from vae_np.data import Dataset
    from vae_np.evaluation import Anomalies

    terms, none = np.array([[1.0, 0.0, 2.0, 0.0], [3.0, 0.0, 0.0, 4.0]]), np.zeros(2)
    options = {"classes": [None, ["a", "b", "c"]], "feature_names": ["n", "t=a", "t=b", "t=c"]}
    found = _by_feature(Anomalies(none, none, none, terms), Run(None, None, options), Dataset(terms, None, None, "t"))
    np.testing.assert_array_equal(found.contributions, [[1, 2], [3, 4]])
    assert [feature.name for feature in features(options, options["feature_names"])] == ["n", "t"]


# ---- which data are a table


def choice_of(tmp_path, monkeypatch, header, rows, *words):
    monkeypatch.chdir(tmp_path)
    write(rows, "x.csv", header)
    code = main(["train", "--data", "x.csv", *SMALL, "--epochs", "0", *words, "--out", "run"])
    return json.loads(Path("run/config.json").read_text())["arguments"] if code == 0 else None


RNG = np.random.default_rng(3)
NUMBERS = RNG.normal(size=(60, 2)).round(3)
COUNTS = RNG.poisson(3.0, 60)
MIXED = [(a, b, c) for (a, b), c in zip(NUMBERS.tolist(), COUNTS.tolist(), strict=True)]

MIXED_WORD = "columns:gaussian(sigma=per-feature,floor=0.05)=0-1,poisson=2"
TEXTS = [(a, t) for (a, _), t in zip(NUMBERS.tolist(), ["x", "y"] * 30, strict=True)]


@pytest.mark.parametrize(
    ("rows", "words", "likelihood"),
    [
        (MIXED, (), MIXED_WORD),
        (MIXED, ("--sigma", "learned"), "gaussian"),
        (MIXED, ("--scale", "standard"), "gaussian"),  # as counts have been asked for as numbers
        (MIXED, ("--likelihood", "table", "--scale", "none"), MIXED_WORD),
        (NUMBERS.tolist(), (), "gaussian"),
        (NUMBERS.tolist(), ("--likelihood", "table"), "gaussian"),
        ([(int(a), int(b)) for a, b in NUMBERS > 0], (), "bernoulli"),
        (np.stack([COUNTS, COUNTS[::-1]], axis=1).tolist(), ("--likelihood", "table"), "poisson"),
        (TEXTS, ("--labels", "last"), "gaussian"),
    ],
)  # fmt: skip
def test_a_table_is_what_has_texts_or_numbers_of_several_kinds(tmp_path, monkeypatch, capsys, rows, words, likelihood):
    found = choice_of(tmp_path, monkeypatch, "abc"[: len(rows[0])], rows, *words)
    assert found["likelihood"] == likelihood
    assert found["classes"] is None
    assert "--labels last" not in capsys.readouterr().out


def test_without_a_header_a_text_may_be_a_label_and_table_takes_it_for_a_class(tmp_path, monkeypatch, capsys):
    rows = TEXTS[1:]
    assert choice_of(tmp_path, monkeypatch, TEXTS[0], rows) is None
    assert "'x' is not a number; if column 2 holds labels" in capsys.readouterr().err
    found = choice_of(tmp_path, monkeypatch, TEXTS[0], rows, "--likelihood", "table")
    assert found["classes"] == [None, ["x", "y"]]
    assert json.loads(Path("run/config.json").read_text())["feature_names"] == ["x0", "x1=x", "x1=y"]


def test_a_last_column_of_texts_is_modelled_and_said_to_be(tmp_path, monkeypatch, capsys):
    found = choice_of(tmp_path, monkeypatch, ("a", "kind"), TEXTS)
    assert found["classes"] == [None, ["x", "y"]]
    assert "'kind' is modelled, too (--labels last makes it labels)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("header", "rows", "words", "message"),
    [
        ("ab", [(n, f"n{n}") for n in range(60)], (), "column 'b' has 60 different texts in 60 rows, which are names"),
        ("ab", [(f"n{n}", n / 7) for n in range(60)], (), r"'a' has 60 .* leave it out \(--index first"),
        ("ab", [(0.5, "x"), (1.5, "2")] * 9, (), "'x' is not a number"),
        ("ab", [(0.5, "x"), (1.5, "x"), (1.5, "2")] * 9, (), r"line 4, column 2 \(b\): '2' is a number among texts"),
        ("ab", [*[(0.5, "x")] * 150, (1.5, "")], (), r"line 152, column 2 \(b\): '' is empty; missing values"),
        ("ab", [(n, n % 7) for n in range(60)], ("--index", "none"), "have no obvious scale.*--likelihood table"),
        ("aa", [(0.5, "x"), (1.5, "y")] * 9, (), "two columns are called 'a'"),
        ("ab", MIXED, ("--likelihood", "table", "--sigma", "1"), "--likelihood table is of a csv file"),
        ("ab", [(0.5, "x")] * 9, ("--scale", "2"), "'x' is not a number"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, monkeypatch, capsys, header, rows, words, message):
    import re

    assert choice_of(tmp_path, monkeypatch, header[: len(rows[0])].ljust(len(rows[0]), "z"), rows, *words) is None
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("change", [{"classes": [3]}, {"classes": [[]]}, {"classes": "x"}, {"classes": [["a", 1]]}])
def test_classes_of_a_damaged_config_are_refused(trained, capsys, change):
    path = Path("run/config.json")
    config = json.loads(path.read_text())
    config["arguments"] |= change
    path.write_text(json.dumps(config))
    assert main(["evaluate", "run"]) == 2
    assert "classes cannot be" in capsys.readouterr().err


def test_the_word_of_a_likelihood_stands_for_it():
    groups = [("gaussian:sigma=learned,floor=0.05", "0+3"), ("categorical", "1-2"), ("student-t:df=3.0", 4)]
    for given in ("poisson", "gaussian:sigma=per-feature,floor=0.05", "categorical:classes=3", Columns(groups)):
        likelihood = chosen(Likelihood, given)
        assert chosen(Likelihood, parse(in_words(likelihood.config()))) == likelihood
