"""Rows beside normal ones: scores, p-values, and which features."""

from __future__ import annotations

import numpy as np
import pytest
from models import batch, model
from scipy import stats

from vae_np.evaluation import anomalies, normal
from vae_np.evaluation.common_noise import common_noise

SMALL = {"n_features": 4, "hidden": (5,), "latent": 2, "likelihood": "gaussian", "backend": "numpy"}


def rows(n, seed):
    return np.random.Generator(np.random.Philox(seed)).normal(size=(n, 4))


def test_the_score_is_log_p_and_p_values_and_contributions_are_as_they_are_written():
    vae, known, x = model(**SMALL), rows(9, 1), rows(5, 2)
    found = anomalies(vae, x, normal(vae, known, samples=20, seed=3))
    ours, theirs = common_noise(vae, x, 20, seed=3), common_noise(vae, known, 20, seed=3)
    np.testing.assert_array_equal(found.score, ours.evidence)
    np.testing.assert_array_equal(found.error, ours.error)
    expected = [(1 + sum(score <= own for score in theirs.evidence)) / 10 for own in ours.evidence]
    np.testing.assert_allclose(found.p_value, expected, rtol=1e-15)
    for d in range(4):
        np.testing.assert_allclose(found.contributions[:, d], np.median(theirs.terms[:, d]) - ours.terms[:, d])


def test_the_share_of_normal_rows_that_are_flagged_is_the_rate_whatever_the_model_is_worth():
    vae = model(**SMALL)  # untrained
    counts = np.zeros(2)
    for seed in range(40):
        known = normal(vae, rows(39, 2 * seed), samples=3)
        found = anomalies(vae, rows(25, 2 * seed + 1), known)
        counts += [found.flags(0.1).sum(), 25]
    # each has 0.1 exactly (4 of 40 places), but those of one set go together: the count of a set is beta-binomial
    deviation = np.sqrt(40) * stats.betabinom(25, 4, 36).std()
    assert abs(counts[0] - 0.1 * counts[1]) <= 4 * deviation


def test_rows_beside_each_other_have_the_share_that_is_as_abnormal():
    vae, x = model(**SMALL), rows(20, 1)
    x[7] = 30
    found = anomalies(vae, x)
    np.testing.assert_array_equal(np.sort(found.p_value), np.arange(1, 21) / 20)
    assert found.flags(0.05).nonzero()[0].tolist() == [7]
    assert found.flags(0.1).sum() == 2


def test_the_feature_that_was_changed_is_the_one_that_tells():
    vae = model(**SMALL)
    for name in ("encoder.0.W", "decoder.out.W"):
        vae.parameters[name] = np.zeros_like(vae.parameters[name])  # columns by themselves
    x = rows(8, 5)
    x[2, 3] += 12
    found = anomalies(vae, x, normal(vae, rows(30, 6)))
    assert found.contributions[2].argmax() == 3
    assert found.p_value[2] == 1 / 31


def test_rates_and_rows_that_make_no_sense_are_refused():
    vae = model(**SMALL)
    found = anomalies(vae, batch(vae, n=4)[0])
    for rate in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match="rate must lie between 0 and 1"):
            found.flags(rate)
    with pytest.raises(ValueError, match="no rows"):
        normal(vae, np.empty((0, 4)))
