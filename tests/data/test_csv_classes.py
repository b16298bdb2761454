"""Columns of classes in csv files: which types columns have, and classes as zeros and ones."""

from __future__ import annotations

import gzip
import re

import numpy as np
import pytest

from vae_np.data import load
from vae_np.data.csv_classes import typed_columns

TEXT = """income,town,visits,member,grade
9044.5,Bern,0,True,1
12000,"Bad Ragaz, Dorf",18,False,3
7.5e3,Chur,2,TRUE,2
8100.25,Bern,4,False,1
"""
CLASSES = [None, ["Bad Ragaz, Dorf", "Bern", "Chur"], None, None, ["1", "2", "3"]]


@pytest.fixture
def table(tmp_path):
    """A function that writes a file and returns its path."""

    def write(text, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
        return path

    return write


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_columns_have_the_types_that_they_are_written_in(table, name):
    found = typed_columns(table(TEXT, name))
    assert found.names == ["income", "town", "visits", "member", "grade"]
    assert found.named
    assert [column.dtype.kind for column in found.columns] == ["f", "O", "i", "b", "i"]
    assert found.columns[1].tolist() == ["Bern", "Bad Ragaz, Dorf", "Chur", "Bern"]
    assert found.columns[3].tolist() == [True, False, True, False]


def test_they_are_those_of_pandas(table):
    pandas = pytest.importorskip("pandas")
    path = table(TEXT + "1,Chur,007,False,2\n")
    theirs, ours = pandas.read_csv(path), typed_columns(path)
    for name, column in zip(ours.names, ours.columns, strict=True):
        assert theirs[name].tolist() == column.tolist()
        assert column.dtype.kind == theirs[name].dtype.kind or column.dtype == object


def test_whole_numbers_are_those_that_are_written_so(table):
    path = table("a,b,c\n1,1.0,1e3\n2,2,2\n")
    assert [column.dtype.kind for column in typed_columns(path).columns] == ["i", "f", "f"]


def test_an_index_and_labels_are_no_features_and_names_may_be_missing(table):
    path = table("id,a,town,kind\n7,1,Bern,round\n9,2,Chur,square\n")
    found = typed_columns(path, labels="last")
    assert found.names == ["a", "town"]
    bare = typed_columns(table("5.1,3.5,setosa\n4.9,3.1,other\n6,2,setosa\n"))
    assert (bare.names, bare.named) == (["x0", "x1", "x2"], False)


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,x\n2,3\n", "a,b\n1,2\n2,NA\n", "a,b\n1,x\n2,y,z\n", "a,b\n1,2\nnan,3\n", "", "a,b\n"],
)
def test_what_is_no_table_of_types_is_none(table, text):
    assert typed_columns(table(text)) is None


@pytest.mark.parametrize(
    ("end", "fact"),
    [
        ("3,", r"line 4, column 2 \(b\): '' is empty; missing values are not supported"),
        ("3,NA", r"column 2 \(b\): 'NA' stands for a missing value; missing"),
        ("3,7", r"column 2 \(b\): '7' is a number among texts"),
        ("u,x", r"column 1 \(a\): 'u' is not a number, as others of its column are"),
        ("inf,x", r"column 1 \(a\): 'inf' is not a number"),
        ('3,"x', "column 2 .* begins a text in quotes that goes on in the next line"),
    ],
)
def test_the_fault_of_a_table_with_texts_is_told_by_its_place(table, end, fact):
    found = typed_columns(table(f"a,b\n1,x\n2,y\n{end}\n"))
    assert found.columns == []
    assert re.search(fact, found.fault)


def test_a_glance_is_at_the_first_lines(table):
    path = table("a,b\n" + "1.5,2\n" * 200 + "1,x\n")
    assert len(typed_columns(path, glance=True).columns[0]) == 100
    assert typed_columns(path) is None  # a table of numbers, of which `load` tells what is wrong


# ---- classes as zeros and ones


def test_classes_become_zeros_and_ones_with_names(table):
    found = load(table(TEXT), classes=CLASSES, scale="none")
    names = "income town=Bad Ragaz, Dorf|town=Bern|town=Chur|visits|member|grade=1|grade=2|grade=3"
    assert found.feature_names == ("income", *names.split(" ", 1)[1].split("|"))
    expected = [
        [9044.5, 0, 1, 0, 0, 1, 1, 0, 0],
        [12000, 1, 0, 0, 18, 0, 0, 0, 1],
        [7500, 0, 0, 1, 2, 1, 0, 1, 0],
        [8100.25, 0, 1, 0, 4, 0, 1, 0, 0],
    ]
    np.testing.assert_array_equal(found.x, expected)


def test_index_and_labels_stand_beside_them(table):
    path = table("id,town,kind\n7,Bern,round\n9,Chur,square\n")
    found = load(path, classes=[["Bern", "Chur"]], labels="last")
    assert found.index.tolist() == ["7", "9"]
    assert (found.labels.tolist(), found.label_names, found.label_name) == ([0, 1], ("round", "square"), "kind")
    np.testing.assert_array_equal(found.x, np.eye(2))


def test_a_class_of_whole_numbers_is_known_however_it_is_written(table):
    path = table("a,g\n1,2.0\n2,03\n3,1\n")
    np.testing.assert_array_equal(
        load(path, classes=[None, ["1", "2", "3"]], index="none").x[:, 1:], np.eye(3)[[1, 2, 0]]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,town\n1,Bern\n2,Genf\n", r"line 3, column 2 \(town\): 'Genf' is none of its classes: 'Bern', 'Chur'"),
        ("a,town\n1,Bern\n2,NA\n", "'NA' is none of its classes: .*; missing values are not supported"),
        ("a,town\nx1,Bern\n", r"line 2, column 1 \(a\): 'x1' is no finite number"),
        ("a,town\nnan,Bern\n", "'nan' is no finite number.*missing values"),
        ("a,town\n1,Bern\n1,Bern,3\n", "line 3: 3 columns beside index and labels; in training 2"),
    ],
)
def test_what_was_not_there_is_refused_with_its_place(table, text, message):
    with pytest.raises(ValueError, match=message):
        load(table(text), classes=[None, ["Bern", "Chur"]], index="none")


def test_other_sources_have_no_classes(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    with pytest.raises(ValueError, match="classes= is for csv files"):
        load(tmp_path / "x.npy", classes=[None, ["a"]])
