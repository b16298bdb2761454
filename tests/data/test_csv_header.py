"""csv: a first line with numbers is a header, a row, or a question, never a guess in silence."""

from __future__ import annotations

import numpy as np
import pytest

from vae_np.data import load
from vae_np.data.csv_header import judge

RANDOM = np.random.default_rng(0).random((8, 7)).round(3)
WHOLE = np.random.default_rng(0).integers(0, 9, (8, 7))


def write(folder, header, rows, name="a.csv"):
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


HEADERS = {  # what stands above these rows, and the names that are read
    "as pandas writes unnamed columns": ("0,1,2", RANDOM[:, :3], ("0", "1", "2")),
    "the same over whole numbers": ("0,1,2,3,4,5,6", WHOLE, tuple("0123456")),
    "the same over fewer, beyond their range": ("0,1,2", WHOLE[:, :3] % 2, ("0", "1", "2")),
    "counted from 1": ("1,2,3", RANDOM[:, :3], ("1", "2", "3")),
    "pandas' floats": ("0.0,1.0,2.0", RANDOM[:, :3], ("0.0", "1.0", "2.0")),
    "years": ("2019,2020", WHOLE[:, :2], ("2019", "2020")),
    "wavelengths": ("400.5,401.0,401.5", RANDOM[:, :3], ("400.5", "401.0", "401.5")),
    "codes over measurements": ("17,4,90", RANDOM[:, :3], ("17", "4", "90")),
    "a text over numbers": ("age,7,9", WHOLE[:, :3], ("age", "7", "9")),
}


@pytest.mark.parametrize("case", HEADERS)
def test_numbers_that_are_a_header_are_no_row_and_a_line_says_so(tmp_path, case):
    header, rows, names = HEADERS[case]
    data = load(write(tmp_path, header, rows), scale="none", index="none")
    np.testing.assert_array_equal(data.x, rows)
    assert data.feature_names == names
    (note,) = data.notes
    assert note.startswith("header: line 1 of a.csv, '")
    assert note.endswith("names the columns (--header no makes it a row)")
    assert note in repr(data)
    all_rows = (
        load(write(tmp_path, header, rows), scale="none", index="none", header="no") if "a" not in header else data
    )
    assert len(all_rows) == len(rows) + ("a" not in header)


NORMAL = np.random.default_rng(0).normal(size=(60, 5)).round(2)
SOME_WHOLE = np.where(np.random.default_rng(1).random((60, 5)) < 0.1, NORMAL.round(), NORMAL)
FORTIES = np.random.default_rng(0).integers(390, 430, (20, 3))

