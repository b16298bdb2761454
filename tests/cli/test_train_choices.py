"""What vae-np train chooses by the data, early stopping, standardisation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import vae_np as package
from cli.conftest import one_line
from vae_np.cli import choice
from vae_np.cli.train_options import DEFAULTS

SMALL = ("--hidden", "8", "--latent", "2", "--no-pictures", "--backend", "numpy")


@pytest.fixture
def run(vae_np):
    """A command that must succeed."""

    def done(*words):
        found = vae_np(*words)
        assert found.code == 0, found.err
        return found

    return done


@pytest.fixture
def run_wrong(vae_np):
    """A command that must end with this error."""
    return lambda fact, *words: one_line(vae_np(*words), fact)


@pytest.fixture
def table(tmp_path):
    """60 rows of two columns in units of their own, and one that is constant."""
    x = np.exp(np.random.default_rng(0).normal(size=(60, 3)) * [3, 1, 0]) * [1000, 1e-3, 7]
    np.savetxt(tmp_path / "table.csv", x, delimiter=",")
    return tmp_path / "table.csv"


def config_of(folder) -> dict:
    return json.loads((folder / "config.json").read_text())


def options(**given) -> dict:
    return {"likelihood": "auto", "sigma": None, "floor": None, "scale": "auto", "binarise": "none", **given}


def dataset(x) -> package.data.Dataset:
    return package.data.Dataset(np.asarray(x, float), None, None, "these")


@pytest.mark.parametrize(
    ("x", "given", "likelihood", "sigma", "scale"),
    [
        ([[0, 1], [1, 1]], {}, "bernoulli", None, "auto"),
        ([[0, 0.5], [1, 1]], {}, "gaussian", "learned", "auto"),
        ([[0, 0.5], [1, 1]], {"binarise": "dynamic"}, "bernoulli", None, "auto"),
        ([[0, 0.5], [1, 7]], {}, "gaussian", "per-feature", "standard"),
        ([[0, -0.5], [1, 1]], {}, "gaussian", "per-feature", "standard"),
        ([[0, 0.5], [1, 7]], {"scale": "none"}, "gaussian", "per-feature", "none"),
        ([[0, 1], [1, 1]], {"sigma": "heteroscedastic"}, "gaussian", "heteroscedastic", "auto"),
        ([[0, 0.5], [1, 7]], {"likelihood": "bernoulli"}, "bernoulli", None, "auto"),
    ],
)
def test_auto_is_what_the_data_look_like(x, given, likelihood, sigma, scale):
    found, line = choice.likelihood_of(options(**given), dataset(x))
    assert (found["likelihood"], found["sigma"], found["scale"]) == (likelihood, sigma, scale)
    assert bool(line) == ("likelihood" not in given)


def test_messages_have_the_columns_names(run, vae_np, tmp_path):
    x = np.column_stack([np.full(60, 7.0), 1e30 * np.random.default_rng(0).normal(size=(60, 2))])
    np.savetxt(tmp_path / "names.csv", x, delimiter=",", header="year,flow,size", comments="")
    words = ["train", "--data", tmp_path / "names.csv", "--likelihood", "gaussian", *SMALL]
    done = run(*words, "--scale", "standard", "--epochs", "1", "--out", tmp_path / "scaled")
    assert "1 of 3 features are constant: year; they keep the scale 1" in done.out
    failed = vae_np(*words, "--scale", "none", "--sigma", "1", "--out", tmp_path / "raw")
    assert re.search(r"largest columns of the data are (flow|size) \(", failed.err), failed


def test_the_floor_is_a_twentieth_of_the_datas_deviation():
    x = np.column_stack([np.tile([1.0, -1.0], 8), np.tile([7.0, -7.0], 8)])
    found = choice.floor_of(options(likelihood="gaussian", sigma="learned"), x)["floor"]
    assert found == pytest.approx(0.05 * 5, rel=1e-3)
    standard = options(likelihood="gaussian", sigma="per-feature", scale="standard")
    assert choice.floor_of(standard, x)["floor"] == 0.05
    word = choice.floor_of(options(likelihood="gaussian:sigma=learned"), x)
    assert word["floor"] == found
    for kept in (
        {"likelihood": "gaussian:sigma=learned,floor=0.1"},
        {"floor": 0.0, "sigma": "learned"},
        {"sigma": 2.0},
        {"likelihood": "bernoulli"},
    ):
        given = options(**{"likelihood": "gaussian", **kept})
        assert choice.floor_of(given, x) == given


def test_a_table_in_its_own_units_trains_and_the_choice_is_said_and_kept(table, run, tmp_path):
    out = tmp_path / "run"
    text = run("train", "--data", table, "--likelihood", "auto", "--epochs", "2", "--out", out, *SMALL).out
    assert "likelihood: gaussian with sigma per-feature, for numbers from" in text
    assert "each feature standardised" in text
    assert "1 of 3 features are constant: 2; they keep the scale 1" in text
    config = config_of(out)
    assert config["arguments"]["likelihood"] == "gaussian"
    assert config["arguments"]["scale"] == "standard"
    assert config["arguments"]["floor"] == 0.05
    assert "standardised" in config["chosen"]
    vae = package.load(out, backend="numpy")
    assert vae.scaling.shift[2] == pytest.approx(7)
    run("evaluate", out)
    run("train", "--resume", "--out", out, "--epochs", "3", "--no-pictures")
    np.testing.assert_array_equal(package.load(out).scaling.scale, vae.scaling.scale)


def test_samples_and_other_data_are_in_the_tables_units(table, run, tmp_path):
    out = tmp_path / "run"
    run("train", "--data", table, "--likelihood", "gaussian", "--sigma", "learned", "--scale", "standard",
        "--epochs", "2", "--out", out, *SMALL)  # fmt: skip
    run("sample", out, "-n", "50", "--out", tmp_path / "samples.csv", "--draw")
    samples = np.loadtxt(tmp_path / "samples.csv", delimiter=",", skiprows=1)
    assert np.abs(samples[:, 0]).max() > 100
    assert np.abs(samples[:, 1]).max() < 1
    run("encode", out, "--data", table, "--no-rows", "--out", tmp_path / "codes.csv")
    codes = np.loadtxt(tmp_path / "codes.csv", delimiter=",", skiprows=1)
    x = np.loadtxt(table, delimiter=",").astype(np.float32)
    np.testing.assert_allclose(codes, package.load(out, backend="numpy").encode(x)[0], rtol=1e-4, atol=1e-5)


def test_whole_numbers_are_standardised_where_that_is_asked_for(run, tmp_path):
    x = np.random.default_rng(0).integers(0, 300, (40, 3))
    np.savetxt(tmp_path / "whole.csv", x, fmt="%d", delimiter=",")
    out = tmp_path / "run"
    run("train", "--data", tmp_path / "whole.csv", "--likelihood", "gaussian", "--scale", "standard",
        "--epochs", "1", "--out", out, *SMALL)  # fmt: skip
    run("evaluate", out, "--data", tmp_path / "whole.csv")
    assert package.load(out).scaling.scale[0] == pytest.approx(300 / np.sqrt(12), rel=0.3)


def test_patience_stops_the_run_and_says_whose_model_is_left(table, run, tmp_path):
    out = tmp_path / "run"
    found = run("train", "--data", table, "--likelihood", "auto", "--epochs", "400", "--patience", "2",
                "--learning-rate", "0.05", "--out", out, *SMALL).out  # fmt: skip
    history = np.genfromtxt(out / "history.csv", delimiter=",", names=True)
    best = int(history["epoch"][np.argmax(history["validation_elbo"])])
    assert len(history) == best + 2 < 400
    assert f"the model is that of epoch {best}" in found
    again = run("train", "--resume", "--out", out, "--epochs", "500", "--no-pictures").out
    assert f"stopped after epoch {best + 2}: none since {best} was better" in again


def test_scale_standard_needs_a_likelihood_of_all_numbers(run_wrong, tmp_path):
    binary = tmp_path / "binary.csv"
    np.savetxt(binary, np.eye(20), fmt="%d", delimiter=",")
    run_wrong("use --likelihood gaussian", "train", "--scale", "standard", "--likelihood", "bernoulli", *SMALL)
    run_wrong(
        "scale='standard' needs a likelihood of all real numbers", "train", "--scale", "standard", "--binarise",
        "threshold", "--data", binary, *SMALL,
    )  # fmt: skip
    run_wrong(
        "--floor belongs to --likelihood gaussian", "train", "--floor", "0.1", "--likelihood", "bernoulli", *SMALL
    )
    run_wrong(
        "floor is given twice", "train", "--likelihood", "gaussian:sigma=learned,floor=0.1", "--floor", "1", *SMALL
    )


def test_the_run_folder_keeps_what_is_printed_at_the_end(train, here):
    printed = train("--out", "run", "--epochs", "2", "--json").json
    kept = json.loads((here / "run" / "result.json").read_text())
    assert kept == printed
    assert (
        kept["test_elbo"]
        == package.evaluate(package.load("run", backend="numpy"), rows_of_the_test_part("data.csv")).elbo
    )


def test_with_patience_the_result_is_that_of_the_best_epoch(train, here):
    found = train("--out", "run", "--epochs", "30", "--patience", "3", "--learning-rate", "0.1", "--json").json
    history = np.genfromtxt(here / "run" / "history.csv", delimiter=",", names=True)
    assert found["validation_elbo"] == history["validation_elbo"].max()
    assert found["epochs"] == len(history)


def rows_of_the_test_part(file) -> np.ndarray:
    """The rows of the default split's last part."""
    x = np.loadtxt(file, delimiter=",")
    return x[package.data.split(len(x), seed=0)[2]]


