"""vae-np train: what it says of its data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
