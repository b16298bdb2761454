"""load: every source, every scale, and what is refused."""

import gzip
import os
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_np.data import Dataset, load, load_digits

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)


def save(folder, name, array):
    path = folder / name
    np.save(path, array)
    return path


def test_the_digits_are_the_1797_of_the_file():
    data = load_digits()
    assert (data.x.shape, data.image_shape, data.name) == ((1797, 64), (8, 8), "digits")
    assert (data.x.min(), data.x.max()) == (0, 1)
    # known of this file from elsewhere (scikit-learn ships it too)
    assert data.x.sum() * 16 == 561718
    assert np.bincount(data.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    first = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    assert (data.x[0, :16] * 16).tolist() == first
    assert load("digits", scale="none").x.max() == 16
    assert np.array_equal(load("digits", dtype="float32").x, data.x.astype("float32"))


SHAPES = {
    "rows": ((3, 4), None),
    "square rows are not taken for images": ((3, 16), None),
    "images": ((3, 2, 5), (2, 5)),
    "images with their one channel": ((3, 2, 5, 1), (2, 5)),
}


@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.parametrize("order", "CF")
def test_arrays_of_every_accepted_shape_become_rows(tmp_path, case, order):
    shape, image_shape = SHAPES[case]
    array = np.random.default_rng(0).random(shape)
    data = load(save(tmp_path, "a.npy", np.asarray(array, order=order)))
    assert data.image_shape == image_shape
    assert data.labels is None
    assert data.name == "a.npy"
    assert data.x.flags.c_contiguous
    np.testing.assert_array_equal(data.x, array.reshape(3, -1))


REFUSED = {
    "one-dimensional": (np.ones(3), r"must be \(N, D\), \(N, H, W\), .*; it is \(3,\)"),
    "no dimension": (np.array(1.0), r"it is \(\)"),
    "two channels": (np.ones((2, 6, 5, 2)), r"images have 1, 3 or 4 channels.* the shape is \(2, 6, 5, 2\)"),
    "colours first or last": (
        np.ones((2, 3, 5, 3)),
        r"\(2, 3, 5, 3\) may be \(N, C, H, W\) or \(N, H, W, C\); give plain",
    ),
    "five-dimensional": (np.ones((2, 4, 4, 1, 1)), "the shape must be"),
    "no rows": (np.ones((0, 4)), r"there is no data; the shape is \(0, 4\)"),
    "no columns": (np.ones((4, 0)), "there is no data"),
    "objects": (np.array([[1, None]], object), "holds Python objects"),
    "complex": (np.ones((2, 2), complex), "real numbers are needed; the array holds complex128"),
    "text": (np.array([["a"]]), "real numbers are needed"),
    "records": (np.zeros((2, 2), [("a", "f8")]), "real numbers are needed"),
    "dates": (np.zeros((2, 2), "M8[s]"), "real numbers are needed"),
    "not a number": (np.array([[0, 1], [2, np.nan], [np.inf, 5]]), r"row 1, column 1 is nan \(2 of 6 values"),
    "infinite once in float32": (
        np.array([[0, 1e300]]),
        r"row 0, column 1 is 1e\+300, beyond float32; dtype='float64'",
    ),
    "integers of no obvious scale": (
        np.array([[0, 16]]),
        r"from 0 to 16 .*give --scale standard, .*--scale none, .*or --scale 16 ",
    ),
    "negative integers": (np.array([[-2, 1]]), r"integers from -2 to 1 .*give --scale standard, .*or --scale 2 "),
    "counts": (np.array([[0, 6070]]), r"give --scale standard, .*or --scale 6070 to divide by it \(.*scale=6070\)$"),
    "a table to 249": (np.array([[0, 249]]), r"give --scale standard, .*or --scale 249 "),
    "grey values in a table": (np.array([[0, 254]]), r"give --scale 255 to divide by it, as grey .*scale=255\)$"),
    "dark images": (np.full((1, 2, 2), 200), "give --scale 255 to divide by it, as grey values want, --scale standard"),
    "images of few levels": (np.full((1, 2, 2), 16), "give --scale standard.* --scale 16 "),
    "images beyond grey": (np.full((1, 2, 2), 256), "give --scale standard.* --scale 256 "),
    "images below 0": (np.full((1, 2, 2), 200) * [-1, 1], "give --scale standard.* --scale 200 "),
}


@pytest.mark.parametrize("form", ["npy", "npz"])
@pytest.mark.parametrize("case", REFUSED)
def test_an_array_that_is_no_data_is_refused_with_the_fact(tmp_path, case, form):
    array, fact = REFUSED[case]
    path = tmp_path / f"a.{form}"
    np.save(path, array) if form == "npy" else np.savez(path, x=array)
    with pytest.raises(ValueError, match=f"^{path}: .*{fact}") as caught:
        load(path, dtype="float32")
    assert "\n" not in str(caught.value)


SCALES = {
    "bytes": (GREY, "auto", 255),
    "bytes that are bits": ((GREY > 5).astype(np.uint8), "auto", 1),
    "bits by 255": ((GREY > 5).astype(np.uint8), 255, 255),
    "bytes as they are": (GREY, "none", 1),
    "bytes by another number": (GREY, 11, 11),
    "truth values": (GREY > 5, "auto", 1),
    "small integers": ((GREY > 5).astype(np.int64), "auto", 1),
    "other integers by a number": (GREY.astype(np.int32), 11.0, 11),
    "other integers as they are": (GREY.astype(np.uint16), "none", 1),
    "floats": (GREY.astype(np.float32), "auto", 1),
    "floats by a number": (GREY.astype(np.float64), np.float32(0.5), 0.5),
    "floats that are rounded once": (np.random.default_rng(3).random((3, 400)), 3, 3),
    "a divisor that float32 does not hold": (GREY, 1.1, 1.1),
    "halves": (GREY.astype(np.float16), "auto", 1),
    "the other byte order": (GREY.astype(">f8"), "auto", 1),
}


@pytest.mark.parametrize("dtype", [np.float32, "float64"])
@pytest.mark.parametrize("case", SCALES)
def test_the_scale_divides_and_the_dtype_is_the_one_asked_for(tmp_path, case, dtype):
    array, scale, divisor = SCALES[case]
    data = load(save(tmp_path, "a.npy", array), scale=scale, dtype=dtype)
    assert data.x.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(data.x, (array.astype("f8") / divisor).astype(dtype))


BAD_ARGUMENTS = {
    "scale": [{"scale": s} for s in (0, -1, np.nan, np.inf, "255", True)],
    "dtype": [{"dtype": d} for d in ("float16", "int32", ">f8", complex)],
    "labels": [{"labels": "last"}, {"labels": "middle"}],
    "part": [{"part": "test"}, {"part": "valid"}],
    "key": [{"key": "x"}],
}


@pytest.mark.parametrize(("word", "options"), [(w, o) for w, many in BAD_ARGUMENTS.items() for o in many])
def test_an_argument_that_does_not_fit_is_refused_and_named(tmp_path, word, options):
    path = save(tmp_path, "a.npy", np.ones((2, 2)))
    assert len(load(path)) == 2
    with pytest.raises(ValueError, match=word):
        load(path, **options)


def test_a_file_in_its_final_form_is_mapped_and_not_read(tmp_path):
    path = save(tmp_path, "big.npy", np.ones((1000, 20, 50)))  # 8 MB
    tracemalloc.start()
    try:
        data = load(path)
        mapped = tracemalloc.get_traced_memory()[1]
        load(path, scale=2.0)
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # a check's block is 1 M numbers, of which it makes masks; the data itself is 8 MB
    assert mapped < 5e6
    assert read > 8e6
    assert isinstance(data.x, np.memmap)
    assert not data.x.flags.writeable
    assert type(data.take([3, 1]).x) is np.ndarray


def test_names_that_tell_nothing_and_files_that_are_not_there_are_errors_in_one_line(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.pkl: the name does not tell .*'digits'.*\.npz.*\.csv\.gz") as unknown:
        load(tmp_path / "a.pkl")
    with pytest.raises(FileNotFoundError, match=r"a\.npy: no such file or folder") as missing:
        load(tmp_path / "a.npy")
    assert "\n" not in str(unknown.value) + str(missing.value)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv", "a.idx"])
def test_an_error_of_the_operating_system_stays_one(tmp_path, name):
    if not os.access("/proc/self/mem", os.R_OK):
        pytest.skip("needs a file that can be opened and not read")
    (tmp_path / name).symlink_to("/proc/self/mem")
    with pytest.raises(OSError, match="Input/output error"):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["a.idx", "a.IDX.GZ", "some-ubyte", "images.idx3-ubyte.gz"])
def test_idx_files_are_known_by_their_names(tmp_path, make_idx, name):
    content = make_idx("u1", (1, 1, 2), [0, 51])
    (tmp_path / name).write_bytes(gzip.compress(content) if name.lower().endswith("gz") else content)
    data = load(tmp_path / name)
    assert data.x.tolist() == [[0, 0.2]]
    assert data.image_shape == (1, 2)


def test_data_set_names_come_before_files_and_a_path_is_always_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert len(load("digits")) == 1797
    with pytest.raises(FileNotFoundError, match="lacks files in the form of MNIST"):
        load(tmp_path / "digits")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A small sound file of each kind, as bytes."""
    folder = tmp_path_factory.mktemp("sound")
    x = np.linspace(0, 1, 12).reshape(4, 3)
    np.save(folder / "a.npy", x)
    np.savez(folder / "stored.npz", x=x, y=np.arange(4))
    np.savez_compressed(folder / "deflated.npz", x=x, y=np.arange(4))
    np.savetxt(folder / "a.csv", x, delimiter=",", header="p,q,r", comments="")
    (folder / "a.csv.gz").write_bytes(gzip.compress((folder / "a.csv").read_bytes()))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        assert isinstance(load(path), Dataset)
    return files


def check_read_or_refused(path):
    refusal = None
    try:
        load(path)
    except ValueError as error:
        refusal = str(error)
    assert refusal is None or (refusal.startswith(f"{path}: ") and "\n" not in refusal), refusal


@pytest.mark.filterwarnings("ignore:Reading .* additional header parsing")
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_by_name_but_never_another_error(sound, tmp_path_factory, data):
    name = data.draw(st.sampled_from(sorted(sound)))
    content = bytearray(sound[name])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    check_read_or_refused(path)


@pytest.mark.parametrize("name", ["a.npy", "stored.npz", "deflated.npz", "a.csv.gz"])
def test_a_file_cut_anywhere_is_refused(sound, tmp_path, name):
    path = tmp_path / name
    for length in range(0, len(sound[name]), 3):
        path.write_bytes(sound[name][:length])
        with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: "):
            load(path)


def test_a_changed_number_in_an_archive_is_noticed(sound, tmp_path):
    number = np.float64(6 / 11).tobytes()
    assert sound["stored.npz"].count(number) == 1
    (tmp_path / "a.npz").write_bytes(sound["stored.npz"].replace(number, bytes(8)))
    with pytest.raises(ValueError, match=r"a\.npz: not a whole \.npz file .*CRC"):
        load(tmp_path / "a.npz")


def test_a_column_of_which_float32_leaves_little_is_told(tmp_path):
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.random(50), 2**24 + rng.random(50), np.full(50, 1e9), 1e9 + 64.0 * np.arange(50)])
    path = tmp_path / "table.npy"
    np.save(path, table)
    low, high = table[:, 1].min(), table[:, 1].max()
    line = f"float32: its rounding is much of what varies in column 1, from {low:.17g} to {high:.17g}; "
    assert load(path, scale="none", dtype="float32").notes == (line + "--dtype float64 keeps it",)
    assert load(path, scale="none", dtype="float64").notes == ()
    np.save(path, table.astype(np.float32))  # whoever wrote it had no more
    assert load(path, scale="none", dtype="float32").notes == ()


@pytest.mark.parametrize("steps", [15, 17])
def test_few_steps_of_float32_are_less_than_16(tmp_path, steps):
    path = tmp_path / "table.csv"
    path.write_text(f"t,u\n{2.0**25 - 4 * steps},0\n{2.0**25},1\n")  # steps of 4 at 2^25; 2 below it
    assert len(load(path, scale="none", dtype="float32").notes) == (steps < 16)
