"""Evaluation: the sums are those one would write down, however they are cut into blocks."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from models import LATENTS, LIKELIHOODS, K, batch, model
from sums import WHOLE_MODEL, assert_tensors

import vae_np
from vae_np.evaluation import bounds as evaluation
from vae_np.evaluation.bounds import active_units, evaluate

N = 150  # more than two tiles of noise


def directly(vae, x, samples, seed):
    """Every sample at once; log-mean-exp by its definition, in extended precision."""
    eps = vae_np.standard_normal(seed, 0, (samples, len(x), vae.architecture.latent), vae.dtype, purpose="evaluate")
    terms = vae.engine.terms(x, eps)
    log_w = np.asarray(terms.log_likelihood + terms.log_prior - terms.log_posterior, np.longdouble)
    log_likelihood, kl = terms.log_likelihood.mean(axis=0), terms.kl.sum(axis=1)
    return log_likelihood - kl, log_likelihood, kl, np.log(np.exp(log_w).mean(axis=0)), terms.mu, terms.kl


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_evaluation_is_what_one_would_write_down(likelihood):
    vae = model(likelihood=LIKELIHOODS[likelihood], backend="numpy")
    x, _ = batch(vae, n=N)
    elbo, log_likelihood, kl, evidence, mu, kl_nk = directly(vae, x, 9, seed=4)
    found = evaluate(vae, x, samples=9, seed=4)
    values = {"elbo": elbo, "log_likelihood": log_likelihood, "kl": kl, "evidence": evidence}
    size = float(max(np.abs(log_likelihood).max(), np.abs(evidence).max()) + kl.max())
    for name, expected in values.items():
        assert_tensors(name, found.per_example[name], expected.astype(float), size=size)
        assert_tensors(name, getattr(found, name), float(expected.mean()), WHOLE_MODEL + N, size)
    assert_tensors("kl_per_dimension", found.kl_per_dimension, kl_nk.mean(axis=0), WHOLE_MODEL + N)
    assert found.standard_error == pytest.approx(np.std(elbo, ddof=1) / math.sqrt(N))
    assert found.active_units == int((mu.var(axis=0) > 0.01).sum()) == active_units(vae, x)
    assert found.active.tolist() == (mu.var(axis=0) > 0.01).tolist()


@pytest.mark.parametrize("samples", [1, 3, 70])
@pytest.mark.parametrize("rows", [1, 5, 64, 100, 999])
def test_the_result_does_not_depend_on_the_blocks(rows, samples, monkeypatch):
    vae = model(backend="numpy")
    x, _ = batch(vae, n=N if rows > 1 else 9)
    expected = evaluate(vae, x, samples=samples, seed=1)
    monkeypatch.setattr(evaluation, "ROWS", rows)
    found = evaluate(vae, x, samples=samples, seed=1)
    for name, values in expected.per_example.items():
        if samples == 1 and name == "evidence_error":  # one sample does not say how far it may be off
            assert np.isnan([found.per_example[name], values]).all()
        else:
            assert_tensors(name, found.per_example[name], values, WHOLE_MODEL + samples)
    assert_tensors("kl_per_dimension", found.kl_per_dimension, expected.kl_per_dimension, WHOLE_MODEL + N)
    assert found.active_units == expected.active_units


@pytest.mark.parametrize("samples", [1, 13, 70])
@pytest.mark.parametrize("latent", ["plain", *LATENTS])
def test_a_kl_at_the_samples_is_the_mean_over_all_of_them_and_the_elbo_is_below_the_evidence(
    latent, samples, monkeypatch
):
    """13 and 70 samples are no multiple of the 4 that are taken at once. The logarithm of a mean is at least the mean
    of the logarithms, for each example, up to the rounding of sums over the samples of the three terms of log w."""
    monkeypatch.setattr(evaluation, "ROWS", 256)
    vae = model(**LATENTS.get(latent, {}), backend="numpy")
    x, _ = batch(vae, n=70)
    elbo, _, kl, *_, kl_terms = directly(vae, x, samples, seed=3)
    found = evaluate(vae, x, samples=samples, seed=3)
    assert found.kl_per_dimension.shape == ((K,) if vae.architecture.has_kl else (1,))
    np.testing.assert_allclose(found.per_example["kl"], kl, rtol=1e-12)
    np.testing.assert_allclose(found.kl_per_dimension, kl_terms.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.per_example["elbo"], elbo, rtol=1e-12)
    if not vae.architecture.has_kl:
        terms = vae.terms(x, vae_np.standard_normal(3, 0, (samples, len(x), K), purpose="evaluate"))
        three = (terms.log_likelihood, terms.log_prior, terms.log_posterior)
        rounding = (samples + 4) * np.finfo(float).eps * sum(np.abs(term).mean(axis=0) for term in three)
        assert (found.per_example["elbo"] <= found.per_example["evidence"] + rounding).all()


def test_an_example_is_evaluated_alike_among_others_and_first_of_all():
    vae = model(backend="numpy")
    x, _ = batch(vae, n=N)
    whole, part = evaluate(vae, x, samples=5), evaluate(vae, x[:70], samples=5)
    assert_tensors("evidence", part.per_example["evidence"], whole.per_example["evidence"][:70])


def test_the_noise_is_that_of_the_seed_and_of_no_training_step():
    vae = model(backend="numpy")
    x, _ = batch(vae, n=20)
    assert evaluate(vae, x, seed=1).elbo == evaluate(vae, x, seed=1).elbo != evaluate(vae, x, seed=2).elbo
    assert not np.isin(
        vae_np.standard_normal(1, 0, (5, 3), purpose="evaluate"), vae_np.standard_normal(1, 0, (5, 3))
    ).any()


def test_the_bound_exceeds_the_elbo_and_rises_with_the_samples():
    vae = model(backend="numpy")
    x, _ = batch(vae, n=400)
    x = np.repeat(x, 5, axis=0)
    results = [evaluate(vae, x, samples=s, seed=2) for s in (1, 4, 32, 256)]
    bounds = [result.evidence for result in results]
    assert bounds == sorted(bounds)
    assert bounds[-1] - bounds[0] > 0.05
    elbos = [result.elbo for result in results]
    assert np.ptp(elbos) < 4 * results[0].standard_error


def test_many_samples_reach_the_evidence_of_a_linear_gaussian_model():
    # x = W z + b + sigma e has log p(x) in closed form, whatever the (wrong) encoder
    vae = vae_np.VAE(3, hidden=(), latent=2, decoder_hidden=(), likelihood=vae_np.Gaussian(sigma=0.8), backend="numpy")
    vae.parameters["encoder.mu.W"][...] *= 0.3
    vae.parameters["encoder.logvar.b"][...] += 0.3  # wider than the true posterior, so that no weight is enormous
    x = np.random.default_rng(0).normal(size=(6, 3))
    w, b = vae.parameters["decoder.out.W"], vae.parameters["decoder.out.b"]
    cov = w.T @ w + 0.64 * np.eye(3)
    away = x - b
    exact = -0.5 * (np.einsum("ni,ij,nj->n", away, np.linalg.inv(cov), away) + np.linalg.slogdet(2 * np.pi * cov)[1])
    found = evaluate(vae, x, samples=20_000)
    np.testing.assert_allclose(found.per_example["evidence"], exact, atol=0.03)
    assert found.elbo < exact.mean() - 0.1


def test_weights_far_beyond_the_range_of_exp_are_added_rightly():
    vae = vae_np.VAE(3, hidden=(), latent=1, likelihood=vae_np.Gaussian(sigma=1e-3), backend="numpy")
    x = np.full((2, 3), 5.0)
    found = evaluate(vae, x, samples=10)
    eps = vae_np.standard_normal(0, 0, (10, 2, 1), purpose="evaluate")
    terms = vae.engine.terms(x, eps)
    log_w = terms.log_likelihood + terms.log_prior - terms.log_posterior
    assert log_w.max() < -1e6
    top = log_w.max(axis=0)
    expected = top + np.log(np.exp(log_w - top).mean(axis=0))
    assert_tensors("evidence", found.per_example["evidence"], expected)


def test_memory_does_not_grow_with_the_samples():
    vae = model(backend="numpy", hidden=(32,))
    x, _ = batch(vae, n=64)
    peaks = []
    for samples in (64, 1024):
        tracemalloc.start()
        evaluate(vae, x, samples=samples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 100_000


def test_kernels_and_formulas_evaluate_alike():
    x, _ = batch(model(backend="numpy"), n=N)
    a, b = (evaluate(model(backend=backend), x, samples=40) for backend in ("numpy", "numba"))
    assert_tensors("evidence", a.per_example["evidence"], b.per_example["evidence"], WHOLE_MODEL + 40)


def test_one_example_has_no_standard_error():
    vae = model(backend="numpy")
    x, _ = batch(vae, n=1)
    assert math.isnan(evaluate(vae, x).standard_error)


def test_an_overflow_names_stage_and_example_beyond_the_first_block(monkeypatch):
    monkeypatch.setattr(evaluation, "ROWS", 64)
    vae = model(likelihood="gaussian", backend="numpy")
    x, _ = batch(vae, n=N)
    x[130] = 1e200
    with pytest.raises(vae_np.NonFiniteError) as caught:
        evaluate(vae, x, samples=2)
    assert caught.value.examples == (130,)
    assert caught.value.stage == "log_likelihood"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"samples": 0}, ValueError, "samples must be at least 1; got 0"),
        ({"samples": 2.0}, TypeError, "samples must be an integer"),
        ({"seed": -1}, ValueError, "seed"),
        ({"x": np.zeros((0, 7))}, ValueError, "x has no examples"),
        ({"x": np.zeros((2, 6))}, ValueError, "x must have 7 columns; it has 6"),
        ({"x": np.full((2, 7), 1.5)}, ValueError, "x must lie in .* row 0, column 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        evaluate(model(backend="numpy"), **({"x": np.zeros((2, 7))} | options))


@pytest.mark.parametrize(
    ("latent", "a_row"),
    [({"posterior": "full"}, 20 + 190), ({"prior": "mixture:components=30"}, 30 + 2 * 30 * 20)],
    ids=["full", "mixture"],
)
def test_examples_of_many_heads_or_components_are_evaluated_fewer_at_once(latent, a_row, monkeypatch):
    vae, rows = vae_np.VAE(7, hidden=(2,), latent=20, backend="numpy", **latent), []
    x = np.random.default_rng(0).random((9, 7))
    expected = evaluate(vae, x, samples=3)
    terms = vae.engine.terms
    monkeypatch.setattr(vae.engine, "terms", lambda x, eps: rows.append(eps.shape[0] * len(x)) or terms(x, eps))
    monkeypatch.setattr(evaluation, "NUMBERS", 5 * a_row)
    found = evaluate(vae, x, samples=3)
    assert max(rows) <= 5
    assert sum(rows) == 27
    np.testing.assert_allclose(found.per_example["evidence"], expected.per_example["evidence"], rtol=1e-12)


def test_examples_of_many_features_are_evaluated_fewer_at_once(monkeypatch):
    vae, rows = vae_np.VAE(1000, hidden=(2,), latent=1, backend="numpy"), []
    x = np.random.default_rng(0).random((70, 1000))
    expected = evaluate(vae, x, samples=3)
    terms = vae.engine.terms
    monkeypatch.setattr(vae.engine, "terms", lambda x, eps: rows.append(eps.shape[0] * len(x)) or terms(x, eps))
    for most, numbers in ((20, 20_999), (1, 999), (70, 70_000)):
        rows.clear()
        monkeypatch.setattr(evaluation, "NUMBERS", numbers)
        found = evaluate(vae, x, samples=3)
        assert max(rows) <= most
        assert sum(rows) == 210
        assert_tensors("evidence", found.per_example["evidence"], expected.per_example["evidence"], 1000 + 3)
