"""vae-np train --start-from: a new run from a run's weights; and --resume where the data have moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from wine import write_wine

import vae_np as package
from cli.conftest import killed_before_it_saved, one_line


def vector(run):
    return package.load(run, backend="numpy").parameters.vector


def arguments(run):
    return json.loads(Path(run, "config.json").read_text())["arguments"]


def test_a_new_run_has_the_weights_and_the_options_of_the_old_one_but_for_those_given(vae_np, run):
    done = vae_np("train", "--start-from", run, "--epochs", "0", "--out", "same")
    assert done.code == 0, done
    assert f"starts from the weights of {run}\n" in done.out
    np.testing.assert_array_equal(vector("same"), vector(run))
    done = vae_np("train", "--start-from", run, "--learning-rate", "0.01", "--epochs", "1", "--out", "next", "--json")
    assert (done.code, done.json["epochs"]) == (0, 1)
    assert (vector("next") != vector(run)).any()
    changed = {"learning_rate": 0.01, "epochs": 1, "start_from": run, "output_bias": "zero"}
    assert arguments("next") == arguments(run) | changed
    assert vae_np("evaluate", "next", "--json").code == 0


def test_its_steps_are_those_of_fit_on_a_loaded_model(vae_np, run):
    """The output bias that was learned is not put back to the data's."""
    assert vae_np("train", "--start-from", run, "--epochs", "1", "--patience", "none", "--out", "next").code == 0
    x = package.data.load("data.csv").x
    train, validation, _ = package.data.split(len(x))
    vae = package.load(run, backend="numpy")
    package.fit(vae, x[train], epochs=1, batch_size=8, validation=x[validation], progress=False)
    np.testing.assert_array_equal(vector("next"), vae.parameters.vector)


def test_it_is_resumed_as_any_run(vae_np, run):
    assert vae_np("train", "--start-from", run, "--epochs", "3", "--out", "whole").code == 0
    assert vae_np("train", "--start-from", run, "--epochs", "1", "--out", "part").code == 0
    shutil.rmtree(run)  # its weights are in the checkpoint by now
    assert vae_np("train", "--resume", "--epochs", "3", "--out", "part").code == 0
    np.testing.assert_array_equal(vector("part"), vector("whole"))


def test_where_nothing_was_saved_it_starts_from_the_weights_again(vae_np, run):
    assert vae_np("train", "--start-from", run, "--epochs", "1", "--out", "next").code == 0
    after = vector("next")
    killed_before_it_saved("next")
    assert vae_np("train", "--resume", "--out", "next").code == 0
    np.testing.assert_array_equal(vector("next"), after)


def test_other_data_may_be_given_and_the_scaling_is_the_weights(vae_np, train):
    write_wine("wine.csv", kinds=False)
    words = ["--likelihood", "gaussian", "--sigma", "per-feature", "--scale", "standard", "--epochs", "1"]
    assert train(*words, "--out", "wines", data="wine.csv").code == 0
    header, *lines = Path("wine.csv").read_text().splitlines()
    Path("half.csv").write_text("\n".join([header, *lines[::2]]))
    assert vae_np("train", "--start-from", "wines", "--data", "half.csv", "--epochs", "1", "--out", "half").code == 0
    first, second = (package.load(run, backend="numpy").scaling for run in ("wines", "half"))
    np.testing.assert_array_equal(first.shift, second.shift)
    assert arguments("half")["data"] == "half.csv"
    names = header.split(",")
    swapped = [",".join([names[1], names[0], *names[2:]]), *lines]
    Path("swapped.csv").write_text("\n".join(swapped))
    one_line(vae_np("train", "--start-from", "wines", "--data", "swapped.csv"), "another order than in training")
    done = vae_np("train", "--start-from", "wines", "--data", "data.csv", "--header", "no")
    one_line(done, "--start-from wines: its model has features 13; this one needs 6")
    one_line(vae_np("train", "--start-from", "wines", "--scale", "none"), "was trained with --scale standard; omit")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--latent 3", "--start-from run: the weights are those of a run with --latent 2; omit --latent"),
        ("--likelihood gaussian", "the weights are those of a run with --likelihood bernoulli; omit --likelihood"),
        ("--output-bias zero", "omit --output-bias"),
        ("--dtype float32", "omit --dtype"),
        ("--out run", "run holds a run already"),
    ],
)
def test_what_the_weights_decide_cannot_be_asked_otherwise(vae_np, run, words, message):
    one_line(vae_np("train", "--start-from", run, *words.split()), message)
    assert not Path("runs").exists()


def test_a_start_must_be_a_runs_folder(vae_np, run):
    one_line(vae_np("train", "--start-from", "rnu"), "--start-from rnu: there is no such folder of a run")
    Path("empty").mkdir()
    one_line(vae_np("train", "--start-from", "empty"), "--start-from empty: the folder has no config.json")


# ---- data that have moved


def test_a_run_goes_on_where_its_data_have_moved_and_the_hash_proves_them(vae_np, train, run):
    assert train("--out", "whole", "--epochs", "4", "--likelihood", "bernoulli").code == 0
    x = np.loadtxt("data.csv", delimiter=",")
    Path("data.csv").unlink()
    done = vae_np("train", "--resume", "--epochs", "4", "--out", "run")
    one_line(done, "data.csv: no such file", "; --data names the place where the run's data are now")
    np.savez("moved.npz", other=x, more=x[:1])
    assert (
        vae_np("train", "--resume", "--epochs", "4", "--out", "run", "--data", "moved.npz", "--key", "other").code == 0
    )
    np.testing.assert_array_equal(vector("run"), vector("whole"))
    assert (arguments("run")["data"], arguments("run")["key"]) == ("moved.npz", "other")
    assert vae_np("evaluate", "run", "--json").code == 0
    np.save("changed.npy", x[::-1])
    before = Path("run/config.json").read_bytes()
    done = vae_np("train", "--resume", "--epochs", "5", "--out", "run", "--data", "changed.npy")
    one_line(done, "run/checkpoint.npz: is the checkpoint of another run: its training data are not these")
    assert Path("run/config.json").read_bytes() == before


