"""npz: which array is the data. npy: a header is not believed."""

import zipfile

import numpy as np
import pytest

from vae_np.data import load

ARCHIVES = {
    "x": ({"z": [[9.0]], "x": [[1.0]]}, {}, None),
    "data and labels": ({"data": [[1.0]], "labels": [7]}, {}, [7]),
    "x and y": ({"x": [[1.0]], "y": [[7]]}, {}, [7]),
    "the only array": ({"whatever": [[1.0]]}, {}, None),
    "the only array beside the labels": ({"whatever": [[1.0]], "y": [7]}, {}, [7]),
    "the training part": ({"x_train": [[1.0]], "y_train": [7], "x_test": [[2.0]], "y_test": [8]}, {}, [7]),
    "the test part": ({"x_train": [[2.0]], "y_train": [8], "x_test": [[1.0]], "y_test": [7]}, {"part": "test"}, [7]),
    "a chosen key": ({"x": [[2.0]], "z": [[1.0]]}, {"key": "z"}, None),
    "a chosen x": ({"x": [[2.0]], "x2": [[1.0]], "y": [8], "y2": [7]}, {"key": "x2"}, [7]),
    "labels by their name": ({"x": [[1.0]], "y": ["a"], "kind": [[7]]}, {"labels": "kind"}, [7]),
    "the only array beside labels by their name": ({"a": [[1.0]], "kind": [7]}, {"labels": "kind"}, [7]),
    "no labels, of texts": ({"x": [[1.0]], "y": ["a"]}, {"labels": "none"}, None),
    "no labels, one-hot": ({"x": [[1.0]], "y": [[0.0, 1.0]]}, {"labels": "none"}, None),
    "no labels, of objects": ({"x": [[1.0]], "y": np.array([None])}, {"labels": "none"}, None),
    "whole floats as labels": ({"x": [[1.0]], "y": [7.0]}, {}, [7]),
}


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("case", ARCHIVES)
def test_an_archive_gives_its_data_and_its_labels(tmp_path, case, write):
    arrays, options, labels = ARCHIVES[case]
    write(tmp_path / "a.npz", **arrays)
    data = load(tmp_path / "a.npz", **options)
    assert data.x.tolist() == [[1.0]]
    assert (None if data.labels is None else data.labels.tolist()) == labels


REFUSED_ARCHIVES = {
    "several arrays": ({"a": [[1.0]], "b": [[1.0]]}, {}, "no array x or data or x_train; it holds a, b"),
    "an absent key": ({"x": [[1.0]]}, {"key": "z"}, "no array z; it holds x"),
    "an absent part": ({"x": [[1.0]]}, {"part": "test"}, "no array x_test; it holds x"),
    "nothing": ({}, {}, "it holds no arrays"),
    "too few labels": ({"x": [[1.0], [2.0]], "y": [1]}, {}, "2 rows need 2 integer labels"),
    "labels one-hot": ({"x": [[1.0], [2.0]], "y": np.eye(2)}, {}, "2 rows need 2 integer labels"),
    "labels with fractions": ({"x": [[1.0], [2.0]], "y": [1, 1.5]}, {}, "that of row 1 .* is 1.5"),
    "labels that are NaN": ({"x": [[1.0]], "y": [np.nan]}, {}, "that of row 0 .* is nan"),
    "labels as text": ({"x": [[1.0]], "y": ["a"]}, {}, "array 'y': real numbers"),
    "labels under no such name": ({"x": [[1.0]], "y": [7]}, {"labels": "last"}, "no array last for .*; it holds x, y$"),
    "labels as objects": ({"x": [[1.0]], "y": np.array([None])}, {}, "array 'y': holds Python objects"),
}


@pytest.mark.parametrize("case", REFUSED_ARCHIVES)
def test_an_archive_that_does_not_tell_its_data_is_refused(tmp_path, case):
    arrays, options, fact = REFUSED_ARCHIVES[case]
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=f"^{tmp_path / 'a.npz'}: .*{fact}"):
        load(tmp_path / "a.npz", **options)


@pytest.mark.parametrize("y", [np.eye(3), [1, 1.5, 2], ["a", "b", "c"], np.array([None] * 3), [1, 2]])
def test_labels_that_are_none_are_refused_with_the_word_that_leaves_them_out(tmp_path, y):
    np.savez(tmp_path / "a.npz", x=np.ones((3, 2)) * 0.5, y=y)
    with pytest.raises(ValueError, match=r"array 'y'.*; labels='none' \(--labels none\) leaves the labels out$"):
        load(tmp_path / "a.npz")
    data = load(tmp_path / "a.npz", labels="none")
    assert (data.x.shape, data.labels) == ((3, 2), None)


def test_labels_that_are_not_read_are_told_with_the_word_that_reads_them(tmp_path):
    x, y = np.arange(6.0).reshape(3, 2), np.array([[4], [5], [6]])
    np.savez(tmp_path / "a.npz", train_images=x, names=["a", "b", "c"], weight=x[:, 0], more=[1, 2], train_labels=y)
    data = load(tmp_path / "a.npz", key="train_images")
    line = "labels: none are read of a.npz; --labels train_labels reads the integers in its array train_labels"
    assert (data.labels, data.notes[:1]) == (None, (line,))
    data = load(tmp_path / "a.npz", key="train_images", labels="train_labels")
    assert (data.labels.tolist(), data.notes) == ([4, 5, 6], ())
    assert load(tmp_path / "a.npz", key="train_images", labels="none").notes == ()


@pytest.mark.parametrize("source", ["digits", "csv"])
def test_labels_may_be_left_out_of_any_source(tmp_path, source):
    if source == "csv":
        source = tmp_path / "a.csv"
        source.write_text("0.5,1\n1.5,2\n")
    assert load(source, labels="none").labels is None
    with pytest.raises(ValueError, match=r"^labels must be 'first', 'last', 'none' or None; got 'y'$"):
        load(source, labels="y")


@pytest.mark.parametrize(
    ("shape", "fact"),
    [((2, 4), "needs 64 bytes; 80 follow"), ((3, 4), "needs 96 bytes; 80 follow"), ((-2, -5), "impossible shape")],
)
def test_a_header_that_is_not_of_its_data_is_refused(tmp_path, shape, fact):
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        file.write(bytes(80))
    with pytest.raises(ValueError, match=f"^{tmp_path / 'a.npy'}: .*{fact}"):
        load(tmp_path / "a.npy")


@pytest.mark.parametrize("form", ["npy", "npz"])
def test_a_header_that_promises_too_much_costs_no_memory(tmp_path, form):
    header = {"descr": "<f8", "fortran_order": False, "shape": (2**20, 2**20)}
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(80))
    if form == "npz":
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.write(tmp_path / "a.npy", "x.npy")
    with pytest.raises(ValueError, match=r"needs 8796093022208 bytes; 80 follow"):
        load(tmp_path / f"a.{form}")
