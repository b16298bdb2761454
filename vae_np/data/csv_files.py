"""Tables of numbers as text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.data.csv_columns import bare, fields, find_index, first_field, is_header, is_number, names_of, unquoted
from vae_np.data.packed import DAMAGED, open_packed

__all__ = ["Table", "read_csv"]

LabelColumn = Literal["first", "last"] | None
IndexColumn = Literal["auto", "first", "none"]

SHOWN = 40
"""Characters of a faulty field that an error shows."""
REMEDY = "; missing values are not supported: fill it in or leave the line out (see docs/data.md)"
NOT_UTF8 = "not a text in UTF-8; save the file as UTF-8"
SEPARATORS = ";\t| "
"""What other tables have in place of the comma."""


class Table(NamedTuple):
    """What a file holds: values (N, columns) and, where there are any, what stands beside and above them.

    ``labels`` (N,) are numbers or, where ``label_names`` has their texts, places in it. ``names`` are the columns', and
    ``row_names`` (N,) the texts of a first column that is no feature, whose own name, perhaps "", is ``index_name``;
    ``label_name`` is that of the labels.
    """

    values: NDArray[Any]
    labels: NDArray[Any] | None = None
    label_names: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    row_names: NDArray[np.str_] | None = None
    index_name: str = ""
    label_name: str = ""


class _Columns(NamedTuple):
    """Which columns hold no values, and what all are called."""

    labels: LabelColumn
    row_names: list[str] | None
    names: list[str] | None


def read_csv(path: Path, labels: LabelColumn = None, index: IndexColumn = "auto") -> Table:
    """Read comma-separated numbers, plain or packed with gzip, and perhaps columns of labels and of an index.

    The first line is a header if none of its fields is a number (or by `csv_columns.is_header`); it names the columns
    if it has as many fields. Blank lines are skipped (and counted). Where every value is whole the array is int64,
    since a text has no types: "0" and "255" are bytes to the one who wrote them. Labels of which one is not a number
    are texts, all of them: 0, 1, ... in the sorted order of the distinct ones. What makes the first column an index is
    said by `csv_columns.find_index`; index="first" makes it one, "none" makes it none, and so do labels="first".

    Raises
    ------
    ValueError
        With line and column of what is no finite number, or the line that is longer or shorter than the first.
    """
    try:
        columns = _columns(path, labels, index)
        try:
            values, texts = _parse(path, columns)
        except ValueError as error:
            raise ValueError(_first_fault(path, columns) or f"{path}: {error}") from error
        if not np.isfinite(values).all():
            raise ValueError(_not_finite(path, columns, values))
        table = _named(Table(_whole(values)), columns)
        if labels is None:
            return table
        if all(map(is_number, texts)):
            return table._replace(labels=np.array(texts, np.float64))
        if fault := _faulty_text(path, labels, texts):
            raise ValueError(fault)
    except DAMAGED as error:
        raise ValueError(f"{path}: the gzip data is damaged ({error})") from error
    distinct = tuple(sorted(set(texts)))
    codes = {text: code for code, text in enumerate(distinct)}
    return table._replace(labels=np.array([codes[text] for text in texts], np.int64), label_names=distinct)


def _columns(path: Path, labels: LabelColumn, index: IndexColumn) -> _Columns:
    """What the header and, where it must be asked, the first column say; an empty file is told of later."""
    lines = _lines(path)
    number, first = next(lines, (0, ""))
    after = next(lines, (0, ""))[1]
    header = first if is_header(first, after) else None
    if header is not None and _is_not_utf8(header):
        raise ValueError(f"{path}: line {number}: the header {_shown(header)} is {NOT_UTF8}")
    line = first if header is None else after
    width = len(fields(line))
    names = None if header is None else names_of(header, width)
    if index == "none" or labels == "first":
        return _Columns(labels, None, names)
    if width - (labels is not None) < 2:  # an index of nothing
        if index == "first":
            raise ValueError(f"{path}: there is nothing beside the index (columns: {width})")
        return _Columns(labels, None, names)
    entries = (first_field(line)[0] for _, line in _data_lines(path))
    found = list(entries) if index == "first" else find_index(names[0] if names else None, entries)
    return _Columns(labels, found, names)


def _named(table: Table, columns: _Columns) -> Table:
    """The table with its names and its index."""
    if columns.row_names is not None:
        name = columns.names[0] if columns.names else ""
        table = table._replace(row_names=np.array(columns.row_names, np.str_), index_name=name)
    if columns.names is None:
        return table
    if columns.labels is not None:
        table = table._replace(label_name=columns.names[0 if columns.labels == "first" else -1])
    own = columns.row_names is not None or columns.labels == "first"
    names = columns.names[own : len(columns.names) - (columns.labels == "last")]
    return table._replace(names=tuple(name or f"x{j}" for j, name in enumerate(names)) if any(names) else None)


def _whole(table: NDArray[Any]) -> NDArray[Any]:
    """As int64, if every number is whole."""
    with np.errstate(invalid="ignore"):
        whole = bool((np.abs(table) < 2.0**53).all() and (table == np.floor(table)).all())
    return table.astype(np.int64) if whole else table


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1; bytes that are not UTF-8 become what is no number."""
    with (
        open_packed(path) as file,
        io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape") as text,
    ):
        for number, line in enumerate(text, 1):
            if line.strip():
                yield number, line


