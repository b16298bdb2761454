"""The estimators as scikit-learn uses them, and their numbers against what is known; only where it is installed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import vae_np
from vae_np.evaluation.common_noise import common_noise
from vae_np.exact import log_evidence

sklearn = pytest.importorskip("sklearn")
from sklearn.base import clone  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from vae_np.sklearn import VAEOutlierDetector, VariationalAutoencoder  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.* features are constant:UserWarning", "ignore::FutureWarning")


def small(**options) -> VariationalAutoencoder:
    how = {"hidden": (8,), "epochs": 20, "evidence_samples": 20, "backend": "numpy", "random_state": 0}
    return VariationalAutoencoder(**how | options)


def correlated(n=200, d=4, seed=0):
    """One direction and a little noise, in units of its own."""
    rng = np.random.default_rng(seed)
    return 3 + 2 * rng.normal(size=(n, 1)) @ np.ones((1, d)) + 0.3 * rng.normal(size=(n, d))


X = correlated()


@parametrize_with_checks([small(random_state=None, epochs=10), VAEOutlierDetector(small(random_state=None, epochs=10))])
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


# ---- the numbers


@pytest.mark.parametrize("scale", ["none", "standard"])
def test_the_score_is_the_evidence(scale):
    """Within its errors, of one latent dimension by quadrature: the mean of many seeds, and each in its bounds."""
    vae = small(latent=1, scale=scale, epochs=5).fit(X[:20]).model_
    exact = log_evidence(vae, X[:6]).value
    found = [common_noise(vae, X[:6], 400, seed=seed) for seed in range(25)]
    evidence = np.array([one.evidence for one in found])
    error = np.sqrt(np.mean([np.square(one.error) for one in found], axis=0))
    np.testing.assert_array_less(np.abs(evidence.mean(axis=0) - exact), 4 * error / 5 + error**2)
    spread = evidence.std(axis=0, ddof=1)
    np.testing.assert_array_less(spread, 2 * error)  # of 25: a ratio of 2 is beyond 1 in 10^6
    np.testing.assert_array_less(error, 2 * spread)


def test_a_rows_score_is_its_own_whatever_stands_beside_it():
    vae = small().fit(X)
    whole = vae.score_samples(X)
    np.testing.assert_allclose(vae.score_samples(X[5:8]), whole[5:8], rtol=1e-12)
    np.testing.assert_allclose(vae.score_samples(X[::-1]), whole[::-1], rtol=1e-12)
    assert vae.score(X) == pytest.approx(whole.mean(), rel=1e-12)


def test_the_score_is_in_the_units_of_x():
    """Of 10 x the density is a tenth in each feature."""
    one, ten = small().fit(X), small().fit(10 * X)
    np.testing.assert_allclose(ten.score_samples(10 * X), one.score_samples(X) - 4 * np.log(10), rtol=1e-9)


def test_transform_reconstruct_and_inverse_are_the_models():
    vae = small().fit(X)
    mu = vae.model_.encode(X)[0]
    np.testing.assert_array_equal(vae.transform(X), mu)
    np.testing.assert_array_equal(vae.inverse_transform(mu), vae.reconstruct(X))
    assert vae.sample(7).shape == (7, 4)
    with pytest.raises(ValueError, match="Z has 3 columns, but VariationalAutoencoder has 2 latent dimensions"):
        vae.inverse_transform(np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("x", "name", "scale"),
    [(np.round(X > 3).astype(float), "bernoulli", "none"), (X / 20, "gaussian", "none"), (X, "gaussian", "standard")],
)
def test_the_likelihood_is_that_of_the_data(x, name, scale):
    x = np.clip(x, 0, 1) if scale == "none" else x
    vae = small(epochs=1).fit(x)
    assert (vae.likelihood_.name, vae.scale_) == (name, scale)


# ---- fitting


def test_a_fit_depends_on_its_seed_alone_and_a_pickle_keeps_its_bits():
    one, same, other = small().fit(X), clone(small()).fit(X), small(random_state=1).fit(X)
    np.testing.assert_array_equal(one.transform(X), same.transform(X))
    assert not np.array_equal(one.transform(X), other.transform(X))
    back = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(back.score_samples(X), one.score_samples(X))


def test_a_warm_start_goes_on_and_partial_fits_are_passes():
    vae = small(warm_start=True, epochs=5).fit(X)
    before = vae.score(X)
    assert vae.set_params(epochs=20).fit(X).score(X) > before + 0.05
    parts = small()
    for _ in range(30):
        parts.partial_fit(X)
    assert parts.n_iter_ == 30
    assert parts.score(X) > small(epochs=0).fit(X).score(X)
    again = small()
    for _ in range(30):
        again.partial_fit(X)
    np.testing.assert_array_equal(parts.transform(X), again.transform(X))


def test_early_stopping_leaves_the_best_epochs_model_and_says_how_many_there_were():
    vae = small(early_stopping=True, epochs=400, patience=3, learning_rate=0.02).fit(X[:40])
    assert vae.n_iter_ < 400
    assert vae.history_.best_epoch == vae.n_iter_ - 3
    with pytest.raises(ValueError, match=r"early_stopping holds out 0\.1 of the rows, and n_samples=2 are too few"):
        small(early_stopping=True).fit(X[:2])
    with pytest.raises(ValueError, match="validation_fraction must lie between 0 and 1; got 1"):
        small(early_stopping=True, validation_fraction=1).fit(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_the_data_is_that_of_all_that_comes_out(dtype):
    vae = small().fit(X.astype(dtype))
    x = X.astype(np.float32 if dtype == np.float64 else np.float64)  # the other one is converted, as is usual there
    assert {vae.transform(x).dtype, vae.reconstruct(x).dtype, vae.sample(2).dtype, vae.model_.dtype} == {
        np.dtype(dtype)
    }


# ---- among scikit-learn's tools


def test_it_works_in_pipelines_searches_and_column_transformers():
    pipe = make_pipeline(StandardScaler(), small())
    assert cross_val_score(pipe, X, cv=3).shape == (3,)
    search = GridSearchCV(small(epochs=10), {"latent": [1, 2], "hidden": [(4,), (8,)]}, cv=2, n_jobs=2).fit(X)
    assert set(search.best_params_) == {"latent", "hidden"}
    both = ColumnTransformer([("first", small(latent=1), [0, 1]), ("rest", "passthrough", [2, 3])])
    assert both.fit_transform(X).shape == (200, 3)


def test_frames_go_in_and_come_out():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    vae = small().set_output(transform="pandas").fit(frame)
    assert list(vae.feature_names_in_) == list("abcd")
    found = vae.transform(frame)
    assert (
        list(found.columns)
        == list(vae.get_feature_names_out())
        == ["variationalautoencoder0", "variationalautoencoder1"]
    )
    with pytest.raises(ValueError, match="feature names should match"):
        vae.transform(frame.rename(columns={"a": "x"}))


# ---- outliers


def test_what_differs_is_an_outlier_and_the_feature_that_makes_it_one_is_told():
    """A row off the direction in one feature: usual in each column by itself, unusual together."""
    x = correlated(300)
    odd = correlated(20, seed=1)
    odd[np.arange(20), np.arange(20) % 4] -= 3.0
    detector = VAEOutlierDetector(small(latent=1, hidden=(), epochs=200, learning_rate=0.01), contamination=0.05).fit(x)
    score = detector.score_samples(np.concatenate([x, odd]))
    assert roc_auc_score(np.r_[np.zeros(300), np.ones(20)], -score) > 0.99
    assert (detector.predict(odd) == -1).mean() >= 0.9
    assert (detector.predict(x) == -1).mean() == pytest.approx(0.05, abs=0.01)
    np.testing.assert_array_equal(detector.decision_function(odd) < 0, detector.predict(odd) == -1)
    told = detector.contributions(odd).argmax(axis=1)
    assert (told == np.arange(20) % 4).mean() >= 0.9
    assert np.isfinite(detector.score_errors(odd)).all()


def test_contributions_are_of_the_weighted_log_likelihood():
    detector = VAEOutlierDetector(small(), random_state=3).fit(X)
    vae = detector.autoencoder_.model_
    eps = vae_np.standard_normal(0, 0, (20, 1, 2), purpose="common")
    terms = vae.terms(X, np.ascontiguousarray(np.broadcast_to(eps, (20, len(X), 2))))
    log_w = terms.log_likelihood + terms.log_prior - terms.log_posterior
    w = np.exp(log_w - log_w.max(axis=0))
    mean = (w * (terms.log_likelihood + vae.architecture.log_volume)).sum(axis=0) / w.sum(axis=0)
    found = detector.typical_.sum() - detector.contributions(X).sum(axis=1)
    np.testing.assert_allclose(found, mean, rtol=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.6, -1])
def test_a_contamination_that_is_no_share_is_refused(share):
    with pytest.raises(ValueError, match=r"contamination must be in \(0, 0.5\]"):
        VAEOutlierDetector(small(), contamination=share).fit(X)
