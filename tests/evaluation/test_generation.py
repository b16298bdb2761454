"""The quality of a model's samples, beside that of its training data."""

from __future__ import annotations

import numpy as np
import pytest
from models import batch, model

from vae_np.evaluation.generation import MEASURES, SOURCES, SPACES, generation_quality, hidden_features
from vae_np.evaluation.neighbours import overlap
from vae_np.evaluation.two_samples import frechet_distance
from vae_np.support.noise import stream

SMALL = {"n_features": 4, "hidden": (5,), "latent": 2, "likelihood": "gaussian", "backend": "numpy"}


def normal(n, seed, d=4):
    return np.random.Generator(np.random.Philox(seed)).normal(size=(n, d))


def with_samples(rows):
    """A model of SMALL whose means and draws are these."""
    vae = model(**SMALL)
    vae.decode = lambda z: rows[: len(z)].copy()
    vae.sample = lambda n, seed=0: rows[:n].copy()
    return vae


def test_samples_of_the_datas_own_distribution_are_as_good_as_training_examples():
    found = generation_quality(with_samples(normal(200, 3)), normal(300, 1), normal(40, 2), sets=4)
    assert (found.size, found.sets) == (40, 4)
    for space in SPACES:
        for name in MEASURES:
            ours, theirs = (found.measures[space][name][source] for source in ("means", "training"))
            # of 4 sets each, all against the same held-out ones: t of 6 degrees of freedom, 8 has a chance of 2e-4
            assert abs(ours.value - theirs.value) <= 8 * np.hypot(ours.error, theirs.error) + 1e-12, (space, name)


def test_copies_of_training_examples_are_found_by_what_they_are_nearer_to():
    training, held_out = normal(90, 1), normal(30, 2)
    found = generation_quality(with_samples(training[stream(0, "seen").permutation(90)]), training, held_out, sets=3)
    assert found.measures["pixels"]["nearer_to_training"]["means"].value == 1
    assert (found.nearest == 0).all()
    np.testing.assert_array_equal(training[found.nearest_row], found.means)
    ours = found.measures["pixels"]["nearer_to_training"]["training"]
    assert abs(ours.value - 0.5) < 0.3  # of 90, with 30 held-out examples: 3 standard deviations


def test_each_number_is_that_of_the_function_for_it():
    vae = model(**SMALL)
    x, other = normal(20, 1), normal(10, 2)
    found = generation_quality(vae, x, other, sets=2, seed=5)
    means, draws = vae.decode(vae.sample_prior(20, 5)), vae.sample(20, 5)
    for source, points in (("means", means), ("draws", draws)):
        for space, view in (("pixels", lambda a: a), ("features", lambda a: hidden_features(vae, a))):
            sets = [view(points[:10]), view(points[10:])]
            for name, f in (
                ("recall", lambda made, view=view: overlap(view(other), made).recall),
                ("coverage", lambda made, view=view: overlap(view(other), made).coverage),
                ("frechet", lambda made, view=view: frechet_distance(view(other), made)),
            ):
                values = np.array([f(made) for made in sets])
                measure = found.measures[space][name][source]
                assert measure.value == pytest.approx(values.mean(), rel=1e-9, abs=1e-12)
                assert measure.error == pytest.approx(values.std(ddof=1) / np.sqrt(2), rel=1e-7, abs=1e-12)
    assert set(found.measures["pixels"]["mmd"]) == set(SOURCES)


def test_hidden_features_are_those_before_the_heads():
    vae = model(n_features=6, hidden=(5, 3), latent=2, activation="tanh", backend="numpy")
    x = batch(vae, n=7)[0]
    h = x
    for i in range(2):
        h = np.tanh(h @ vae.parameters[f"encoder.{i}.W"] + vae.parameters[f"encoder.{i}.b"])
    np.testing.assert_allclose(hidden_features(vae, x), h, rtol=1e-14)


@pytest.mark.parametrize("word", ["categorical:classes=3", "poisson", "columns:gaussian=0,categorical=1-3,poisson=4-5"])
def test_means_of_classes_and_counts_are_measured_though_they_are_neither(word):
    vae = model(n_features=6, hidden=(5,), latent=2, likelihood=word, backend="numpy")
    draws = [vae.sample(30, seed) for seed in (1, 2)]
    found = generation_quality(vae, *draws, sets=2)
    assert set(found.measures["features"]["frechet"]) == set(SOURCES)
    with pytest.raises(ValueError, match="x must"):
        hidden_features(vae, np.full((1, 6), np.nan))


def test_too_few_examples_are_refused_with_the_number_that_is_needed():
    vae = model(**SMALL)
    with pytest.raises(ValueError, match="5 sets of 6 need 30 training and 6 held-out examples; there are 29 and 9"):
        generation_quality(vae, normal(29, 1), normal(9, 2))
    with pytest.raises(ValueError, match="2 sets of 50 need 100 training and 50 held-out"):
        generation_quality(vae, normal(99, 1), normal(50, 2), sets=2, size=50)
    with pytest.raises(ValueError, match="sets"):
        generation_quality(vae, normal(99, 1), normal(50, 2), sets=1)


def test_progress_reaches_1():
    told = []
    generation_quality(model(**SMALL), normal(20, 1), normal(9, 2), sets=2, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
