"""A right VAE in PyTorch, by its own autograd and its own Adam, on every model of the vectors, if torch is there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vae_np.conformance import cases, check

torch = pytest.importorskip("torch", exc_type=ImportError)
functional = torch.nn.functional
ACTIVATIONS = {
    "identity": lambda a: a,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "softplus": lambda a: functional.softplus(a, threshold=1e9),
    "sigmoid": torch.sigmoid,
    "elu": functional.elu,
    "gelu": functional.gelu,
}


def log_density(settings, x, raw, own):
    name = settings["likelihood"]
    if name == "bernoulli":
        return -functional.binary_cross_entropy_with_logits(raw, x.expand_as(raw), reduction="none")
    if name == "continuous-bernoulli":
        return x * raw - torch.log((torch.exp(raw) - 1) / raw)
    m, s = raw, own
    if name == "gaussian-fixed":
        s = torch.tensor(2 * math.log(float(settings["sigma"])), dtype=raw.dtype)
    elif name == "gaussian-heteroscedastic":
        m, s = raw.chunk(2, dim=-1)
    return -0.5 * ((x - m) ** 2 * torch.exp(-s) + s + math.log(2 * math.pi))


def forward(settings, theta, x, eps):
    found, f = {}, ACTIVATIONS[settings["activation"]]

    def chain(h, room):
        i = 0
        while f"{room}.{i}.W" in theta:
            h = found[f"{room}.{i}.h"] = f(h @ theta[f"{room}.{i}.W"] + theta[f"{room}.{i}.b"])
            i += 1
        return h

    h = chain(x, "encoder")
    mu, s = (h @ theta[f"encoder.{head}.W"] + theta[f"encoder.{head}.b"] for head in ("mu", "logvar"))
    z = mu + torch.exp(0.5 * s) * eps
    found |= {"mu": mu, "logvar": s, "z": z}
    found["raw"] = raw = chain(z, "decoder") @ theta["decoder.out.W"] + theta["decoder.out.b"]
    found["log_likelihood"] = ll = log_density(settings, x, raw, theta.get("likelihood.logvar")).sum(-1)
    entries = 0.5 * (mu**2 + torch.exp(s) - 1 - s)
    found["kl"] = entries.sum(1)
    normal = torch.distributions.Normal
    found["log_prior"] = normal(0.0, 1.0).log_prob(z).sum(-1)
    found["log_posterior"] = normal(mu, torch.exp(0.5 * s)).log_prob(z).sum(-1)
    if settings["objective"] == "iwae":
        log_w = ll + found["log_prior"] - found["log_posterior"]
        found["bound"] = torch.logsumexp(log_w, 0) - math.log(len(log_w))
    else:
        found["bound"] = ll.mean(0) - float(settings["beta"]) * bounded(settings, entries)
    found["loss"] = -found["bound"].mean()
    return found


def bounded(settings, entries):
    if "free_bits" not in settings:
        return entries.sum(1)
    least, kind = float(settings["free_bits"]), settings["free_bits_kind"]
    if kind == "per-dimension":
        return entries.mean(0).clamp(min=least).sum()
    return entries.clamp(min=least).sum(1) if kind == "per-entry" else entries.sum(1).clamp(min=least)


def tensors(values):
    return {name: torch.tensor(np.asarray(value), dtype=torch.float64) for name, value in values.items()}


def answer(case):
    given = tensors(case.inputs)
    theta = {name: value.requires_grad_() for name, value in given.items() if "." in name}
    found = forward(case.settings, theta, given["x"], given["eps"])
    inner = {name: found[name] for name in ("raw", "z", "mu", "logvar")}
    slopes = torch.autograd.grad(found["loss"], [*inner.values(), *theta.values()])
    answers = found | {f"d_{name}": g for name, g in zip([*inner, *theta], slopes, strict=True)}
    if case.training is not None:
        answers |= train(case, theta)
    return {name: value.detach().numpy() for name, value in answers.items()}


def train(case, theta):
    t, found = case.training, {}
    how = t.settings
    adam = torch.optim.Adam(
        theta.values(),
        lr=float(how["learning_rate"]),
        betas=(float(how["beta1"]), float(how["beta2"])),
        eps=float(how["epsilon"]),
    )
    for step, (rows, eps) in enumerate(zip(t.rows, t.eps, strict=True), start=1):
        given = tensors({"x": t.x[list(rows)], "eps": eps})
        adam.zero_grad()
        forward(case.settings, theta, **given)["loss"].backward()
        if "clip_norm" in how:
            clip(theta.values(), float(how["clip_norm"]))
        adam.step()
        found |= {f"step {step}: {name}": value.detach().clone() for name, value in theta.items()}
    return found


def clip(parameters, limit):
    """Not clip_grad_norm_, whose factor is limit / (norm + 1e-6)."""
    parameters = list(parameters)
    norm = torch.sqrt(sum((p.grad**2).sum() for p in parameters))
    for p in parameters:
        p.grad *= min(1.0, limit / float(norm))


@pytest.mark.parametrize("case", cases("model"), ids=repr)
def test_a_right_program_is_right_in_every_stage_and_nothing_is_named(case):
    report = check(answer, [case])
    assert report.ok, report
    assert not report.findings
    assert {result.status for result in report.results} == {"right"}


def test_a_clipping_that_is_thrown_away_is_named(monkeypatch):
    monkeypatch.setitem(globals(), "clip", lambda parameters, limit: None)
    case = next(case for case in cases() if case.id == "model-bernoulli-softplus-clipped")
    assert [finding.id for finding in check(answer, [case]).findings] == ["clip-noop"]
