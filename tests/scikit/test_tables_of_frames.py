"""Data frames with columns of several kinds, without scikit-learn: what they are taken for, as numbers and back."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import vae_np
from vae_np import Table
from vae_np.formulas.likelihoods import Bernoulli, Categorical, Columns, Gaussian, Poisson

pandas = pytest.importorskip("pandas")

N = 300


def mixed(n: int = N, seed: int = 0):
    """A kind of every column."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    grades = pandas.CategoricalDtype(["low", "high", "never"], ordered=True)
    return pandas.DataFrame(
        {
            "size": rng.normal(100 * kind, 20.0),
            "colour": np.array(["red", "green", "blue"])[kind],
            "visits": rng.poisson(1 + 4 * kind, n) * (1 + 2 * rng.integers(0, 2, n)),
            "member": kind == 2,
            "children": rng.poisson(1.5, n),
            "floor": rng.integers(1, 5, n),
            "depth": rng.normal(size=n),
            "flag": rng.integers(0, 2, n),
            "grade": pandas.Categorical(np.array(["low", "high"])[kind // 2], dtype=grades),
        },
        index=np.arange(n) + 1000,
    )


FRAME = mixed()
TABLE = Table(FRAME)


def test_every_column_is_taken_for_what_it_is_and_the_table_says_so():
    assert {column.name: column.likelihood.name for column in TABLE.columns} == {
        "size": "gaussian",
        "colour": "categorical",
        "visits": "negative-binomial",
        "member": "bernoulli",
        "children": "poisson",
        "floor": "categorical",
        "depth": "gaussian",
        "flag": "bernoulli",
        "grade": "categorical",
    }
    assert TABLE.scale == "standard"
    assert isinstance(TABLE.likelihood, Columns)
    assert (Gaussian("per-feature", floor=0.05), (0, 11)) in TABLE.likelihood.groups
    assert (Bernoulli(), (5, 12)) in TABLE.likelihood.groups  # two columns, one group
    assert (Categorical(), (7, 8, 9, 10)) in TABLE.likelihood.groups
    lines = repr(TABLE).splitlines()
    assert lines[0].split() == ["column", "values", "likelihood", "why"]
    assert lines[2].split() == ["colour", "blue,", "green,", "red", "categorical", "3", "levels"]
    assert "negative-binomial  counts that vary more than a Poisson's" in lines[3]


def test_a_frame_becomes_numbers_that_its_likelihood_admits_and_a_frame_again():
    x = TABLE.code(FRAME)
    assert x.shape == (N, TABLE.width) == (N, 16)
    TABLE.likelihood.check(x)
    np.testing.assert_array_equal(x[:, 1:4], np.array(FRAME["colour"])[:, None] == np.array(["blue", "green", "red"]))
    np.testing.assert_array_equal(x[:, 13:], np.array(FRAME["grade"])[:, None] == np.array(["low", "high", "never"]))
    back = TABLE.frame(x)
    pandas.testing.assert_frame_equal(back, FRAME.reset_index(drop=True))
    assert back["grade"].dtype == FRAME["grade"].dtype


def test_its_model_trains_and_draws_frames_and_every_draw_is_a_row_that_it_could_have_had():
    vae = vae_np.VAE(
        TABLE.width, hidden=(8,), latent=2, likelihood=TABLE.likelihood, scale=TABLE.scale, backend="numpy"
    )
    vae_np.fit(vae, TABLE.code(FRAME), epochs=3, output_bias="data", progress=False)
    drawn = TABLE.frame(vae.sample(200))
    assert dict(drawn.dtypes) == dict(FRAME.dtypes)
    TABLE.likelihood.check(TABLE.code(drawn))
    mean = TABLE.frame(vae.reconstruct(TABLE.code(FRAME)), mean=True)
    assert set(mean["colour"]) <= {"red", "green", "blue"}
    assert mean["member"].dtype == bool
    assert mean["visits"].dtype == float  # an expectation is no count


def test_what_belongs_to_a_column_is_summed():
    values = np.arange(2.0 * TABLE.width).reshape(2, -1)
    summed = TABLE.by_column(values)
    np.testing.assert_array_equal(summed[:, 1], values[:, 1:4].sum(axis=1))
    np.testing.assert_array_equal(summed[:, 0], values[:, 0])
    np.testing.assert_array_equal(summed.sum(axis=1), values.sum(axis=1))


def test_likelihoods_that_are_given_hold_and_others_are_chosen():
    table = Table(
        FRAME[["size", "children", "floor", "depth"]],
        {"floor": "poisson", "depth": "laplace", "children": "categorical"},
    )
    assert [column.likelihood.name for column in table.columns] == ["gaussian", "categorical", "poisson", "laplace"]
    assert table.columns[1].levels == tuple(range(int(FRAME["children"].max()) + 1))
    assert table.scale == "standard"
    assert Table(FRAME[["children"]], {"children": "gaussian"}).likelihood == Gaussian("per-feature", floor=0.05)
    one = Table(FRAME[["size", "depth"]], {"size": Gaussian(2.0)})
    assert one.likelihood.groups[0].likelihood == Gaussian(2.0)
    with pytest.raises(ValueError, match="names column 'deep', and there is none"):
        Table(FRAME, {"deep": "gaussian"})
    with pytest.raises(ValueError, match="must be one of a column"):
        Table(FRAME, {"depth": "columns:poisson=0"})


def test_numbers_alone_have_the_likelihood_that_they_have_as_an_array():
    from vae_np.model.choosing import natural

    for frame in (FRAME[["size", "depth"]], FRAME[["depth"]] * 0 + 0.25, FRAME[["depth"]].rank(pct=True)):
        assert (Table(frame).likelihood, Table(frame).scale) == natural(np.array(frame))
    shares = FRAME[["depth"]].rank(pct=True).assign(colour=FRAME["colour"])
    assert Table(shares).scale == "none"
    assert Table(shares).likelihood.groups[0].likelihood.sigma == "learned"
    assert Table(shares.assign(size=0.5), {"size": "laplace"}).likelihood.groups[0].likelihood.sigma == "per-feature"
    assert Table(FRAME[["children"]]).likelihood == Poisson()


def test_a_table_of_float32_is_float32_and_other_dtypes_of_pandas_are_read():
    assert Table(FRAME[["size", "depth"]].astype("float32")).code(FRAME[["size", "depth"]]).dtype == np.float32
    nullable = FRAME[["children", "member"]].astype({"children": "Int64", "member": "boolean"})
    table = Table(nullable)
    assert [column.likelihood.name for column in table.columns] == ["poisson", "bernoulli"]
    np.testing.assert_array_equal(table.code(nullable), np.array(FRAME[["children", "member"]], float))
    objects = pandas.DataFrame({"n": pandas.Series([1.5, 2.5, -1], dtype=object), "b": [True, "yes", 3]})
    assert [column.likelihood.name for column in Table(objects).columns] == ["gaussian", "categorical"]
    assert Table(objects).columns[1].levels == (True, 3, "yes")
    one = pandas.DataFrame({"c": ["same"] * 5, "n": np.arange(5.0)})
    assert Table(one).frame(Table(one).code(one)).equals(one)


# ---- what is refused names the column


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "pink"}, r"Found unknown categories \['pink'\] in column 'colour' during transform"),
        ({"visits": -3}, r"column 'visits' must hold whole counts, .* row 0 has -3 \(300 of 300 values"),
        ({"children": 0.5}, "column 'children' must hold whole counts"),
        ({"flag": 2}, r"column 'flag' must hold numbers in \[0, 1\]"),
        ({"depth": np.nan}, "Input X contains NaN: column 'depth' has 300 missing values of 300"),
        ({"colour": None}, "Input X contains NaN: column 'colour'"),
        ({"size": np.inf}, "Input X contains infinity or a value too large: column 'size', row 0"),
        ({"size": "large"}, "column 'size' must hold numbers, as its gaussian likelihood has them"),
        ({"floor": 9}, r"Found unknown categories \[9\] in column 'floor'"),
    ],
)
def test_a_value_that_was_not_there_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        TABLE.code(FRAME.assign(**change))


