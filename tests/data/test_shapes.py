"""Images with channels, bytes that are bits, and sparse matrices: each as what it is, in its own order."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sparse

from vae_np.data import load
from vae_np.support import machine

COUNT = np.arange(2 * 3 * 6 * 5) / 180

SHAPES = {  # an array's shape, and its images'
    "grey, as PyTorch has it": ((6, 1, 6, 5), (6, 5)),
    "grey, as TensorFlow has it": ((6, 6, 5, 1), (6, 5)),
    "colours first": ((2, 3, 6, 5), (3, 6, 5)),
    "colours last": ((2, 6, 5, 3), (6, 5, 3)),
    "four channels": ((3, 2, 5, 4), (2, 5, 4)),
    "a single image of one pixel": ((1, 1, 1, 1), (1, 1)),
}


@pytest.mark.parametrize("case", SHAPES)
def test_images_keep_the_order_of_their_values_and_their_shape(tmp_path, case):
    shape, image = SHAPES[case]
    array = COUNT[: np.prod(shape)].reshape(shape)
    np.save(tmp_path / "a.npy", array)
    data = load(tmp_path / "a.npy")
    np.testing.assert_array_equal(data.x, array.reshape(len(array), -1))
    assert data.image_shape == image
    assert f"images {'x'.join(map(str, image))}" in repr(data)


@pytest.mark.parametrize("shape", [(2, 6, 5), (2, 6, 5, 1), (2, 1, 6, 5), (2, 3, 6, 5), (2, 6, 5, 3)])
def test_transpose_swaps_rows_and_columns_and_no_channels(tmp_path, shape):
    array = COUNT[: np.prod(shape)].reshape(shape)
    np.save(tmp_path / "a.npy", array)
    plain, turned = load(tmp_path / "a.npy"), load(tmp_path / "a.npy", transpose=True)
    height = shape.index(6)
    np.testing.assert_array_equal(turned.x, array.swapaxes(height, height + 1).reshape(2, -1))
    assert [sorted(d.image_shape) for d in (plain, turned)] == [sorted(n for n in shape[1:] if n > 1)] * 2
    assert turned.image_shape.index(5) < turned.image_shape.index(6)
    np.save(tmp_path / "flat.npy", array.reshape(2, -1))
    with pytest.raises(ValueError, match=r"transpose \(--transpose\) is for images"):
        load(tmp_path / "flat.npy", transpose=True)


@pytest.mark.parametrize(
    ("most", "divisor", "note"),
    [
        (0, 1, "all 4 values are 0: there is nothing to learn from them"),
        (1, 1, "scale: the uint8 values are 0 and 1 and stay so (--scale 255 divides them)"),
        (16, 255, "scale: the uint8 values, at most 16, are divided by 255 (--scale 16, if that is the full value)"),
        (128, 255, None),
        (255, 255, None),
    ],
)
def test_bytes_are_scaled_by_what_they_are_and_a_line_tells_what_is_unusual(tmp_path, most, divisor, note):
    array = np.array([[0, most], [most, 0]], np.uint8)
    np.save(tmp_path / "a.npy", array)
    data = load(tmp_path / "a.npy")
    np.testing.assert_array_equal(data.x, array / divisor)
    assert data.divided_by == divisor
    assert data.notes == (() if note is None else (note,))


TABLE = np.array([[0, 0.5, 0, 0], [0, 0, 0, 0.25], [1, 0, 0, 0]])


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("kind", [sparse.coo_matrix, sparse.coo_array])
def test_a_sparse_file_is_its_table_and_a_line_says_so(tmp_path, form, kind):
    sparse.save_npz(tmp_path / "a.npz", kind(TABLE).asformat(form))
    data = load(tmp_path / "a.npz", dtype="float32")
    np.testing.assert_array_equal(data.x, TABLE)
    (note,) = data.notes
    assert note.startswith(f"sparse: a {form} matrix of 3 x 4 with ")
    np.testing.assert_array_equal(load(tmp_path / "a.npz", key="data").x.sum(), TABLE.sum()) if form == "dia" else None


def test_a_sparse_file_beyond_the_memory_or_with_foreign_indices_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    sparse.save_npz(path, sparse.csr_matrix(TABLE))
    monkeypatch.setattr(machine, "memory", lambda: 2**6)
    with pytest.raises(ValueError, match=rf"^{path}: the matrix is sparse, of shape \(3, 4\).* at most half .*toarray"):
        load(path)
    monkeypatch.undo()
    parts = dict(np.load(path)) | {"indices": np.array([1, 9, 0], np.int32)}
    np.savez(path, **parts)
    with pytest.raises(ValueError, match=f"^{path}: its arrays are no sparse matrix"):
        load(path)
    np.savez(path, **parts | {"format": np.array("lil")})
    with pytest.raises(ValueError, match=f"^{path}: a sparse matrix of an unknown format, 'lil'; known are csr"):
        load(path)


def test_a_sparse_matrix_without_an_entry_is_a_table_of_zeros_and_a_line_says_so(tmp_path):
    sparse.save_npz(tmp_path / "a.npz", sparse.csr_matrix((3, 4)))
    data = load(tmp_path / "a.npz")
    np.testing.assert_array_equal(data.x, np.zeros((3, 4)))
    assert data.notes[1:] == ("all 12 values are 0: there is nothing to learn from them",)
    sparse.save_npz(tmp_path / "none.npz", sparse.csr_matrix((0, 4)))
    with pytest.raises(ValueError, match=r"none.npz: there is no data; the shape is \(0, 4\)$"):
        load(tmp_path / "none.npz")
