"""Losses that are called in unusual ways, that cannot be asked, or whose training is wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest

from vae_np.conformance import check_objective
from vae_np.conformance.objective.training import swapped_names
from vae_np.conformance.programs import callable_of


def bce(output, x):
    return -(x * np.log(output) + (1 - x) * np.log(1 - output)).sum(axis=1)


def kl(mu, logvar, half=0.5):
    return half * (mu**2 + np.exp(logvar) - 1 - logvar).sum(axis=1)


def by_keyword(*, recon, x, mu, logvar):
    return bce(recon, x) + kl(mu, logvar)


def the_rest_by_keyword(recon, x, *, mu, logvar, weights=None):
    return bce(recon, x) + kl(mu, logvar)


def beta_by_keyword(recon, x, mu, logvar, *, beta):
    return bce(recon, x) + beta * kl(mu, logvar)


def of_a_dict(outputs, x):
    return bce(outputs["recon_x"], x) + kl(outputs["mu"], outputs["logvar"])


def of_attributes(batch, results):
    return bce(results.x_hat, batch) + kl(results.mean, results.log_var)


def of_a_tuple(x, outputs):
    recon, mu, logvar = outputs
    return bce(recon, x) + kl(mu, logvar)


@pytest.mark.parametrize(
    "loss", [by_keyword, the_rest_by_keyword, beta_by_keyword, of_a_dict, of_attributes, of_a_tuple]
)
def test_a_loss_is_called_as_it_must_be(loss):
    assert not check_objective(loss, output="probabilities").findings


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (of_a_dict, "outputs is what forward returns, a dict"),
        (of_attributes, "results is what forward returns, a dict"),
        (of_a_tuple, r"outputs is what forward returns, a tuple \(output, mu, logvar\)"),
    ],
)
def test_what_it_was_given_is_told(loss, said):
    assert any(re.fullmatch(said, fact) for fact in check_objective(loss).facts)


class OfAnything:
    """As many repositories have it: ``*args``, and the KL's weight or another number looked up by its name."""

    def loss_function(self, *args, **kwargs):
        recon, x, mu, logvar = args
        return {"KLD": kl(mu, logvar), "loss": bce(recon, x) + kwargs["kld_weight"] * kwargs["M_N"] * kl(mu, logvar)}


def test_a_loss_of_any_arguments_is_given_what_it_looks_up():
    loss = OfAnything().loss_function
    report = check_objective(loss)
    assert not report.findings
    assert "the loss takes any arguments: it is given output, x, mu and logvar, kld_weight 1, M_N 1" in report.facts
    assert not check_objective(loss, beta=3.0).findings
    assert [f.id for f in check_objective(lambda *args: OfAnything().loss_function(*args, kld_weight=2.0, M_N=1.0)
                                          ).findings] == ["kl-missing-half"]  # fmt: skip


def test_a_mistake_in_such_a_loss_is_named():
    def keywords(*, recon, x, mu, logvar):
        return bce(recon, x) + kl(mu, logvar, half=1.0)

    def whole(outputs, x):
        return bce(outputs["recon"], x) + kl(outputs["mu"], outputs["logvar"], half=1.0)

    for loss in (keywords, whole):
        assert [finding.id for finding in check_objective(loss).findings] == ["kl-missing-half"]


def test_a_loss_of_output_and_x_alone_is_given_these():
    assert not check_objective(bce).findings


def test_a_loss_that_is_another_at_each_call_is_not_judged():
    calls = []

    def counting(recon, x, mu, logvar):
        calls.append(1)
        return bce(recon, x) + min(1.0, len(calls) / 1e6) * kl(mu, logvar)

    draw = np.random.default_rng(0)

    def drawing(recon, x, mu, logvar):
        return bce(recon, x) + kl(mu, logvar) + draw.standard_normal()

    for loss in (counting, drawing):
        with pytest.raises(ValueError, match="called twice with the same arguments it gives two values"):
            check_objective(loss)


TORCH = """
import torch
def right(recon, x, mu, logvar):
    rec = -(x * torch.log(recon) + (1 - x) * torch.log(1 - recon)).sum()
    return rec + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()
def under_no_grad(recon, x, mu, logvar):
    with torch.no_grad():
        return right(recon, x, mu, logvar)
def item(recon, x, mu, logvar):
    return right(recon, x, mu, logvar).item()
def kl_cut(recon, x, mu, logvar):
    return right(recon, x, mu.detach(), logvar.detach())
def rec_cut(recon, x, mu, logvar):
    return right(recon.detach(), x, mu, logvar)
def constant(recon, x, mu, logvar):
    return torch.zeros(())
"""


@pytest.mark.parametrize(
    ("name", "id_", "says"),
    [
        ("under_no_grad", "no-derivative", "depends on its arguments and no derivative: item(), .* no_grad"),
        ("item", "no-derivative", "depends on its arguments and no derivative: item()"),
        ("kl_cut", "kl-no-derivative", "its value depends on them, but item()"),
        ("rec_cut", "rec-no-derivative", "its value depends on it, but item()"),
        ("constant", "no-derivative", "depends neither on the output nor on mu and logvar"),
    ],
)
def test_what_is_cut_off_is_told_from_what_is_not_there(tmp_path, name, id_, says):
    pytest.importorskip("torch")
    (tmp_path / "mine.py").write_text(TORCH)
    finding, *others = check_objective(callable_of(f"{tmp_path}/mine.py:{name}")).findings
    assert finding.id == id_
    assert all(one.severity == "dialect" for one in others)
    assert re.search(says.replace("()", r"\(\)"), finding.says)


LOSS = """
import numpy as np
def loss_function(p, x, mu, logvar):
    rec = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(1)
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(1).mean() - rec.mean()
"""


