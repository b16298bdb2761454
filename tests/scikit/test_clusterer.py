"""Clusters as scikit-learn has them; only where it is installed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
from sklearn.base import clone  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.metrics import adjusted_rand_score  # noqa: E402
from sklearn.mixture import GaussianMixture  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from vae_np.evaluation import cluster_probabilities, fit_mixture  # noqa: E402
from vae_np.sklearn import VAEClusterer, VariationalAutoencoder  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.* features are constant:UserWarning", "ignore::FutureWarning")


def small(n_clusters=3, **options) -> VAEClusterer:
    vae = VariationalAutoencoder(hidden=(8,), epochs=40, learning_rate=0.01, backend="numpy")
    return VAEClusterer(n_clusters, vae, **{"epochs": 10, "restarts": 3, "samples": 20, "random_state": 0} | options)


def trained(**options) -> VAEClusterer:
    """With an autoencoder that 50 rows, a step an epoch, have trained: scikit-learn's checks ask for clusters."""
    made = small(random_state=None, **options)
    return made.set_params(autoencoder__epochs=300)


def blobs(n=60, seed=0):
    """Three directions in six dimensions, and their labels."""
    rng = np.random.default_rng(seed)
    centres = 4 * np.eye(3, 6)
    labels = np.repeat(np.arange(3), n)
    return centres[labels] + 0.5 * rng.normal(size=(3 * n, 6)), labels


X, LABELS = blobs()


@parametrize_with_checks([trained(), trained(mixture="fitted"), small(random_state=None, start="em")])
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "options", [{}, {"responsibilities": "sampled"}, {"mixture": "fitted"}, {"start": "em"}], ids=str
)
def test_clusters_that_are_there_are_found_and_new_rows_go_to_theirs(options):
    found = small(**options).fit(X)
    assert adjusted_rand_score(LABELS, found.labels_) > 0.95
    new, labels = blobs(seed=1)
    assert adjusted_rand_score(labels, found.predict(new)) > 0.95
    assert adjusted_rand_score(np.r_[LABELS, labels], np.r_[found.labels_, found.predict(new)]) > 0.95
    proba = found.predict_proba(new)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(proba.argmax(axis=1), found.predict(new))
    assert (found.history_ is None) == ("mixture" in options)


def test_probabilities_are_the_models_and_a_rows_own():
    found = small().fit(X)
    proba = found.predict_proba(X)
    np.testing.assert_array_equal(proba, cluster_probabilities(found.autoencoder_.model_, X, 20))
    np.testing.assert_allclose(found.predict_proba(X[5:8]), proba[5:8], rtol=0, atol=1e-12)


def test_draws_of_a_cluster_belong_to_it_and_draws_of_all_come_by_weight():
    found = small(epochs=300, learning_rate=0.005).fit(X)
    for c in range(3):
        x, label = found.sample(50, cluster=c)
        assert x.shape == (50, 6)
        assert (label == c).all()
        assert (found.predict(x) == c).mean() > 0.9
    assert set(found.sample(100)[1]) == {0, 1, 2}


def test_the_fitted_mixture_is_as_likely_as_scikit_learns():
    """Both are maxima found from ten starts, theirs with 1e-6 added to each variance, here of the order of 1."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 3)) * [1, 2, 0.5] + 3 * rng.integers(0, 3, size=(400, 1))
    theirs = GaussianMixture(3, covariance_type="diag", n_init=10, tol=1e-8, max_iter=1000, random_state=0).fit(x)
    ours = fit_mixture(x, 3, tolerance=1e-10, most=2000)
    assert ours.bound == pytest.approx(theirs.score(x), abs=1e-5)
    np.testing.assert_allclose(np.sort(np.exp(ours.logits)), np.sort(theirs.weights_), atol=1e-3)


def test_k_means_is_scikit_learns_and_its_mixture_that_of_its_clusters():
    """The least sum of squares of ten starts of both, on groups that overlap; weights, means, variances of the rows."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 3)) * [1, 2, 0.5] + 3 * rng.integers(0, 3, size=(400, 1))
    theirs = KMeans(3, n_init=10, tol=0, random_state=0).fit(x)
    ours = fit_mixture(x, 3, by="k-means")
    order, same = np.argsort(ours.mean[:, 0]), np.argsort(theirs.cluster_centers_[:, 0])
    np.testing.assert_allclose(ours.mean[order], theirs.cluster_centers_[same], rtol=1e-9)
    for c, k in zip(order, same, strict=True):
        mine = x[theirs.labels_ == k]
        assert np.exp(ours.logits[c]) == pytest.approx(len(mine) / 400, rel=1e-9)
        np.testing.assert_allclose(np.exp(ours.logvar[c]), mine.var(axis=0), rtol=1e-9)


