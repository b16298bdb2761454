"""Tables of numbers as text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.data.packed import DAMAGED, open_packed

__all__ = ["read_csv"]

SHOWN = 40
"""Characters of a faulty field that an error shows."""


def read_csv(path: Path) -> NDArray[Any]:
    """Read comma-separated numbers, plain or packed with gzip, as an array (N, columns).

    The first line is a header if none of its fields is a number. Blank lines are skipped (and counted). Where every
    number is whole the array is int64, since a text has no types: "0" and "255" are bytes to the one who wrote them.

    Raises
    ------
    ValueError
        With line and column of what is not a number, or the line that is longer or shorter than the first.
    """
    try:
        try:
            table = _parse(path)
        except ValueError as error:
            raise ValueError(_first_fault(path) or f"{path}: {error}") from error
    except DAMAGED as error:
        raise ValueError(f"{path}: the gzip data is damaged ({error})") from error
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
        )
    return chain([second], lines)


def _parse(path: Path) -> NDArray[Any]:
    """The table, by the fast way, whose errors say too little."""
    lines = (line for _, line in _data_lines(path))
    return np.loadtxt(lines, np.float64, delimiter=",", comments=None, ndmin=2)


def _first_fault(path: Path) -> str | None:
    """What is wrong with the first faulty line, by the slow way."""
    try:
        lines = _data_lines(path)
    except ValueError as error:
        return str(error)
    start = width = 0
    for number, line in lines:
        fields = line.rstrip("\r\n").split(",")
        start, width = start or number, width or len(fields)
        for column, field in enumerate(fields, 1):
            if not _is_number(field):
                return f"{path}: line {number}, column {column}: {_shown(field)} is not a number"
        if len(fields) != width:
            return f"{path}: line {number}: {len(fields)} columns; line {start} has {width}"
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
