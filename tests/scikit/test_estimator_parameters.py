"""Parameters that make no sense are told by their names before anything is trained; a model's own sizes are its own."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.model_selection import GridSearchCV, cross_val_score

from vae_np.evaluation.common_noise import common_noise
from vae_np.formulas.likelihoods import Gaussian, Laplace
from vae_np.sklearn import VAEClusterer, VAEOutlierDetector, VariationalAutoencoder

X = np.random.default_rng(0).normal(size=(60, 4)) @ np.random.default_rng(1).normal(size=(4, 4))


def small(**options) -> VariationalAutoencoder:
    how = {"hidden": (8,), "epochs": 2, "evidence_samples": 10, "backend": "numpy", "random_state": 0}
    return VariationalAutoencoder(**how | options)


def clusterer(n_clusters=2, **options) -> VAEClusterer:
    how = {"autoencoder": small(), "epochs": 2, "restarts": 2, "samples": 5, "random_state": 0}
    return VAEClusterer(n_clusters, **how | options)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (small(beta=-1), "beta must not be negative; got -1.0"),
        (small(evidence_samples=0), "evidence_samples must be at least 1; got 0"),
        (small(hidden="16"), "hidden must be a sequence of widths, such as .*; got '16'"),
        (small(hidden=None), "hidden must be a sequence of widths, such as .*; got None"),
        (small(decoder_hidden="16"), "decoder_hidden must be a sequence of widths, such as .*; got '16'"),
        (small(early_stopping=True, validation_fraction="x"), "validation_fraction must be a number; got 'x'"),
        (clusterer(0), "n_clusters must be at least 1; got 0"),
        (clusterer("3"), "n_clusters must be an integer; got '3'"),
        (clusterer(None), "n_clusters must be an integer; got None"),
        (clusterer(restarts=0), "restarts must be at least 1; got 0"),
        (clusterer(samples=0), "samples must be at least 1; got 0"),
        (clusterer(autoencoder=VAEOutlierDetector()), "autoencoder must be a VariationalAutoencoder; got VAEOutlier"),
        (VAEOutlierDetector("x"), "autoencoder must be a VariationalAutoencoder; got 'x'"),
        (VAEOutlierDetector(small(), contamination="auto"), "contamination must be in .*; got 'auto'"),
        (VAEOutlierDetector(small(), contamination=None), "contamination must be in .*; got None"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_parameter_that_makes_no_sense_is_named_before_anything_is_trained(estimator, message, monkeypatch):
    def trains(*args, **kwargs):
        raise AssertionError("trained")

    monkeypatch.setattr("vae_np.sklearn.autoencoder.fit", trains)
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(X)


# ---- another model than the one that is there


def test_a_fitted_model_answers_with_its_own_sizes():
    vae = small().fit(X).set_params(latent=3)
    codes = vae.transform(X)
    assert list(vae.get_feature_names_out()) == ["variationalautoencoder0", "variationalautoencoder1"]
    assert codes.shape == (60, 2)
    np.testing.assert_array_equal(vae.inverse_transform(codes), vae.reconstruct(X))
    with pytest.raises(ValueError, match="Z has 3 columns, but VariationalAutoencoder has 2 latent dimensions"):
        vae.inverse_transform(np.zeros((1, 3)))
    named = vae.set_output(transform="pandas").transform(X) if _has_pandas() else None
    assert named is None or named.shape == (60, 2)
    assert len(vae.set_output(transform="default").fit(X).get_feature_names_out()) == 3


def _has_pandas() -> bool:
    try:
        import pandas  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent": 3}, "made with latent=2, and fitting goes on with it; latent=3 needs a new one"),
        ({"likelihood": "laplace"}, "made with likelihood='auto', .* likelihood='laplace' needs a new one"),
        ({"hidden": [8, 8]}, r"made with hidden=\(8,\), .* hidden=\(8, 8\) needs a new one"),
        ({"scale": "none"}, "made with scale='auto'"),
    ],
    ids=str,
)
def test_what_goes_on_with_a_model_refuses_the_parameters_of_another(method, change, message):
    vae = small(warm_start=True).fit(X)
    before = vae.transform(X)
    vae.set_params(**change)
    with pytest.raises(ValueError, match=message):
        getattr(vae, method)(X)
    np.testing.assert_array_equal(vae.transform(X), before)
    assert vae.set_params(warm_start=False).fit(X).n_iter_ == 2


def test_what_trains_otherwise_or_is_the_same_in_another_form_goes_on():
    vae = small(warm_start=True, likelihood=Gaussian("per-feature"), hidden=(8,)).fit(X)
    vae.set_params(hidden=np.array([8]), likelihood=Gaussian("per-feature"), epochs=1, learning_rate=0.1, beta=2)
    assert vae.fit(X).n_iter_ == 1
    vae.set_params(hidden=[8])
    assert vae.partial_fit(X).n_iter_ == 2


# ---- scores


def test_estimators_have_the_mean_log_density_as_their_score_and_are_searched_by_it():
    found = clusterer().fit(X)
    model = found.autoencoder_.model_
    assert model.prior.components == 2
    np.testing.assert_array_equal(found.score_samples(X), common_noise(model, X, 10).evidence)
    for estimator in (clusterer(), VAEOutlierDetector(small())):
        fitted = estimator.fit(X)
        assert fitted.score(X) == pytest.approx(fitted.score_samples(X).mean(), rel=1e-12)
        assert np.isfinite(cross_val_score(estimator, X, cv=2)).all()
        search = GridSearchCV(estimator, {"autoencoder__epochs": [0, 60]}, cv=2).fit(X)
        assert search.best_params_ == {"autoencoder__epochs": 60}


# ---- the scale of a likelihood that is given


@pytest.mark.parametrize(
    "likelihood", [Gaussian("per-feature"), "gaussian", "gaussian:sigma=learned", Laplace(), "student-t"], ids=str
)
def test_the_scale_goes_with_a_likelihood_that_is_given_as_with_one_that_is_chosen(likelihood):
    shares = (X - X.min()) / np.ptp(X)
    assert small(likelihood=likelihood).fit(100 * X).scale_ == "standard"
    assert small(likelihood=likelihood).fit(shares).scale_ == "none"
    assert small(likelihood=likelihood, scale="none").fit(X).scale_ == "none"


def test_the_scale_looks_at_columns_that_may_be_any_number():
    counts = np.column_stack([np.arange(60.0), X[:, 0] / 99 / np.abs(X).max() + 0.5])
    assert small(likelihood="columns:poisson=0,gaussian=1").fit(counts).scale_ == "none"
    assert small(likelihood="columns:gaussian=0,gaussian(sigma=2)=1").fit(counts).scale_ == "standard"
    assert small(likelihood="poisson").fit(counts[:, :1]).scale_ == "none"
