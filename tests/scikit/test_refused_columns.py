"""What a column may not hold, and likelihoods that it cannot have, are told by the column's name."""

from __future__ import annotations

import datetime
import re

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

import vae_np  # noqa: E402
from vae_np import Table  # noqa: E402
from vae_np.formulas.likelihoods import NegativeBinomial, Poisson  # noqa: E402
from vae_np.sklearn import VAEClusterer, VAEOutlierDetector, VariationalAutoencoder  # noqa: E402

N = 60
FAR = 2**60


def small(**options) -> VariationalAutoencoder:
    how = {"hidden": (8,), "epochs": 2, "evidence_samples": 10, "backend": "numpy", "random_state": 0}
    return VariationalAutoencoder(**how | options)


def frame(n: int = N):
    rng = np.random.default_rng(0)
    return pandas.DataFrame(
        {
            "town": np.array(["Bern", "Basel", "Chur"])[rng.integers(0, 3, n)],
            "visits": rng.poisson(3, n),
            "share": rng.uniform(0.1, 0.9, n),
            "level": rng.integers(0, 17, n) / 16,
            "income": rng.normal(50, 9, n),
        }
    )


FRAME = frame()
TODAY = datetime.date(2026, 1, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1]] * N, r"column 'new' holds list, '\[1\]' in row 0: make numbers or classes of it"),
        ([{"a": 1}] * N, "column 'new' holds dict"),
        ([(1, [2])] * N, "column 'new' holds tuple"),
        (pandas.Series([1j, 2] * (N // 2), dtype=object), "column 'new' holds complex"),
        (1j * np.arange(N), "column 'new' holds complex128"),
        (pandas.Series([TODAY] * N, dtype=object), "column 'new' holds date"),
        (pandas.to_datetime(["2026-01-01"] * N), "column 'new' holds datetime64"),
        (pandas.PeriodIndex(["2026", "2025"] * (N // 2), freq="Y"), "column 'new' holds period"),
        ([FAR + 1, FAR + 2, FAR + 3] * (N // 3), r"column 'new' must hold whole numbers of at most 2\^53 .* row 0 has"),
        (np.full(N, 2**63 + 5, np.uint64), "row 0 has 9223372036854775813"),
        (pandas.array([3, FAR + 1] * (N // 2), dtype="Int64"), "row 1 has 1152921504606846977 \\(30 of 60"),
        (pandas.Series([10**30, 1] * (N // 2), dtype=object), f"row 0 has {10**30}"),
        ([-FAR, 0] * (N // 2), f"row 0 has -{FAR}"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
@pytest.mark.parametrize("make", [small, lambda: VAEClusterer(2, small()), lambda: VAEOutlierDetector(small())])
def test_what_is_no_number_and_no_class_is_refused_by_its_column(make, values, message):
    with pytest.raises(ValueError, match=message):
        make().fit(FRAME.assign(new=values))


def test_codes_beyond_what_floats_tell_apart_are_levels_where_they_are_declared_so():
    codes = pandas.Series([FAR + 1, FAR + 2] * (N // 2))
    for column, given in ((codes.astype("category"), None), (codes, {"code": "categorical"})):
        table = Table(pandas.DataFrame({"code": column}), given)
        assert table.columns[0].levels == (FAR + 1, FAR + 2)
        assert table.frame(table.code(pandas.DataFrame({"code": column})))["code"].tolist() == codes.tolist()
    assert Table(pandas.DataFrame({"n": [2**53, 5] * 30})).columns[0].levels == (5, 2**53)


@pytest.mark.parametrize("make", [small, lambda: VAEClusterer(2, small()), lambda: VAEOutlierDetector(small())])
def test_arrays_of_dates_and_of_whole_numbers_without_digits_are_refused_in_fit_and_after_it(make):
    x = np.random.default_rng(0).integers(-50, 50, (N, 3))
    fitted, far, dates = make().fit(x), x.copy(), x.astype("datetime64[s]")
    far[4, 1] = FAR
    for call in (lambda x: make().fit(x), getattr(fitted, "predict", getattr(fitted, "transform", None))):
        with pytest.raises(ValueError, match=r"X must hold numbers; it holds datetime64\[s\]"):
            call(dates)
        with pytest.raises(ValueError, match=rf"column 1 must hold whole numbers .* row 4 has {FAR} \(1 of 60"):
            call(far)
    named = pandas.DataFrame({"a": np.arange(5.0), "when": pandas.to_datetime(["2026-01-01"] * 5)})
    with pytest.raises(ValueError, match="column 'when' holds datetime64"):
        small(likelihood="gaussian").fit(named)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"town": "poisson"}, "column 'town' must hold numbers, as its poisson likelihood has them"),
        ({"income": "foo"}, "likelihood of column 'income': likelihood must be one of bernoulli, beta"),
        ({"income": 3}, "likelihood of column 'income': likelihood must be a name"),
        ({"visits": "multinomial"}, "likelihood of column 'visits': the multinomial likelihood needs at least two"),
        ({"visits": "categorical:classes=19"}, "likelihood of column 'visits': classes=19"),
        ({"visits": "exposure:poisson"}, "likelihood of column 'visits': an exposure is the last column"),
        (
            {"level": "discretised-logistic"},
            "column 'level' must be whole multiples of 1/255 in .* likelihood; row [0-9]+ is [0-9.]+ [(]",
        ),
    ],
)
def test_a_likelihood_that_a_column_cannot_have_is_told_by_the_column(given, message):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        small(likelihood=given).fit(FRAME)
    assert "in fit" not in str(error.value)


def test_values_after_fit_are_told_by_the_column_of_the_frame():
    vae = small(likelihood={"share": "beta", "level": "discretised-logistic:levels=17"}).fit(FRAME)
    with pytest.raises(ValueError, match=r"column 'share' must be strictly between 0 and 1 .*; row 0 is 0\.0 "):
        vae.score(FRAME.assign(share=0.0))
    with pytest.raises(ValueError, match=r"column 'level' must be whole multiples of 1/16 in .*; row 0 is 0\.3 "):
        vae.score(FRAME.assign(level=0.3))
    numbers = small(likelihood={"visits": "poisson"}).fit(FRAME[["income", "visits"]])
    with (
        pytest.raises(ValueError, match="column 'visits' must hold whole counts"),
        pytest.warns(UserWarning, match="names"),
    ):
        numbers.transform(-FRAME[["income", "visits"]].to_numpy())
    with pytest.raises(ValueError, match="X must hold numbers; it holds complex128"):
        numbers.table_.code(np.ones((3, 2), complex))


@pytest.mark.parametrize("fitted", ["fit", "partial_fit"])
def test_constant_features_are_told_by_the_columns_of_the_frame(fitted):
    with pytest.warns(UserWarning, match="^1 of 6 features are constant: fixed$"):
        getattr(small(), fitted)(FRAME.assign(fixed=2.5))
    with pytest.warns(UserWarning, match="^1 of 3 features are constant: fixed$"):
        getattr(small(likelihood="student-t", scale="standard"), fitted)(FRAME[["visits", "share"]].assign(fixed=2.5))


# ---- counts


@pytest.mark.parametrize("likelihood", [Poisson(), NegativeBinomial(1.0)], ids=lambda one: one.name)
def test_counts_are_refused_where_they_cannot_be_drawn(likelihood):
    x = np.array([[2.0**53, 3.0]])
    likelihood.check(x)
    with pytest.raises(ValueError, match=r"x must be at most 2\^53 = 9007199254740992 .* row 0, column 0 is 1.8"):
        likelihood.check(2 * x)
    assert np.isfinite(likelihood.sample(np.log(x), np.random.default_rng(0))).all()
    with pytest.raises(ValueError, match=r"counts are drawn of rates of at most 9.22e\+18; the decoder gives "):
        likelihood.sample(np.full((1, 2), 60.0), np.random.default_rng(0))


def test_counts_near_the_end_of_int64_are_refused_in_fit_with_the_largest_that_there_may_be():
    huge = pandas.DataFrame({"n": np.random.default_rng(0).integers(10**17, 9 * 10**18, 50), "d": np.arange(50.0)})
    for x, given in ((huge, "auto"), (huge.astype(float), {"n": "poisson"}), (huge.astype(float), "poisson")):
        with pytest.raises(ValueError, match=re.escape("at most 2^53 = 9007199254740992")):
            small(likelihood=given).fit(x)
    with pytest.raises(TypeError, match="likelihoods must be a mapping of column to likelihood; got"):
        vae_np.Table(FRAME, ["poisson"])
