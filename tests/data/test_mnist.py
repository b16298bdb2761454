"""MNIST's folder: names, shapes, labels and what is missing."""

import gzip
import hashlib
import os

import numpy as np
import pytest

from vae_np.data import load, load_mnist
from vae_np.data.download import CHECKSUMS


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pixels_are_divided_by_255_and_keep_their_places(mnist_folder, dtype):
    data = load_mnist(mnist_folder, dtype=dtype)
    assert (data.x.shape, data.x.dtype, data.image_shape) == ((5, 6), dtype, (2, 3))
    assert data.name == "little"
    expected = np.array([0, 51, 255, 102, 1, 204], dtype) / np.array(255, dtype)
    np.testing.assert_array_equal(data.x[0], expected)
    np.testing.assert_array_equal(data.labels, range(5))
    assert data.labels.dtype == np.int64


def test_the_test_part_is_another_file(mnist_folder):
    assert len(load_mnist(mnist_folder, part="test")) == 3
    assert len(load(mnist_folder, part="test", dtype="float32")) == 3
    with pytest.raises(ValueError, match="part must be 'train' or 'test'; got 'valid'"):
        load_mnist(mnist_folder, part="valid")


@pytest.mark.parametrize(("scale", "largest"), [("none", 255), (510, 0.5), ("auto", 1)])
def test_load_scales_a_folder_as_it_is_told(mnist_folder, scale, largest):
    assert load(mnist_folder, scale=scale).x.max() == largest


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_every_spelling_of_the_names_is_found(tmp_path, small_mnist, dotted, packed):
    for name, content in small_mnist.items():
        name = name.replace("-idx", ".idx") if dotted else name
        (tmp_path / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)
    assert len(load_mnist(tmp_path)) == 5
    assert len(load_mnist(tmp_path, part="test")) == 3


