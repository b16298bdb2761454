"""csv: what its columns are called, and when the first one is an index and no feature."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from wine import NAMES, write_wine

from vae_np.data import Dataset, load


def write(folder, text, name="a.csv"):
    content = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    return folder / name


NAMED = {
    "plain": ("a,b\n0.5,1\n", ("a", "b")),
    "a comment sign, blanks": ("#  a , b c\n0.5,1\n", ("a", "b c")),
    "quotes": ('"a","b, in ""mm"""\n0.5,1\n', ("a", 'b, in "mm"')),
    "a comma and a number in quotes": ('"a, 5, or so",b\n0.5,1\n', ("a, 5, or so", "b")),
    "quoted numbers": ('"0","1"\n0.5,1\n', ("0", "1")),
    "one without a name": ("a,\n0.5,1\n", ("a", "x1")),
    "no header": ("0.5,1\n", None),
    "a comment": ("# a, b, c, d\n0.5,1\n", None),
    "a line of blanks between commas": (" , \n0.5,1\n", None),
}


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("case", NAMED)
def test_the_header_names_the_features(tmp_path, case, name):
    text, names = NAMED[case]
    data = load(write(tmp_path, text, name), index="none", scale="none")
    assert data.x.tolist() == [[0.5, 1]]
    assert data.feature_names == names
    assert data.index is None
    assert data.take([0]).feature_names == names


@pytest.mark.parametrize(("labels", "names"), [("first", ("b", "c")), ("last", ("a", "b"))])
def test_the_labels_column_is_no_feature_and_gives_none_its_name(tmp_path, labels, names):
    data = load(write(tmp_path, "a,b,c\n1,0.5,2\n2,1.5,3\n4,1,2\n"), labels=labels, scale="none")
    assert data.feature_names == names
    assert data.label_name == ("a" if labels == "first" else "c")
    assert load(write(tmp_path, "1,0.5,2\n2,1.5,3\n"), labels=labels, scale="none").label_name == ""


INDEX = {  # the header, the first column's fields, and what is read: its texts, its name, the features' names
    "counts from 0": ("", "0 1 2", ["0", "1", "2"], "", None),
    "counts from 1": ("n,a,b", "1 2 3", ["1", "2", "3"], "n", ("a", "b")),
    "as pandas writes it": (",a,b", "7 7 x", ["7", "7", "x"], "", ("a", "b")),
    "as pandas writes unnamed columns": (",0,1", "0 1 2", ["0", "1", "2"], "", ("0", "1")),
    "as pandas reads and writes it": ("Unnamed: 0,a,b", "5 3 4", ["5", "3", "4"], "Unnamed: 0", ("a", "b")),
    "as R writes it": ('"a","b"', '"u,v" "w" "x"', ["u,v", "w", "x"], "", ("a", "b")),
    "called ID": ("ID,a,b", "30 -4 17", ["30", "-4", "17"], "ID", ("a", "b")),
    "texts called id": ("id,a,b", "P3 P1 Q7", ["P3", "P1", "Q7"], "id", ("a", "b")),
    "called row, of quoted numbers": ("row,a,b", '"3" "9" "1"', ["3", "9", "1"], "row", ("a", "b")),
}


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("case", INDEX)
def test_an_index_is_no_feature_and_a_line_says_so(tmp_path, case, name):
    header, column, index, index_name, names = INDEX[case]
    rows = [f"{field},{rest}" for field, rest in zip(column.split(), ("0.5,0", "0.25,1", "1,0"), strict=True)]
    data = load(write(tmp_path, "\n".join([header, *rows]), name))
    assert data.x.tolist() == [[0.5, 0], [0.25, 1], [1, 0]]
    assert data.index.tolist() == index
    assert (data.index_name, data.feature_names) == (index_name, names)
    assert data.take([2, 0]).index.tolist() == [index[2], index[0]]
    first, note = repr(data).splitlines()
    assert first.endswith(f"index {index_name!r})" if index_name else "an index)")
    called = f", {index_name!r}," if index_name else ""
    assert (
        note
        == f"index: the first column of {name}{called} names the rows and is no feature (--index none makes it one)"
    )
    assert data.notes == (note,)


NO_INDEX = {
    "begins at 2": "2,0.5\n3,0.25\n4,1\n",
    "leaves one out": "0,0.5\n1,0.25\n3,1\n",
    "falls": "2,0.5\n1,0.25\n0,1\n",
    "two rows, which may be data": "0,0.5\n1,0.25\n",
    "floats that count": "0.0,0.5\n1.0,0.25\n2.0,1\n",
    "an id that repeats": "id,a\n3,0.5\n3,0.25\n4,1\n",
    "an id that is measured": "id,a\n0.5,0.5\n3,0.25\n4,1\n",
    "another name": "idle,a\n3,0.5\n5,0.25\n4,1\n",
}


@pytest.mark.parametrize("case", NO_INDEX)
def test_what_may_be_a_feature_stays_one(tmp_path, case):
    data = load(write(tmp_path, NO_INDEX[case]), scale="none")
    assert data.x.shape[1] == 2
    assert data.index is None


