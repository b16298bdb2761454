"""vae-np verify FILE.py:VAE: a whole program, and what is said where it cannot be graded."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.conftest import one_line

PLAIN = """
class VAE:
    def __init__(self, config):
        pass

class Small:
    pass

def loss_function(recon_x, x, mu, logvar):
    return 0.0

SIZES = (3, 4)
"""
TORCH = """
import torch
from torch import nn
from torch.nn import functional as F


class VAE(nn.Module):
    def __init__(self, input_dim, hidden_dim, latent_dim):
        super().__init__()
        self.enc, self.dec = nn.Linear(input_dim, hidden_dim), nn.Linear(latent_dim, hidden_dim)
        self.mu, self.logvar = nn.Linear(hidden_dim, latent_dim), nn.Linear(hidden_dim, latent_dim)
        self.out = nn.Linear(hidden_dim, input_dim)

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)

    def forward(self, x):
        h = F.elu(self.enc(x))
        mu, logvar = self.mu(h), self.logvar(h)
        return self.out(F.elu(self.dec(self.reparameterize(mu, logvar)))), mu, logvar

    def loss(self, logits, x, mu, logvar):
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return bce - 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()


class Wrong(VAE):
    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(logvar)


class Convolutions(VAE):
    def __init__(self):
        super().__init__(7, 11, 5)
        self.conv = nn.Conv2d(1, 1, 3)


class NaN(VAE):
    def __init__(self):
        super().__init__(7, 11, 5)
        self.enc.bias.data[3] = float("nan")


class Text(VAE):
    def forward(self, x):
        return "a reconstruction"


class Two(VAE):
    def forward(self, x, y):
        return x + y


def amsgrad(parameters):
    return torch.optim.Adam(parameters, amsgrad=True)


def nothing(parameters):
    return None
"""
JAX = """
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn


def reparameterize(rng, mean, logvar):
    return mean + jnp.exp(0.5 * logvar) * jax.random.normal(rng, logvar.shape)


class VAE(nn.Module):
    latents: int
    spread: float = 0.5

    @nn.compact
    def __call__(self, x, rng):
        h = nn.tanh(nn.Dense(11)(x))
        mean, logvar = nn.Dense(self.latents)(h), nn.Dense(self.latents)(h)
        z = mean + jnp.exp(self.spread * logvar) * jax.random.normal(rng, logvar.shape)
        return nn.Dense(20)(nn.tanh(nn.Dense(11)(z))), mean, logvar


class Convolutions(nn.Module):
    @nn.compact
    def __call__(self, x, rng):
        h = nn.Conv(3, (3, 3))(x).reshape(len(x), -1)
        return nn.Dense(784)(reparameterize(rng, nn.Dense(5)(h), nn.Dense(5)(h)))


def loss(logits, x, mean, logvar):
    bce = jnp.sum(nn.softplus(logits) - x * logits)
    return {"bce": bce, "loss": bce - 0.5 * jnp.sum(1 + logvar - mean**2 - jnp.exp(logvar))}


optimizer = optax.adamw(0.01)


def forward(params, x):
    return x
