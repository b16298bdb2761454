"""csv: what is read, and where what cannot be read stands."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_np.data import load


def write(folder, text, name="a.csv"):
    content = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    return folder / name


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1))
def test_every_float_is_read_back_to_the_last_bit(tmp_path_factory, rows):
    path = write(tmp_path_factory.getbasetemp(), "".join(",".join(map(repr, row)) + "\n" for row in rows))
    assert load(path, scale="none").x.tolist() == rows


SOUND = {
    "plain": "0,0.5\n1,0.25\n",
    "no newline at the end": "0,0.5\n1,0.25",
    "Windows": "0,0.5\r\n1,0.25\r\n",
    "a byte order mark": "\ufeff0,0.5\n1,0.25\n",
    "a header": "first,second\n0,0.5\n1,0.25\n",
    "a header with a byte order mark and a comment sign": "\ufeff# a, b\n0,0.5\n1,0.25\n",
    "spaces": " 0 , 0.5\n1,\t0.25 \n",
    "exponents": "0e0,5e-1\n+1.,.25\n",
    "blank lines": "\n0,0.5\n\n1,0.25\n  \n",
    "more columns in the header": "a,b,c\n0,0.5\n1,0.25\n",
}


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "A.CSV"])
@pytest.mark.parametrize("case", SOUND)
def test_the_common_ways_of_writing_are_read(tmp_path, case, name):
    data = load(write(tmp_path, SOUND[case], name))
    assert data.x.tolist() == [[0, 0.5], [1, 0.25]]
    assert (data.labels, data.image_shape) == (None, None)


FAULTY = {
    "text": ("1,2\n3,four\n", "line 2, column 2: 'four' is not a number"),
    "text in the first line": ("1,x\n3,4\n", "line 1, column 2: 'x' is not a number"),
    "the header counts as a line": ("a,b\n1,2\n3,x\n", "line 3, column 2: 'x' is"),
    "blank lines count": ("1,2\n\n\n3,x\n", "line 4, column 2: 'x' is"),
    "nothing between commas": ("1,2\n3,\n", "line 2, column 2: '' is not a number"),
    "a comma at the end": ("1,2\n3,4,\n", "line 2, column 3: '' is not a number"),
    "a shorter row": ("1,2,3\n4,5\n", "line 2: 2 columns; line 1 has 3"),
    "a longer row": ("a,b\n\n1,2\n3,4,5\n", "line 4: 3 columns; line 3 has 2"),
    "Python's underscore": ("1,2\n1_0,3\n", "line 2, column 1: '1_0' is"),
    "semicolons": ("1;2\n3;4\n", "the only|line 2, column 1: '3;4'"),
    "bytes that are not UTF-8": (b"1,2\n3,\xff\xfe\n", r"line 2, column 2: '\\udcff\\udcfe' is"),
    "UTF-16": ("1,2\n3,4\n".encode("utf-16"), "line .* is not a number"),
    "a long text": ("1,2\n3," + "y" * 999, f"line 2, column 2: '{'y' * 40}...' is"),
    "an empty file": ("", "there is no data; the file is empty"),
    "blank lines only": ("\n \n", "there is no data; the file is empty"),
    "a header only": ("a,b\n", "there is no data; the only line, line 1, holds no number .'a,b'"),
    "NaN": ("1,2\n3,nan\n", r"row 1, column 1 is nan \(1 of 4"),
    "overflow": ("1,2\n3,1e999\n", r"row 1, column 1 is inf"),
    "integers of no obvious scale": ("1,2\n3,4\n", "integers from 1 to 4 .* give scale=<number>"),
}


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("case", FAULTY)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path, case, name):
    text, fact = FAULTY[case]
    path = write(tmp_path, text, name)
    with pytest.raises(ValueError, match=f"^{path}: ({fact})") as caught:
        load(path)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_a_damaged_gzip_is_named(tmp_path):
    path = write(tmp_path, "0,1\n" * 1000, "a.csv.gz")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=f"^{path}: the gzip data is damaged"):
        load(path)


@pytest.mark.parametrize(("text", "labels"), [("7,0,128\n8,255,3\n", "first"), ("0,128,7\n255,3,8", "last")])
def test_the_labels_are_the_column_that_is_named(tmp_path, text, labels):
    data = load(write(tmp_path, text), labels=labels, scale=255, dtype="float32")
    np.testing.assert_array_equal(data.x, (np.array([[0, 128], [255, 3]]) / 255).astype("f4"))
    assert data.labels.tolist() == [7, 8]
    assert data.x.flags.c_contiguous


@pytest.mark.parametrize(
    ("text", "fact"),
    [("0.5,1\n0.5,1.5\n", "that of row 1 .* is 1.5"), ("1\n2\n", "there is no data"), ("1,nan\n", "row 0 .* is nan")],
)
def test_labels_that_are_none_are_refused(tmp_path, text, fact):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=f"^{path}: .*{fact}"):
        load(path, labels="last")