@pytest.mark.parametrize(
    ("training", "named"),
    [
        ("loss = loss_function(p, x, m, s)\n    loss.backward()", []),
        ("loss = loss_function(p, x, m, s)\n    (-loss).backward()", ["loss-ascended"]),
        ("Adam(maximize=True)\n    (-loss_function(p, x, m, s)).backward()", []),
    ],
)
def test_a_training_that_goes_up_a_right_loss_is_told(tmp_path, training, named):
    file = tmp_path / "mine.py"
    file.write_text(f"{LOSS}\ndef train(p, x, m, s, Adam=None):\n    {training}\n")
    found = check_objective(callable_of(f"{file}:loss_function")).findings
    assert [(finding.id, finding.severity) for finding in found] == [(name, "H") for name in named]
    assert all(f"line {8 + training.count(chr(10))} turns" in finding.says for finding in found)


MODEL = """
class VAE(Module):
    def encode(self, x):
        return self.mu(x), self.logvar(x)
    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.sample(mu, logvar)
        return self.decode(z), mu, logvar
model = {made}
for x in data:
    {line}
"""
SWAPPED = "line 11 takes what the model returns for recon, logvar, mu, and its forward returns ..., mu, logvar (line 8)"


@pytest.mark.parametrize(
    ("made", "line", "said"),
    [
        ("VAE()", "recon, mu, logvar = model(x)", ""),
        ("VAE()", "recon, logvar, mu = model(x)", SWAPPED),
        ("VAE().to(device)", "recon, logvar, mu = model(x)", SWAPPED),
        ("VAE()", "recon, logvar, mu = other(x)", ""),
        ("Other()", "recon, logvar, mu = model(x)", ""),
        ("VAE()", "recon, a, b = model(x)", ""),
        ("VAE()", "mu, logvar = model.encode(x)", ""),
    ],
)
def test_names_that_stand_in_each_others_place_are_told(made, line, said):
    assert swapped_names(MODEL.format(made=made, line=line)) == said


def test_a_swap_in_the_training_is_a_mistake_of_the_program(tmp_path):
    source = LOSS + MODEL.replace("Module", "object").format(made="VAE()", line="recon, logvar, mu = model(x)")
    file = tmp_path / "mine.py"
    file.write_text(source.replace("for x in data:", "def train(data, model):\n  for x in data:"))
    (finding,) = check_objective(callable_of(f"{file}:loss_function")).findings
    assert (finding.id, finding.severity) == ("names-swapped", "H")


def with_a_default_epoch(recon, x, mu, logvar, epoch=0):
    return (bce(recon, x) + min(1.0, epoch / 10) * kl(mu, logvar)).mean()


def with_a_default_step(recon, x, mu, logvar, *, step=0, warmup=1000):
    return (bce(recon, x) + min(1.0, step / warmup) * kl(mu, logvar)).mean()


def with_a_default_weight(recon, x, mu, logvar, kl_weight=0.1):
    return (bce(recon, x) + kl_weight * kl(mu, logvar)).mean()


def that_rounds(recon, x, mu, logvar):
    return (bce(recon, (x > 0.5).astype(float)) + kl(mu, logvar)).mean()


@pytest.mark.parametrize("f", [with_a_default_epoch, with_a_default_step, with_a_default_weight, that_rounds])
def test_a_default_epoch_or_weight_is_not_the_one_that_is_meant_and_x_may_be_rounded(f):
    report = check_objective(f)
    assert report.ok, str(report)
    assert not report.findings


def test_arguments_that_are_there_twice_are_refused():
    with pytest.raises(ValueError, match="each given once; x is there twice"):
        check_objective(that_rounds, arguments=("x", "x", "x", "x"))


def _kl_of(make):
    """1/2 sum(mu^2 + v - 1 - log v), where make gives v of the argument."""

    def kl(mu, second):
        return (0.5 * (mu**2 + make(second) - 1 - np.log(make(second)))).sum(axis=1).mean()

    return kl


def named(f, *names):
    """The function with these names of its arguments."""
    inside = {"f": f}
    exec(f"def loss({', '.join(names)}): return f({', '.join(names)})", inside)
    return inside["loss"]


@pytest.mark.parametrize(
    ("name", "make"),
    [("var", lambda v: v), ("sigmasq", lambda v: v), ("sigma2", lambda v: v), ("odd_name", lambda v: v),
     ("log_sigma", lambda t: np.exp(2 * t)), ("log_std", lambda t: np.exp(2 * t)),
     ("odd_name", lambda t: np.exp(2 * t)),
     ("log_sigma", np.exp), ("odd_name", np.exp), ("std", lambda t: t**2)],
)  # fmt: skip
def test_a_kl_of_the_variance_or_of_a_deviations_logarithm_is_right_under_its_names(name, make):
    found = check_objective(named(_kl_of(make), "mu", name))
    assert found.ok, found

    def loss(x_hat, x, mu, second):
        return (0.5 * (x - x_hat) ** 2).sum(axis=1).mean() + _kl_of(make)(mu, second)

    found = check_objective(named(loss, "x_hat", "x", "mu", name))
    assert found.ok, found
    wrong = named(lambda *a: loss(*a) + _kl_of(make)(*a[2:]), "x_hat", "x", "mu", name)
    assert not check_objective(wrong).ok


@pytest.mark.parametrize("name", ["sigmasq", "variance", "whatever"])
def test_a_sampler_of_the_variance_is_right_whatever_it_is_called(name):
    sampler = named(lambda mu, v, eps: mu + np.sqrt(v) * eps, "mu", name, "eps")
    found = check_objective(sampler=sampler)
    assert found.ok, found
    assert "of the mean and the variance" in str(found)