def test_a_word_overrules_what_the_first_column_looks_like(tmp_path):
    path = write(tmp_path, "0,0.5\n1,0.25\n2,1\n")
    assert load(path, index="none", scale="none").x[:, 0].tolist() == [0, 1, 2]
    path = write(tmp_path, "a,b\n9,0.5\n9,0.25\n,1\n")
    data = load(path, index="first")
    assert (data.x[:, 0].tolist(), data.index.tolist(), data.index_name) == ([0.5, 0.25, 1], ["9", "9", ""], "a")
    assert data.notes == ()  # nothing was assumed
    assert load(write(tmp_path, "0\n1\n2\n"), scale="none").x.shape == (3, 1)  # the only column is no index


def test_labels_in_the_first_column_leave_no_room_for_an_index(tmp_path):
    path = write(tmp_path, "id,a\n1,0.5\n2,0.25\n3,1\n")
    assert load(path, labels="first").labels.tolist() == [1, 2, 3]
    data = load(write(tmp_path, "id,a,kind\n1,0.5,x\n2,0.25,y\n3,1,x\n"), labels="last")
    assert (data.x.shape, data.index.tolist(), data.label_names) == ((3, 1), ["1", "2", "3"], ("x", "y"))


@pytest.mark.parametrize(
    ("text", "options", "fact"),
    [
        (",a,b\nu,1,2\nv,x,3\n", {}, "line 3, column 2 .a.: 'x' is not a number"),
        (",a,b\nu,1,2\nv,\n", {}, "line 3, column 2 .a.: '' is empty"),
        (",a,b\nu,1,2\nv\n", {}, "line 3: 1 columns; line 2 has 3"),
        (",a,b\nu,1,2\nv,3,4,5\n", {}, "line 3: 4 columns; line 2 has 3"),
        (",a,b\nu,1,cat\nv,3,\n", {"labels": "last"}, "line 3, column 3 .b.: '' is empty"),
        (",a,b\nu,1,cat\nv,dog\n", {"labels": "last"}, "line 3: there is no data beside the label"),
        ("0\n1\n2\n", {"index": "first"}, "there is nothing beside the index"),
    ],
)
def test_faults_beside_an_index_have_their_places_in_the_file(tmp_path, text, options, fact):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=f"^{path}: {fact}"):
        load(path, scale="none", **options)


def test_options_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^index must be 'auto', 'first' or 'none'; got 'last'$"):
        load("digits", index="last")
    with pytest.raises(ValueError, match=r"^digits: index= \(--index\) is for csv files$"):
        load("digits", index="first")
    with pytest.raises(ValueError, match=r"^the first column cannot hold both the index and the labels$"):
        load(write(tmp_path, "1,2\n"), index="first", labels="first")
    x = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"^x has 3 columns and 2 feature_names$"):
        Dataset(x, None, None, "these", feature_names=("a", "b"))
    with pytest.raises(ValueError, match=r"^index must have 2 entries; its shape is \(3,\)$"):
        Dataset(x, None, None, "these", index=np.array(["a", "b", "c"]))


def test_a_table_of_wines_is_read_as_it_was_written(tmp_path):
    x = write_wine(tmp_path / "wine.csv", index="")
    data = load(tmp_path / "wine.csv", labels="last")
    np.testing.assert_array_equal(data.x, x)
    assert data.feature_names == NAMES
    assert data.index.tolist() == [str(i) for i in range(1, 179)]
    assert set(data.label_names) == {"barbera", "barolo", "grignolino"}


def test_a_title_over_the_table_names_no_columns_and_a_line_says_so(tmp_path):
    data = load(write(tmp_path, "Measurements of 2019\n0.5,1,2\n", "a.csv"), scale="none")
    assert data.feature_names is None
    assert data.notes == ("header: line 1 of a.csv, 'Measurements of 2019', is over 3 columns and names none of them",)


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        (["a", "NA", "b", "NA"], "labels: 2 of 4 rows have 'NA', which is taken for a class like the others"),
        (["a", "?", "b", "NA"], "labels: 2 of 4 rows have '?' and 'NA', which is taken for a class like the others"),
        (["a", "b", "b", "a"], None),
        (["a", "9", "NA", "0"], "labels: 1 of 4 rows have 'NA', which is taken for a class like the others"),
        (["0", "1", "NA", "2"], "labels: 1 of 4 rows have 'NA', which is taken for a class like the others"),
        (
            ["9", "10", "NA", "0"],
            "labels: 1 of 4 rows have 'NA', which is taken for a class like the others; so the others, which are"
            " numbers, count as texts: 10 is 1, in their sorted order",
        ),
    ],
)
def test_labels_that_look_missing_are_told(tmp_path, cells, line):
    text = "x,y,kind\n" + "".join(f"0.5,1,{cell}\n" for cell in cells)
    data = load(write(tmp_path, text, "a.csv"), labels="last", scale="none")
    assert data.notes == (() if line is None else (line,))
    assert data.label_names == tuple(sorted(set(cells)))
