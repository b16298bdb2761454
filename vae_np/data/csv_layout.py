"""Which columns of a csv file are features, what they are called, and what does not fit together there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from vae_np.data.csv_columns import UNNAMED, fields, find_index, first_field, is_number, is_quoted, names_of
from vae_np.data.csv_faults import NOT_UTF8, Columns, separator, trailing_comma
from vae_np.data.csv_header import SAMPLE
from vae_np.data.csv_lines import data_lines, is_not_utf8, lines, shown

__all__ = ["IndexColumn", "LabelColumn", "find_columns"]

LabelColumn = Literal["first", "last"] | None
IndexColumn = Literal["auto", "first", "none"]


def find_columns(path: Path, labels: LabelColumn, index: IndexColumn, has_header: bool) -> Columns:
    """What the header and, where it must be asked, the first column say; an empty file is told of later."""
    found = lines(path)
    number, first = next(found, (0, ""))
    header = first if has_header else None
    if header is not None and is_not_utf8(header):
        raise ValueError(f"{path}: line {number}: the header {shown(header)} is {NOT_UTF8}")
    line = first if header is None else next(found, (0, ""))[1]
    width = len(fields(line))
    if header is not None and len(fields(header)) == width - 1 and (fault := trailing_comma(path, has_header)):
        raise ValueError(fault)
    names = None if header is None else names_of(header, width)
    notes: tuple[str, ...] = ()
    if header is not None and names is None and line:
        notes += (_title(path, number, header, line),)
    if header is None:
        notes += _after_commas(path)
    if header is not None and names is not None:
        notes += (*_remarks_on_names(f"header: line {number} of {path.name}", header, names),)
    if index == "none" or labels == "first":
        return Columns(has_header, labels, None, names, notes)
    if width - (labels is not None) < 2:  # an index of nothing
        if index == "first":
            raise ValueError(f"{path}: there is nothing beside the index (columns: {width})")
        return Columns(has_header, labels, None, names, notes)
    entries = (first_field(line)[0] for _, line in data_lines(path, has_header))
    try:
        row_names = list(entries) if index == "first" else find_index(names[0] if names else None, entries)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if row_names is not None and names is not None and names[1].lower() == UNNAMED:
        raise ValueError(
            f"{path}: column 2 is called {names[1]}, as pandas calls an index that it reads: the table has been written"
            " twice with an index (to_csv(index=False) writes none); delete it, or say --index none to train on both"
        )
    if header is not None and index == "auto" and row_names is not None:
        _check_levels(path, row_names)
        if len(fields(header)) == width - 1:
            _check_nameless(path, row_names, width)
    if row_names is not None and index == "auto":
        notes += (_index_line(path, names[0] if names else ""),)
    return Columns(has_header, labels, row_names, names, notes)


def _index_line(path: Path, name: str) -> str:
    """That the first column is taken for an index."""
    called = f", {name!r}," if name else ""
    return (
        f"index: the first column of {path.name}{called} names the rows and is no feature (--index none makes it one)"
    )


def _title(path: Path, number: int, header: str, line: str) -> str:
    """The line that says that a header with one field, or a comment, names no columns; any other must fit them."""
    count, width = len(fields(header)), len(fields(line))
    if count == 1 or header.lstrip().startswith("#"):
        return f"header: line {number} of {path.name}, {shown(header)}, is over {width} columns and names none of them"
    hint = separator(line) or "; correct it, or delete it"
    if width == 2 * count:
        hint = "; are the commas decimal marks? only points are read: 1.5, not 1,5"
    raise ValueError(
        f"{path}: line {number}: the header names {count} columns, and the line after it has {width}{hint}"
    )


def _remarks_on_names(where: str, header: str, names: list[str]) -> Iterator[str]:
    """Lines that say that a comment with a number among its words is a header, and that columns have one name."""
    if header.lstrip().startswith("#") and any(map(is_number, header.replace(",", " ").split())):
        yield f"{where}, {shown(header)}, is a comment and names the columns (delete it, if it does not)"
    twice = [name for name, times in Counter(filter(None, names)).items() if times > 1]
    if twice:
        places = ", ".join(str(column) for column, name in enumerate(names, 1) if name == twice[0])
        more = f", and {len(twice) - 1} more names are not alone" if len(twice) > 1 else ""
        yield f"{where} calls columns {places} alike, {twice[0]!r}{more}"


def _after_commas(path: Path) -> tuple[str, ...]:
    """A line where, without a header, whole numbers begin with 0 as what stands after a decimal comma does."""
    for number, line in islice(data_lines(path, False), SAMPLE):
        found = fields(line)
        if len(found) % 2 or not all(field.strip().lstrip("+-").isdecimal() for field in found):
            return ()
        if second := next((text for text in found[1::2] if text.strip()[0] == "0" and len(text.strip()) > 1), None):
            return (
                f"columns: line {number} of {path.name} has {shown(second)} after a comma, and {len(found)} numbers are"
                " read: are the commas decimal marks, or between thousands? then write 1.5 and 1234",
            )
    return ()


def _check_levels(path: Path, row_names: list[str]) -> None:
    """That the line below the header has an entry: pandas leaves it out below a header of several levels."""
    if not row_names[0] and any(row_names):
        number, line = next(data_lines(path, True))
        raise ValueError(
            f"{path}: line {number}, {shown(line)}, has nothing in the first column, which names the rows: it may be a"
            " second line of the header, as pandas writes columns of several levels; join the two (in pandas"
            " frame.columns = ['_'.join(map(str, levels)) for levels in frame.columns]), or fill it in"
        )


def _check_nameless(path: Path, row_names: list[str], width: int) -> None:
    """That what a header with one name less leaves without one tells the rows apart, as R's names of rows do.

    R writes these in quotes, and pandas an empty name above an index: bare numbers may be halves of what a comma cuts.
    """
    text, times = Counter(row_names).most_common(1)[0]
    fact = f"names no rows ({shown(text)} recurs)" if times > 1 else ""
    if not fact:
        bare = (text for text, (_, line) in zip(row_names, data_lines(path, True), strict=True) if not is_quoted(line))
        number = next(filter(is_number, bare), None)
        fact = "" if number is None else f"is a number without quotes, such as {number}"
    if fact:
        raise ValueError(
            f"{path}: the header names {width - 1} columns, the lines have {width}, and what is first in them {fact}:"
            " are the commas decimal marks, or between thousands? write 1.5 and 1234, not 1,234 nor 1,5; or say"
            " whether it is an index, --index first, or a feature, --index none (index='first' or 'none')"
        )
