"""verify_model on PyTorch modules as people write them; only where torch is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from vae_np.conformance.adapters.making import make
from vae_np.conformance.adapters.mapping import NotDense
from vae_np.conformance.adapters.model import verify_model
from vae_np.conformance.checking import check_case

torch = pytest.importorskip("torch", exc_type=ImportError)
nn, functional = torch.nn, torch.nn.functional
from vae_np.conformance.adapters.torch_modules import TorchProgram, is_module  # noqa: E402


class Base(nn.Module):
    def __init__(self, input_dim, hidden_dim, latent_dim):
        super().__init__()
        self.enc, self.dec = nn.Linear(input_dim, hidden_dim), nn.Linear(latent_dim, hidden_dim)
        self.mu, self.logvar = nn.Linear(hidden_dim, latent_dim), nn.Linear(hidden_dim, latent_dim)
        self.out = nn.Linear(hidden_dim, input_dim)
        self.act, self.drop = nn.Tanh(), nn.Dropout(0.5)

    def encode(self, x):
        h = self.drop(self.act(self.enc(x)))
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar) if self.training else mu

    def logits(self, z):
        return self.out(self.act(self.dec(z)))

    def decode(self, z):
        return torch.sigmoid(self.logits(z))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


class Logits(Base):
    def decode(self, z):
        return self.logits(z)


class HeadsExchanged(Base):
    def forward(self, x):
        logvar, mu = self.encode(x)
        return mu, self.decode(self.reparameterize(mu, logvar)), logvar


@dataclass
class Output:
    z: Any
    mu: Any
    logvar: Any
    x_hat: Any


class AnObject(Base):
    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return Output(z, mu, logvar, self.decode(z))


class ReconstructionAlone(Base):
    def forward(self, x):
        return super().forward(x)[0]


class Images(Base):
    def __init__(self):
        super().__init__(9, 8, 5)

    def forward(self, x):
        assert x.shape[1:] == (1, 3, 3)
        return {name: part for name, part in zip("rms", super().forward(x.flatten(1)), strict=True)}


class OneHead(nn.Module):
    def __init__(self, x_dim=30, h_dims=(12, 9), z_dim=4):
        super().__init__()
        (a, b), relu = h_dims, nn.ReLU()
        self.encoder = nn.Sequential(nn.Linear(x_dim, a), relu, nn.Linear(a, b), relu, nn.Linear(b, 2 * z_dim))
        self.decoder = nn.Sequential(nn.Linear(z_dim, b), relu, nn.Linear(b, a), relu, nn.Linear(a, x_dim))

    def cut(self, h):
        return h.chunk(2, -1)

    def forward(self, x):
        mu, logvar = self.cut(self.encoder(x))
        return self.decoder(torch.distributions.Normal(mu, torch.exp(logvar / 2)).rsample()), mu, logvar


class CutBackwards(OneHead):
    def cut(self, h):
        return h.chunk(2, -1)[::-1]


class EveryOther(OneHead):
    def cut(self, h):
        return h.view(len(h), -1, 2).unbind(-1)


class ByHand(nn.Module):
    """Square weights of both layouts, and a bias of 0."""

    def __init__(self):
        super().__init__()
        made = lambda *shape: nn.Parameter(torch.randn(*shape) * 0.3)  # noqa: E731
        self.W1, self.b1, self.Wm, self.Wv = made(7, 7), nn.Parameter(torch.zeros(7)), made(5, 7), made(5, 7)
        self.bm, self.bv, self.W3, self.b3, self.W4, self.b4 = (
            made(5),
            made(5),
            made(5, 7),
            made(7),
            made(7, 7),
            made(7),
        )

    def forward(self, x):
        h = torch.tanh(x @ self.W1 + self.b1)
        logvar, mu = h @ self.Wm.T + self.bm, torch.addmm(self.bv, h, self.Wv.t())
        z = mu + torch.exp(0.5 * logvar) * torch.empty_like(mu).normal_()
        return {
            "mu": mu,
            "logvar": logvar,
            "raw": functional.linear(torch.tanh(z @ self.W3 + self.b3), self.W4, self.b4),
        }


class LogDeviation(Base):
    def reparameterize(self, mu, logstd):
        return mu + torch.randn_like(mu) * torch.exp(logstd)


class Variance(LogDeviation):
    pass


class Detached(Base):
    def reparameterize(self, mu, logvar):
        return super().reparameterize(mu, logvar).detach()


class NoNoise(Base):
    def reparameterize(self, mu, logvar):
        return mu


class OneNoiseForAll(Base):
    def reparameterize(self, mu, logvar):
        return mu + torch.randn(mu.shape[1]) * torch.exp(0.5 * logvar)


class OwnNoise(Base):
    def reparameterize(self, mu, logvar):
        return mu + torch.full_like(mu, 0.3) * torch.exp(0.5 * logvar)


class NoActivation(Base):
    def logits(self, z):
        return self.out(self.dec(z))


class SigmoidTwice(Base):
    def decode(self, z):
        return torch.sigmoid(super().decode(z))


def kl(mu, logvar):
    return -0.5 * (1 + logvar - mu**2 - logvar.exp())


def loss(recon, x, mu, logvar):
    return functional.binary_cross_entropy(recon, x, reduction="sum") + kl(mu, logvar).sum()


def of_logits(logits, x, mu, logvar):
    rec = functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return (rec + kl(mu, logvar).sum(1)).mean()


def of_logstd(recon, x, mu, logstd):
    return loss(recon, x, mu, 2 * logstd)


def squares(recon, x, mu, logvar):
    return 0.5 * functional.mse_loss(recon, x, reduction="sum") + kl(mu, logvar).sum()


def with_epsilon(recon, x, mu, logvar):
    rec = -x * torch.log(recon + 1e-8) - (1 - x) * torch.log(1 - recon + 1e-8)
    return rec.sum() + kl(mu, logvar).sum()


def halved(recon, x, mu, logvar):
    return loss(recon, x, mu, logvar) - 0.5 * kl(mu, logvar).sum()


class Handwritten:
    """Adam, and without its corrections."""

    def __init__(self, parameters, corrected=True):
        self.parameters, self.corrected, self.lr, self.t = parameters, corrected, 3e-3, 0
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]

    @torch.no_grad()
    def step(self):
        self.t += 1
        one, two = (1 - 0.9**self.t, 1 - 0.999**self.t) if self.corrected else (1, 1)
        for p, (m, v) in zip(self.parameters, self.moments, strict=True):
            m.mul_(0.9).add_(p.grad, alpha=0.1)
            v.mul_(0.999).add_(p.grad**2, alpha=0.001)
            p -= self.lr * (m / one) / ((v / two).sqrt() + 1e-8)


def graded(kind, f, optimizer=None):
    torch.manual_seed(3)
    model, _ = make(kind, {}, "VAE", is_module)
    verified = verify_model(TorchProgram(model), f, optimizer)
    results = check_case(lambda _: verified.answers, verified.case)
    wrong = next((result.stage for result in results if result.status == "wrong"), None)
    right = {result.stage for result in results if result.status == "right"}
    return verified, [finding.id for finding in verified.findings], wrong, right


SUM = ["objective-batch-sum"]


@pytest.mark.parametrize(
    ("kind", "f", "ids"),
    [
        (Base, loss, SUM),
        (Logits, of_logits, []),
        (HeadsExchanged, loss, SUM),
        (AnObject, loss, SUM),
        (ReconstructionAlone, loss, SUM),
        (Images, loss, SUM),
        (OneHead, of_logits, []),
        (CutBackwards, of_logits, []),
        (EveryOther, of_logits, []),
        (ByHand, of_logits, []),
        (Logits, squares, [*SUM, "gaussian-no-constant"]),
        (Base, squares, [*SUM, "gaussian-no-constant"]),  # after a sigmoid
        (Base, with_epsilon, ["log-epsilon", *SUM]),
    ],
)
def test_a_right_model_is_right_in_all_its_stages_whatever_its_form(kind, f, ids):
    verified, found, wrong, right = graded(kind, f)
    assert (found, wrong) == (ids, None)
    weights = [name for name in verified.case.inputs if name not in ("x", "eps")]
    stages = {"mu", "logvar", "z", "raw", "loss", *(f"d_{name}" for name in weights)}
    stages |= {f"step {t}: {name}" for t in range(1, 11) for name in weights}
    assert stages <= right
    assert not any(fact.startswith("not graded") for fact in verified.facts)


def test_a_model_of_the_log_deviation_is_a_dialect_where_the_loss_says_the_same_and_a_mistake_where_not():
    _, found, wrong, right = graded(LogDeviation, of_logstd)
    assert (found, wrong) == ([*SUM, "head-is-log-std"], None)
    assert {"logvar", "z", "d_encoder.logvar.W"} <= right
    assert graded(Variance, loss)[1:3] == (["std-is-variance", *SUM], "z")


@pytest.mark.parametrize(
    ("kind", "f", "ids", "stage"),
    [
        (Detached, loss, [*SUM, "no-reparam", "no-reparam"], "d_encoder.0.W"),
        (NoNoise, loss, ["eval-mean-as-elbo", *SUM], "z"),
        (OneNoiseForAll, loss, ["eps-shared-batch", *SUM], "z"),
        (OwnNoise, loss, ["eps-ignored", *SUM], "z"),
        (NoActivation, loss, ["activation-missing", *SUM], "decoder.0.h"),
        (SigmoidTwice, loss, ["double-sigmoid", *SUM], None),
        (Base, of_logits, ["double-sigmoid"], "loss"),
        (Logits, loss, ["output-kind", *SUM], None),
        (Base, halved, [*SUM, "kl-double-half"], "loss"),
    ],
)
def test_a_mistake_is_named_and_its_stage_is_the_first_that_is_wrong(kind, f, ids, stage):
    _, found, wrong, _ = graded(kind, f)
    assert (found, wrong) == (ids, stage)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1)


def l2(parameters):
    return torch.optim.Adam(parameters, lr=0.01, weight_decay=0.1)


def amsgrad(parameters):
    return torch.optim.Adam(parameters, lr=0.01, amsgrad=True, betas=(0.8, 0.99))


@pytest.mark.parametrize("optimizer", [adamw, l2, amsgrad, Handwritten])
def test_the_steps_are_those_of_the_optimiser_that_is_given(optimizer):
    _, _, wrong, right = graded(Base, loss, optimizer)
    assert wrong is None
    assert "step 10: encoder.0.W" in right


def test_an_optimiser_without_its_corrections_is_wrong_at_its_first_step():
    assert graded(Base, loss, lambda p: Handwritten(p, corrected=False))[2] == "step 1: encoder.0.W"


def test_an_optimiser_that_is_not_ours_is_not_graded():
    verified, _, wrong, right = graded(Base, loss, lambda p: torch.optim.SGD(p, lr=0.1))
    assert wrong is None
    assert not any(stage.startswith("step ") for stage in right)
    assert any("SGD is not Adam" in line for line in verified.facts)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda m: setattr(m, "norm", nn.BatchNorm1d(3)), "they have BatchNorm1d"),
        (lambda m: setattr(m, "norm", nn.Conv2d(1, 1, 3)), "they have Conv2d"),
        (lambda m: setattr(m, "act", nn.SiLU()), "what follows encoder.0 is none of tanh, relu"),
        (lambda m: setattr(m, "dec", m.mu), "VAE"),
    ],
)
def test_networks_that_are_no_dense_chains_are_told(change, fact):
    model = Base(11, 11, 11) if fact == "VAE" else Base(7, 11, 5)
    change(model)
    with pytest.raises(NotDense, match="is used more than once" if fact == "VAE" else fact):
        verify_model(TorchProgram(model), loss)


def test_a_model_is_as_before_afterwards():
    model = Base(7, 11, 5)
    before = [p.detach().numpy().copy() for p in model.parameters()]
    verify_model(TorchProgram(model), loss)
    for p, value in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), value)
    assert torch.get_default_dtype() == torch.float32
