"""The engine on kernels against the engine on formulas: every activation, likelihood, objective and form of model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from engine_pairs import (
    ACTIVATIONS,
    FLOATS,
    LIKELIHOODS,
    Pathwise,
    Unknown,
    assert_step_agrees,
    batch,
    engines,
)
from sums import WHOLE_MODEL, assert_tensors

from vae_np.formulas.elbo import Cotangents
from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.objectives import ELBO, IWAE, Loss
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.step import engine as of_kernels

OBJECTIVES = {
    "beta": (ELBO(), 0.37),
    "free bits per dimension": (ELBO(0.4, "per-dimension"), 0.37),
    "free bits per entry": (ELBO(0.4, "per-entry"), 0.37),
    "free bits total": (ELBO(1.2, "total"), 0.37),
    "iwae": (IWAE(), 1.0),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_engines_agree_on_every_activation_likelihood_and_objective(activation, likelihood, dtype):
    pair = engines(dtype, LIKELIHOODS[likelihood], activation=activation)
    for samples in (1, 3):
        x, eps = batch(dtype, samples)
        for objective, beta in OBJECTIVES.values():
            assert_step_agrees(pair, x, eps, objective, beta, dtype)


def test_free_bits_bind_for_some_terms_and_not_for_others():
    x, eps = batch("float64")
    kl = engines()[0].terms(x, eps).kl
    for values, free in ((kl.mean(axis=0), 0.4), (kl, 0.4), (kl.sum(axis=1), 1.2)):
        assert 0 < (values > free).sum() < values.size


FORMS = [
    {"hidden": ()},
    {"hidden": (), "decoder_hidden": (4,)},
    {"hidden": (6,), "decoder_hidden": ()},
    {"hidden": (9, 5), "decoder_hidden": (4, 8, 3)},
    {"hidden": (8, 7, 6)},
    {"hidden": (1,), "latent": 1, "n_features": 1},
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_engines_agree_on_every_form_of_model(form, activation, dtype):
    for likelihood in ("bernoulli", Gaussian("per-feature"), Gaussian("heteroscedastic")):
        pair = engines(dtype, likelihood, activation=activation, **form)
        sizes = {"n_features": form.get("n_features", 11), "latent": form.get("latent", 3)}
        for samples, n in ((1, 1), (3, 4)):
            x, eps = batch(dtype, samples, n, **sizes)
            for objective in (ELBO(), IWAE(), Pathwise(1)):
                assert_step_agrees(pair, x, eps, objective, 1.0, dtype)


# ---- objectives that only tests have: other cotangents for the same backward pass ----


@dataclass(frozen=True)
class OddForms:
    """A sampled ELBO whose cotangents are float64, read-only or broadcast, and has some of the terms only."""

    posterior: bool = True
    name = "odd"
    analytic_kl = False

    def __call__(self, terms, beta=1.0):
        s, n = terms.log_likelihood.shape
        value = -(terms.log_likelihood + terms.log_prior).sum() / (s * n)
        minus = np.broadcast_to(np.float64(-1 / (s * n)), (s, n))
        if not self.posterior:
            return Loss(value, Cotangents(minus, log_prior=minus))
        return Loss(value + terms.log_posterior.sum() / (s * n), Cotangents(minus, None, minus, -minus))


@dataclass(frozen=True)
class Doubled:
    """Twice the log-likelihood: a constant weight that is not the usual one."""

    name = "doubled"
    analytic_kl = True

    def __call__(self, terms, beta=1.0):
        s, n = terms.log_likelihood.shape
        weight = np.full((s, n), -2 / (s * n), terms.mu.dtype)
        return Loss(weight[0, 0] * terms.log_likelihood.sum(), Cotangents(weight))


OTHERS = [Pathwise(0), Pathwise(1), OddForms(), OddForms(posterior=False), Doubled()]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("objective", OTHERS, ids=repr)
def test_the_engines_agree_on_other_cotangents(objective, samples, dtype):
    for likelihood in ("bernoulli", Gaussian("learned")):
        assert_step_agrees(engines(dtype, likelihood), *batch(dtype, samples), objective, 1.0, dtype)


def test_a_term_that_is_left_out_may_overflow():
    """With sigma = 0 or e^logvar infinite, a cotangent of nothing is still nothing."""
    for shift in (-250.0, 100.0):
        pair = engines("float32")
        for engine in pair:
            engine.parameters["encoder.logvar.b"][...] = shift
            engine.parameters["encoder.mu.W"][...] *= 1e-3
        x, eps = batch("float32")
        eps *= np.float32(1e-20)
        steps = [engine.loss_and_grad(x, eps, OddForms(posterior=False), 1.0) for engine in pair]
        assert np.isfinite(steps[0].gradients.vector).all()
        assert np.isfinite(steps[1].gradients.vector).all(), shift


# ---- likelihoods, and the terms alone ----


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_engines_agree_on_terms_encode_and_decode(likelihood, dtype, monkeypatch):
    if not COMPILED:  # a thousand rows of plain Python prove no more
        monkeypatch.setattr(of_kernels, "BLOCK", 8)
        monkeypatch.setattr(of_kernels._blocks, "__defaults__", (8,))
    formula, kernel = engines(dtype, LIKELIHOODS[likelihood])
    x, eps = batch(dtype, samples=3)
    for name, got, expected in zip(
        formula.terms(x, eps)._fields[:8], kernel.terms(x, eps)[:8], formula.terms(x, eps)[:8], strict=True
    ):
        assert_tensors(name, got, expected, 4 * WHOLE_MODEL)
    for n in (0, 1, 5, of_kernels.BLOCK, 2 * of_kernels.BLOCK + 3):
        x, eps = batch(dtype, n=n)
        for got, expected in zip(kernel.encode(x), formula.encode(x), strict=True):
            assert_tensors("encode", got, expected)
        assert_tensors("decode", kernel.decode(eps), formula.decode(eps))
        assert_tensors("decode", kernel.decode(eps[0]), formula.decode(eps[0]))


class UnknownGaussian(Gaussian):
    """Another, with arrays of its own."""

    name = "unknown-gaussian"


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "likelihood", [Unknown(), *map(UnknownGaussian, ["learned", "per-feature", "heteroscedastic"])], ids=repr
)
def test_a_likelihood_without_a_kernel_runs_on_its_formula(likelihood, dtype):
    pair = engines(dtype, likelihood)
    for samples in (1, 3):
        for objective in (ELBO(), IWAE()):
            assert_step_agrees(pair, *batch(dtype, samples), objective, 1.0, dtype)
