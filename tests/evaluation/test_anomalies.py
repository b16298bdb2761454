"""Rows beside normal ones: scores, p-values, and which features."""

from __future__ import annotations

import numpy as np
import pytest
from models import batch, model
from scipy import stats

from vae_np.evaluation import anomalies, normal, perturbed
from vae_np.evaluation.common_noise import common_noise
from vae_np.support.errors import NonFiniteError

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


def test_the_ratio_to_a_background_model_is_the_difference_of_both_evidences():
    vae, background, known, x = model(**SMALL), model(**SMALL | {"latent": 1, "seed": 5}), rows(9, 1), rows(5, 2)
    found = anomalies(vae, x, normal(vae, known, by="ratio", background=background, samples=20, seed=3))
    ours, other = common_noise(vae, x, 20, seed=3), common_noise(background, x, 20, seed=3)
    np.testing.assert_array_equal(found.score, ours.evidence - other.evidence)
    np.testing.assert_allclose(found.error, np.sqrt(ours.error**2 + other.error**2), rtol=1e-14)
    usual = common_noise(vae, known, 20, seed=3).evidence - common_noise(background, known, 20, seed=3).evidence
    expected = [(1 + sum(score <= own for score in usual)) / 10 for own in found.score]
    np.testing.assert_allclose(found.p_value, expected, rtol=1e-15)


def test_a_model_has_no_evidence_against_itself():
    vae = model(**SMALL)
    assert not anomalies(vae, rows(5, 2), normal(vae, rows(9, 1), by="ratio", background=vae)).score.any()


@pytest.mark.parametrize("with_background", [False, True])
def test_typicality_is_the_distance_of_the_statistics_as_it_is_written(with_background):
    vae, known, x = model(**SMALL), rows(41, 1), rows(5, 2)
    models = [vae, model(**SMALL | {"latent": 1, "seed": 5})][: 1 + with_background]

    def statistics(at):
        found = [common_noise(each, at, 20, seed=3) for each in models]
        return np.stack([found[0].evidence, found[0].terms.sum(axis=1), *(f.evidence for f in found[1:])], axis=1)

    def expected(at):
        of_half = statistics(known)[::2]
        d = statistics(at) - of_half.mean(axis=0)
        return [-0.5 * row @ np.linalg.solve(np.cov(of_half, rowvar=False), row) for row in d]

    how = {"by": "typicality", "background": models[1] if with_background else None}
    found = anomalies(vae, x, normal(vae, known, **how, samples=20, seed=3))
    np.testing.assert_allclose(found.score, expected(x), rtol=1e-9)
    scores = np.array(expected(known[1::2]))
    np.testing.assert_allclose(found.p_value, [(1 + (scores <= own).sum()) / 21 for own in expected(x)], rtol=1e-14)


def test_what_is_too_likely_is_not_typical():
    vae, known, mode = model(**SMALL), rows(400, 1), np.zeros((1, 4))
    mode[:] = vae.decode(np.zeros((1, 2)))
    usual, typical = normal(vae, known), normal(vae, known, by="typicality")
    assert anomalies(vae, mode, usual).p_value > 0.9
    assert anomalies(vae, mode, typical).p_value < anomalies(vae, known[:50], typical).p_value.mean()


def test_false_alarms_keep_their_rate_by_typicality_too():
    vae, flagged = model(**SMALL), 0
    for seed in range(40):
        known = normal(vae, rows(78, 2 * seed), by="typicality", samples=3)
        flagged += anomalies(vae, rows(25, 2 * seed + 1), known).flags(0.1).sum()
    deviation = np.sqrt(40) * stats.betabinom(25, 4, 36).std()
    assert abs(flagged - 100) <= 4 * deviation


def test_what_makes_no_sense_together_is_refused():
    vae = model(**SMALL)
    for how in ({"by": "ratio"}, {"background": vae}, {"by": "likelihood"}):
        with pytest.raises(ValueError, match=r"background|by must be"):
            normal(vae, rows(9, 1), **how)
    with pytest.raises(ValueError, match="8 rows at least; x has 7"):
        normal(vae, rows(7, 1), by="typicality")


def test_perturbed_rows_keep_their_columns_and_lose_what_binds_them():
    x = rows(4000, 3)
    x[:, 1] = x[:, 0]
    all_new, some = perturbed(x), perturbed(x, 0.3, seed=1)
    for d in range(4):
        assert np.isin(all_new[:, d], x[:, d]).all()
    # correlations of n independent pairs have a deviation of 1/sqrt(n)
    assert abs(np.corrcoef(all_new[:, 0], all_new[:, 1])[0, 1]) < 4 / np.sqrt(4000)
    changed = (some != x).mean()  # but for a row that was drawn for itself, 1 in 4000
    assert abs(changed - 0.3 * (1 - 1 / 4000)) < 4 * np.sqrt(0.3 * 0.7 / x.size)
    np.testing.assert_array_equal(some, perturbed(x, 0.3, seed=1))
    assert x[0, 0] == x[0, 1]  # the rows themselves stay as they are


