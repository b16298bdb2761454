"""Tables of numbers as text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.data.packed import DAMAGED, open_packed

__all__ = ["Table", "read_csv"]

LabelColumn = Literal["first", "last"] | None

SHOWN = 40
"""Characters of a faulty field that an error shows."""


SEPARATORS = ";\t| "
"""What other tables have in place of the comma."""


class Table(NamedTuple):
    """Values (N, columns); labels (N,), numbers or, where ``names`` has their texts, places in it."""

    values: NDArray[Any]
    labels: NDArray[Any] | None
    names: tuple[str, ...] | None


def read_csv(path: Path, labels: LabelColumn = None) -> Table:
    """Read comma-separated numbers, plain or packed with gzip, and perhaps a column of labels.

    The first line is a header if none of its fields is a number. Blank lines are skipped (and counted). Where every
    value is whole the array is int64, since a text has no types: "0" and "255" are bytes to the one who wrote them.
    Labels of which one is not a number are texts, all of them: 0, 1, ... in the sorted order of the distinct ones.

    Raises
    ------
    ValueError
        With line and column of what is not a number, or the line that is longer or shorter than the first.
    """
    try:
        try:
            values, texts = _parse(path, labels)
        except ValueError as error:
            raise ValueError(_first_fault(path, labels) or f"{path}: {error}") from error
        if labels is None:
            return Table(_whole(values), None, None)
        if all(map(_is_number, texts)):
            return Table(_whole(values), np.array(texts, np.float64), None)
        if fault := _faulty_text(path, labels, texts):
            raise ValueError(fault)
    except DAMAGED as error:
        raise ValueError(f"{path}: the gzip data is damaged ({error})") from error
    names = tuple(sorted(set(texts)))
    codes = {text: code for code, text in enumerate(names)}
    return Table(_whole(values), np.array([codes[text] for text in texts], np.int64), names)


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
    if any(_is_number(field) for field in first[1].split(",")):
        return chain([first], lines)
    second = next(lines, None)
    if second is None:
        raise ValueError(
            f"{path}: there is no data; the only line, line {first[0]}, holds no number ({_shown(first[1])})"
            f"{_separator(first[1])}"
        )
    return chain([second], lines)


def _parse(path: Path, labels: LabelColumn) -> tuple[NDArray[Any], list[str]]:
    """The values, and the labels' texts, by the fast way, whose errors say too little."""
    texts: list[str] = []

    def values() -> Iterator[str]:
        for _, line in _data_lines(path):
            if labels == "last":
                rest, _, text = line.rpartition(",")
            else:
                text, _, rest = line.partition(",")
            if not rest.strip():  # np.loadtxt would skip it
                raise ValueError("a line has no values")
            texts.append(_label(text))
            yield rest

    lines = values() if labels else (line for _, line in _data_lines(path))
    table = np.loadtxt(lines, np.float64, delimiter=",", comments=None, ndmin=2)
    if labels and ("" in texts or len(texts) != len(table)):
        raise ValueError("a label is missing")
    return table, texts


def _label(text: str) -> str:
    """A label without the blanks and the quotes around it."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('""', '"').strip()
    return text


def _first_fault(path: Path, labels: LabelColumn) -> str | None:
    """What is wrong with the first faulty line, by the slow way."""
    try:
        lines = _data_lines(path)
    except ValueError as error:
        return str(error)
    start = width = 0
    for number, line in lines:
        fields = line.rstrip("\r\n").split(",")
        start, width = start or number, width or len(fields)
        own = {"first": 1, "last": len(fields)}.get(labels or "")
        for column, field in enumerate(fields, 1):
            if not (_label(field) if column == own else _is_number(field)):
                fact = _fact(field, column, width if len(fields) == width and not labels else 0)
                return f"{path}: line {number}, column {column}: {fact}"
        if labels and len(fields) == 1:
            return f"{path}: line {number}: there is no data beside the label {_shown(line)}{_separator(line)}"
        if len(fields) != width:
            return f"{path}: line {number}: {len(fields)} columns; line {start} has {width}"
    return None


def _fact(field: str, column: int, width: int) -> str:
    """What is wrong with a field; where ``width`` is not 0 it may be a label."""
    if not _label(field):
        return f"{_shown(field)} is empty; missing values are not supported"
    hint = _separator(field)
    if not hint and width > 1 and column in (1, width):
        place = "first" if column == 1 else "last"
        hint = f"; if column {column} holds labels: labels='{place}' (--labels {place})"
    return f"{_shown(field)} is not a number{hint}"


def _separator(text: str) -> str:
    """The question that a text with numbers between something else than commas raises."""
    for separator in SEPARATORS:
        parts = text.strip().split(separator)
        if len(parts) > 1 and (all if separator == " " else any)(map(_is_number, parts)):
            return f"; is the separator {separator!r}? only commas are read"
    return ""


def _faulty_text(path: Path, labels: str, texts: list[str]) -> str | None:
    """What is wrong with labels that are not all numbers."""
    numbers = (number for number, _ in _data_lines(path))
    if len(texts) > 1 and not _is_number(texts[0]) and all(map(_is_number, texts[1:])):
        return (
            f"{path}: line {next(numbers)}: the {labels} column has {_shown(texts[0])} here and numbers in all other"
            " lines; if this line is a header, delete it: only one without numbers is skipped"
        )
    for number, text in zip(numbers, texts, strict=True):
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            return f"{path}: line {number}: the label {_shown(text)} is not a text in UTF-8"
    return None


def _is_number(field: str) -> bool:
    """Whether the field is a number to np.loadtxt, which knows no 1_000."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field


def _shown(text: str) -> str:
    """Text as an error shows it: on one line, short, in ASCII."""
    text = text.strip()
    return ascii(text if len(text) <= SHOWN else text[:SHOWN] + "...")
