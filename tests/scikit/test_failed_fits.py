"""Fits that fail leave what was there, and calls that make no sense say why before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("sklearn")
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402

from vae_np.sklearn import VAEClusterer, VAEOutlierDetector, VariationalAutoencoder  # noqa: E402
from vae_np.support.errors import NonFiniteError  # noqa: E402

N = 60


def small(**options) -> VariationalAutoencoder:
    how = {"hidden": (8,), "epochs": 2, "evidence_samples": 10, "backend": "numpy", "random_state": 0}
    return VariationalAutoencoder(**how | options)


def frame(n: int = N):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, n)
    colours = np.array(["red", "green", "blue"])[kind]
    return pandas.DataFrame({"size": 100 * kind + rng.normal(size=n), "colour": colours, "visits": rng.poisson(3, n)})


FRAME = frame()
ESTIMATORS = {
    "autoencoder": lambda **options: small(**options),
    "clusterer": lambda **options: VAEClusterer(2, small(**options), epochs=2, restarts=2, samples=5, random_state=0),
    "detector": lambda **options: VAEOutlierDetector(small(**options)),
}


def answer(estimator, x):
    return getattr(estimator, "predict_proba", getattr(estimator, "score_samples", None))(x)


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
def test_a_fit_that_fails_leaves_an_unfitted_estimator(make):
    estimator = make(learning_rate=1e10)
    before = set(vars(estimator))
    with pytest.raises(NonFiniteError), np.errstate(all="ignore"):
        estimator.fit(FRAME)
    assert set(vars(estimator)) == before
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)
    with pytest.raises(NotFittedError):
        answer(estimator, FRAME)


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
def test_a_refit_that_fails_leaves_the_old_model_whole(make):
    estimator = make().fit(FRAME)
    before, history = answer(estimator, FRAME), vars(estimator).get("history_")
    getattr(estimator, "autoencoder", estimator).set_params(learning_rate=1e10)
    with pytest.raises(NonFiniteError), np.errstate(all="ignore"):
        estimator.fit(FRAME[["visits", "size"]] * 2)
    np.testing.assert_array_equal(answer(estimator, FRAME), before)
    assert vars(estimator).get("history_") is history
    assert list(estimator.feature_names_in_) == list(FRAME.columns)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_fit_that_goes_on_and_fails_leaves_the_parameters_that_were_there(method):
    vae = small(warm_start=True, batch_size=10).fit(FRAME)
    before, iterations = vae.transform(FRAME), vae.n_iter_
    vae.set_params(learning_rate=1e10)
    with pytest.raises(NonFiniteError), np.errstate(all="ignore"):
        getattr(vae, method)(FRAME)
    np.testing.assert_array_equal(vae.transform(FRAME), before)
    assert vae.n_iter_ == iterations


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
def test_no_rows_of_a_frame_are_refused_as_no_rows_of_an_array_are(make):
    estimator = make()
    numbers = np.random.default_rng(0).normal(size=(N, 3))
    messages = set()
    for x in (FRAME, numbers):
        with pytest.raises(ValueError, match="Found array with 0 sample") as error:
            make().fit(x[:0])
        messages.add(str(error.value))
        estimator.fit(x)
        for method in ("transform", "reconstruct", "score_samples", "predict", "predict_proba", "contributions"):
            if hasattr(estimator, method):
                with pytest.raises(ValueError, match="Found array with 0 sample") as error:
                    getattr(estimator, method)(x[:0])
                messages.add(str(error.value).replace("VariationalAutoencoder", type(estimator).__name__))
    assert len(messages) == 1, messages


def test_one_row_too_far_for_the_number_type_stops_no_other():
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    detector = VAEOutlierDetector(VariationalAutoencoder(latent=2, hidden=(4,), epochs=2, random_state=0)).fit(x)
    new = x[:5].copy()
    new[2, 1] = 1e20
    scores = detector.score_samples(new)
    assert scores[2] == -np.inf
    np.testing.assert_allclose(scores[[0, 1, 3, 4]], detector.score_samples(x[[0, 1, 3, 4]]), rtol=1e-12)
    assert detector.predict(new)[2] == -1
    assert np.argmax(detector.contributions(new)[2]) == 1
