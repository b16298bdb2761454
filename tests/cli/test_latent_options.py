"""--posterior and --prior: train, resume, evaluate, sample, gradcheck, and the pictures of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
        (["--prior", "mixture:components"], "options are such as mixture:flows=8"),
    ],
    ids=" ".join,
)
def test_a_wrong_choice_is_one_line_and_writes_nothing(words, message, train):
    one_line(train("--out", "run", *words), message)
    assert not Path("run").exists()
