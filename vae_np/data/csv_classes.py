"""Columns of classes in a csv file: what types its columns have, and classes as zeros and ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.data.csv_columns import boolean, fields, is_missing, is_number, is_open, is_value, unquoted
from vae_np.data.csv_faults import Columns, place_of
from vae_np.data.csv_layout import IndexColumn, LabelColumn, find_columns
from vae_np.data.csv_lines import data_lines, find_header, is_not_utf8, shown
from vae_np.data.packed import DAMAGED

__all__ = ["Classes", "Typed", "coded", "names_of_levels", "typed_columns"]

Classes = Sequence[Sequence[str] | None]
"""Of each column that is a feature the texts of its classes, None of numbers."""
GLANCE = 100
"""Lines by which a table of numbers is told from a mixed one, before all of it is read as texts."""


class Typed(NamedTuple):
    """The features of a table, each as an array of its own type: int64, float64, bool, or texts as objects.

    ``named`` says whether a header gave the names; without one they are x0, x1, ... ``fault`` is what is wrong with a
    table that has texts: it then has no columns.
    """

    names: list[str]
    columns: list[NDArray[Any]]
    named: bool
    fault: str = ""


def typed_columns(
    path: Path, labels: LabelColumn = None, index: IndexColumn = "auto", header: Any = "auto", glance: bool = False
) -> Typed | None:
    """The columns of a csv file with their types, as pandas would have them.

    A column is of whole numbers where each is written so (1, and not 1.0), of truths where all are True or False, of
    numbers where all are these or others, and of texts where none is a number. With ``glance`` only the first lines
    are read.

    None for what is no table, or has no texts and is faulty otherwise: `read_csv` tells what. A table with a column of
    texts, for the most part, has a ``fault`` where a column has numbers and texts, or misses a value.
    """
    try:
        has_header, _ = find_header(path, header, labels)
        columns = find_columns(path, labels, index, has_header)
        lines, rows = [], []
        for number, parts, _ in islice(_cells(path, columns), GLANCE if glance else None):
            lines.append(number)
            rows.append(parts)
    except (ValueError, *DAMAGED):
        return None
    if not rows or len({len(row) for row in rows}) > 1:
        return None
    texts = [list(column) for column in zip(*rows, strict=True)]
    found, named = [_typed(column) for column in texts], columns.names is not None
    if not any(column is None for column in found):
        return Typed(_names(columns, len(found)), [c for c in found if c is not None], named)
    if not any(map(_is_text, texts)):
        return None
    j = next(j for j, column in enumerate(found) if column is None)
    row, fact = _stray(texts[j])
    return Typed([], [], named, _fault(path, lines[row], j, texts[j][row], columns, fact))


def _is_text(texts: list[str]) -> bool:
    """Whether most of a column are texts."""
    return 2 * sum(not is_value(text) and not is_missing(text) for text in texts) > len(texts)


def _stray(texts: list[str]) -> tuple[int, str]:
    """The first value of a column that is not like most of it, and what it is."""
    for row, text in enumerate(texts):
        if is_missing(text):
            return row, "stands for a missing value" if text else "is empty"
        if is_open(text):
            return row, "begins a text in quotes that goes on in the next line: line breaks within are not read"
        if is_not_utf8(text):
            return row, "is not a text in UTF-8; save the file as UTF-8"
        if _is_text(texts) and is_value(text):
            return row, "is a number among texts: a column holds numbers or texts"
        if not _is_text(texts) and not (is_value(text) and np.isfinite(float(boolean(text) or text))):
            return row, "is not a number, as others of its column are"
    return 0, "is not of a kind with the others of its column"


def _typed(texts: list[str]) -> NDArray[Any] | None:
    """A column by its texts."""
    if all(re.fullmatch(r"[+-]?\d{1,15}", text) for text in texts):
        return np.array(texts, np.int64)
    truths = [boolean(text) for text in texts]
    if all(truths):
        return np.array([truth == "1" for truth in truths])
    if all(map(is_value, texts)):
        values = np.array([float(boolean(text) or text) for text in texts])
        return values if np.isfinite(values).all() else None
    if any(is_value(text) or is_missing(text) or is_open(text) or is_not_utf8(text) for text in texts):
        return None
    return np.array(texts, object)


def coded(path: Path, columns: Columns, classes: Classes) -> tuple[NDArray[np.float64], list[str]]:
    """The numbers of a table (N, width), each class one-hot in the order of its levels, and the labels' texts.

    Raises
    ------
    ValueError
        With line and column of a class that is not among them, or of what is no number, or where there are other
        columns than classes were told of.
    """
    places = [None if levels is None else {text: j for j, text in enumerate(levels)} for levels in classes]
    width = sum(1 if levels is None else len(levels) for levels in classes)
    rows, labels = [], []
    for number, parts, label in _cells(path, columns):
        if len(parts) != len(places):
            raise ValueError(
                f"{path}: line {number}: {len(parts)} columns beside index and labels; in training {len(places)}"
            )
        row, at = [0.0] * width, 0
        for j, (text, place) in enumerate(zip(parts, places, strict=True)):
            if place is None:
                if not is_value(text) or not np.isfinite(value := float(boolean(text) or text)):
                    raise ValueError(_fault(path, number, j, text, columns, "is no finite number, as those before are"))
                row[at] = value
                at += 1
                continue
            if (level := place.get(text, place.get(_plain(text)))) is None:
                known = ", ".join(map(shown, islice(place, 6))) + ", ..." * (len(place) > 6)
                raise ValueError(_fault(path, number, j, text, columns, f"is none of its classes: {known}"))
            row[at + level] = 1.0
            at += len(place)
        rows.append(row)
        labels.append(label)
    if columns.labels and "" in labels:
        raise ValueError(f"{path}: a label is missing")
    return np.array(rows, np.float64).reshape(len(rows), width), labels if columns.labels else []


def _plain(text: str) -> str:
    """A whole number as it is written in short, such as 3 for 3.0, as which programs write it that know one type."""
    return str(int(float(text))) if is_number(text) and float(text).is_integer() else text


def _fault(path: Path, number: int, j: int, text: str, columns: Columns, fact: str) -> str:
    column = j + 1 + (columns.row_names is not None or columns.labels == "first")
    missing = "; missing values are not supported: fill it in or leave the line out" if is_missing(text) else ""
    return f"{place_of(path, number, column, columns)}: {shown(text)} {fact}{missing}"


def names_of_levels(columns: Columns, classes: Classes) -> tuple[str, ...]:
    """A name for each column of the numbers: a class's has its level, as in ``town=Bern``."""
    found: list[str] = []
    for name, levels in zip(_names(columns, len(classes)), classes, strict=True):
        found += [name] if levels is None else [f"{name}={level}" for level in levels]
    return tuple(found)


def _names(columns: Columns, count: int) -> list[str]:
    """Those of the features, x0, x1, ... where there are none."""
    begin = int(columns.row_names is not None or columns.labels == "first")
    own = (columns.names or [])[begin : begin + count]
    return [own[j] if j < len(own) and own[j] else f"x{j}" for j in range(count)]


def _cells(path: Path, columns: Columns) -> Iterator[tuple[int, list[str], str]]:
    """Of each line its number, the texts of its features, and that of its label."""
    for number, line in data_lines(path, columns.header):
        parts = [unquoted(field) if not is_open(field) else field for field in fields(line)]
        label = ""
        if columns.row_names is not None:
            parts = parts[1:]
        if columns.labels is not None and parts:
            label = parts.pop(0 if columns.labels == "first" else -1)
        yield number, parts, label
