"""A gaussian that is named leads to a model that uses its latents, and a run that does not says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import vae_np as package
from cli.conftest import SMALL
from vae_np.cli.remarks import collapse

IGNORES = "no latent dimension is active (KL "


def ending(folder):
    return json.loads(Path(folder, "result.json").read_text())


@pytest.mark.parametrize(
    ("low", "high", "sigma"), [(0.0, 1.0, "learned"), (0.0, 1.01, "per-feature"), (-0.01, 1.0, "per-feature")]
)
def test_a_gaussian_without_a_sigma_gets_the_one_that_the_data_want_and_a_line_says_so(train, low, high, sigma):
    x = np.random.default_rng(0).random((40, 6))
    x[0, :2] = low, high
    np.save("x.npy", x)
    done = train("--likelihood", "gaussian", "--epochs", "0", "--out", "run", data="x.npy")
    (line,) = [line for line in done.out.splitlines() if line.startswith("sigma: ")]
    assert line.startswith(f"sigma: {sigma}, for values ")
    config = json.loads(Path("run/config.json").read_text())
    assert (config["arguments"]["sigma"], config["chosen"].splitlines()[0]) == (sigma, line)


@pytest.mark.parametrize(
    "words", [["--sigma", "1"], ["--likelihood", "gaussian:sigma=1"], ["--likelihood", "bernoulli"]]
)
def test_a_sigma_that_is_given_is_kept(train, words):
    done = train("--likelihood", "gaussian", *words, "--epochs", "0", "--out", "run")
    assert done.code == 0
    assert "sigma: " not in done.out


def test_a_run_that_was_begun_with_the_earlier_sigma_is_resumed_with_it(train, vae_np):
    assert train("--likelihood", "gaussian", "--sigma", "1", "--epochs", "1", "--out", "run").code == 0
    config = json.loads(Path("run/config.json").read_text())
    config["arguments"]["sigma"] = None
    Path("run/config.json").write_text(json.dumps(config))
    done = vae_np("train", "--resume", "--epochs", "2", "--out", "run")
    assert done.code == 0, done
    assert package.load("run", backend="numpy").likelihood == package.Gaussian(sigma=1.0)


def test_the_named_gaussian_learns_and_sigma_1_collapses_and_says_so_with_the_remedy(vae_np):
    x = np.where(np.random.default_rng(0).random((200, 1)) < 0.5, 0.2, 0.6) * np.ones(8)
    np.save("x.npy", x)
    words = ["train", "--data", "x.npy", *SMALL, "--no-pictures", "--likelihood", "gaussian", "--epochs", "10"]
    words += ["--activation", "tanh", "--learning-rate", "0.02"]
    done = vae_np(*words, "--out", "good")
    assert (ending("good")["active_units"] > 0, IGNORES in done.out) == (True, False)
    assert "collapse" not in ending("good")
    done = vae_np(*words, "--sigma", "1", "--out", "bad")
    (line,) = [line for line in done.out.splitlines() if line.startswith(IGNORES)]
    assert ending("bad")["collapse"] == line
    assert ending("bad")["active_units"] == 0
    assert "): the decoder ignores z; --sigma learned (it is 1; " in line
    assert line.endswith("--kl-warmup 10, --free-bits 0.1 or more --epochs may help")


def test_the_remedy_is_the_models():
    vae = package.VAE(3, hidden=(3,), latent=1, backend="numpy")
    assert collapse(vae, None, 0.0, 1.0) == {}
    assert collapse(vae, 1, 0.0, 1.0) == {"active_units": 1}
    found = collapse(vae, 0, 0.0123, 4.0)["collapse"]
    assert found.startswith("no latent dimension is active (KL 0.0123): the decoder ignores z; a smaller --beta, --kl")
    assert "sigma" not in found


def test_what_is_said_of_z_is_what_the_kl_says(train):
    vae = package.VAE(3, hidden=(3,), latent=1, backend="numpy")
    found = collapse(vae, 0, 1.17, 1.0)["collapse"]
    assert found.startswith(
        "no latent dimension is active (KL 1.17): q(z|x) is not p(z), but its mean hardly varies with x; --kl"
    )
    assert collapse(vae, 0, 1.17, 1.0, False)["collapse"].endswith(
        ": all training examples are one, and z has nothing to tell"
    )
    np.save("one.npy", np.full((40, 6), 0.5))
    assert train("--epochs", "1", "--out", "one", data="one.npy").code == 0
    assert "all training examples are one" in ending("one")["collapse"]