def _data_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines after the header, if there is one."""
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise ValueError(f"{path}: there is no data; the file is empty")
    second = next(lines, None)
    after = [] if second is None else [second]
    if not is_header(first[1], *(line for _, line in after)):
        return chain([first], after, lines)
    if second is None:
        raise ValueError(
            f"{path}: there is no data; the only line, line {first[0]}, holds no number ({_shown(first[1])})"
            f"{_separator(first[1])}"
        )
    return chain([second], lines)


def _parse(path: Path, columns: _Columns) -> tuple[NDArray[Any], list[str]]:
    """The values, and the labels' texts, by the fast way, whose errors say too little."""
    texts: list[str] = []
    labels = columns.labels
    lines = (line for _, line in _data_lines(path))
    if columns.row_names is not None:
        lines = (first_field(line)[1] for line in lines)

    def values() -> Iterator[str]:
        for line in lines:
            if labels == "last":
                rest, _, text = line.rpartition(",")
            else:
                text, _, rest = line.partition(",")
            if not rest.strip():  # np.loadtxt would skip it
                raise ValueError("a line has no values")
            texts.append(unquoted(text))
            yield rest

    table = np.loadtxt(map(bare, values() if labels else lines), np.float64, delimiter=",", comments=None, ndmin=2)
    if labels and ("" in texts or len(texts) != len(table)):
        raise ValueError("a label is missing")
    if columns.row_names is not None and len(columns.row_names) != len(table):  # np.loadtxt skips an empty rest
        raise ValueError("a line has no values")
    return table, texts


def _not_finite(path: Path, columns: _Columns, table: NDArray[Any]) -> str:
    """Where the first NaN or infinity stands, and how many there are."""
    bad = ~np.isfinite(table)
    row, j = (int(place[0]) for place in np.nonzero(bad))
    number, line = next(islice(_data_lines(path), row, None))
    column = j + 1 + (columns.row_names is not None or columns.labels == "first")
    count = f"{bad.sum()} of {table.size} values are not finite"
    return f"{_place(path, number, column, columns)}: {_shown(fields(line)[column - 1])} ({count}){REMEDY}"


def _place(path: Path, line: int, column: int, columns: _Columns) -> str:
    """How errors name a field: with the column's name, where the header has one."""
    names = columns.names or []
    name = names[column - 1] if column <= len(names) else ""
    return f"{path}: line {line}, column {column}{name and f' ({_short(name)})'}"


def _first_fault(path: Path, columns: _Columns) -> str | None:
    """What is wrong with the first faulty line, by the slow way."""
    try:
        lines = _data_lines(path)
    except ValueError as error:
        return str(error)
    start = width = 0
    labels, index = columns.labels, columns.row_names is not None
    for number, line in lines:
        parts = fields(line)
        start, width = start or number, width or len(parts)
        own = {"first": 1, "last": len(parts)}.get(labels or "")
        for column, field in enumerate(parts, 1):
            if index and column == 1:
                continue
            if not (unquoted(field) if column == own else is_number(unquoted(field))):
                fact = _fact(field, column, width if len(parts) == width and not labels else 0)
                return f"{_place(path, number, column, columns)}: {fact}"
        if labels and len(parts) == 1 + index:
            return f"{path}: line {number}: there is no data beside the label {_shown(line)}{_separator(line)}"
        if len(parts) != width:
            return f"{path}: line {number}: {len(parts)} columns; line {start} has {width}"
    return None


def _fact(field: str, column: int, width: int) -> str:
    """What is wrong with a field; where ``width`` is not 0 it may be a label."""
    if not unquoted(field):
        return f"{_shown(field)} is empty{REMEDY}"
    hint = _separator(field)
    if not hint and width > 1 and column in (1, width):
        place = "first" if column == 1 else "last"
        hint = f"; if column {column} holds labels: labels='{place}' (--labels {place})"
    return f"{_shown(field)} is not a number{hint}"


def _separator(text: str) -> str:
    """The question that a text with numbers between something else than commas raises."""
    for separator in SEPARATORS:
        parts = text.strip().split(separator)
        if len(parts) > 1 and (all if separator == " " else any)(map(is_number, parts)):
            return f"; is the separator {separator!r}? only commas are read"
    return ""


def _faulty_text(path: Path, labels: str, texts: list[str]) -> str | None:
    """What is wrong with labels that are not all numbers."""
    numbers = (number for number, _ in _data_lines(path))
    if len(texts) > 1 and not is_number(texts[0]) and all(map(is_number, texts[1:])):
        return (
            f"{path}: line {next(numbers)}: the {labels} column has {_shown(texts[0])} here and numbers in all other"
            " lines; if this line is a header, delete it: only one without numbers is skipped"
        )
    for number, text in zip(numbers, texts, strict=True):
        if _is_not_utf8(text):
            return f"{path}: line {number}: the label {_shown(text)} is {NOT_UTF8}"
    return None


def _is_not_utf8(text: str) -> bool:
    """Whether there were bytes that are not UTF-8."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _shown(text: str) -> str:
    """Text as an error shows it: on one line, short, in ASCII."""
    return ascii(_short(text.strip()))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
