"""What the estimators give back for data frames: index, dtypes, and what no frame is made of."""

from __future__ import annotations

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from vae_np import Table  # noqa: E402
from vae_np.sklearn import VariationalAutoencoder  # noqa: E402

N = 60


def small(**options) -> VariationalAutoencoder:
    how = {"hidden": (8,), "epochs": 2, "evidence_samples": 10, "backend": "numpy", "random_state": 0}
    return VariationalAutoencoder(**how | options)


def frame(n: int = N):
    """Every dtype that a column may have."""
    rng = np.random.default_rng(0)
    counts, truths = rng.poisson(3, n), rng.integers(0, 2, n) == 1
    return pandas.DataFrame(
        {
            "float16": rng.normal(size=n).astype(np.float16),
            "float32": rng.normal(size=n).astype(np.float32),
            "Float64": pandas.array(rng.normal(size=n), dtype="Float64"),
            "objects": pandas.Series(rng.normal(size=n).tolist(), dtype=object),
            "uint8": counts.astype(np.uint8),
            "Int64": pandas.array(counts, dtype="Int64"),
            "int64 as numbers": rng.integers(-40, 40, n),
            "whole objects": pandas.Series(counts.tolist(), dtype=object),
            "bool": truths,
            "boolean": pandas.array(truths, dtype="boolean"),
            "truths as objects": pandas.Series(truths.tolist(), dtype=object),
            "grades": rng.integers(1, 5, n).astype(np.int8),
            "pairs": pandas.Series([(1, int(t)) for t in truths], dtype=object),
        }
    ).set_index(pandas.Index(rng.permutation(n) + 1000, name="who"))


def test_draws_have_the_dtypes_of_the_first_frame():
    first = frame()
    drawn = small().fit(first).sample(20)
    assert dict(drawn.dtypes) == dict(first.dtypes)
    for name in ("whole objects", "truths as objects", "pairs", "objects"):
        assert type(drawn[name].iloc[0]) is type(first[name].iloc[0]), name
    assert set(drawn["truths as objects"]) <= {True, False}


def test_numbers_of_a_frame_come_back_as_they_were():
    first = frame()
    table = Table(first)
    pandas.testing.assert_frame_equal(table.frame(table.code(first), index=first.index), first)


def test_reconstructions_have_the_index_of_their_rows_and_expectations_of_whole_numbers():
    first = frame()
    vae = small().set_output(transform="pandas").fit(first)
    some = first.sample(frac=0.5, random_state=0)
    back = vae.reconstruct(some)
    pandas.testing.assert_index_equal(back.index, some.index)
    pandas.testing.assert_frame_equal(vae.inverse_transform(vae.transform(some)), back)
    whole = ["uint8", "Int64", "int64 as numbers", "whole objects"]
    assert set(back[whole].dtypes) == {np.dtype(float)}
    assert dict(back.dtypes.drop(whole)) == dict(first.dtypes.drop(whole))
    both = ["float32", "int64 as numbers"]
    with pytest.warns(UserWarning, match="feature names"):
        listed = vae.fit(first[both]).reconstruct(some[both].to_numpy().tolist())
    assert list(listed.index) == list(range(len(some)))  # a list's index is a method


@pytest.mark.parametrize(
    ("dtype", "value", "becomes"),
    [("int8", 300, "int64"), ("uint8", -1, "int64"), ("int64", 1e20, "float64"), ("float16", 1e6, "float64")],
)
def test_a_dtype_without_room_gives_way(dtype, value, becomes):
    table = Table(pandas.DataFrame({"x": np.arange(1, 20).astype(dtype)}), {"x": "gaussian"})
    back = table.frame([[value], [2]])
    assert back["x"].dtype == becomes
    assert back["x"].tolist() == [value, 2]
    assert table.frame([[3], [2]])["x"].dtype == dtype


def test_what_no_frame_is_made_of_is_refused():
    first = frame()
    table = Table(first)
    x = table.code(first)
    x[3, 4] = np.nan
    with pytest.raises(
        ValueError, match=r"column 'uint8' of a frame must be made of finite numbers; row 3 has \[nan\]"
    ):
        table.frame(x)
    with pytest.raises(ValueError, match=r"a frame is made of rows of 17 numbers; the shape is \(2, 3\)"):
        table.frame(np.zeros((2, 3)))
