"""Estimators against exact gradients: no bias where none is, the predicted one where there is, and mistakes found."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from models import batch, model

from vae_np.estimators import measure, target
from vae_np.exact import elbo_and_grad, expected, log_evidence
from vae_np.exact.evidence import _integral, forward_kl_gradient
from vae_np.formulas.network import encoder_forward
from vae_np.formulas.objectives import StickingTheLanding
from vae_np.formulas.parameters import Parameters
from vae_np.gradcheck import complex_step
from vae_np.model.joint import Joint

NODES = {"tolerance": 1e-9, "most": 64**2}
UNBIASED = ["elbo", "elbo-sampled", "stl", "reinforce", "reinforce:baseline=leave-one-out", "iwae", "dreg", "vimco",
            "miwae:groups=2", "piwae:groups=2", "ciwae:share=0.3", "renyi:alpha=0.5", "renyi:alpha=-1"]  # fmt: skip
BOUND = 4
"""Standard errors that the worst of some twenty entries may be off."""


def narrow(backend="numpy"):
    """A model of one latent dimension whose q is narrow, so that few nodes suffice."""
    vae = model(n_features=2, hidden=(2,), latent=1, activation="tanh", backend=backend)
    vae.parameters["encoder.logvar.b"] -= 2
    return vae, batch(vae, n=2)[0]


def assert_unbiased(name, estimates, backend="numpy"):
    vae, x = narrow(backend)
    found = measure(vae, x, name, 2, estimates=estimates, exact=target(vae, x, name, 2, **NODES))
    for row in found.rows("tensor"):
        assert row.worst <= BOUND, f"{name}, {row}"
        assert row.bias_error > 0


@pytest.mark.parametrize("name", UNBIASED)
def test_an_estimator_without_bias_has_none(name):
    assert_unbiased(name, 4000)


@pytest.mark.slow
@pytest.mark.parametrize("name", UNBIASED)
def test_an_estimator_without_bias_has_none_at_a_million_draws(name):
    assert_unbiased(name, 10**6, "numba")


@pytest.mark.parametrize("name", ["rws", "rws-dreg"])
def test_wake_sleep_has_the_bias_that_theory_predicts(name):
    vae, x = narrow()
    aim, has = target(vae, x, name, 2, **NODES), expected(vae, x, "rws", 2, **NODES).gradients
    found = measure(vae, x, name, 2, estimates=4000, exact=has)
    assert all(row.worst <= BOUND for row in found.rows("tensor"))
    encoder, decoder = found._replace(exact=aim).rows()
    assert encoder.worst > 20  # standard errors from where it wants to go
    assert decoder.worst <= BOUND
    predicted = math.sqrt(sum(np.square(has[name] - aim[name]).sum() for name in aim))
    assert encoder.bias == pytest.approx(predicted, abs=3 * encoder.bias_error)


def test_wake_sleep_s_bias_falls_with_the_samples():
    vae, x = narrow()
    aim = target(vae, x, "rws", 1, **NODES)["encoder.mu.b"]
    off = [np.abs(expected(vae, x, "rws", s, tolerance=1e-6, most=24**s).gradients["encoder.mu.b"] - aim).max()
           for s in (1, 2, 3)]  # fmt: skip
    assert off[0] > off[1] > off[2] > 0


@dataclass(frozen=True)
class HalfDetached:
    """Sticking the landing that lets half of the score through: the value is right, and so is the mean's sign."""

    name = "half-detached"
    analytic_kl = False

    def __call__(self, terms, beta=1.0):
        loss = StickingTheLanding()(terms, beta)
        through = 0.5 * loss.cotangents.log_posterior
        return loss._replace(cotangents=replace(loss.cotangents, log_posterior=through))


def test_a_planted_detach_error_is_found():
    vae, x = narrow()
    found = measure(vae, x, HalfDetached(), 2, estimates=4000, exact=target(vae, x, "stl", 2, **NODES))
    encoder, decoder = found.rows()
    assert encoder.worst > 10
    assert decoder.worst <= BOUND