def test_columns_that_changed_are_refused_in_scikit_learns_words():
    with pytest.raises(ValueError, match="unseen at fit time:\n- Size\nFeature names seen at fit"):
        TABLE.code(FRAME.rename(columns={"size": "Size"}))
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        TABLE.code(FRAME[FRAME.columns[::-1]])
    with pytest.raises(ValueError, match="X must be a DataFrame, as in fit: column 'colour' holds classes"):
        TABLE.code(np.zeros((2, 9)))
    numbers = Table(FRAME[["size", "depth"]])
    np.testing.assert_array_equal(numbers.code(FRAME[["size", "depth"]].to_numpy()), FRAME[["size", "depth"]])
    with pytest.raises(ValueError, match="X must have 2 columns; it has shape"):
        numbers.code(np.zeros((2, 3)))


def test_what_is_no_table_is_refused():
    with pytest.raises(TypeError, match="a table is made of a pandas DataFrame; got ndarray"):
        Table(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="'size' is there twice"):
        Table(FRAME[["size", "size"]])
    with pytest.raises(ValueError, match="0 sample"):
        Table(FRAME[:0])
    with pytest.raises(ValueError, match="column 'when' holds datetime64"):
        Table(pandas.DataFrame({"when": pandas.date_range("2020-01-01", periods=5)}))
    with pytest.raises(ValueError, match="column 'name' has 40 different values in 40 rows, which are names"):
        Table(pandas.DataFrame({"name": [f"n{i}" for i in range(40)]}))
    with pytest.raises(ValueError, match="column 'size' has texts among its numbers, 'big': make numbers"):
        Table(pandas.DataFrame({"size": [*np.arange(40) / 7, "big"]}))


def test_a_pickle_keeps_it():
    back = pickle.loads(pickle.dumps(TABLE))
    np.testing.assert_array_equal(back.code(FRAME), TABLE.code(FRAME))
    assert repr(back) == repr(TABLE)
