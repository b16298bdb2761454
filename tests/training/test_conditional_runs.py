"""Conditional models in training: what is done to x leaves the condition as it is; runs resume, files are read."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from models import BACKENDS, model
from small_runs import BATCH, RUNS, D, InterruptAt, N, X, same_history

import vae_np
from vae_np.data import binarise
from vae_np.evaluation import bounds
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.training.run_checks import prepare
from vae_np.training.settings import Settings
from vae_np.training.trainer import Trainer

C = 3
LABELS = np.arange(N) % C
NUMBERS = np.random.default_rng(1).normal(scale=20, size=(N, C))  # no probabilities


def fresh(backend="numpy", **options):
    return model(n_features=D, condition=C, backend=backend, **options)


@pytest.mark.parametrize("name", ["dynamic", "fixed", "samples", "the data's bias"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupted_conditional_run_ends_with_the_same_bits(name, backend, tmp_path):
    vae, expected, resumed = (fresh(backend) for _ in range(3))
    options = {"epochs": 3, "batch_size": BATCH, "condition": NUMBERS / 20, "progress": False, **RUNS[name]}
    options["validation"] = vae.rows(X[:5], LABELS[:5])
    history = vae_np.fit(expected, X, **options)
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(KeyboardInterrupt):
        vae_np.fit(vae, X, checkpoint=path, **{**options, "progress": InterruptAt(4)})
    again = vae_np.fit(resumed, X, checkpoint=path, resume=True, **options)
    assert np.array_equal(resumed.parameters.vector, expected.parameters.vector)
    assert same_history(history, again)
    assert not np.array_equal(expected.parameters["decoder.0.W"][-C:], fresh().parameters["decoder.0.W"][-C:])
    with pytest.raises(ValueError, match="its training data are not these"):
        vae_np.fit(fresh(), X, checkpoint=path, resume=True, **{**options, "condition": LABELS})


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_batch_that_is_binarised_keeps_its_condition_and_is_that_of_the_other_backend(dtype):
    x, c = X.astype(dtype), NUMBERS.astype(dtype)
    rows, found = np.array([7, 0, 3]), []
    for backend in BACKENDS:
        vae = fresh(backend, dtype=dtype)
        found.append(vae.engine.batch(vae.rows(x, c), rows, (5, 2)).copy())
        assert np.array_equal(vae.engine.batch(vae.rows(x, c), rows), vae.rows(x, c)[rows])
    assert np.array_equal(*found)
    assert np.array_equal(found[0][:, D:], c[rows])
    assert set(np.unique(found[0][:, :D])) == {0, 1}


@pytest.mark.parametrize("mode", ["threshold", "fixed", "dynamic"])
def test_data_that_are_binarised_once_keep_their_condition(mode):
    vae = fresh()
    settings = Settings(binarise=mode, seed=3)
    data = prepare(vae, vae.rows(X, NUMBERS), vae.rows(X[:4], NUMBERS[:4]), settings)
    assert np.array_equal(data.x[:, D:], NUMBERS)
    assert np.array_equal(data.validation[:, D:], NUMBERS[:4])
    assert set(np.unique(data.validation[:, :D])) == {0, 1}
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\] for binarisation"):
        prepare(vae, vae.rows(X * 20, LABELS), None, settings)


def test_what_is_kept_of_a_binarisation_is_not_drawn_or_looked_at():
    rows = np.concatenate([X, NUMBERS], axis=1)
    kept = binarise(rows, "fixed", seed=2, kept=C)
    assert np.array_equal(kept[:, D:], NUMBERS)
    with pytest.raises(ValueError, match="binarisation"):
        binarise(rows, "fixed", seed=2)
    as_probabilities = np.concatenate([X, np.zeros_like(NUMBERS)], axis=1)
    assert np.array_equal(kept[:, :D], binarise(as_probabilities, "fixed", seed=2)[:, :D])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_standardised_model_leaves_the_condition_and_answers_in_the_units_of_x(backend, tmp_path):
    x = 1000 + 40 * X
    vae = fresh(backend, likelihood="gaussian", scale="standard")
    vae_np.fit(vae, x, condition=NUMBERS, epochs=2, progress=False, output_bias="data")
    inside = vae.given(x, NUMBERS)
    assert np.array_equal(inside[:, D:], NUMBERS)
    # a mean and a mean square of N numbers of size 1, less what rounding to x's own digits took: 1000 over 40
    assert np.abs(inside[:, :D].mean(axis=0)).max() <= N * 1000 * np.finfo(float).eps
    assert math.isclose(vae.architecture.log_volume, np.log(x.std(axis=0)).sum(), rel_tol=1e-12)
    assert vae.decode(np.zeros(3), condition=0).min() > 900
    assert vae.sample(4, condition=[0, 1, 2, 0]).shape == (4, D)
    vae.save(tmp_path / "m.npz")
    assert np.array_equal(vae_np.load(tmp_path / "m.npz", backend=backend).reconstruct(x, 1), vae.reconstruct(x, 1))


def test_a_conditional_model_is_saved_and_made_again(tmp_path):
    vae = fresh(likelihood=vae_np.Gaussian("per-feature"), prior="mixture:components=2", dtype="float32")
    vae.save(tmp_path / "m.npz")
    again = vae_np.load(tmp_path / "m.npz", backend="numpy")
    assert again.config() == vae.config()
    assert (again.config()["condition"], again.config()["n_features"]) == (C, D)
    assert repr(again) == repr(vae)
    assert "7+3-5-3+3-5-7, tanh, Gaussian" in repr(vae)
    x = X.astype("float32")
    assert np.array_equal(again.reconstruct(x, LABELS), vae.reconstruct(x, LABELS))


def test_the_file_of_a_model_without_a_condition_is_as_it_was(tmp_path):
    assert "condition" not in model().config()


@pytest.mark.parametrize("condition", [-1, 2.5, "two", True, 10**9])
def test_a_file_whose_condition_makes_no_sense_is_named(condition, tmp_path):
    path = tmp_path / "m.npz"
    fresh().save(path)
    with np.load(path) as npz:
        arrays = dict(npz)
    config = json.loads(str(arrays["config"])) | {"condition": condition}
    np.savez(path, **arrays | {"config": np.array(json.dumps(config))})
    with pytest.raises(ValueError, match=r"m\.npz: the model in it makes no sense"):
        vae_np.load(path)


def test_an_evaluation_is_the_same_however_its_rows_are_split(monkeypatch):
    vae = fresh()
    whole = vae_np.evaluate(vae, X, condition=LABELS, samples=5).per_example
    monkeypatch.setattr(bounds, "ROWS", 1)
    monkeypatch.setattr(bounds, "TILE", 2)
    parts = vae_np.evaluate(vae, vae.rows(X, LABELS), samples=5).per_example
    for name, values in whole.items():
        # sums of 5 samples and of 7 features, in another order
        np.testing.assert_allclose(parts[name], values, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_learns_what_the_condition_tells(backend):
    """x is its class's mean and a little noise: with c nothing is left for z, and log p(x|c) is that of the noise."""
    if backend == "numba" and not COMPILED:
        pytest.skip("most of a minute of plain Python")
    rng, means = np.random.default_rng(0), 3 * np.random.default_rng(1).normal(size=(C, D))
    labels = rng.integers(C, size=600)
    x = means[labels] + 0.5 * rng.normal(size=(600, D))
    vae = vae_np.VAE(D, hidden=(8,), latent=1, condition=C, likelihood=vae_np.Gaussian(0.5), backend=backend)
    vae_np.fit(vae, x, condition=labels, epochs=120, optimizer=vae_np.Adam(0.01), progress=False)
    entropy = D * (math.log(2 * math.pi * 0.25) + 1) / 2  # of the noise, in nats
    # a mean over 600 of chi-squares of 7 degrees over 2: a deviation of sqrt(7 / 2 / 600) = 0.08
    assert vae_np.evaluate(vae, x, condition=labels).elbo > -entropy - 0.4
    assert np.abs(vae.decode(np.zeros((C, 1)), range(C)) - means).max() < 0.3
    wrong = vae_np.evaluate(vae, x, condition=(labels + 1) % C).elbo
    assert wrong < -entropy - 10


def test_a_trainer_takes_the_rows():
    vae = fresh()
    Trainer(vae, vae.rows(X, LABELS), Settings(epochs=1)).step()
