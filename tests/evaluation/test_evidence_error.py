"""The uncertainty of the evidence: by its definition, by what other seeds give, and where nothing is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from models import batch, model

import vae_np
from vae_np.evaluation import bounds
from vae_np.evaluation.bounds import evaluate


def weights(vae, x, samples, seed):
    """w_s over the largest, (S, N), in extended precision."""
    eps = vae_np.standard_normal(seed, 0, (samples, len(x), vae.architecture.latent), vae.dtype, purpose="evaluate")
    terms = vae.engine.terms(x, eps)
    log_w = np.asarray(terms.log_likelihood + terms.log_prior - terms.log_posterior, np.longdouble)
    return np.exp(log_w - log_w.max(axis=0))


@pytest.mark.parametrize("rows", [5, 999])
def test_error_and_effective_samples_are_those_one_would_write_down(rows, monkeypatch):
    monkeypatch.setattr(bounds, "ROWS", rows)
    vae = model(backend="numpy")
    x, _ = batch(vae, n=9)
    w = weights(vae, x, 30, seed=4)
    found = evaluate(vae, x, samples=30, seed=4).per_example
    ratio = w / w.mean(axis=0)
    np.testing.assert_allclose(found["evidence_error"], np.sqrt(ratio.var(axis=0, ddof=1) / 30).astype(float), 1e-12)
    expected = (w.sum(axis=0) ** 2 / np.square(w).sum(axis=0)).astype(float)
    np.testing.assert_allclose(found["effective_samples"], expected, 1e-12)


def wide_posterior():
    """A linear model whose q has the true posterior's mean and is wider than it: the weights are bounded."""
    vae = vae_np.VAE(3, hidden=(), latent=2, decoder_hidden=(), likelihood=vae_np.Gaussian(sigma=0.8), backend="numpy")
    parameters = vae.parameters
    W = parameters["decoder.out.W"]
    covariance = np.linalg.inv(np.eye(2) + W @ W.T / 0.64)
    parameters["encoder.mu.W"][...] = W.T @ covariance / 0.64
    parameters["encoder.mu.b"][...] = -parameters["decoder.out.b"] @ parameters["encoder.mu.W"]
    parameters["encoder.logvar.W"][...] = 0
    parameters["encoder.logvar.b"][...] = np.log(2.5 * np.linalg.eigvalsh(covariance).max())
    return vae, np.random.default_rng(0).normal(size=(20, 3))


def test_the_error_is_by_how_much_other_seeds_differ():
    vae, x = wide_posterior()
    results = [evaluate(vae, x, samples=100, seed=seed) for seed in range(400)]
    spread = np.std([r.per_example["evidence"] for r in results], axis=0, ddof=1)
    said = np.sqrt(np.mean([np.square(r.per_example["evidence_error"]) for r in results], axis=0))
    # the deviation of 400 draws is known to 1 / sqrt(800) = 3.5 %: four of those; the delta method is good to 1/S
    np.testing.assert_allclose(said, spread, rtol=0.15)
    of_the_mean = np.std([r.evidence for r in results], ddof=1)
    assert results[0].evidence_error_from_samples == pytest.approx(of_the_mean, rel=0.2)


def test_the_evidence_lies_low_by_half_the_squared_error():
    vae, x = wide_posterior()
    exact = evaluate(vae, x, samples=50_000).evidence
    few = [evaluate(vae, x, samples=20, seed=seed) for seed in range(1, 400)]
    low = exact - np.mean([r.evidence for r in few])
    bias = np.mean([np.square(r.per_example["evidence_error"]).mean() / 2 for r in few])
    noise = np.std([r.evidence for r in few]) / math.sqrt(len(few))
    assert bias > 4 * noise
    assert abs(low - bias) <= 4 * noise + 3 * bias / 20  # what is left out is 1/S smaller


def test_the_means_error_is_made_of_that_of_the_samples_and_that_of_the_examples():
    vae, x = wide_posterior()
    found = evaluate(vae, x, samples=50)
    per = found.per_example
    assert found.evidence_error == pytest.approx(np.std(per["evidence"], ddof=1) / math.sqrt(20))
    assert found.evidence_error_from_samples == pytest.approx(math.sqrt(np.square(per["evidence_error"]).sum()) / 20)
    parts = found.evidence_error_from_samples, found.evidence_error_from_examples
    assert math.hypot(*parts) == pytest.approx(found.evidence_error)
    assert "from the samples" in repr(found)


def test_examples_that_are_all_alike_cause_no_error():
    vae, x = wide_posterior()
    found = evaluate(vae, np.repeat(x[:1], 400, axis=0), samples=30)
    # the spread of 400 values is the samples' own, known to 3.5 %: what is left of it is noise, or nothing
    assert found.evidence_error_from_samples == pytest.approx(found.evidence_error, rel=0.15)
    assert found.evidence_error_from_examples <= math.sqrt(0.3) * found.evidence_error


def test_a_weight_that_outweighs_all_others_is_one_effective_sample_and_an_error_of_1():
    vae = vae_np.VAE(3, hidden=(), latent=1, likelihood=vae_np.Gaussian(sigma=1e-3), backend="numpy")
    found = evaluate(vae, np.full((2, 3), 5.0), samples=10).per_example
    np.testing.assert_allclose(found["effective_samples"], 1, rtol=1e-12)
    np.testing.assert_allclose(found["evidence_error"], 1, rtol=1e-12)


def test_weights_that_are_all_alike_are_as_many_samples_and_no_error():
    vae, x = wide_posterior()
    vae.parameters["decoder.out.W"][...] = 0  # x says nothing of z, and q is the prior
    for name in ("encoder.mu.W", "encoder.mu.b", "encoder.logvar.W", "encoder.logvar.b"):
        vae.parameters[name][...] = 0
    found = evaluate(vae, x, samples=40)
    np.testing.assert_allclose(found.per_example["effective_samples"], 40, rtol=1e-13)
    assert found.per_example["evidence_error"].max() < 1e-14
    assert found.evidence_error_from_examples == pytest.approx(found.evidence_error)


def test_of_one_sample_the_evidence_is_the_one_sample_bound_and_its_error_unknown():
    vae = model(backend="numpy")
    x, _ = batch(vae, n=20)
    found = evaluate(vae, x, seed=3)
    terms = vae.engine.terms(x, vae_np.standard_normal(3, 0, (1, 20, 3), purpose="evaluate"))
    log_w = (terms.log_likelihood + terms.log_prior - terms.log_posterior)[0]
    np.testing.assert_allclose(found.per_example["evidence"], log_w, rtol=1e-13)
    assert found.evidence != found.elbo
    assert np.isnan(found.per_example["evidence_error"]).all()
    assert (found.per_example["effective_samples"] == 1).all()
    assert found.evidence_error > 0
    assert math.isnan(found.evidence_error_from_samples)
    assert math.isnan(found.evidence_error_from_examples)


def test_of_one_example_only_the_samples_error_is_known():
    vae, x = wide_posterior()
    found = evaluate(vae, x[:1], samples=30)
    assert math.isnan(found.evidence_error)
    assert math.isnan(found.evidence_error_from_examples)
    assert found.evidence_error_from_samples == pytest.approx(found.per_example["evidence_error"][0])