@pytest.fixture
def named(train):
    """A run on named.csv, whose columns are called a ... f, and the values."""
    x = np.loadtxt("data.csv", delimiter=",")
    table("named.csv", "abcdef", x)
    assert train("--out", "named", "--epochs", "1", data="named.csv").code == 0
    return x


def table(file, names, x):
    np.savetxt(file, x, "%.17g", delimiter=",", header=",".join(names), comments="")


def kept(run, name="feature_names"):
    return json.loads(Path(run, "config.json").read_text())[name]


def test_a_resumed_run_keeps_its_columns_names_whatever_the_file_has_so_that_their_order_stays_guarded(vae_np, named):
    """The hash, which proves the numbers the same, knows of no names."""
    resume = ("train", "--resume", "--out", "named", "--no-pictures")
    np.savetxt("bare.csv", named, "%.17g", delimiter=",")
    assert vae_np(*resume, "--epochs", "2", "--data", "bare.csv").code == 0
    assert kept("named") == list("abcdef")
    table("swapped.csv", "bacdef", named)
    one_line(vae_np("evaluate", "named", "--data", "swapped.csv"), "its columns have another order than in training")
    done = vae_np(*resume, "--epochs", "3", "--data", "swapped.csv")
    one_line(done, "another order than in training: column 0 is 'b'")
    table("other.csv", "abcxyz", named)
    done = vae_np(*resume, "--epochs", "3", "--data", "other.csv", "--json")
    assert "called otherwise than in training: 'x' for 'd', 'y' for 'e', 'z' for 'f'; the run keeps its own" in done.err
    assert (done.code, kept("named")) == (0, list("abcdef"))
    assert vae_np("sample", "named", "-n", "1", "--out", "one.csv").code == 0
    assert Path("one.csv").read_text().startswith("a,b,c,d,e,f\n")
    table("named.csv", "fbcdea", named)  # in its place, too
    one_line(vae_np("train", "--resume", "--out", "named", "--epochs", "4", "--data", "named.csv"), "another order")


def test_a_resumed_run_keeps_its_images_form_and_its_labels_words(vae_np, train):
    x = np.random.default_rng(0).random((40, 2, 3))
    np.save("images.npy", x)
    assert train("--out", "images", "--epochs", "1", data="images.npy").code == 0
    np.save("flat.npy", x.reshape(40, 6))
    assert vae_np("train", "--resume", "--out", "images", "--epochs", "2", "--data", "flat.npy").code == 0
    assert kept("images", "image_shape") == [2, 3]
    np.save("turned.npy", x.reshape(40, 3, 2))
    one_line(vae_np("train", "--resume", "--out", "images", "--epochs", "3", "--data", "turned.npy"), "images are 3x2")
    write_wine("wine.csv")
    assert train("--out", "wines", "--labels", "last", "--epochs", "1", data="wine.csv").code == 0
    words = kept("wines", "label_names")
    assert len(words) == 3
    header, *lines = Path("wine.csv").read_text().splitlines()
    coded = [f"{row},{words.index(word.strip(chr(34)))}" for row, word in (line.rsplit(",", 1) for line in lines)]
    Path("coded.csv").write_text("\n".join([header, *coded]))
    assert vae_np("train", "--resume", "--out", "wines", "--epochs", "2", "--data", "coded.csv").code == 0
    assert kept("wines", "label_names") == words


def test_where_nothing_proves_the_data_they_may_not_move(vae_np, run):
    killed_before_it_saved("run")
    shutil.copy("data.csv", "moved.csv")
    one_line(
        vae_np("train", "--resume", "--out", "run", "--data", "moved.csv"), "the run has --data data.csv, not moved"
    )


def test_images_of_another_form_or_divided_otherwise_are_not_taken_in_silence(vae_np):
    rng = np.random.default_rng(0)
    np.save("nhwc.npy", rng.random((40, 6, 6, 3)))
    np.save("nchw.npy", rng.random((40, 3, 6, 6)))
    np.save("bytes.npy", rng.integers(0, 256, (40, 6, 6, 3), dtype=np.uint8))
    how = ("--epochs", "1", "--hidden", "4", "--latent", "2", "--backend", "numpy", "--no-pictures")
    assert vae_np("train", "--data", "nhwc.npy", *how, "--out", "first").code == 0
    for words in (("evaluate", "first"), ("train", "--start-from", "first", "--epochs", "1", "--out", "next")):
        one_line(vae_np(*words, "--data", "nchw.npy"), "its images are 3x6x6, those of training 6x6x3")
    done = vae_np("evaluate", "first", "--data", "bytes.npy")
    assert "divided by 255, the run's data by 1 (--scale none does as they did)" in done.err


def test_a_run_that_starts_from_another_says_what_is_otherwise(vae_np):
    write_wine("wine.csv", kinds=False)
    text = Path("wine.csv").read_text()
    header, rest = text.split("\n", 1)
    Path("other.csv").write_text(",".join(f"new {name}" for name in header.split(",")) + "\n" + rest)
    how = ("--epochs", "1", "--hidden", "4", "--latent", "2", "--backend", "numpy", "--no-pictures")
    assert vae_np("train", "--data", "wine.csv", *how, "--out", "first").code == 0
    done = vae_np("train", "--start-from", "first", "--data", "other.csv", "--epochs", "1", "--out", "next")
    assert done.code == 0
    assert "columns are called otherwise than in training" in done.out + done.err
