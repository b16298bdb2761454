"""Losses of whole PyTorch models that are right in a way of their own; only where torch is installed."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", exc_type=ImportError)
from conformance.adapters.test_torch_modules import SUM, Base, Logits, graded, kl, loss  # noqa: E402

functional = torch.nn.functional


def rec(p, x):
    return functional.binary_cross_entropy(p, x, reduction="none").sum(1).mean()


def per_dimension(recon, x, mu, logvar):
    return rec(recon, x) + kl(mu, logvar).mean(0).clamp(min=0.05).sum()


def per_entry(recon, x, mu, logvar):
    return rec(recon, x) + kl(mu, logvar).clamp(min=0.05).sum(1).mean()


def total(recon, x, mu, logvar):
    return rec(recon, x) + kl(mu, logvar).sum(1).clamp(min=0.5).mean()


@pytest.mark.parametrize("f", [per_dimension, per_entry, total])
def test_free_bits_are_graded_with_every_gradient_and_step(f):
    _, found, wrong, right = graded(Base, f)
    assert (found, wrong) == (["free-bits"], None)
    assert {"loss", "d_encoder.mu.W", "d_encoder.logvar.b", "step 10: encoder.0.W"} <= right


def of_all(recon, x, mu, logvar):
    return rec(recon, x) + kl(mu, logvar).sum(1).mean().clamp(min=0.5)


def capacity(recon, x, mu, logvar):
    return rec(recon, x) + 100 * (kl(mu, logvar).sum(1).mean() - 20).abs()


def residuals(recon, x, mu, logvar):
    return x.shape[1] / 2 * ((recon - x) ** 2).mean().log() + kl(mu, logvar).sum(1).mean()


@pytest.mark.parametrize(
    ("kind", "f", "name", "fact"),
    [
        (Base, of_all, "free-bits", "no free bits of the batch's mean"),
        (Base, capacity, "kl-capacity", "no capacity"),
        (Logits, residuals, "sigma-optimal", "that of the residuals"),
    ],
)
def test_what_vae_np_has_not_is_named_and_its_gradients_are_not_graded(kind, f, name, fact):
    verified, found, wrong, right = graded(kind, f)
    assert (found, wrong) == ([name], None)
    assert "raw" in right
    assert any("not graded" in line and fact in line for line in verified.facts)


CONSTANT = torch.tensor(math.log(2 * math.pi))


def rounded(recon, x, mu, logvar):
    return 0.5 * ((recon - x) ** 2 + CONSTANT).sum(1).mean() + kl(mu, logvar).sum(1).mean()


def test_a_gaussians_constant_in_float32_is_right():
    _, found, wrong, right = graded(Logits, rounded)
    assert (found, wrong) == ([], None)
    assert {"loss", "step 10: encoder.0.W"} <= right


def narrow(recon, x, mu, logvar):
    return -torch.distributions.Normal(recon, 0.1).log_prob(x).sum(1).mean() + kl(mu, logvar).sum(1).mean()


class Subtracted(Base):
    """A noise of the other sign is the same distribution."""

    def reparameterize(self, mu, logvar):
        return mu - torch.exp(0.5 * logvar) * torch.randn_like(mu)


@pytest.mark.parametrize(("kind", "f", "ids"), [(Logits, narrow, []), (Subtracted, loss, SUM)])
def test_a_gaussian_of_another_sigma_and_a_noise_that_is_subtracted_are_right(kind, f, ids):
    _, found, wrong, right = graded(kind, f)
    assert (found, wrong) == (ids, None)
    assert {"z", "loss", "d_encoder.logvar.W", "step 10: encoder.0.W"} <= right


def test_a_narrow_gaussian_of_a_sigmoid_is_not_graded():
    verified, found, wrong, _ = graded(Base, narrow)
    assert (found, wrong) == ([], None)
    assert any("whose mean is a sigmoid" in line for line in verified.facts)
