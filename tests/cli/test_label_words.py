"""The words of a conditional run's labels: other data are numbered by them, and samples say their class."""

from __future__ import annotations

import json

import numpy as np
import pytest

import vae_np as package
from cli.conftest import one_line
from vae_np.cli.conditions import as_in_training, chosen_class
from vae_np.cli.sample import _where
from vae_np.data import Dataset

WORDS = ("cat", "dog", "eel")


def written(path, words, x):
    lines = [",".join([*map(repr, map(float, row)), word]) for row, word in zip(x, words, strict=True)]
    path.write_text("\n".join(["a,b,c,lab", *lines]) + "\n")


@pytest.fixture
def labelled(here, vae_np):
    """A run on cats, dogs and eels, and its rows without the cats."""
    x = np.random.default_rng(0).normal(size=(60, 3))
    words = np.array(WORDS)[np.arange(60) % 3]
    written(here / "all.csv", words, x)
    written(here / "two.csv", words[words != "cat"], x[words != "cat"])
    more = "--labels last --condition labels --likelihood gaussian --hidden 4 --latent 2 --epochs 1 --dtype float64"
    done = vae_np("train", "--data", "all.csv", *more.split(), "--backend", "numpy", "--no-pictures", "--out", "run")
    assert done.code == 0, done.err
    return x[words != "cat"], words[words != "cat"]


def test_other_data_are_numbered_by_the_runs_words(labelled, vae_np):
    x, words = labelled
    codes = np.array([WORDS.index(word) for word in words])
    vae = package.load("run", backend="numpy")
    assert vae_np("encode", "run", "--data", "two.csv", "--labels", "last", "--out", "e.npy").code == 0
    np.testing.assert_allclose(np.load("e.npy"), vae.encode(x, codes)[0], rtol=1e-12)
    assert np.abs(np.load("e.npy") - vae.encode(x, codes - 1)[0]).max() > 1e-3  # dogs as cats
    assert vae_np("reconstruct", "run", "--data", "two.csv", "--labels", "last", "--out", "r.npy").code == 0
    np.testing.assert_allclose(np.load("r.npy"), vae.reconstruct(x, codes), rtol=1e-12)
    told = vae_np("evaluate", "run", "--data", "two.csv", "--labels", "last", "--json").json
    assert told["elbo"] == pytest.approx(package.evaluate(vae, x, condition=codes).elbo, rel=1e-12)
    assert vae_np("encode", "run", "--data", "two.csv", "--labels", "last", "--with-labels", "--out", "e.csv").code == 0
    with open("e.csv") as file:
        assert [line.split(",")[1] for line in file.read().splitlines()[1:]] == list(words)


@pytest.mark.parametrize("command", ["encode", "evaluate", "reconstruct"])
def test_an_unknown_word_is_refused_by_its_name(command, labelled, here, vae_np):
    x, words = labelled
    written(here / "new.csv", ["ant", *words[1:-1], "ant"], x)
    done = vae_np(command, "run", "--data", "new.csv", "--labels", "last")
    one_line(done, "new.csv: 2 of 40 rows have a label that the run does not know: 'ant'; it has cat, dog, eel")
    written(here / "numbers.csv", ["1"] * 40, x)
    one_line(vae_np(command, "run", "--data", "numbers.csv", "--labels", "last"), "40 of 40 rows", "'1'")


def test_a_run_that_starts_from_another_has_its_words(labelled, here, vae_np):
    start = ["train", "--start-from", "run", "--no-pictures", "--epochs", "0", "--labels", "last"]
    assert vae_np(*start, "--data", "two.csv", "--out", "more").code == 0
    assert json.loads((here / "more" / "config.json").read_text())["label_names"] == list(WORDS)
    x, words = labelled
    written(here / "new.csv", ["ant", *words[1:]], x)
    one_line(vae_np(*start, "--data", "new.csv", "--out", "other"), "have a label that the run does not know: 'ant'")


def test_samples_say_their_class(labelled, vae_np):
    assert vae_np("sample", "run", "-n", "5", "--out", "s.csv").code == 0
    with open("s.csv") as file:
        lines = [line.split(",") for line in file.read().splitlines()]
    assert lines[0] == ["class", "a", "b", "c"]
    assert [line[0] for line in lines[1:]] == ["cat", "cat", "dog", "dog", "eel"]
    by_word = vae_np("sample", "run", "-n", "2", "--class", "dog", "--json").json
    assert by_word["class"] == ["dog", "dog"]
    assert by_word == vae_np("sample", "run", "-n", "2", "--class", "1", "--json").json
    one_line(vae_np("sample", "run", "--class", "3"), "--class must be one of cat, dog, eel or 0 to 2; got '3'")


def test_a_picture_says_which_samples_are_of_which_class():
    assert _where(None) == "draws from the prior"
    assert _where(["dog", "dog"]) == "draws from the prior, class dog"
    assert _where(["cat", "cat", "dog"]) == "draws from the prior, the classes in turn,\ncat: 0-1, dog: 2-2"
    many = [f"a long name {i}" for i in range(20) for _ in range(3)]
    assert _where(many).endswith("\na long name 0 to a long name 19, about 3 of each")


def data(labels, names=None, name="wines.csv"):
    return Dataset(np.ones((len(labels), 2)), np.array(labels), None, name, label_names=names)


def test_numbers_are_words_where_a_word_is_a_number():
    known = ("1", "2", "unknown")
    assert as_in_training(data([2, 1, 2]), known).labels.tolist() == [1, 0, 1]
    assert as_in_training(data([2, 1], name="wines.npz"), known).labels.tolist() == [1, 0]
    assert as_in_training(data([2, 0], name="wines.npz"), WORDS).labels.tolist() == [2, 0]
    vae = package.VAE(4, hidden=(3,), latent=2, backend="numpy", condition=3)
    assert chosen_class(vae, "2", known, 1).tolist() == [1]
    with pytest.raises(ValueError, match="must be one of 1, 2, unknown; got '0'"):
        chosen_class(vae, "0", known, 1)


def test_words_for_a_run_of_numbers_are_refused_but_for_its_own_data():
    own = data([0, 1], ("a", "b"))
    with pytest.raises(ValueError, match=r"wines.csv: its labels are words, such as 'a'; the run's are numbers"):
        as_in_training(own, None)
    assert as_in_training(own, None, is_other=False) is own
