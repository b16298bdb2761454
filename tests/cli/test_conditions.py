"""--condition labels of vae-np train, and what the other commands do with such a run."""

from __future__ import annotations

import json

import numpy as np
import pytest

import vae_np
from vae_np.cli import main
from vae_np.cli.common import Parts
from vae_np.cli.conditions import chosen_class, columns_of, in_turn
from vae_np.data import Dataset

SMALL = ["--hidden", "8", "--latent", "2", "--epochs", "1", "--backend", "numpy", "--patience", "none"]


@pytest.fixture
def conditional(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--condition", "labels", "--no-pictures", "--out", "c", *SMALL]) == 0
    return tmp_path / "c"


def test_a_run_is_given_its_labels_and_so_are_the_commands_after_it(conditional, capsys):
    vae, digits = vae_np.load(conditional, backend="numpy"), vae_np.data.load_digits(dtype="float32")
    assert vae.config()["condition"] == 10
    capsys.readouterr()
    assert main(["evaluate", "c", "--data", "digits", "--json"]) == 0
    elbo = json.loads(capsys.readouterr().out)["elbo"]
    assert elbo == pytest.approx(vae_np.evaluate(vae, digits.x, condition=digits.labels).elbo, rel=1e-6)
    assert main(["evaluate", "c"]) == 0
    assert "180 examples, given their labels c" in (told := capsys.readouterr().out)
    assert "log p(x|c)" in told
    assert main(["reconstruct", "c", "--data", "digits", "--out", "r.npy"]) == 0
    assert np.array_equal(np.load("r.npy"), vae.reconstruct(digits.x, digits.labels))
    assert main(["encode", "c", "--data", "digits", "--out", "e.npy"]) == 0
    assert np.array_equal(np.load("e.npy"), vae.encode(digits.x, digits.labels)[0])
    assert main(["gradcheck", "c"]) == 0


def test_samples_are_of_a_class_or_of_all_in_turn(conditional):
    vae = vae_np.load(conditional, backend="numpy")
    assert main(["sample", "c", "--class", "3", "-n", "6", "--out", "s.npy"]) == 0
    assert np.array_equal(np.load("s.npy"), vae.decode(vae.sample_prior(6), 3))
    assert main(["sample", "c", "-n", "20", "--draw", "--out", "d.npy"]) == 0
    assert np.array_equal(np.load("d.npy"), vae.sample(20, condition=np.repeat(range(10), 2)))


def test_a_run_with_labels_is_resumed_and_started_from_with_labels_alone(conditional, capsys):
    assert main(["train", "--resume", "--out", "c", "--epochs", "2", "--no-pictures"]) == 0
    assert main(["train", "--start-from", "c", "--epochs", "1", "--no-pictures", "--out", "d"]) == 0
    assert vae_np.load("d", backend="numpy").config()["condition"] == 10
    assert main(["train", "--start-from", "c", "--condition", "none", "--out", "f"]) == 2
    assert "omit --condition" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample", "c", "--class", "10"], "--class must be one of 0 to 9; got '10'"),
        (["sample", "c", "--class", "three"], "--class must be one of 0 to 9; got 'three'"),
        (["evaluate", "c", "--samples-quality"], "--samples-quality is for models without a condition"),
        (["anomalies", "digits", "--train", "c"], "anomalies need a model without a condition"),
        (["evaluate", "c", "--data", "x.npy"], "has no labels, which the model's condition is"),
        (["train", "--data", "x.npy", "--condition", "labels"], "has no labels, which the model's condition is"),
    ],
)
def test_what_has_no_class_is_an_error_of_one_line(words, message, conditional, capsys):
    np.save("x.npy", vae_np.data.load_digits().x[:50])
    capsys.readouterr()
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_a_class_without_a_conditional_model_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    vae_np.VAE(4, hidden=(3,), latent=2, backend="numpy").save("m.npz")
    assert main(["sample", "m.npz", "--class", "1"]) == 2
    assert "--class needs a conditional model" in capsys.readouterr().err


def test_classes_with_texts_are_asked_for_by_these():
    vae = vae_np.VAE(4, hidden=(3,), latent=2, backend="numpy", condition=3)
    names = ("barolo", "2", "lugana")
    assert chosen_class(vae, "lugana", names, 2).tolist() == [2, 2]
    assert chosen_class(vae, "2", names, 1).tolist() == [1]
    with pytest.raises(ValueError, match="must be one of barolo, 2, lugana; got '0'"):
        chosen_class(vae, "0", names, 2)
    assert in_turn(3, 7).tolist() == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("labels", [[-1, 2, 3], [0, 0, 0], [5, 1000, 2]])
def test_labels_that_are_no_classes_are_refused(labels):
    part = Dataset(np.ones((3, 2)), np.array(labels), None, "wines")
    with pytest.raises(ValueError, match=r"classes counted from 0.*those of wines reach from"):
        columns_of("labels", Parts(part, None, None))


def test_the_classes_are_those_of_all_parts():
    parts = [Dataset(np.ones((2, 2)), np.array(labels), None, "wines") for labels in ([0, 1], [4, 0], [2, 2])]
    assert columns_of("labels", Parts(*parts)) == 5
    assert columns_of("none", Parts(*parts)) == 0