UNCLEAR = {
    "evenly spaced within the range of what was measured": ("0.1,0.2,0.3,0.4", NORMAL[:8, :4]),
    "wavelengths within the range of whole numbers": ("400,410,420", FORTIES),
    "whole numbers over some that are": ("4,3,1", [[f"{value:g}" for value in row] for row in SOME_WHOLE[:, :3]]),
    "a whole number over a column of others": ("7", NORMAL[:, :1] + 0.001),
    "two columns over binary data": ("0,1", WHOLE[:, :2] % 2),
    "three within their range": ("0,1,2", WHOLE[:, :3]),
    "rows that count, too": ("0,1,2", [[3, 4, 5], [6, 7, 8]]),
    "a first row that begins at time 0": ("0,1", [[0.1, 0.99], [0.2, 0.97], [0.3, 0.95]]),
    "whole numbers far away": ("900,100", WHOLE[:, :2]),
    "a text among broken numbers": ("1.5,x,2.5", RANDOM[:, :3]),
    "an empty field": (",5,7", RANDOM[:2, :3]),
    "one column": ("0", RANDOM[:, :1]),
    "one column of whole numbers": ("0", WHOLE[:, :1]),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_may_be_a_header_or_a_row_is_asked(tmp_path, case):
    header, rows = UNCLEAR[case]
    path = write(tmp_path, header, rows)
    with pytest.raises(
        ValueError, match=rf"^{path}: line 1, '{header}', may be .* --header yes or --header no \(header="
    ):
        load(path, scale="none", index="none")
    named = load(path, scale="none", index="none", header="yes")
    np.testing.assert_array_equal(named.x, np.array(rows, float))
    assert named.feature_names is not None
    assert named.notes == ()
    if all(part.replace(".", "").isdecimal() for part in header.split(",")):
        row = load(path, scale="none", index="none", header="no")
        assert (len(row), row.feature_names) == (len(rows) + 1, None)


ROWS = {
    "evenly spaced among rows of which some are": ("0.5,1.0,1.5", [*NORMAL[:8, :3], (0.25, 0.5, 0.75)]),
    "whole among rows of which some are": ("4,3,1", [*NORMAL[:8, :3], ("2", "5", "7")]),
    "a whole number over a few others": ("7", NORMAL[:8, :1]),
    "like the others": ("3,8,1", WHOLE[:, :3]),
    "measured": ("0.25,0.5,0.125", RANDOM[:, :3]),
    "evenly spaced within its range": ("2,4,6", WHOLE[:, :3]),
    "one that recurs": ("900,100", [[1, 0], [900, 100], [1, 1], [0, 1]]),
    "a window of a series": ("5,6,7", [[6, 7, 8], [7, 8, 9]]),
    "equal numbers": ("0,0,0", RANDOM[:, :3]),
    "words of truth": ("True,False,True", [["False", "True", "True"]]),
}


@pytest.mark.parametrize("case", ROWS)
def test_numbers_like_those_below_are_a_row(tmp_path, case):
    first, rows = ROWS[case]
    data = load(write(tmp_path, first, rows), scale="none", index="none")
    assert (len(data), data.feature_names, data.notes) == (len(rows) + 1, None, ())


def test_a_label_beside_years_is_no_example(tmp_path):
    path = write(tmp_path, "country,2019,2020", [("A", 0.5, 1.5), ("B", 2.5, 1), ("C", 1, 1)])
    data = load(path, labels="first")
    assert (data.label_names, data.label_name) == (("A", "B", "C"), "country")
    assert data.x.tolist() == [[0.5, 1.5], [2.5, 1], [1, 1]]
    path = write(tmp_path, "label,0,1", [(5, 0, 0), (6, 0, 1)])
    assert load(path, labels="first").labels.tolist() == [5, 6]


def test_an_index_written_twice_is_refused_with_the_remedy(tmp_path):
    path = write(tmp_path, ",Unnamed: 0,a", [(0, 0, 0.5), (1, 1, 0.25), (2, 2, 1.0)])
    with pytest.raises(ValueError, match=r"column 2 is called Unnamed: 0.*to_csv\(index=False\).*--index none"):
        load(path)
    assert load(path, index="none", scale="none").x.shape == (3, 3)


def test_the_word_is_checked(tmp_path):
    with pytest.raises(ValueError, match=r"^header must be 'auto', 'yes' or 'no'; got True$"):
        load("digits", header=True)
    with pytest.raises(ValueError, match=r"^digits: header= \(--header\) is for csv files$"):
        load("digits", header="no")


def tables(count):
    """Tables as programs write them: measured, rounded, digits, bits, bytes, a moving window; 2 to 9 columns."""
    generator = np.random.default_rng(7)
    for i in range(count):
        shape = 30, 2 + i % 8
        window = np.lib.stride_tricks.sliding_window_view(generator.normal(size=sum(shape) - 1).cumsum(), shape[1])
        for values, form in (
            (generator.normal(size=shape), "{:.6g}"),
            (generator.normal(5, 2, size=shape), "{:.1f}"),
            (10 * generator.random(shape), "{:.2g}"),
            *((generator.integers(0, most, shape), "{}") for most in (2, 3, 10, 256)),
            (window, "{:.4g}"),
        ):
            yield [",".join(form.format(value) for value in row) for row in values]


def test_a_row_is_never_taken_for_a_header_nor_pandas_header_for_a_row():
    judged = [(judge(table[0], table[1:]), judge(",".join(map(str, range(table[0].count(",") + 1))), table))
              for table in tables(40)]  # fmt: skip
    rows, headers = zip(*judged, strict=True)
    assert set(rows) <= {"row", "unclear"}
    assert rows.count("row") > 0.9 * len(rows)
    assert set(headers) <= {"assumed", "unclear"}
    assert headers.count("assumed") > 0.5 * len(headers)


@pytest.mark.parametrize("labels", ["first", "last"])
@pytest.mark.parametrize("names", [(0, 1, 2, 3), (1990, 1991, 1992, 1993)])
def test_a_header_of_numbers_stands_over_labels_that_are_texts_too(labels, names, tmp_path):
    rows = [(0.5, 1.5, 2.5, "cat"), (1.5, 0.25, 3.5, "dog"), (2.5, 2.25, 0.5, "cat"), (0.75, 3.5, 1.5, "dog")]
    turn = (lambda row: (row[-1], *row[:-1])) if labels == "first" else tuple
    path = tmp_path / "table.csv"
    path.write_text("".join(",".join(map(str, turn(row))) + "\n" for row in (names, *rows)))
    found = load(path, labels=labels)
    assert len(found) == 4
    assert found.label_names == ("cat", "dog")
    assert "header" in found.notes[0]


@pytest.mark.parametrize("first", ["NA,NA", "?,?", "nan,"])
def test_a_first_line_of_missing_values_is_no_header_in_silence(first, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(f"{first}\n1.5,2.5\n3.5,4.5\n5.5,0.5\n")
    with pytest.raises(ValueError, match="may be a header with numbers or a row"):
        load(path)


@pytest.mark.parametrize("text", ["My Table\n1.5,2.5\n2.5,1.0\n", "a,b\n1.5,2.5,0\n1.25,2.5,1\n"])
def test_a_first_column_without_a_name_is_no_index_in_silence_where_it_holds_numbers(text, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(
        ValueError, match=r"no name for the first column, which holds numbers such as 1.5.*--index none"
    ):
        load(path)
    assert load(path, index="first").x.shape[0] == 2
