"""The estimators of data frames with columns of several kinds."""

from __future__ import annotations

import pickle
import re
import warnings

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("sklearn")
from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402

from vae_np.evaluation.common_noise import common_noise  # noqa: E402
from vae_np.formulas.likelihoods import Columns, Gaussian  # noqa: E402
from vae_np.sklearn import VAEOutlierDetector, VariationalAutoencoder  # noqa: E402

N = 240


def small(**options) -> VariationalAutoencoder:
    how = {"hidden": (8,), "epochs": 20, "evidence_samples": 20, "backend": "numpy", "random_state": 0}
    return VariationalAutoencoder(**how | options)


def mixed(n: int = N, seed: int = 0):
    """A kind decides all columns but one."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    return pandas.DataFrame(
        {
            "size": 100 * kind + rng.normal(0, 20.0, n),
            "colour": np.array(["red", "green", "blue"])[kind],
            "visits": rng.poisson(1 + 6 * kind, n),
            "member": kind == 2,
            "depth": rng.normal(size=n),
        }
    )


FRAME = mixed()
VAE = small().fit(FRAME)


def test_a_frame_goes_in_and_frames_of_its_columns_come_out():
    assert list(VAE.feature_names_in_) == list(FRAME.columns)
    assert VAE.n_features_in_ == 5
    assert isinstance(VAE.likelihood_, Columns)
    assert VAE.scale_ == "standard"
    codes = VAE.transform(FRAME)
    assert codes.shape == (N, 2)
    for frame in (VAE.sample(30), VAE.reconstruct(FRAME), VAE.inverse_transform(codes)):
        assert list(frame.columns) == list(FRAME.columns)
        assert set(frame["colour"]) <= {"red", "green", "blue"}
        assert frame["member"].dtype == bool
    drawn = VAE.sample(30)
    assert dict(drawn.dtypes) == dict(FRAME.dtypes)
    assert np.isfinite(VAE.score_samples(drawn)).all()
    pandas.testing.assert_frame_equal(VAE.reconstruct(FRAME), VAE.inverse_transform(codes))


def test_it_learns_what_goes_together():
    vae = small(epochs=200, learning_rate=0.01).fit(FRAME)
    assert (vae.reconstruct(FRAME)["colour"] == FRAME["colour"]).mean() > 0.95
    assert (vae.reconstruct(FRAME)["member"] == FRAME["member"]).mean() > 0.95
    drawn = vae.sample(400)
    means = drawn.groupby("colour")["size"].mean()
    assert means["red"] < means["green"] < means["blue"]


def test_the_score_is_that_of_the_numbers_and_its_terms_are_a_columns():
    x = VAE.table_.code(FRAME)
    found = common_noise(VAE.model_, x, 20)
    np.testing.assert_array_equal(VAE.score_samples(FRAME), found.evidence)
    terms = VAE.evidence(FRAME).terms
    assert terms.shape == (N, 5)
    np.testing.assert_allclose(terms[:, 1], found.terms[:, 1:4].sum(axis=1))


def test_what_is_verbose_prints_the_table(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small(verbose=True, epochs=1).fit(FRAME)
    assert re.search("colour +blue, green, red +categorical +3 levels", capsys.readouterr().out)


def test_a_mapping_names_the_likelihoods_of_some_columns():
    vae = small(likelihood={"visits": "negative-binomial", "depth": Gaussian(1.0)}, epochs=1)
    fitted = clone(vae).fit(FRAME)
    assert [c.likelihood.name for c in fitted.table_.columns][2] == "negative-binomial"
    assert fitted.table_.columns[4].likelihood == Gaussian(1.0)
    with pytest.raises(ValueError, match="likelihood by column needs a DataFrame"):
        vae.fit(np.zeros((5, 5)))


def test_one_likelihood_for_all_takes_a_frame_of_numbers_as_an_array():
    numbers = FRAME[["size", "depth"]]
    vae = small(likelihood="gaussian", epochs=1, scale="standard").fit(numbers)
    assert vae.table_ is None
    assert isinstance(vae.sample(2), np.ndarray)
    bare = small(epochs=1).fit(pandas.DataFrame(numbers.to_numpy()))  # without names, to scikit-learn an array
    assert bare.table_ is None


def test_refusals_name_the_column_in_fit_and_after_it():
    with pytest.raises(ValueError, match=r"Found unknown categories \['pink'\] in column 'colour'"):
        VAE.score(FRAME.assign(colour="pink"))
    with pytest.raises(ValueError, match="column 'visits' must hold whole counts"):
        VAE.transform(FRAME.assign(visits=-1))
    with pytest.raises(ValueError, match="feature names should match"):
        VAE.transform(FRAME.rename(columns={"size": "Size"}))
    with pytest.raises(ValueError, match="contains NaN: column 'depth'"):
        small().fit(FRAME.assign(depth=np.nan))
    with pytest.raises(ValueError, match="X must be a DataFrame"), pytest.warns(UserWarning, match="feature names"):
        VAE.transform(FRAME.to_numpy())


def test_it_is_one_of_scikit_learns_transformers_still():
    assert cross_val_score(small(epochs=2), FRAME, cv=3).shape == (3,)
    search = GridSearchCV(make_pipeline(small(epochs=2)), {"variationalautoencoder__latent": [1, 2]}, cv=2).fit(FRAME)
    assert search.best_estimator_.transform(FRAME).shape[0] == N
    named = small(epochs=1).set_output(transform="pandas").fit(FRAME)
    assert list(named.transform(FRAME).index) == list(FRAME.index)
    back = pickle.loads(pickle.dumps(VAE))
    np.testing.assert_array_equal(back.score_samples(FRAME), VAE.score_samples(FRAME))


def test_a_warm_start_and_partial_fits_keep_the_first_tables_classes():
    vae = small(warm_start=True, epochs=5).fit(FRAME)
    before, table = vae.score(FRAME), vae.table_
    vae.fit(FRAME[FRAME["colour"] != "red"])
    assert vae.table_ is table
    assert vae.score(FRAME[FRAME["colour"] != "red"]) > before
    parts = small().partial_fit(FRAME).partial_fit(FRAME[FRAME["colour"] == "blue"])
    assert parts.table_.width == 7
    with pytest.raises(ValueError, match="unknown categories"):
        parts.partial_fit(FRAME.assign(colour="pink"))


def test_outliers_of_a_table_are_found_and_told_by_its_columns():
    """The usual colour and size each, never together."""
    autoencoder = small(latent=1, epochs=150, learning_rate=0.01)
    detector = VAEOutlierDetector(autoencoder, contamination=0.05).fit(FRAME)
    assert detector.typical_.shape == (5,)
    odd = FRAME[FRAME["colour"] == "blue"][:10].assign(colour="red")
    assert (detector.predict(odd) == -1).mean() >= 0.9
    told = detector.contributions(odd)
    assert told.shape == (10, 5)
    assert (told.argmax(axis=1) == 1).mean() >= 0.9
    assert list(detector.feature_names_in_) == list(FRAME.columns)
    with pytest.raises(ValueError, match="unknown categories"):
        detector.predict(FRAME.assign(colour="pink"))
