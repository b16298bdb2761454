"""check_objective on PyTorch's own functions, as its well-known example has them; only where torch is installed."""

from __future__ import annotations

import pytest

from vae_np.conformance import check_objective

torch = pytest.importorskip("torch", exc_type=ImportError)
functional = torch.nn.functional
randn_like = torch.randn_like


def example(recon_x, x, mu, logvar):
    """The shape of the example's loss: everything summed, over the batch too."""
    rec = functional.binary_cross_entropy(recon_x, x, reduction="sum")
    return rec - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def of_logits(logits, x, mu, logvar):
    rec = functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return (rec - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1)).mean()


def with_softplus(logits, x, mu, logvar):
    rec = (functional.softplus(logits) - x * logits).sum(1)
    return (rec - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1)).mean()


def with_normaliser(recon_x, x, mu, logvar):
    """The continuous Bernoulli's, by a Taylor polynomial near 1/2."""
    away = (recon_x < 0.49) | (recon_x > 0.51)
    p = torch.where(away, recon_x, torch.full_like(recon_x, 0.49))
    log_c = torch.log(torch.abs(2 * torch.atanh(1 - 2 * p))) - torch.log(torch.abs(1 - 2 * p))
    square = (recon_x - 0.5) ** 2
    taylor = torch.log(torch.tensor(2.0, dtype=x.dtype)) + (4 / 3 + 104 / 45 * square) * square
    return example(recon_x, x, mu, logvar) - torch.where(away, log_c, taylor).sum()


def clamped(recon_x, x, mu, logvar):
    return example(recon_x.clamp(1e-4, 1 - 1e-4), x, mu, logvar)


def detached_kl(recon_x, x, mu, logvar):
    return example(recon_x, x, mu.detach(), logvar.detach())


class Module(torch.nn.Module):
    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std


def imported(mu, logvar):
    return mu + randn_like(mu) * torch.exp(0.5 * logvar)


def variance(mu, logvar):
    return mu + torch.randn(mu.shape) * torch.exp(logvar)


def in_place(mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.empty_like(mu).normal_()


def sampled(mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).sample()


def rsampled(mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).rsample()


def drawn(mu, logvar):
    return torch.normal(mu, torch.exp(0.5 * logvar))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (example, ["objective-batch-sum"]),
        (of_logits, []),
        (with_softplus, ["softplus-threshold"]),
        (with_normaliser, ["objective-batch-sum"]),
        (clamped, ["probability-clamp", "objective-batch-sum"]),
    ],
)
def test_a_loss_is_graded_by_its_own_autograd(loss, expected):
    report = check_objective(loss)
    assert [finding.id for finding in report.findings] == expected, report
    assert "by PyTorch" in str(report)


def test_a_kl_that_is_detached_has_no_derivative():
    report = check_objective(detached_kl)
    assert [finding.id for finding in report.findings] == ["kl-no-derivative", "objective-batch-sum"], report


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (Module().reparameterize, []),
        (imported, []),
        (in_place, []),
        (rsampled, []),
        (variance, ["std-is-variance"]),
        (sampled, ["no-reparam"]),
        (drawn, ["no-reparam"]),
    ],
)
def test_a_sampler_is_graded_with_its_noise_replaced(sampler, expected):
    report = check_objective(sampler=sampler)
    assert [finding.id for finding in report.findings] == expected, report
    assert torch.randn_like is randn_like


def of_distributions(logits, x, mu, logvar):
    """log_prob takes binary x only."""
    rec = -torch.distributions.Bernoulli(logits=logits).log_prob(x).sum()
    return rec - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def doubled(logits, x, mu, logvar):
    return of_distributions(logits, x, mu, logvar) - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def test_a_loss_that_takes_binary_data_only_is_given_them():
    assert [finding.id for finding in check_objective(of_distributions).findings] == ["objective-batch-sum"]
    found = {finding.id for finding in check_objective(doubled).findings}
    assert found == {"objective-batch-sum", "kl-missing-half"}


def by_maximum(logits, x, mu, logvar):
    """Its derivative at logits of exactly 0 is whatever the framework takes for that of max(l, 0)."""
    rec = logits.clamp(min=0) - logits * x + torch.log1p(torch.exp(-logits.abs()))
    return (rec.sum(1) + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)).mean()


def test_a_cross_entropy_by_the_maximum_is_right_at_all_logits():
    report = check_objective(by_maximum)
    assert report.ok, str(report)
