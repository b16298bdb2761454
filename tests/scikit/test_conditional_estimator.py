"""condition="labels" of the estimators: y is what encoder and decoder are given."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import vae_np
from vae_np.exact import log_evidence

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from vae_np.sklearn import VAEClusterer, VAEOutlierDetector, VariationalAutoencoder

pytestmark = pytest.mark.filterwarnings("ignore:.* features are constant:UserWarning", "ignore::FutureWarning")
WORDS = np.array(["blue", "green", "red"])


def small(**options) -> VariationalAutoencoder:
    how = {"hidden": (8,), "epochs": 20, "evidence_samples": 20, "backend": "numpy", "random_state": 0}
    return VariationalAutoencoder(**{"condition": "labels"} | how | options)


def by_class(n: int = 240, seed: int = 0):
    """One direction about the mean of a class: x | y ~ N(m_y, 4 u u' + 0.09 I), u = (1, 1, 1, 1) / 2."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = 5.0 * np.eye(3, 4)[y] + rng.normal(size=(n, 1)) @ np.ones((1, 4)) + 0.3 * rng.normal(size=(n, 4))
    return x, WORDS[y]


X, Y = by_class()
VAE = small().fit(X, Y)


class AllOfOneLabel(VariationalAutoencoder):
    """For scikit-learn's checks of transformers, which give `transform` no y: it then takes one label for all."""

    def fit_transform(self, X, y=None):
        """As `transform` does."""
        return self.fit(X, y).transform(X)

    def _condition(self, y, rows):
        return super()._condition(np.repeat(self.classes_[:1], rows) if y is None else y, rows)


@parametrize_with_checks([AllOfOneLabel(condition="labels", hidden=(8,), epochs=10, backend="numpy")])
def test_scikit_learns_own_checks_pass_but_for_those_that_give_no_labels(estimator, check):
    check(estimator)


@parametrize_with_checks([small(random_state=None, epochs=10)], expected_failed_checks=lambda _: dict.fromkeys(
    ("check_estimators_dtypes", "check_dtype_object", "check_estimators_pickle", "check_f_contiguous_array_estimator",
     "check_transformer_data_not_an_array", "check_transformer_general", "check_transformer_preserve_dtypes",
     "check_methods_sample_order_invariance", "check_methods_subset_invariance", "check_dict_unchanged",
     "check_fit_idempotent"), "transform without y"))  # fmt: skip
def test_the_others_of_them_pass_for_the_estimator_itself(estimator, check):
    check(estimator)


# ---- the numbers


def test_it_is_the_conditional_model_of_the_classes_in_their_order():
    """The same bits as VAE and fit with classes counted by hand."""
    codes = np.array([list(WORDS).index(word) for word in Y])
    vae = vae_np.VAE(
        4, hidden=(8,), latent=2, likelihood=VAE.likelihood_, scale="standard", condition=3, backend="numpy",
        seed=VAE._seed,
    )  # fmt: skip
    vae_np.fit(vae, X, condition=codes, epochs=20, seed=VAE._seed, output_bias="data", progress=False)
    np.testing.assert_array_equal(VAE.transform(X, Y), vae.encode(X, codes)[0])
    np.testing.assert_array_equal(VAE.reconstruct(X, Y), vae.reconstruct(X, codes))
    np.testing.assert_array_equal(small().fit_transform(X, Y), VAE.transform(X, Y))
    assert list(VAE.classes_) == list(WORDS)
    assert VAE.likelihood_ == vae_np.Gaussian("per-feature", floor=0.05)


def score_of_density(x, y) -> float:
    """The mean log-density of the distribution that `by_class` draws from."""
    mean = 5.0 * np.eye(3, 4)[[list(WORDS).index(word) for word in y]]
    covariance = np.ones((4, 4)) + 0.09 * np.eye(4)
    r = x - mean
    quadratic = (r * np.linalg.solve(covariance, r.T).T).sum(axis=1)
    return float(-(4 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + quadratic).mean() / 2)


def test_the_score_is_log_p_of_x_given_y_and_the_wrong_labels_have_a_lower_one():
    """By a thousand rows of a known density: within what its parameters, found from so many, may cost, some 0.02."""
    x, y = by_class(1000)
    held, labels = by_class(500, seed=1)
    vae = small(latent=1, hidden=(), epochs=150, learning_rate=0.02, evidence_samples=200).fit(x, y)
    truth = score_of_density(held, labels)
    assert vae.score(held, labels) == pytest.approx(truth, abs=0.1)
    wrong = np.roll(WORDS, 1)[np.searchsorted(WORDS, labels)]  # the planted mistake
    assert vae.score(held, wrong) < truth - 10
    rows = vae.model_.rows(held[:5], np.searchsorted(WORDS, labels[:5]))
    np.testing.assert_allclose(vae.score_samples(held[:5], labels[:5]), log_evidence(vae.model_, rows).value, atol=0.05)


def test_draws_and_means_are_of_the_class_that_is_asked_for():
    vae = small(latent=1, hidden=(), epochs=150, learning_rate=0.02).fit(X, Y)
    for j, word in enumerate(WORDS):
        drawn = vae.sample(200, y=word)
        assert drawn.shape == (200, 4)
        assert (drawn - drawn.mean(axis=1, keepdims=True)).mean(axis=0).argmax() == j
    each = vae.sample(3, y=WORDS)
    np.testing.assert_array_equal(each[1], vae.sample(3, y="green")[1])
    np.testing.assert_array_equal(vae.inverse_transform(vae.transform(X, Y), Y), vae.reconstruct(X, Y))
    assert (vae.inverse_transform(np.zeros((3, 1)), WORDS)[:, :3].argmax(axis=1) == np.arange(3)).all()
    np.testing.assert_array_equal(
        vae.inverse_transform(np.zeros((1, 1)), "red"), vae.inverse_transform([[0.0]], WORDS[2:])
    )


@pytest.mark.parametrize("labels", [[3, 1, 1, 7], [0.0, 2.0, 2.0, 5.0], [True, False, True, True], list("abca")])
def test_labels_are_whatever_classifiers_take(labels):
    y = np.array(labels)[np.arange(len(X)) % 4]
    vae = small(epochs=1).fit(X, y)
    assert list(vae.classes_) == sorted(set(labels))
    codes = np.array(sorted(set(labels))).tolist().index(labels[0])
    np.testing.assert_array_equal(vae.transform(X[:1], labels[:1]), vae.model_.encode(X[:1], codes)[0])
    np.testing.assert_array_equal(vae.transform(X, list(y)), vae.transform(X, y.astype(object)))


# ---- among scikit-learn's tools


def test_searches_and_pipelines_give_it_its_labels():
    cv = StratifiedKFold(3)
    pipe = make_pipeline(StandardScaler(), small(epochs=2))
    assert np.isfinite(cross_val_score(pipe, X, Y, cv=cv)).all()
    search = GridSearchCV(small(), {"condition": [None, "labels"]}, cv=cv).fit(X, Y)
    assert search.best_params_ == {"condition": "labels"}
    assert np.isfinite(pipe.fit(X, Y).score(X, Y))
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        pipe.transform(X)


def test_clones_pickles_warm_starts_and_passes_keep_the_classes():
    again = pickle.loads(pickle.dumps(VAE))
    np.testing.assert_array_equal(again.score_samples(X, Y), VAE.score_samples(X, Y))
    np.testing.assert_array_equal(clone(VAE).fit(X, Y).transform(X, Y), VAE.transform(X, Y))
    vae = small(warm_start=True, epochs=5, early_stopping=True).fit(X, Y)
    before = vae.score(X, Y)
    some = Y != "red"
    vae.fit(X[some], Y[some])
    assert list(vae.classes_) == list(WORDS)
    assert vae.set_params(epochs=20).fit(X, Y).score(X, Y) > before
    parts = small().partial_fit(X[some], Y[some], classes=WORDS).partial_fit(X, Y)
    assert parts.transform(X, Y).shape == (240, 2)
    with pytest.raises(ValueError, match="previously unseen labels: 'red'"):
        small().partial_fit(X[some], Y[some]).partial_fit(X, Y)


def test_without_a_condition_y_is_ignored_as_before():
    vae = small(condition=None).fit(X, Y)
    assert vae.classes_ is None
    np.testing.assert_array_equal(vae.transform(X), vae.transform(X, Y))
    assert not vae.__sklearn_tags__().target_tags.required
    assert VAE.__sklearn_tags__().target_tags.required


def test_a_frame_of_several_kinds_has_a_condition_beside_it():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"size": X[:, 0], "colour": np.roll(Y, 0), "visits": np.arange(240) % 7})
    town = pandas.Series(np.where(X[:, 1] > 1, "Bern", "Chur"), dtype="category")
    vae = small().fit(frame, town)
    assert list(vae.classes_) == ["Bern", "Chur"]
    assert vae.evidence(frame, town).terms.shape == (240, 3)
    drawn = vae.sample(4, y="Chur")
    assert list(drawn.columns) == list(frame.columns)
    assert list(vae.set_output(transform="pandas").transform(frame, town).index) == list(frame.index)
    found = VAEOutlierDetector(small(epochs=2)).fit(frame, town)
    assert found.contributions(frame, town).shape == (240, 3)