@pytest.mark.parametrize(
    ("given", "validation", "patience"),
    [
        ({}, True, 20),
        ({"patience": None}, True, None),
        ({}, False, None),
        ({"beta": 4.0}, True, None),
        ({"free_bits": 0.5}, True, None),
        ({"objective": "iwae"}, True, None),
        ({"objective": "elbo:free_bits=0.5"}, True, None),
    ],
)
def test_only_the_elbo_of_a_validation_part_says_when_to_stop(given, validation, patience):
    before = {**DEFAULTS, **given}
    after, line = choice.patience_of(before, validation)
    assert after == before | {"patience": patience}
    assert bool(line) == (after != before)
    if line:
        assert line.startswith("trains all 300 epochs: ")


def test_patience_is_a_number_or_none(run, vae_np):
    run("train", "--patience", "none", "--epochs", "1", "--out", "all", *SMALL)
    run("train", "--beta", "2", "--patience", "3", "--epochs", "1", "--out", "given", *SMALL)
    line = run("train", "--split", "1,0,0", "--epochs", "1", "--out", "whole", *SMALL).out
    assert "trains all 1 epochs: there is no validation part (see --patience)\n" in line
    patience = [config_of(Path(name))["arguments"]["patience"] for name in ("all", "given", "whole")]
    assert patience == [None, 3, None]
    done = vae_np("train", "--patience", "soon", *SMALL)
    assert done.code == 2
    assert "a whole number is needed, or none; got 'soon'" in done.err