"""


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ("plain.py:VAE", 'VAE needs config, which is no size that is known by its name: --init "config=..."'),
        ("plain.py:Small", "Small() is a Small: a model is a module of PyTorch, torch.nn.Module"),
        ("plain.py:VAE --init config=3", "VAE(config=3) is a VAE: a model is a module of PyTorch"),
        ("plain.py:VAE --init sizes=3", "VAE has no argument sizes; it has config"),
        ("plain.py:VAE --init 3", "--init takes NAME=VALUE"),
        ("plain.py:SIZES", "SIZES is a tuple: a model is a class of modules, an object of one, or a function"),
        ("plain.py:Vae", "has no Vae; it has VAE, Small, loss_function"),
        ("plain.py", "FILE.py:NAME is needed"),
        ("--optimizer plain.py:Small", "nothing to verify"),
        ("--loss plain.py:loss_function --init config=3", "--init goes with a model: vae-np verify FILE.py:VAE --init"),
        pytest.param(
            "hangs.py:VAE --timeout 2",
            "hangs.py:VAE: no answer within 2 seconds; if the file trains when it",
            marks=[pytest.mark.slow],
        ),
        ("ends.py:VAE", "its import ends the program (exit 3)"),
    ],
)
def test_what_is_no_model_is_told_in_one_line_without_any_framework(words, fact, vae_np):
    Path("plain.py").write_text(PLAIN)
    Path("hangs.py").write_text("while True:\n    pass")
    Path("ends.py").write_text("raise SystemExit(3)")
    one_line(vae_np("verify", *words.split()), fact)


@pytest.fixture
def program(here):
    pytest.importorskip("torch", exc_type=ImportError)
    Path("vae.py").write_text(TORCH)


@pytest.mark.usefixtures("program")
class TestOfPyTorch:
    def test_a_model_is_graded_by_its_own_loss_and_optimiser(self, vae_np):
        done = vae_np("verify", "vae.py:VAE", "--loss", "vae.py:VAE.loss", "--optimizer", "vae.py:amsgrad")
        assert done.code == 0, done
        assert done.out.startswith("VAE(input_dim=7, hidden_dim=11, latent_dim=5)\n  7-11-5-11-7, elu, bernoulli;")
        assert done.out.endswith("Right, in this dialect: objective-batch-sum.\n")
        assert "step 10" in done.out
        strict = vae_np("verify", "vae.py:VAE", "--loss", "vae.py:VAE.loss", "--strict")
        assert (strict.code, strict.out.endswith("--strict: objective-batch-sum\n")) == (1, True)

    def test_sizes_are_as_given_and_a_mistake_is_exit_1(self, vae_np):
        done = vae_np("verify", "vae.py:Wrong", "--init", "input_dim=20,latent_dim=3", "--json")
        assert done.code == 1
        assert [finding["id"] for finding in done.json["findings"]] == ["std-is-variance"]
        assert any(fact.startswith("20-11-3-11-20, elu") for fact in done.json["facts"])
        assert {stage["stage"]: stage["status"] for stage in done.json["stages"]}["z"] == "wrong"

    def test_a_build_server_gets_a_test_for_each_stage(self, vae_np):
        words = ["vae.py:Wrong", "--init", "input_dim=7,latent_dim=3", "--junit", "report.xml"]
        assert vae_np("verify", *words).code == 1
        tests = {
            (test.get("classname"), test.get("name")): next((child.tag for child in test), "right")
            for test in ElementTree.parse("report.xml").iter("testcase")
        }
        assert tests[("vae_np.model", "mu")] == "right"
        assert tests[("vae_np.model", "z")] == "failure"
        assert tests[("vae_np.model", "loss")] == "skipped"
        assert tests[("vae_np.objective", "model")] == "failure"

    def test_of_convolutions_the_sampler_and_the_loss_are_graded(self, vae_np):
        done = vae_np("verify", "vae.py:Convolutions", "--loss", "vae.py:VAE.loss")
        assert done.code == 0
        assert "not graded: the networks: its networks are no chains of dense layers: they have Conv2d" in done.out
        assert "z is mu + exp(s/2) eps" in done.out
        assert done.out.endswith("Right, as far as it was graded, in this dialect: objective-batch-sum.\n")

    @pytest.mark.parametrize(
        ("words", "fact"),
        [
            ("vae.py:NaN", "NaN(): its weights are not finite: enc.bias is nan at [3]"),
            ("vae.py:Text", "its forward returns no tensors: output, mu and logvar are expected"),
            ("vae.py:VAE --loss vae.py:nothing", "these arguments are not told by their names: parameters"),
            ("vae.py:VAE --loss vae.py:VAE.loss --optimizer vae.py:nothing", "an object with step()"),
        ],
    )
    def test_what_cannot_be_run_is_told_in_one_line(self, words, fact, vae_np):
        one_line(vae_np("verify", *words.split()), fact)

    def test_of_a_model_with_a_condition_loss_and_sampler_are_graded(self, vae_np):
        done = vae_np("verify", "vae.py:Two", "--loss", "vae.py:Two.loss")
        assert done.code == 0, done.err
        assert "not graded: the networks: its forward takes y beside x, a condition perhaps; given x of the" in done.out
        assert "z is mu + exp(s/2) eps" in done.out
        assert "times the KL" in done.out


@pytest.fixture
def of_jax(here):
    for package in ("jax", "flax", "optax"):
        pytest.importorskip(package, exc_type=ImportError)
    Path("vae.py").write_text(JAX)


@pytest.mark.usefixtures("of_jax")
class TestOfJax:
    def test_a_model_is_graded_by_its_own_loss_and_optimiser(self, vae_np):
        done = vae_np("verify", "vae.py:VAE", "--loss", "vae.py:loss", "--optimizer", "vae.py:optimizer")
        assert done.code == 0, done
        assert done.out.startswith("VAE(latents=5)\n  20-11-5-11-20, tanh, bernoulli; Flax in float64")
        assert done.out.endswith("Right, in this dialect: objective-batch-sum.\n")
        assert "step 10" in done.out

    def test_arguments_are_as_given_and_a_mistake_is_exit_1(self, vae_np):
        done = vae_np("verify", "vae.py:VAE", "--init", "latents=3,spread=1.0", "--json")
        assert done.code == 1
        assert [finding["id"] for finding in done.json["findings"]] == ["std-is-variance"]

    def test_of_convolutions_the_files_sampler_and_the_loss_are_graded(self, vae_np):
        done = vae_np("verify", "vae.py:Convolutions", "--loss", "vae.py:loss")
        assert done.code == 0, done
        assert "they have Conv_0.kernel of shape (3, 3, 1, 3)" in done.out
        assert "z is mu + exp(s/2) eps" in done.out

    def test_a_function_without_parameters_says_what_is_needed(self, vae_np):
        fact = "its file has neither params nor a function that makes them: init_params"
        one_line(vae_np("verify", "vae.py:forward"), fact)