def test_a_row_under_another_classs_label_is_an_outlier_and_by_its_features():
    autoencoder = small(latent=1, hidden=(), epochs=150, learning_rate=0.02)
    detector = VAEOutlierDetector(autoencoder, contamination=0.05, random_state=0).fit(X, Y)
    wrong = np.roll(WORDS, 1)[np.searchsorted(WORDS, Y)]
    assert (detector.predict(X, wrong) == -1).mean() > 0.95
    assert (detector.fit_predict(X, Y) == -1).mean() == pytest.approx(0.05, abs=0.01)
    assert detector.contributions(X[:2], wrong[:2]).shape == (2, 4)
    assert np.isfinite(detector.score_errors(X, Y)).all()
    with pytest.raises(ValueError, match="requires y to be passed"):
        detector.predict(X)
    assert detector.__sklearn_tags__().target_tags.required


# ---- what is refused


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "This VariationalAutoencoder estimator requires y to be passed, but the target y is None"),
        (Y[:10], "inconsistent numbers of samples"),
        (np.where(Y == "red", "pink", Y), r"previously unseen labels: 'pink'; fit saw \['blue', 'green', 'red'\]"),
        ([None, *Y[1:]], "Input y contains NaN: label 0 is missing"),
        ([float("nan")] * 240, "Input y contains NaN"),
        ([float("inf")] * 240, "Input y contains infinity"),
        (np.stack([Y, Y], axis=1), "y should be a 1d array"),
        ([1, *Y[1:].tolist()], "previously unseen labels: '1'"),
        (np.array([1, *Y[1:]], object), "holds texts and numbers"),
        (np.array([(1,), *Y[1:]], object), r"must hold texts or numbers; it holds \['texts', 'tuple'\]"),
        ([1j] * 240, "Complex data not supported"),
    ],
)
def test_labels_that_are_none_are_refused_in_scikit_learns_words(y, message):
    for method in (VAE.transform, VAE.score_samples, VAE.reconstruct, VAE.score):
        with pytest.raises(ValueError, match=message):
            method(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (X[:, 0], "Unknown label type: continuous"),
        (["a"] * 240, "y has n_classes=1, 'a': one class is no condition"),
    ],
)
def test_fit_refuses_what_is_no_condition(y, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X, y)


def test_a_condition_that_there_is_not_and_labels_of_draws_that_do_not_fit_are_refused():
    for condition in ("label", True, 3):
        with pytest.raises(ValueError, match="condition must be None or 'labels'; got"):
            small(condition=condition).fit(X, Y)
    with pytest.raises(ValueError, match="requires y to be passed"):
        VAE.sample(3)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        VAE.sample(3, y=["red", "blue"])
    with pytest.raises(ValueError, match="previously unseen labels: 'pink'"):
        VAE.sample(3, y="pink")
    with pytest.raises(ValueError, match="clusters are of x alone: the autoencoder must have condition=None"):
        VAEClusterer(3, small()).fit(X, Y)