def test_the_deviation_is_that_of_single_estimates():
    vae, x = narrow()
    found = measure(vae, x, "elbo-sampled", 3, estimates=4000)
    noise = np.random.default_rng(0).normal(size=(2000, 3, 2, 1))
    each = [vae.loss_and_grad(x, eps, objective="elbo-sampled")[1].vector for eps in noise]
    np.testing.assert_allclose(found.deviation.vector, np.std(each, axis=0), rtol=0.35)  # 100 blocks: +- 7 % each
    ratio = np.linalg.norm(found.deviation.vector) / np.linalg.norm(np.std(each, axis=0))
    assert ratio == pytest.approx(1, abs=0.1)
    assert found.exact is None
    assert math.isnan(found.rows()[0].worst)


def test_many_examples_and_samples_are_taken_a_part_at_a_time(monkeypatch):
    vae, x = narrow()
    whole = measure(vae, x, "iwae", 2, estimates=1000)
    monkeypatch.setattr("vae_np.estimators.measuring.ROWS", 13)
    parts = measure(vae, x, "iwae", 2, estimates=1000)
    np.testing.assert_allclose(parts.mean.vector, whole.mean.vector, rtol=1e-12, atol=1e-14)


def test_the_gradient_of_the_forward_kl_is_its_complex_step():
    vae, x = narrow()
    truth = log_evidence(vae, x)
    found = forward_kl_gradient(vae, x, truth)
    nodes = [_integral(Joint.of(vae, x[n : n + 1]), truth.modes[n], int(truth.order[n])) for n in range(2)]

    def mean_log_q(vector):
        heads, _ = encoder_forward(x, vae.parameters.like(vector), vae.architecture)
        mu, s = heads["mu"][:, 0], heads["logvar"][:, 0]
        each = [one.weight @ (-((one.z[:, 0] - mu[n]) ** 2) * np.exp(-s[n]) / 2 - s[n] / 2)
                for n, one in enumerate(nodes)]  # fmt: skip
        return sum(each) / 2

    for i in range(found.vector.size):
        unit = np.eye(found.vector.size)[i]
        assert found.vector[i] == pytest.approx(complex_step(mean_log_q, vae.parameters.vector, unit), abs=1e-12)


def test_an_exact_gradient_of_something_else_is_refused_and_so_is_an_unknown_row():
    vae, x = narrow()
    other = model(backend="numpy", latent=1, hidden=(6,))
    for wrong, kind, message in [
        (other.parameters, ValueError, r"of another model: encoder.0.W is \(7, 6\) there and \(2, 2\) here"),
        (Parameters({"a": (2,)}), ValueError, r"of another model: a is \(2,\) there and missing here"),
        (np.zeros(vae.parameters.vector.size), TypeError, "exact must be Parameters.* got ndarray$"),
        (elbo_and_grad(vae, x, tolerance=1e-3), TypeError, "got Exact; give its .gradients"),
        (vae.parameters.like(vae.parameters.vector * np.nan), ValueError, "exact must lie in"),
    ]:
        with pytest.raises(kind, match=message):
            measure(vae, x, estimates=200, exact=wrong)
    with pytest.raises(ValueError, match="by must be 'part' or 'tensor'; got 'foo'"):
        measure(vae, x, estimates=200).rows("foo")


def test_what_cannot_be_measured_says_why():
    vae, x = narrow()
    with pytest.raises(ValueError, match="estimates must be at least 200"):
        measure(vae, x, estimates=100)
    with pytest.raises(ValueError, match="x has no examples"):
        measure(vae, x[:0])
    with pytest.raises(ValueError, match="ties the examples of a batch together"):
        measure(vae, x, "elbo:free_bits=0.5", estimates=200)
    with pytest.raises(ValueError, match="measured in float64"):
        measure(model(dtype="float32", backend="numpy"), batch(model())[0].astype("float32"))
    full = model(posterior="full", backend="numpy", latent=1)
    with pytest.raises(ValueError, match="known here for the diagonal posterior"):
        target(full, batch(full, n=1)[0], "rws", 1, tolerance=1e-3)