def test_a_wide_group_behind_a_narrow_one_is_a_cluster_to_em_alone():
    """What the two starts differ in: the likeliest mixture has one centre twice, k-means halves the rows."""
    rng = np.random.default_rng(0)
    x, wide = rng.normal(size=(400, 2)), np.repeat([0, 1], 200)
    x *= np.where(wide, 10.0, 0.1)[:, None]
    assert adjusted_rand_score(wide, fit_mixture(x, 2).probabilities(x).argmax(axis=1)) > 0.9
    means = fit_mixture(x, 2, by="k-means").mean
    nearest = ((x[:, None] - means) ** 2).sum(axis=-1).argmin(axis=1)
    assert adjusted_rand_score(wide, nearest) < 0.3


def test_a_fit_depends_on_its_seed_alone_and_a_pickle_keeps_its_bits():
    one, same = small().fit(X), clone(small()).fit(X)
    np.testing.assert_array_equal(one.predict_proba(X), same.predict_proba(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).predict_proba(X), one.predict_proba(X))


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="mixture must be one of trained, fitted; got 'both'"):
        small(mixture="both").fit(X)
    with pytest.raises(ValueError, match="start must be one of k-means, em; got 'random'"):
        small(start="random").fit(X)
    with pytest.raises(ValueError, match="by must be em or k-means; got 'random'"):
        fit_mixture(X, 3, by="random")
    with pytest.raises(ValueError, match="n_samples=2 must be at least n_clusters=3"):
        small().fit(X[:2])
    with pytest.raises(ValueError, match="clusters need the diagonal posterior"):
        VAEClusterer(2, VariationalAutoencoder(posterior="full", epochs=1, backend="numpy")).fit(X)


def test_a_frame_of_several_kinds_has_clusters_and_draws_are_frames():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 180)
    colours = np.array(["blue", "green", "red"])
    frame = pandas.DataFrame({"size": 10 * kind + rng.normal(size=180), "colour": colours[kind], "visits": 4 * kind})
    vae = VariationalAutoencoder(hidden=(16,), epochs=150, learning_rate=0.01, backend="numpy")
    found = VAEClusterer(3, vae, epochs=10, restarts=3, samples=20, random_state=0).fit(frame)
    assert adjusted_rand_score(kind, found.labels_) > 0.9
    np.testing.assert_array_equal(found.predict(frame[5:9]), found.labels_[5:9])
    drawn, which = found.sample(12)
    assert list(drawn.columns) == list(frame.columns)
    assert set(drawn["colour"]) <= set(colours)
    assert which.shape == (12,)
    with pytest.raises(ValueError, match="Found unknown categories \\['pink'\\] in column 'colour'"):
        found.predict(frame.assign(colour="pink"))
    with pytest.raises(ValueError, match=r"Input X contains NaN: column 'size'"):
        found.predict_proba(frame.assign(size=np.nan))


@pytest.mark.parametrize("estimator", [VariationalAutoencoder(), small()])
@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples", "predict", "predict_proba"])
def test_what_is_not_fitted_says_so(estimator, method):
    if hasattr(type(estimator), method):
        with pytest.raises(NotFittedError):
            getattr(estimator, method)(X)