@pytest.mark.parametrize("share", [0.0, 1.1, float("nan")])
def test_a_share_is_above_0_and_at_most_1(share):
    with pytest.raises(ValueError, match="share"):
        perturbed(rows(3, 1), share)


GROUPS = "columns:gaussian(sigma=per-feature)=0,categorical=1-4,categorical(classes=2)=5-8"


def with_classes(n, seed, *, likely=0.25):
    """A number, a class of four and two of two; the first of the four is as likely as is said."""
    draw = np.random.default_rng(seed)
    four = draw.choice(4, n, p=[likely, *[(1 - likely) / 3] * 3])
    return np.column_stack([draw.normal(size=n), np.eye(4)[four], *(np.eye(2)[draw.integers(0, 2, (2, n))])])


@pytest.mark.parametrize("likelihood", [GROUPS, "categorical:classes=3"])
def test_a_one_hot_group_is_one_feature_at_the_column_of_the_rows_class(likelihood):
    groups = [[0], [1, 2, 3, 4], [5, 6], [7, 8]] if likelihood == GROUPS else [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    vae = model(n_features=9, hidden=(5,), latent=2, likelihood=likelihood, backend="numpy")
    if likelihood == GROUPS:
        known, x = with_classes(30, 1), with_classes(8, 2)
    else:
        known, x = (np.eye(3)[np.random.default_rng(n).integers(0, 3, (n, 3))].reshape(n, 9) for n in (30, 8))
    found = anomalies(vae, x, normal(vae, known))
    ours, theirs = (common_noise(vae, rows).terms for rows in (x, known))
    for columns in groups:
        expected = np.median(theirs[:, columns].sum(axis=1)) - ours[:, columns].sum(axis=1)
        np.testing.assert_allclose(found.contributions[:, columns].sum(axis=1), expected, rtol=1e-12, atol=1e-12)
        if len(columns) > 1:
            assert not found.contributions[:, columns][x[:, columns] == 0].any()
    beside = anomalies(vae, x).contributions
    expected = np.median(ours[:, groups[-1]].sum(axis=1)) - ours[:, groups[-1]].sum(axis=1)
    np.testing.assert_allclose(beside[:, groups[-1]].sum(axis=1), expected, rtol=1e-12, atol=1e-12)


def test_a_class_that_is_as_likely_as_the_others_tells_nothing_and_a_rare_one_what_it_lacks():
    vae = model(n_features=9, hidden=(), latent=2, likelihood=GROUPS, backend="numpy")
    vae.parameters.vector[...] = 0
    assert np.abs(anomalies(vae, with_classes(20, 1)).contributions[:, 1:]).max() < 1e-12
    shares = np.array([0.97, 0.01, 0.01, 0.01])
    vae.parameters["decoder.out.b"][1:5] = np.log(shares)
    x = with_classes(40, 3, likely=0.97)
    x[7, 1:5] = np.eye(4)[2]
    found = anomalies(vae, x).contributions
    assert found[7, 3] == pytest.approx(np.log(0.97) - np.log(0.01))
    assert (found[7].argmax(), found[7, 1]) == (3, 0)


def far(dtype="float64"):
    """Eight rows of a model, the third too far away in its second column."""
    vae = model(**SMALL, dtype=dtype)
    x = rows(8, 2).astype(dtype)
    x[2, 1] = 1e30 if dtype == "float32" else 1e200
    return vae, x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("by", ["evidence", "ratio", "typicality"])
def test_a_row_that_is_too_far_has_the_lowest_score_and_the_others_theirs(dtype, by):
    vae, x = far(dtype)
    background = model(**(SMALL | {"latent": 1}), dtype=dtype) if by == "ratio" else None
    known = normal(vae, rows(30, 6).astype(dtype), by=by, background=background)
    found, others = anomalies(vae, x, known), anomalies(vae, np.delete(x, 2, axis=0), known)
    assert found.score[2] == -np.inf
    assert found.p_value[2] == 1 / (len(known.scores) + 1)
    assert found.contributions[2].argmax() == 1
    assert np.isnan(found.error[2])
    for name in found._fields:
        ours, theirs = np.delete(getattr(found, name), 2, axis=0), getattr(others, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4 if dtype == "float32" else 1e-9)
    beside = anomalies(vae, x)
    assert (beside.p_value[2], beside.score[2]) == (1 / 8, -np.inf)


def test_typicality_takes_no_far_row_for_normal():
    vae, x = far()
    with pytest.raises(NonFiniteError, match=r"typicality has no mean \(example 2\)"):
        normal(vae, x, by="typicality")
    assert normal(vae, x).scores[0] == -np.inf


def test_a_model_whose_decoder_makes_nothing_finite_is_no_far_row():
    vae, x = model(**SMALL), rows(3, 1)
    vae.parameters["decoder.out.b"][1] = np.nan
    with pytest.raises(NonFiniteError, match=r"is not finite \(examples 0, 1, 2\)"):
        anomalies(vae, x)