@pytest.mark.parametrize("missing", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_a_missing_file_is_an_error_that_lists_what_is_there_and_downloads_nothing_beside_it(mnist_folder, missing):
    (mnist_folder / f"{missing}.gz").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        load_mnist(mnist_folder)
    text = str(caught.value)
    wanted, held = text.split("; it holds ")
    assert wanted.startswith(f"{mnist_folder} lacks files in the form of MNIST's; looked for {missing} (or .gz")
    assert held.startswith("t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz, train-")
    assert "download" not in text
    assert "\n" not in text
    assert ("train-images" in wanted) == ("train-images" in missing)
    assert len(load_mnist(mnist_folder, part="test")) == 3


def test_an_empty_folder_may_be_one_for_mnist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lacks files .*; the source 'mnist' downloads MNIST into the cache$"):
        load_mnist(tmp_path)


NAMES = {  # what sets call their files: of both parts, the images and the labels
    "EMNIST": "emnist-letters-{}-images-idx3-ubyte emnist-letters-{}-labels-idx1-ubyte train test",
    "QMNIST": "qmnist-{}-images-idx3-ubyte.gz qmnist-{}-labels-idx2-int.gz train test",
    "int32 labels": "{}-images-idx3-ubyte {}-labels-idx1-int train t10k",
}


@pytest.mark.parametrize("case", NAMES)
def test_other_sets_of_the_form_are_read_by_their_own_names(tmp_path, make_idx, case):
    images, labels, *parts = NAMES[case].split()
    for part, count in zip(parts, (5, 3), strict=True):
        of_labels = ("i4", (count, 8), [n for i in range(count) for n in (i, 9, 9, 9, 9, 9, 9, 9)])
        of_labels = {"EMNIST": ("u1", (count,), range(count)), "QMNIST": of_labels}.get(
            case, ("i4", (count,), range(count))
        )
        contents = make_idx("u1", (count, 2, 3), range(6 * count)), make_idx(*of_labels)
        for name, content in zip((images, labels), contents, strict=True):
            pack = gzip.compress if name.endswith("gz") else bytes
            (tmp_path / name.format(part)).write_bytes(pack(content))
    for part, count in (("train", 5), ("test", 3)):
        data = load(tmp_path, part=part, scale="none")
        assert data.labels.tolist() == list(range(count))
        assert data.x[1].tolist() == [6, 7, 8, 9, 10, 11]
        turned = load(tmp_path, part=part, scale="none", transpose=True)
        assert turned.x[1].tolist() == [6, 9, 7, 10, 8, 11]
        assert (data.image_shape, turned.image_shape) == ((2, 3), (3, 2))
        assert [note.split(";")[1] for note in data.notes] == ([] if case != "EMNIST" else [
            " --transpose (transpose=True) turns them upright"
        ])  # fmt: skip
        assert turned.notes == ()
        assert load_mnist(tmp_path, part=part, transpose=True).image_shape == (3, 2)


def test_several_sets_in_a_folder_are_told_apart_by_the_user(tmp_path, make_idx):
    for name in ("emnist-digits-train", "emnist-letters-train"):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(make_idx("u1", (1, 2, 3), range(6)))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(make_idx("u1", (1,), range(1)))
    with pytest.raises(ValueError, match="holds several data sets: emnist-digits, emnist-letters; give each a folder"):
        load_mnist(tmp_path)


def test_a_missing_folder_is_an_error_of_its_own(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent is not a folder"):
        load_mnist(tmp_path / "absent")


PLANTED = {
    "labels are fewer": ("labels", ("u1", (4,), range(4)), "4 labels; train-images-idx3-ubyte.gz has 5"),
    "labels are two-dimensional": ("labels", ("u1", (5, 1), range(5)), "labels are integers of shape"),
    "labels are not integers": ("labels", ("f4", (5,), range(5)), "labels are integers .* float32"),
    "images are flat": ("images", ("u1", (5, 6), range(30)), r"images are bytes .* uint8 of \(5, 6\)"),
    "images are not bytes": ("images", ("f4", (5, 2, 3), range(30)), "images are bytes .* float32"),
    "there are no images": ("both", ("u1", (0, 2, 3), []), "there is no data"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_files_that_do_not_fit_together_are_refused(mnist_folder, make_idx, case):
    which, content, fact = PLANTED[case]
    kinds = {"images": "images-idx3", "labels": "labels-idx1", "both": "images-idx3"}
    path = mnist_folder / f"train-{kinds[which]}-ubyte.gz"
    path.write_bytes(gzip.compress(make_idx(*content)))
    if which == "both":
        labels = mnist_folder / "train-labels-idx1-ubyte.gz"
        labels.write_bytes(gzip.compress(make_idx("u1", (0,), [])))
    with pytest.raises(ValueError, match=f"^{mnist_folder}.*{fact}"):
        load_mnist(mnist_folder)


@pytest.fixture
def real_mnist():
    folder = os.environ.get("VAE_NP_MNIST")
    if not folder or not os.path.isdir(folder):
        pytest.skip("VAE_NP_MNIST names no folder")
    return folder


def test_the_real_mnist_has_its_known_shapes_and_counts(real_mnist):
    train, test = (load_mnist(real_mnist, part=part, dtype="float32") for part in ("train", "test"))
    assert (train.x.shape, test.x.shape, train.image_shape) == ((60000, 784), (10000, 784), (28, 28))
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    # the mean and deviation that everyone normalises MNIST with
    assert np.allclose([train.x.mean(dtype=float), train.x.std(dtype=float)], [0.1307, 0.3081], atol=1e-4)
    # of the test images, the bytes that the checksum is of
    pixels = np.rint(test.x * 255).astype(np.uint8).tobytes()
    header = bytes.fromhex("00000803 00002710 0000001c 0000001c")
    digest = hashlib.md5(header + pixels, usedforsecurity=False).hexdigest()
    assert digest == CHECKSUMS["t10k-images-idx3-ubyte"]
