"""Tables of numbers as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.data.csv_classes import Classes, coded, names_of_levels
from vae_np.data.csv_columns import bare, first_field, is_missing, is_number, last_field, unquoted
from vae_np.data.csv_faults import Columns, faulty_text, first_fault, not_finite, rounded
from vae_np.data.csv_layout import IndexColumn, LabelColumn, find_columns
from vae_np.data.csv_lines import data_lines, find_header
from vae_np.data.packed import DAMAGED

__all__ = ["Table", "read_csv"]

Header = Literal["auto", "yes", "no"]


class Table(NamedTuple):
    """What a file holds: values (N, columns) and, where there are any, what stands beside and above them.

    ``labels`` (N,) are numbers or, where ``label_names`` has their texts, places in it. ``names`` are the columns', and
    ``row_names`` (N,) the texts of a first column that is no feature, whose own name, perhaps "", is ``index_name``;
    ``label_name`` is that of the labels. ``notes`` say in a line each what was assumed.
    """

    values: NDArray[Any]
    labels: NDArray[Any] | None = None
    label_names: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    row_names: NDArray[np.str_] | None = None
    index_name: str = ""
    label_name: str = ""
    notes: tuple[str, ...] = ()


def read_csv(
    path: Path,
    labels: LabelColumn = None,
    index: IndexColumn = "auto",
    header: Header = "auto",
    classes: Classes | None = None,
) -> Table:
    """Read comma-separated numbers, plain or packed with gzip, and perhaps columns of labels and of an index.

    The first line is a header if none of its fields is a number, or if `csv_header.judge` finds it one of numbers. It
    names the columns if it has as many fields as they are, or one less; with a single field it is a title, and any
    other is refused. Blank lines are skipped (and counted). True and False are 1 and 0. Where every value is whole the
    array is int64, since a text has no types: "0" and "255" are bytes to the one who wrote them. Labels of which one is
    not a number are texts, all of them: 0, 1, ... in the sorted order of the distinct ones. What makes the first column
    an index is said by `csv_columns.find_index`; index="first" makes it one, "none" makes it none, and so do
    labels="first". ``classes`` say which columns hold classes, and of which texts: these become zeros and ones, and all
    numbers float64 (see `csv_classes`).

    Raises
    ------
    ValueError
        With line and column of what is no finite number, or the line that is longer or shorter than the first; or where
        the first line may be a header or not.
    """
    try:
        found, note = find_header(path, header, labels)
        columns = find_columns(path, labels, index, found)
        try:
            values, texts = _parse(path, columns) if classes is None else coded(path, columns, classes)
        except ValueError as error:
            if classes is not None:
                raise
            raise ValueError(first_fault(path, columns) or f"{path}: {error}") from error
        if not np.isfinite(values).all():
            raise ValueError(not_finite(path, columns, values))
        notes = (*filter(None, [note]), *columns.notes)
        if (np.abs(values) >= 2.0**53).any():
            notes += rounded(path, columns)
        table = _named(Table(_whole(values) if classes is None else values, notes=notes), columns)
        if classes is not None:
            table = table._replace(names=names_of_levels(columns, classes))
        if labels is None:
            return table
        if all(map(is_number, texts)):
            return table._replace(labels=np.array(texts, np.float64))
        if fault := faulty_text(path, columns, texts):
            raise ValueError(fault)
    except DAMAGED as error:
        raise ValueError(f"{path}: the gzip data is damaged ({error})") from error
    table = table._replace(notes=(*table.notes, *_missing_labels(texts)))
    distinct = tuple(sorted(set(texts)))
    codes = {text: code for code, text in enumerate(distinct)}
    return table._replace(labels=np.array([codes[text] for text in texts], np.int64), label_names=distinct)


def _missing_labels(texts: list[str]) -> list[str]:
    """A line where some of the labels, which are texts, look like none."""
    missing = [text for text in texts if is_missing(text)]
    if not missing or len(missing) == len(texts):
        return []
    words = " and ".join(ascii(text) for text in sorted(set(missing)))
    codes = {text: code for code, text in enumerate(sorted(set(texts))) if not is_missing(text)}
    numbers = all(map(is_number, codes))
    changed = [f"{text} is {code}" for text, code in codes.items() if numbers and float(text) != code]
    more = f"; so the others, which are numbers, count as texts: {changed[0]}, in their sorted order" if changed else ""
    return [
        f"labels: {len(missing)} of {len(texts)} rows have {words}, which is taken for a class like the others{more}"
    ]


def _named(table: Table, columns: Columns) -> Table:
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


def _parse(path: Path, columns: Columns) -> tuple[NDArray[Any], list[str]]:
    """The values, and the labels' texts, by the fast way, whose errors say too little."""
    texts: list[str] = []
    labels = columns.labels
    lines = (line for _, line in data_lines(path, columns.header))
    if columns.row_names is not None:
        lines = (first_field(line)[1] for line in lines)

    def values() -> Iterator[str]:
        for line in lines:
            if labels == "last":
                rest, text = last_field(line)
            else:
                text, rest = first_field(line)
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