def test_a_run_older_than_patience_is_resumed_without_it(run):
    run("train", "--patience", "none", "--epochs", "1", "--out", "old", *SMALL)
    file = Path("old/config.json")
    config = json.loads(file.read_text())
    del config["arguments"]["patience"]
    file.write_text(json.dumps(config))
    run("train", "--out", "old", "--resume", "--epochs", "2", "--no-pictures")
    assert config_of(Path("old"))["arguments"]["patience"] is None


def test_a_resumed_run_takes_the_likelihood_that_auto_chose(run):
    run("train", "--likelihood", "auto", "--epochs", "1", "--out", "auto", *SMALL)
    run("train", "--likelihood", "auto", "--epochs", "2", "--out", "auto", "--resume")
    assert config_of(Path("auto"))["arguments"]["likelihood"] == "gaussian"


def test_epochs_that_were_over_too_early_are_told_and_the_command_goes_on(train, vae_np, here):
    words = ["--likelihood", "gaussian", "--patience", "3"]
    line = "validation was still rising: vae-np train --resume --out 'a run' --epochs 4 goes on\n"
    done = train("--out", "a run", "--epochs", "2", *words)
    assert done.out.count(line) == 1
    assert line not in vae_np("train", "--resume", "--out", "a run", "--epochs", "4").out  # of 8 now
    stopped = train("--out", "stopped", "--epochs", "5000", "--learning-rate", "0.05", *words)
    assert "still rising" not in stopped.out
    rows = (here / "stopped" / "history.csv").read_text().count("\n") - 1
    assert rows < 5000
    exact = train("--out", "exact", "--epochs", rows, "--learning-rate", "0.05", *words)
    assert "still rising" not in exact.out  # over, and patience was, too
    almost = train("--out", "almost", "--epochs", rows - 1, "--learning-rate", "0.05", *words)
    assert "still rising" in almost.out
    for more in (["--patience", "none"], ["--schedule", "cosine"], ["--epochs", "0"], ["--json"]):
        done = train("--out", f"run{'-'.join(more)}", "--epochs", "2", *words, *more)
        assert done.code == 0
        assert "still rising" not in done.out
