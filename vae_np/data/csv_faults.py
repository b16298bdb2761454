"""What is wrong with a csv file, and where: the slow way, after the fast one has failed."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.data.csv_columns import fields, is_missing, is_number, is_open, is_value, unquoted
from vae_np.data.csv_lines import SHOWN, data_lines, is_not_utf8, shown

__all__ = [
    "NOT_UTF8",
    "Columns",
    "faulty_text",
    "first_fault",
    "not_finite",
    "place_of",
    "rounded",
    "separator",
    "trailing_comma",
]

REMEDY = "; missing values are not supported: fill it in or leave the line out (see docs/data.md)"
NOT_UTF8 = "not a text in UTF-8; save the file as UTF-8"
SEPARATORS = ";\t| "
"""What other tables have in place of the comma."""


class Columns(NamedTuple):
    """Which lines and columns hold no values, what the columns are called, and lines on what was assumed of it."""

    header: bool
    labels: str | None
    row_names: list[str] | None
    names: list[str] | None
    notes: tuple[str, ...] = ()


def not_finite(path: Path, columns: Columns, table: NDArray[Any]) -> str:
    """Where the first NaN or infinity stands, and how many there are."""
    bad = ~np.isfinite(table)
    row, j = (int(place[0]) for place in np.nonzero(bad))
    number, line = next(islice(data_lines(path, columns.header), row, None))
    column = j + 1 + (columns.row_names is not None or columns.labels == "first")
    count = f"{bad.sum()} of {table.size} values are not finite"
    return f"{place_of(path, number, column, columns)}: {shown(fields(line)[column - 1])} ({count}){REMEDY}"


def rounded(path: Path, columns: Columns) -> tuple[str, ...]:
    """A line with the first integer that is beyond 2^53 and no float64, and how many there are."""
    first, count = "", 0
    own = {"first": 1, "last": -1}.get(columns.labels or "", 0)
    for number, line in data_lines(path, columns.header):
        parts = fields(line)
        for column, field in enumerate(parts, 1):
            text = unquoted(field)
            if column in (own, own + len(parts) + 1) or (columns.row_names is not None and column == 1):
                continue
            if re.fullmatch(r"[+-]?\d{16,300}", text) and int(text) != (near := int(float(text))):
                first = (
                    first or f"{place_of(Path(path.name), number, column, columns)}: {shown(text)} is read as {near}"
                )
                count += 1
    more = f", and {count - 1} more integers are rounded" if count > 1 else ""
    return (f"{first}{more}: float64 has no others beyond 2^53",) if count else ()


def place_of(path: Path, line: int, column: int, columns: Columns) -> str:
    """How errors name a field: with the column's name, where the header has one."""
    names = columns.names or []
    name = names[column - 1] if column <= len(names) else ""
    short = name if len(name) <= SHOWN else name[:SHOWN] + "..."
    return f"{path}: line {line}, column {column}{name and f' ({short})'}"


def trailing_comma(path: Path, header: bool) -> str | None:
    """What is to be said where every line ends with a comma, as if an empty column were the last."""
    if not all(line.rstrip().endswith(",") for _, line in data_lines(path, header)):
        return None
    return f"{path}: every line ends with a comma, after which nothing stands: delete these"


def first_fault(path: Path, columns: Columns) -> str | None:
    """What is wrong with the first faulty line."""
    start = width = 0
    labels, index = columns.labels, columns.row_names is not None
    try:
        for number, line in data_lines(path, columns.header):
            parts = fields(line)
            start, width = start or number, width or len(parts)
            if len(parts) > 1 and not any(map(str.strip, parts)):
                return f"{path}: line {number} holds nothing but commas: delete it"
            own = {"first": 1, "last": len(parts)}.get(labels or "")
            for column, field in enumerate(parts, 1):
                if index and column == 1:
                    continue
                if is_open(field) or not (unquoted(field) if column == own else is_value(unquoted(field))):
                    last = column == len(parts) and not (columns.names or [""])[-1]
                    if last and not field.strip() and (fault := trailing_comma(path, columns.header)):
                        return fault
                    fact = _fact(field, column, width if len(parts) == width and not labels else 0)
                    return f"{place_of(path, number, column, columns)}: {fact}"
            if labels and len(parts) == 1 + index:
                return f"{path}: line {number}: there is no data beside the label {shown(line)}{separator(line)}"
            if len(parts) != width:
                return f"{path}: line {number}: {len(parts)} columns; line {start} has {width}"
    except ValueError as error:
        return str(error)
    return None


def _fact(field: str, column: int, width: int) -> str:
    """What is wrong with a field; where ``width`` is not 0 it may be a label."""
    text = unquoted(field)
    if is_open(field):
        return f"{shown(field)} begins a text in quotes that goes on in the next line: line breaks within are not read"
    if not text:
        return f"{shown(field)} is empty{REMEDY}"
    if is_missing(text):
        return f"{shown(field)} stands for a missing value{REMEDY}"
    if re.fullmatch(r"[+-]?\d+(,\d+)+(\.\d*)?", text):
        return f"{shown(field)} is not a number; it has a comma: write 1234.5, not 1,234.5 nor 1234,5"
    hint = separator(field)
    if not hint and width > 1 and column in (1, width):
        place = "first" if column == 1 else "last"
        hint = f"; if column {column} holds labels: labels='{place}' (--labels {place})"
        hint += ", and if it names the rows: index='first' (--index first)" * (column == 1)
    return f"{shown(field)} is not a number{hint}"


def separator(text: str) -> str:
    """The question that a text with numbers between something else than commas raises."""
    for mark in SEPARATORS:
        parts = text.strip().split(mark)
        if len(parts) > 1 and (all if mark == " " else any)(map(is_number, parts)):
            return f"; is the separator {mark!r}? only commas are read"
    return ""


def faulty_text(path: Path, columns: Columns, texts: list[str]) -> str | None:
    """What is wrong with labels that are not all numbers."""
    numbers = (number for number, _ in data_lines(path, columns.header))
    if len(texts) > 1 and not is_number(texts[0]) and all(map(is_number, texts[1:])) and not columns.header:
        return (
            f"{path}: line {next(numbers)}: the {columns.labels} column has {shown(texts[0])} here and numbers in all"
            " other lines; if this line is a header: --header yes"
        )
    for number, text in zip(numbers, texts, strict=True):
        if is_not_utf8(text):
            return f"{path}: line {number}: the label {shown(text)} is {NOT_UTF8}"
    return None
