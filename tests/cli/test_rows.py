"""Which rows of the data a file's lines are about."""

from __future__ import annotations

import dataclasses
import errno

import numpy as np
import pytest

import vae_np as package
from cli.conftest import one_line


def table(file) -> np.ndarray:
    return np.genfromtxt(file, delimiter=",", names=True)


def test_a_pipe_that_nobody_reads_is_an_error_of_one_line(vae_np, run, monkeypatch):
    def fails(path, data):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe", path)

    monkeypatch.setattr("vae_np.support.files.write_atomic", fails)
    one_line(vae_np("encode", run, "--out", "codes.csv"), "codes.csv: Broken pipe")


@pytest.mark.parametrize("part", ["train", "validation", "test", "all"])
def test_every_line_begins_with_its_row_in_the_data(part, vae_np, run):
    x = np.loadtxt("data.csv", delimiter=",")
    parts = dict(zip(("train", "validation", "test"), package.data.split(len(x), seed=0), strict=True))
    rows = np.arange(len(x)) if part == "all" else parts[part]
    vae = package.load("run", backend="numpy")
    assert vae_np("encode", run, "--part", part, "--out", "codes.csv").code == 0
    found = table("codes.csv")
    np.testing.assert_array_equal(found["row"], rows)
    np.testing.assert_allclose(found["mu1"], vae.encode(x[rows])[0][:, 1], rtol=1e-12)
    assert vae_np("evaluate", run, "--part", part, "--samples", "7", "--out", "values.csv").code == 0
    found, expected = table("values.csv"), package.evaluate(vae, x[rows], samples=7).per_example
    np.testing.assert_array_equal(found["row"], rows)
    assert found.dtype.names == ("row", *expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_the_row_comes_before_the_label(vae_np, run):
    x = np.loadtxt("data.csv", delimiter=",")[:3]
    np.savez("labelled.npz", x=x, y=[7, 8, 7])
    done = vae_np("encode", run, "--data", "labelled.npz", "--with-labels", "--out", "codes.csv")
    assert done.code == 0
    found = table("codes.csv")
    assert found.dtype.names[:3] == ("row", "label", "mu0")
    assert found["label"].tolist() == [7, 8, 7]


def test_rows_of_rows_are_those_of_the_source():
    data = package.data.Dataset(np.arange(12.0).reshape(6, 2), None, None, "these")
    part = data.take([5, 1, 4]).take([2, 0])
    np.testing.assert_array_equal(part.row_numbers, [4, 5])
    np.testing.assert_array_equal(data.x[part.row_numbers], part.x)
    np.testing.assert_array_equal(data.row_numbers, np.arange(6))
    assert dataclasses.replace(part, name="those").row_numbers.tolist() == [4, 5]


def test_data_with_a_test_set_of_their_own_have_no_one_order(vae_np, run, monkeypatch):
    from vae_np.cli import common, runs

    x = np.loadtxt("data.csv", delimiter=",")
    whole = package.data.Dataset(x, None, None, "both")
    own = package.data.Dataset(x[:4], None, None, "t")
    parts = common.Parts(whole.take(slice(0, 32)), whole.take(slice(32, 36)), own)
    monkeypatch.setattr(runs, "load_parts", lambda *how: parts)
    one_line(vae_np("encode", run, "--part", "all"), "--part all: these data have a test set of their own")


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_what_is_not_finite_is_told_by_the_files_rows_and_their_index(part, vae_np, train):
    x = np.loadtxt("data.csv", delimiter=",")
    train_rows, validation_rows, test_rows = package.data.split(len(x), seed=0)
    row = {"train": train_rows, "validation": validation_rows, "test": test_rows}[part][1]
    words = ["--likelihood", "gaussian", "--sigma", "1", "--scale", "none", "--epochs", "1"]
    assert train("--out", "sound", *words).code == 0
    assert train("--out", "scaled", "--likelihood", "gaussian", "--scale", "standard", "--epochs", "1").code == 0
    x[row] = 1e200
    with open("named.csv", "w") as file:
        file.write(",a,b,c,d,e,f\n")
        file.writelines(f"R{i}," + ",".join(map(repr, values)) + "\n" for i, values in enumerate(x.tolist()))
    done = train("--out", "run", *words, data="named.csv")
    assert done.code == 2
    assert f"(row {row} 'R{row}' of named.csv, counted from 0)\n" in done.err
    if part == "validation":
        assert "in the validation after epoch 1" in done.err
    done = vae_np("evaluate", "sound", "--data", "named.csv", "--part", part)
    index, warning, error = done.err.splitlines()
    assert index.startswith("vae-np: index: the first column of named.csv names the rows")
    assert warning.startswith("vae-np: warning: named.csv: values from ")
    assert error.startswith("vae-np: error: ")
    assert error.endswith(f"(row {row} 'R{row}' of named.csv, counted from 0)")
    x[row] = 1.7e308  # standardised it is infinite
    np.savetxt("data.csv", x, delimiter=",")
    for command in ("encode", "reconstruct"):
        done = vae_np(command, "scaled", "--data", "data.csv", "--out", "written.csv")
        warning, error = done.err.splitlines()
        assert warning.startswith("vae-np: warning: data.csv: in 6 of 6 columns the mean is more than 20 ")
        assert error.endswith(f"(row {row} of data.csv, counted from 0)")
    x[row - 1] = x[row]
    np.savetxt("data.csv", x, delimiter=",")
    done = vae_np("encode", "scaled", "--data", "data.csv")
    assert f"(rows {row - 1}, {row} of data.csv, counted from 0)" in done.err
