"""Whether the first line of a csv file names the columns, also where names are numbers: `judge` weighs it."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vae_np.data.csv_columns import bare, boolean, fields, is_missing, is_number, is_value, unquoted

__all__ = ["SAMPLE", "Verdict", "judge"]

Verdict = Literal["header", "row", "assumed", "unclear"]
"""`header` and `row` are certain; `assumed` is a header of numbers, to be told; `unclear` asks for a word."""
SAMPLE = 100
"""Lines below the first one that are looked at."""
LONG = 6
"""So many numbers that count from 0 or 1 are a header by themselves."""
ROWS = 3
"""Lines below from which on their columns can be told from the first line."""


def judge(first: str, below: list[str]) -> Verdict:
    """What the first line is, by itself and by the lines ``below`` it.

    Without numbers it is a header, and so is 0, 1, 2, ... after an empty field, as pandas writes unnamed columns.
    (Where all fields of the file are quoted, texts that are numbers count as numbers.) Else it is one, to be told,

    - with whole numbers and a text over a column of numbers;
    - with 0, 1, 2, ... (or from 1) over lines that do not count, `LONG` of them, or fewer of which one lies outside its
      column's range or which are whole over columns without whole numbers;
    - with whole numbers over columns of which none has any;
    - with evenly spaced numbers (years, wavelengths), each far outside its column's range.

    What has a part of that only is unclear. A line that recurs and does not count from 0 is a row.
    """
    found, rows = fields(first), [fields(line) for line in below]
    if rows and any(map(unquoted, found)) and all(is_missing(unquoted(field)) for field in found):  # names seldom are
        return "unclear"
    if not any(map(is_value, found)) and _is_plain_header(found, below[0] if below else ""):
        return "header"
    texts = [unquoted(field) for field in found]
    if not texts[0] and len(texts) > 1 and texts[1:] == [str(i) for i in range(len(texts) - 1)]:
        return "header"
    rows = [[unquoted(field) for field in row] for row in rows if len(row) == len(texts)]
    if not rows or (texts in rows and texts != [str(i) for i in range(len(texts))]):
        return "row"
    numeric = [all(is_value(row[j]) or is_missing(row[j]) for row in rows) for j in range(len(texts))]
    places = [j for j, text in enumerate(texts) if is_number(text)]
    if not places or not all(numeric[j] for j in places):
        return "row"
    whole = all(_is_whole(texts[j]) for j in places) and len({texts[j] for j in places}) == len(places)
    strays = [j for j, text in enumerate(texts) if not is_value(text) and not is_missing(text)]
    if any(numeric[j] for j in strays) and len(rows) >= 2:
        return "assumed" if whole else "unclear"
    verdict = _weigh([texts[j] for j in places], [[row[j] for row in rows] for j in places], whole)
    if verdict == "row" and not texts[0] and whole and len(rows) >= 2:  # of an index without a name, or a missing value
        return "unclear"
    return verdict


def _is_plain_header(found: list[str], after: str) -> bool:
    """Whether a line without bare numbers is one.

    Numbers in quotes are names, but not where the line after has such, too, or there is none: then all fields of the
    file are quoted. 0, 1, 2, ... are names there as well.
    """
    texts = [unquoted(field) for field in found]
    if not all(map(is_number, texts)) or texts == [str(i) for i in range(len(texts))]:
        return True
    after = after.rstrip("\r\n")
    return bool(after.strip()) and bare(after) == after


def _weigh(texts: list[str], columns: list[list[str]], whole: bool) -> Verdict:
    """The same for the numbers of a line alone, each over its column."""
    line = np.array(list(map(float, texts)))
    below = np.array([[_value(text) for text in column] for column in columns])
    count, many = len(line), below.shape[1] >= ROWS
    if count == 1:
        return "unclear" if texts == ["0"] and many else "row"
    if not np.isfinite(line).all() or len(set(line)) < count:
        return "row"
    counts = _is_even(line[:, np.newaxis], 1.0)[0]
    similar = counts and bool(np.mean(_is_even(below, 1.0)) >= 0.5)
    from_start = counts and line[0] in (0, 1)
    low = np.where(np.isfinite(below), below, np.inf).min(axis=1)
    high = np.where(np.isfinite(below), below, -np.inf).max(axis=1)
    beyond = bool(((line < low) | (line > high)).any())
    with np.errstate(over="ignore"):  # what is infinite is no further away than anything
        far = below.shape[1] >= 2 and bool(((line < 2 * low - high) | (line > 2 * high - low)).all())
    unlike = whole and _has_no_whole(columns)
    even = counts or (count > 2 and _is_even(line[:, np.newaxis])[0])
    if (even and far and not similar) or (unlike and many and (far or count > 2)):
        return "assumed"
    if from_start and not similar and count > 2 and (count >= LONG or beyond or unlike):
        return "assumed"
    weak = (from_start and (count > 2 or line[0] == 0), counts and count > 3 and not similar, far and many, unlike)
    return "unclear" if any(weak) else "row"


def _is_even(lines: NDArray[np.float64], step: float | None = None) -> NDArray[np.bool_]:
    """Of every column whether its numbers are evenly spaced, by ``step`` or by whatever is not 0."""
    steps = np.diff(lines, axis=0)
    if step is not None:
        return np.asarray((steps == step).all(axis=0))
    return np.asarray((np.abs(steps - steps[0]) <= 0.01 * np.abs(steps[0])).all(axis=0) & (steps[0] != 0))


def _value(text: str) -> float:
    """Of a cell that holds a number, True or False, or stands for a missing value."""
    return float(boolean(text) or text) if is_value(text) else np.nan


def _is_whole(text: str) -> bool:
    """Whether a number is written as a whole one."""
    return re.fullmatch(r"[+-]?\d+", text) is not None


def _has_no_whole(columns: list[list[str]]) -> bool:
    """Whether no number of the columns is written as a whole one."""
    return not any(_is_whole(text) or boolean(text) for column in columns for text in column)
