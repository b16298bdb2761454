"""--posterior and --prior: train, resume, evaluate, sample, gradcheck, and the pictures of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vae_np as package
from vae_np.formulas.posteriors import Diagonal, Posterior

from .conftest import SMALL, one_line

USUAL = {"reconstructions.png", "samples.png", "latent_space.png", "learning_curves.png"}
CHOICES = {
    "full": (["--posterior", "full"], True, {"kl_per_dimension.png", "manifold.png"}),
    "planar": (["--posterior", "planar:flows=2"], False, {"manifold.png"}),
    "mixture": (["--prior", "mixture:components=3"], False, {"components.png"}),
    "both": (["--posterior", "full", "--prior", "mixture:components=3"], False, {"components.png"}),
}


@pytest.mark.parametrize(
    "choice", ["both", *(pytest.param(name, marks=pytest.mark.slow) for name in CHOICES if name != "both")]
)
def test_a_run_with_another_posterior_or_prior_does_all_that_a_run_does(choice, vae_np, train):
    words, analytic, pictures = CHOICES[choice]
    done = vae_np("train", "--data", "data.csv", *SMALL, *words, "--epochs", 2, "--out", "run")
    assert done.code == 0, done.err
    assert ("KL at the samples" in done.out) == (not analytic)
    assert {path.name for path in Path("run").glob("*.png")} == USUAL | pictures
    saved = json.loads(Path("run/config.json").read_text())["model"]
    for flag, word in zip(words[::2], words[1::2], strict=True):
        assert saved[flag.removeprefix("--")]["name"] == word.split(":")[0]

    assert train("--out", "run", "--resume", "--epochs", 4).code == 0
    whole = vae_np("train", "--data", "data.csv", *SMALL, *words, "--epochs", 4, "--out", "whole", "--no-pictures")
    assert whole.code == 0
    drawn = [vae_np("sample", run, "--draw", "-n", 3, "--json").json["samples"] for run in ("run", "whole")]
    assert drawn[0] == drawn[1]

    found = vae_np("evaluate", "run", "--samples", 3, "--json").json
    assert found["kl_is_analytic"] == analytic
    assert len(found["kl_per_dimension"]) == (2 if analytic else 1)
    assert found["kl"] == pytest.approx(sum(found["kl_per_dimension"]), rel=1e-12)
    shown = vae_np("evaluate", "run").out
    assert "of 2 units active" in shown
    assert ("have no closed form" in shown) == (not analytic)
    for command in ("encode", "reconstruct"):
        assert vae_np(command, "run").code == 0
    assert vae_np("gradcheck", "run").code == 0
    one_line(train("--out", "run", "--resume", "--posterior", "diagonal", "--prior", "standard"), "the run has --p")


@pytest.mark.slow
@pytest.mark.parametrize("words", [words for words, *_ in CHOICES.values()], ids=" ".join)
def test_a_new_models_gradients_are_checked_with_them(words, vae_np):
    for objective in ("elbo", "iwae"):
        done = vae_np("gradcheck", *words, "--features", 5, "--hidden", 4, "--latent", 2, "--objective", objective)
        assert done.code == 0, done.out
        assert "all gradients are right" in done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--posterior", "flow"], "posterior must be one of diagonal, full, planar"),
        (["--posterior", "planar:flows=0"], "flows must be at least 1; got 0"),
        (["--prior", "mixture:parts=3"], "the mixture prior does not take 'parts'"),
        (["--posterior", "planar:flows=2.5"], "flows must be an integer; got 2.5"),
        (["--posterior", "planar:flows=1_0"], "flows must be an integer; got '1_0'"),
        (["--posterior", f"planar:flows={10**15}"], f"there is no memory for posterior.u, {2 * 10**15} numbers"),
        (["--posterior", "full", "--latent", "100000000"], "there is no memory for encoder.lower.W"),
        (["--likelihood", "gaussian:sigma=2", "--sigma", "3"], "sigma is given twice: in --likelihood gaussian"),
        (["--likelihood", "gaussian:sigma=-1"], "sigma must be positive"),
        (["--prior", "mixture:components"], "options are such as mixture:flows=8"),
    ],
    ids=" ".join,
)
def test_a_wrong_choice_is_one_line_and_writes_nothing(words, message, train):
    one_line(train("--out", "run", *words), message)
    assert not Path("run").exists()


def test_a_run_is_resumed_by_any_word_for_its_model(train):
    words = ["--posterior", "planar", "--prior", "mixture", "--likelihood", "gaussian:sigma=learned"]
    assert train("--out", "run", *words, "--epochs", 1).code == 0
    same = ["--posterior", "planar:flows=4", "--prior", "mixture:components=10", "--likelihood", "gaussian"]
    done = train("--out", "run", "--resume", *same[:4], *words[4:], "--epochs", 2)
    assert done.code == 0, done.err
    one_line(
        train("--out", "run", "--resume", "--posterior", "planar:flows=5"), "the run has --posterior planar:flows=4"
    )
    one_line(train("--out", "run", "--resume", *same[4:]), "--likelihood gaussian:sigma=learned, not gaussian")
    model = json.loads(Path("run/config.json").read_text())["model"]
    floor = model["likelihood"].pop("floor")
    assert model["likelihood"] == {"name": "gaussian", "sigma": "learned"}
    assert floor > 0
    one_line(train("--out", "run", "--resume", "--floor", floor / 2), f"the run has --floor {floor}, not")
    one_line(train("--out", "run", "--resume", "--likelihood", "bernoulli"), "--likelihood gaussian:sigma=learned, not")


def test_sigma_may_be_said_in_either_way(train):
    assert train("--out", "run", "--likelihood", "gaussian:sigma=0.5", "--epochs", 1).code == 0
    done = train("--out", "run", "--resume", "--likelihood", "gaussian:sigma=0.5", "--epochs", 2)
    assert done.code == 0, done.err
    one_line(train("--out", "run", "--resume", "--sigma", 0.5), "sigma is given twice")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("posterior", "planar:flows=x", "run/config.json: flows must be an integer; got 'x'"),
        ("prior", "vamp", "run/config.json: prior must be one of mixture, standard"),
        ("likelihood", "cauchy", "run/config.json: likelihood must be one of"),
    ],
)
def test_a_wrong_choice_in_a_runs_file_is_told_with_the_file(name, value, message, train):
    assert train("--out", "run", "--epochs", 1, "--likelihood", "bernoulli").code == 0
    config = json.loads(Path("run/config.json").read_text())
    config["arguments"][name] = value
    Path("run/config.json").write_text(json.dumps(config))
    one_line(train("--out", "run", "--resume", "--epochs", 2), message)


def test_a_model_of_a_users_class_says_that_the_class_comes_first(vae_np):
    class Mine(Diagonal):
        name = "test-mine"

    package.VAE(6, hidden=(3,), latent=2, posterior=Mine(), backend="numpy").save("mine.npz")
    del Posterior.known["test-mine"]
    message = (
        "mine.npz: the class of its posterior 'test-mine' must be defined before; known are diagonal, full, planar"
    )
    one_line(vae_np("evaluate", "mine.npz", "--data", "data.csv"), message)
    one_line(vae_np("sample", "mine.npz"), message)
