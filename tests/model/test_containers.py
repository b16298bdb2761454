"""What holds numbers without being an array: sparse matrices and data frames, each column with its name."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import vae_np
from vae_np.support import machine

TABLE = np.array([[0, 0.5, 1], [1, 0, 0], [0, 0.25, 1], [0.5, 0, 0]])


class Frame:
    """A pandas DataFrame as NumPy sees it: an array of objects where the columns' types differ."""

    def __init__(self, columns):
        self.columns, self._columns = list(columns), list(columns.values())

    def __array__(self, dtype=None, copy=None):
        rows = np.empty((len(self._columns[0]), len(self._columns)), object)
        for j, column in enumerate(self._columns):
            rows[:, j] = column
        return rows


def vae():
    return vae_np.VAE(3, hidden=(3,), latent=1, likelihood="gaussian", backend="numpy")


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia", "lil"])
def test_a_sparse_matrix_is_its_table(form, monkeypatch):
    matrix = scipy.sparse.csr_array(TABLE).asformat(form)
    one, other = vae(), vae()
    vae_np.fit(one, TABLE, epochs=1, validation=TABLE, progress=False)
    vae_np.fit(other, matrix, epochs=1, validation=matrix, progress=False)
    np.testing.assert_array_equal(one.parameters.vector, other.parameters.vector)
    assert vae_np.evaluate(one, matrix).elbo == vae_np.evaluate(one, TABLE).elbo
    monkeypatch.setattr(machine, "memory", lambda: 100)
    with pytest.raises(
        ValueError, match=r"^x is sparse, of shape \(4, 3\), and takes .* GiB .* x\[:, columns\].toarray"
    ):
        one.elbo(matrix, np.zeros((4, 1)))


def test_bool_beside_float_is_numbers():
    frame = Frame({"a": [0.0, 1.0, 0.0, 0.5], "b": [0.5, 0.0, 0.25, 0.0], "is": np.array([1, 0, 1, 0], bool)})
    np.testing.assert_array_equal(vae().check_data(frame), TABLE)


@pytest.mark.parametrize(
    ("column", "fact"),
    [
        (["red", "blue", "red", "red"], "column 'colour' holds str, 'red': leave it out, encode it"),
        (["1.5", "2.5", "1", "2"], "column 'colour' holds str, '1.5'"),
        ([1.0, None, 1.0, 1.0], "column 'colour' holds NoneType, 'None'.* fill in what is missing"),
    ],
)
def test_a_column_that_holds_no_numbers_is_named(column, fact):
    frame = Frame({"a": TABLE[:, 0], "colour": column, "b": [True] * 4})
    with pytest.raises(TypeError, match=f"^x must hold real numbers; {fact}"):
        vae().check_data(frame)
    with pytest.raises(TypeError, match=r"^x must hold real numbers; column 1 holds "):
        vae().check_data(np.asarray(frame))


def test_frames_of_pandas_are_read_alike():
    pandas = pytest.importorskip("pandas")
    frame = pandas.get_dummies(pandas.DataFrame({"a": [0.0, 1.0, 0.0, 0.5], "is": ["no", "yes", "no", "no"]}))
    assert vae().check_data(frame).tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0], [0.5, 1, 0]]
    frame["is_no"] = ["x"] * 4
    with pytest.raises(TypeError, match="column 'is_no' holds str"):
        vae().check_data(frame)


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_in_either_order_of_bytes_are_the_same(order):
    x = np.random.default_rng(0).random((9, 3))
    theirs = x.astype(f"{order}f8")
    vae = vae_np.VAE(3, hidden=(4,), latent=2, backend="numpy")
    np.testing.assert_array_equal(vae.encode(theirs)[0], vae.encode(x)[0])
    histories = [
        vae_np.fit(vae_np.VAE(3, hidden=(4,), latent=2, backend="numpy"), data, epochs=2, progress=False)["elbo"]
        for data in (x, theirs)
    ]
    assert histories[0] == histories[1]
