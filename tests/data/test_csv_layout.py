"""csv: what only seems to be a table is refused with the remedy: commas inside numbers, headers of several lines."""

from __future__ import annotations

import re

import pytest

from vae_np.data import load


def write(folder, text, name="a.csv"):
    (folder / name).write_text(text)
    return folder / name


NUMBERS = {  # the text, and how many columns the header names
    "decimal commas, no whole part twice": ("celsius\n10,5\n11,25\n9,75\n", 1),
    "the same, counting": ("celsius\n1,5\n2,25\n3,75\n", 1),
    "commas between thousands": ("price\n1,234\n5,678\n12,100\n", 1),
    "in the first of two columns": ("price,weight\n1,234,0.5\n5,678,1.5\n", 2),
    "in the last of two columns": ("n,x\n7,1,25\n9,2,5\n", 2),
    "among quoted ones": ('"x","y"\n"7",1,25\n9,2,5\n', 2),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_commas_inside_numbers_are_no_names_of_rows(tmp_path, case):
    text, names = NUMBERS[case]
    path = write(tmp_path, text)
    fact = (
        f"the header names {names} columns, the lines have {names + 1}, and what is first in them is a number without"
    )
    with pytest.raises(ValueError, match=rf"^{path}: {fact} .* decimal marks.* thousands.*--index first.*--index none"):
        load(path, scale="none")
    indexed = load(path, scale="none", index="first")
    assert (indexed.x.shape[1], len(indexed.index)) == (names, text.count("\n") - 1)
    assert load(path, scale="none", index="none").x.shape[1] == names + 1


@pytest.mark.parametrize(
    "text",
    ['"a"\n"1",0.5\n"2",1.5\n', '"a"\n"10",5\n"11",25\n', ",a\n10,5\n11,25\n", "a\nr10,5\nr11,25\n"],
    ids=["as R counts rows", "as R names them", "as pandas writes an index", "bare texts"],
)
def test_names_of_rows_as_programs_write_them_are_an_index(tmp_path, text):
    data = load(write(tmp_path, text), scale="none")
    assert (data.feature_names, len(data.index), data.x.shape) == (("a",), 2, (2, 1))


@pytest.mark.parametrize("second", [",1,2,3", ",x,y,z", "index,,,", '"",1,2,3'])
def test_a_header_of_several_lines_as_pandas_writes_levels_is_refused(tmp_path, second):
    """The second of them was an example without a name."""
    path = write(tmp_path, f",a,a,b\n{second}\nr0,1.5,2,3\nr1,2.5,2,3\n")
    if second[0] == "i":  # the index has a name, in a line of its own
        path = write(tmp_path, f",a,a,b\n,1,2,3\n{second}\nr0,1.5,2,3\nr1,2.5,2,3\n")
    with pytest.raises(
        ValueError, match=rf"^{path}: line 2, .* second line of the header, .* columns of several levels"
    ):
        load(path, scale="none")


@pytest.mark.parametrize("header", ["a,b,", "a,b", ""], ids=["also the header", "not the header", "no header"])
def test_commas_that_end_every_line_are_called_so(tmp_path, header):
    path = write(tmp_path, f"{header}\n1.5,2,\n0.5,3,\n")
    with pytest.raises(ValueError, match=rf"^{path}: every line ends with a comma, .*: delete these$"):
        load(path)
    path = write(tmp_path, f"{header}\n1.5,2,\n0.5,3,4\n")
    with pytest.raises(ValueError, match=r"line 2, column 3: '' is empty|has no name for the first column"):
        load(path)
    path = write(tmp_path, "a,b,c\n1.5,2,\n0.5,3,\n")
    with pytest.raises(ValueError, match=r"line 2, column 3 \(c\): '' is empty; missing values are not supported"):
        load(path)


def test_a_line_of_commas_alone_as_a_spreadsheet_leaves_it_is_called_so(tmp_path):
    path = write(tmp_path, "a,b\n1.5,2\n0.5,3\n,\n,\n")
    with pytest.raises(ValueError, match=rf"^{path}: line 4 holds nothing but commas: delete it$"):
        load(path)


TITLES = {
    "a title": "My table\na,b\n",
    "two comments": "# one\n# a,b\n",
    "a comment": "# made by x\na,b\n",
    "units": "a,b\nm,s\n",
    "three lines": "My table\nof 2019\na,b\n",
}


@pytest.mark.parametrize("case", TITLES)
def test_only_one_line_may_stand_over_a_table_and_the_error_says_so(tmp_path, case):
    path = write(tmp_path, TITLES[case] + "0.5,2\n1.5,3\n")
    for header in ("auto", "yes"):
        with pytest.raises(
            ValueError, match=rf"^{path}: line 2, .* holds no number, .* delete titles, comments and units"
        ):
            load(path, header=header)


def test_a_line_of_words_below_a_header_is_a_row_where_it_may_be_one(tmp_path):
    path = write(tmp_path, "name,a\nx,NA\ny,1\n")
    with pytest.raises(ValueError, match=r"line 2, column 1 \(name\): 'x' is not a number"):
        load(path)
    path = write(tmp_path, "a,b\nTrue,False\n0,1\n")
    assert load(path).x.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("line", ["sep=,", '"sep=,"', "SEP=,", "sep=,,,"])
def test_excels_line_that_names_the_separator_is_no_header(tmp_path, line):
    data = load(write(tmp_path, f"{line}\na,b\n0.5,2\n1.5,3\n"))
    assert (data.feature_names, data.x.tolist(), data.notes) == (("a", "b"), [[0.5, 2], [1.5, 3]], ())
    assert load(write(tmp_path, f"{line}\n0.5,2\n1.5,3\n")).x.tolist() == [[0.5, 2], [1.5, 3]]
    path = write(tmp_path, f"{line}\na,b\n0.5,x\n")
    with pytest.raises(ValueError, match=rf"^{path}: line 3, column 2 \(b\): 'x' is not a number"):
        load(path)


def test_another_separator_that_excels_line_names_is_refused(tmp_path):
    path = write(tmp_path, "sep=;\n1;2\n")
    with pytest.raises(ValueError, match=rf"^{path}: line 1 says that the separator is ';'; only commas are read$"):
        load(path)


def test_columns_of_one_name_are_told(tmp_path):
    data = load(write(tmp_path, "a,b,a,,\n0.5,1,2,3,4\n"), index="none")
    assert data.notes == ("header: line 1 of a.csv calls columns 1, 3 alike, 'a'",)
    data = load(write(tmp_path, ",a,b,a,b\n0,0.5,1,2,3\n"))
    assert data.notes[0] == "header: line 1 of a.csv calls columns 2, 4 alike, 'a', and 1 more names are not alone"
    assert data.feature_names == ("a", "b", "a", "b")


def test_a_comment_with_numbers_among_its_words_that_names_columns_is_told(tmp_path):
    data = load(write(tmp_path, "# at 3 K, 2 T, run 5\n0.5,1,2\n"))
    comment = "'# at 3 K, 2 T, run 5', is a comment and names the columns (delete it, if it does not)"
    assert data.notes == (f"header: line 1 of a.csv, {comment}",)
    assert load(write(tmp_path, "# x1, x2, b c\n0.5,1,2\n")).notes == ()  # as np.savetxt writes a header


def test_a_line_break_within_quotes_is_called_so(tmp_path):
    path = write(tmp_path, '"a\nunit","b"\n0.5,1\n1.5,2\n')
    with pytest.raises(
        ValueError, match=rf"^{path}: line 1, '\"a': .* line breaks within are not read; write the header"
    ):
        load(path)
    path = write(tmp_path, 'a,b,l\n1.5,2,"x\ny"\n2.5,3,"z"\n')
    with pytest.raises(
        ValueError, match=rf"^{path}: line 2, column 3 \(l\): '\"x' begins .* line breaks within are not read"
    ):
        load(path, labels="last")
    data = load(write(tmp_path, 'a,5" pipe\n1.5,2\n2.5,3\n'), scale="none")  # inches
    assert data.feature_names == ("a", '5" pipe')
    assert load(write(tmp_path, 'a,l\n1.5,5" pipe\n2.5,6" pipe\n'), labels="last").label_names == ('5" pipe', '6" pipe')


@pytest.mark.parametrize(
    ("text", "told"),
    [("12,50\n9,05\n", "line 2 .* '05'"), ("1,234\n5,067\n", "line 2 .* '067'"), ("1,2\n0,10\n", ""), ("1.5,05\n", "")],
)
def test_whole_numbers_that_begin_with_0_after_a_comma_are_told_without_a_header(tmp_path, text, told):
    """What a decimal comma cuts without a trace is two columns like others."""
    data = load(write(tmp_path, text), scale="none", header="no")
    assert len(data.notes) == bool(told)
    assert all(re.match(f"columns: {told}.* are the commas decimal marks", note) for note in data.notes)
