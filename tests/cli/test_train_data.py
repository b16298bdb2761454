"""vae-np train: what it says of its data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import SMALL, one_line
from vae_np.cli.train import GREY


def test_the_parts_are_always_counted(train):
    text = "40 training, 0 validation, 0 test examples of data.csv; everything goes to run\n"
    assert text in train("--out", "run", "--epochs", "0", "--split", "1,0,0").out
    text = "32 training, 4 validation, 4 test examples of data.csv; everything goes to other\n"
    assert text in train("--out", "other", "--epochs", "0").out
    done = train("--out", "third", "--epochs", "0", "--split", "0.9,0.1,0", "--json")
    assert done.json["examples"] == {"train": 36, "validation": 4, "test": 0}


def test_grey_values_and_the_bernoulli_likelihood_get_a_word(train):
    words = ["--epochs", "0", "--out"]
    grey = "grey values: the Bernoulli likelihood is then a cross-entropy, no density;"
    assert train(*words, "a", "--likelihood", "bernoulli").out.splitlines().count(GREY) == 1
    assert grey not in train(*words, "auto").out
    assert GREY.startswith(grey)
    assert grey not in train(*words, "b", "--binarise", "dynamic").out
    assert grey not in train(*words, "c", "--likelihood", "continuous-bernoulli").out
    assert grey not in train(*words, "d", "--likelihood", "gaussian").out
    done = train(*words, "e", "--json")
    assert grey not in done.out + done.err
    x = np.zeros((3000, 6))
    np.save("binary.npy", x)
    words[:0] = ["--likelihood", "bernoulli"]
    assert grey not in train(*words, "f", data="binary.npy").out
    x[:, 2] = 0.5
    np.save("grey.npy", x)
    assert grey in train(*words, "g", data="grey.npy").out


def test_labels_may_be_texts(vae_np, train):
    lines = Path("data.csv").read_text().splitlines()
    Path("pets.csv").write_text("".join(f"{line},{['cat', 'dog'][i % 2]}\n" for i, line in enumerate(lines)))
    done = train("--labels", "last", "--out", "run", "--epochs", "1", data="pets.csv")
    assert done.code == 0
    assert vae_np("evaluate", "run", "--json").json["elbo"] < 0


def test_what_was_assumed_is_told_and_kept(train, vae_np):
    bits = (np.random.default_rng(0).random((40, 1, 2, 3)) < 0.5).astype(np.uint8)
    np.save("bits.npy", bits)
    line = "scale: the uint8 values are 0 and 1 and stay so (--scale 255 divides them)"
    done = train("--out", "bits", "--epochs", "1", data="bits.npy")
    assert done.out.splitlines().count(line) == 1
    assert "likelihood: bernoulli, for every value is 0 or 1" in done.out
    config = json.loads(Path("bits/config.json").read_text())
    assert (config["assumed"], config["divided_by"], config["range"]) == ([line], 1.0, [0.0, 1.0])
    assert config["image_shape"] == [2, 3]
    assert train("--out", "json", "--epochs", "0", "--json", data="bits.npy").json["assumed"] == [line]
    done = vae_np("evaluate", "bits", "--data", "bits.npy", "--json")
    assert done.err == f"vae-np: {line}\n"


def test_a_header_of_numbers_is_told_and_its_word_goes_with_the_run(train, vae_np):
    text = Path("data.csv").read_text()
    Path("named.csv").write_text("0,1,2,3,4,5\n" + text)
    done = train("--out", "run", "--epochs", "1", data="named.csv")
    assert "40 training" not in done.out
    assert "32 training, 4 validation, 4 test examples" in done.out
    assert "header: line 1 of named.csv, '0,1,2,3,...', names the columns (--header no makes it a row)" in done.out
    Path("two.csv").write_text("0,1\n1,0\n")
    one_line(train("--out", "asked", data="two.csv"), "--header yes or --header no")
    assert train("--out", "row", "--epochs", "1", "--header", "no", data="named.csv").code == 0
    assert json.loads(Path("row/config.json").read_text())["examples"]["train"] == 33
    assert vae_np("evaluate", "row", "--data", "named.csv", "--json").json["examples"] == 41


def test_colour_images_are_trained_on_and_drawn(vae_np, train):
    pytest.importorskip("matplotlib")
    np.savez("colours.npz", x=np.random.default_rng(0).random((40, 3, 6, 5)))
    words = [word for word in SMALL if word != "--no-pictures"]
    done = vae_np("train", "--data", "colours.npz", *words, "--epochs", "1", "--out", "run", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(Path("run/config.json").read_text())["image_shape"] == [3, 6, 5]
    names = {Path(path).name for path in done.json["pictures"]}
    assert {"samples.png", "reconstructions.png", "manifold.png"} <= names
    assert vae_np("sample", "run", "--out", "samples.png").code == 0
    assert vae_np("reconstruct", "run", "--out", "r.png").code == 0


def test_images_that_lie_on_their_side_are_turned(train, vae_np):
    x = np.random.default_rng(0).random((40, 2, 3))
    np.save("x.npy", x)
    np.save("turned.npy", x.transpose(0, 2, 1))
    assert train("--out", "a", "--epochs", "1", data="x.npy").code == 0
    assert train("--out", "b", "--epochs", "1", "--transpose", data="turned.npy").code == 0
    a, b = (vae_np("evaluate", run, "--json").json["elbo"] for run in "ab")
    assert a == b
    assert vae_np("evaluate", "b", "--data", "turned.npy", "--part", "test", "--json").json["elbo"] == b
