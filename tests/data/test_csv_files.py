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
    assert load(path, scale="none", header="no").x.tolist() == rows


SOUND = {
    "plain": "0,0.5\n1,0.25\n",
    "no newline at the end": "0,0.5\n1,0.25",
    "Windows": "0,0.5\r\n1,0.25\r\n",
    "a byte order mark": "\ufeff0,0.5\n1,0.25\n",
    "a header": "first,second\n0,0.5\n1,0.25\n",
    "a header with a byte order mark and a comment sign": "\ufeff# a, b\n0,0.5\n1,0.25\n",
    "spaces": " 0 , 0.5\n1,\t0.25 \n",
    "quotes": '"0","0.5"\n"1", "0.25" \n',
    "quotes and a header": '"a","b"\r\n"0","0.5"\r\n"1","0.25"\r\n',
    "some quotes and a header": '"7","8"\n0,0.5\n1,0.25\n',
    "quotes and a header of numbers": '"0","1"\n"0","0.5"\n"1","0.25"\n',
    "exponents": "0e0,5e-1\n+1.,.25\n",
    "blank lines": "\n0,0.5\n\n1,0.25\n  \n",
    "UTF-16": "a,b\n0,0.5\n1,0.25\n".encode("utf-16"),
    "words of truth": "a,b\nFalse,0.5\nTrue,0.25\n",
    "R's words of truth": '"a","b"\nFALSE,0.5\nTRUE,0.25\n',
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
    "the header counts as a line": ("a,b\n1,2\n3,x\n", "line 3, column 2 .b.: 'x' is"),
    "blank lines count": ("1,2\n\n\n3,x\n", "line 4, column 2: 'x' is"),
    "nothing between commas": ("1,2\n3,\n", "line 2, column 2: '' is empty; missing values .* fill it in or leave .*$"),
    "a comma at the end": ("1,2\n3,4,\n", "line 2, column 3: '' is empty"),
    "a text in the last of three columns": (
        "1,2,cat\n3,4,dog\n",
        r"line 1, column 3: 'cat' is not a number; if column 3 holds labels: labels='last' \(--labels last\)$",
    ),
    "a text in the first column": (
        "cat,1,2\n",
        r".* is not a number; if column 1 .*: labels='first' \(--labels first\), .*: index='first' \(--index first\)$",
    ),
    "a text in between": ("1,cat,2\n", "line 1, column 2: 'cat' is not a number$"),
    "a text in the only column": ("1\ncat\n", "line 2, column 1: 'cat' is not a number$"),
    "a text in a column that others lack": ("1,2\n3,4,cat\n", "line 2, column 3: 'cat' is not a number$"),
    "decimal commas": ("1,5;2,5\n", r"line 1, column 2: '5;2' is not a number; is the separator ';'\?"),
    "semicolons and a header": (
        "a;b;c\n1.5;2.5;3\n",
        r"line 2, column 1 \(a;b;c\): '1.5;2.5;3' is not a number; is the separator ';'\? only commas are read$",
    ),
    "tabs": ("a\tb\n1\t2\n", r"line 2, column 1 \(a b\): .* is the separator '\\t'\?"),
    "blanks": ("a b\n1 2\n", r"line 2, column 1 \(a b\): .* is the separator ' '\?"),
    "a text with a blank and a number": ("1,cat 2\n", "line 1, column 2: 'cat 2' is not a number; if column 2 holds"),
    "one line with semicolons": ("1;2\n", "there is no data; the only line.* is the separator ';'"),
    "more columns in the header": (
        "a,b,c\n0,0.5\n1,0.25\n",
        "line 1: the header names 3 columns, and the line after it has 2; correct it, or delete it$",
    ),
    "decimal commas under a header": (
        "a,b\n0,5,1,25\n",
        "line 1: the header names 2 columns, and the line after it has 4; are the commas decimal marks.* 1.5, not 1,5$",
    ),
    "a header with commas over semicolons": ("a,b\n0.5;1\n", r"line 1: .* has 1; is the separator ';'\?"),
    "decimal commas in the only column": (
        "a\n1,5\n2,25\n1,75\n",
        "the header names 1 columns, the lines have 2, and what is first in them names no rows .'1' recurs.: .*1,5; or",
    ),
    "a shorter row": ("1,2,3\n4,5\n", "line 2: 2 columns; line 1 has 3"),
    "a longer row": ("a,b\n\n1,2\n3,4,5\n", "line 4: 3 columns; line 3 has 2"),
    "Python's underscore": ("1,2\n1_0,3\n", "line 2, column 1: '1_0' is"),
    "digits of another script": ("1,2\n\uff11.5,3\n", r"line 2, column 1: '\\uff11.5' is not a number"),
    "semicolons": ("1;2\n3;4\n", "line 2, column 1 .1;2.: '3;4'"),
    "bytes that are not UTF-8": (b"1,2\n3,\xff\xfe\n", r"line 2, column 2: '\\xff\\xfe' is"),
    "UTF-16 without its mark": (
        "1,2\n3,4\n".encode("utf-16-le"),
        "line 1: not a text in UTF-8 or UTF-16; save .* UTF-8$",
    ),
    "UTF-16 that is cut off": (
        "1,2\n3,4\n".encode("utf-16")[:-1],
        "the file begins as UTF-16 and is none .truncated data",
    ),
    "a word for a missing value": (
        "a,b\n1,NA\n2,3\n",
        r"line 2, column 2 \(b\): 'NA' stands for a missing value; .* fill it",
    ),
    "a mark for a missing value": ("1,2\n?,3\n", r"line 2, column 1: '\?' stands for a missing value; .* fill it"),
    "thousands": ('a,b\n"1,234.5",1\n', r"line 2, column 1 \(a\): .* is not a number; it has a comma: write 1234.5"),
    "a header in Latin-1": (b"\na,s\xe4ure\n1,2\n", r"line 2: the header 'a,s\\xe4ure' is not a text in UTF-8; save"),
    "a text in a named column": ("a,income\n1,2\n3,x\n", r"line 3, column 2 \(income\): 'x' is not a number"),
    "an empty cell in a named column": ("a, b  c\n1,2\n,3\n1,\n", r"line 3, column 1 \(a\): '' is empty; "),
    "an empty cell beside an index": ("id,a,b\n7,1,2\n9,3,\n", r"line 3, column 3 \(b\): '' is empty; "),
    "a column without a name": ("a,,c\n1,2,3\n3,x,5\n", r"line 3, column 2: 'x' is not a number"),
    "a quoted text": ('"1","2"\n"3","4,5"\n', r"line 2, column 2: '\"4,5\"' is not a number"),
    "quoted decimal commas everywhere": (
        '"1,5","2,5"\n"3,5","4,5"\n',
        r"line 2, column 1 \(1,5\): '\"3,5\"' is not a number",
    ),
    "an infinite value below a header": (
        "a,b\n\n1,2\n3,inf\n",
        r"line 4, column 2 \(b\): 'inf' \(1 of 4",
    ),
    "NaN beside an index": ("id,a\n7,1\n9,nan\n", r"line 3, column 2 \(a\): 'nan' \(1 of 2"),
    "a long text": ("1,2\n3," + "y" * 999, f"line 2, column 2: '{'y' * 40}...' is"),
    "an empty file": ("", "there is no data; the file is empty"),
    "blank lines only": ("\n \n", "there is no data; the file is empty"),
    "a header only": ("a,b\n", "there is no data; the only line, line 1, holds no number .'a,b'"),
    "NaN": ("1,2\n3,nan\n", r"line 2, column 2: 'nan' \(1 of 4 values are not finite\); .* fill it in"),
    "overflow": ("1,2\n3,1e999\n", r"line 2, column 2: '1e999' \(1 of 4"),
    "integers of no obvious scale": (
        "1,2\n3,4\n",
        "integers from 1 to 4 .* give --scale standard, .* --scale none, .* or --scale 4 to divide by it .*scale=4",
    ),
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
    path = write(tmp_path, "0,0.5\n" * 1000, "a.csv.gz")
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


TEXTS = {
    "last": ("0,0.5,dog\n1,0.25,cat\n0,1,dog\n", "last", [1, 0, 1], ("cat", "dog")),
    "first, with a header": ("kind,a,b\ndog,0,0.5\ncat,1,0.25\ndog,0,1\n", "first", [1, 0, 1], ("cat", "dog")),
    "blanks and quotes": ('0,0.5, "dog"\n1,0.25,cat \n0,1,"d""g"\n', "last", [2, 0, 1], ("cat", 'd"g', "dog")),
    "some are numbers": ("0,0.5,10\n1,0.25,9\n0,1,none\n", "last", [0, 1, 2], ("10", "9", "none")),
    "a comma in quotes": ('0,0.5,"x, y"\n1,0.25,z\n0,1,"x, y"\n', "last", [0, 1, 0], ("x, y", "z")),
    "a comma in quotes, first": ('"x, y",0,0.5\nz,1,0.25\n"x, y",0,1\n', "first", [0, 1, 0], ("x, y", "z")),
    "of one kind": ("0,0.5,\u00e9\n1,0.25,\u00e9\n0,1,\u00e9\n", "last", [0, 0, 0], ("\u00e9",)),
    "integers stay integers": ("0,0.5,10\n1,0.25,-9\n0,1,3.0\n", "last", [10, -9, 3], None),
    "quoted integers too": ('0,0.5,"10"\n1,0.25,"9"\n0,1,"3"\n', "last", [10, 9, 3], None),
}


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("case", TEXTS)
def test_labels_that_are_texts_are_numbered_in_their_sorted_order(tmp_path, case, name):
    text, column, codes, names = TEXTS[case]
    data = load(write(tmp_path, text, name), labels=column)
    assert data.x.tolist() == [[0, 0.5], [1, 0.25], [0, 1]]
    assert data.labels.tolist() == codes
    assert data.labels.dtype == np.int64
    assert data.label_names == names
    assert data.take([2]).label_names == names


def test_the_scale_is_that_of_the_values_whatever_the_labels_are(tmp_path):
    assert load(write(tmp_path, "0,1,7\n1,0,9\n"), labels="last").x.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(ValueError, match=r"integers from 0 to 255 .* give --scale 255"):
        load(write(tmp_path, "0,255,cat\n"), labels="last")


@pytest.mark.parametrize(
    ("text", "labels", "fact"),
    [
        ("1,2,cat\n3,4,\n", "last", "line 2, column 3: '' is empty"),
        ('1,2,cat\n3,4,""\n', "last", "line 2, column 3: '\"\"' is empty"),
        ("cat,2\n ,4\n", "first", "line 2, column 1: '' is empty"),
        ("1,2,cat\n3,x,dog\n", "last", "line 2, column 2: 'x' is not a number$"),
        ("1,2,cat\n3,dog\n", "last", "line 2: 2 columns; line 1 has 3"),
        ("1,2,cat\n3\n", "last", "line 2: there is no data beside the label '3'"),
        ("1,cat\n,dog\n", "last", "line 2, column 1: '' is empty"),
        ("a;b\n1.5;cat\n", "last", "line 2: there is no data beside .*'1.5;cat'; is the separator ';'"),
        ("one,0.5\n5,0.1\n", "first", "line 1: the first column has 'one' here and numbers in all .*: --header yes$"),
        (b"1,cat\n2,ch\xe2t\n", "last", r"line 2: the label 'ch\\xe2t' is not a text in UTF-8"),
    ],
)
def test_a_line_that_lacks_label_or_values_is_named(tmp_path, text, labels, fact):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=f"^{path}: {fact}"):
        load(path, labels=labels, scale="none")
