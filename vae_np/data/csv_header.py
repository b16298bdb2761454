"""Whether the first line of a csv file names the columns, also where names are numbers: `judge` weighs it."""

from __future__ import annotations

import re
from typing import Any, Literal

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

RARE = 0.01
"""A chance below which numbers of the columns are not evenly spaced, or whole, by accident."""
SOME = 8
"""Lines below from which on such chances are judged."""
SURE = 50
"""Lines below from which on a single number can be called whole by no accident."""


def judge(first: str, below: list[str]) -> Verdict:
    """What the first line is, by itself and by the lines ``below`` it.

    Without numbers it is a header, and so is 0, 1, 2, ... after an empty field, as pandas writes unnamed columns.
    (Where all fields of the file are quoted, texts that are numbers count as numbers.) Else it is one, to be told,

    - with whole numbers and a text over a column of numbers;
    - with 0, 1, 2, ... (or from 1) over lines that do not count, `LONG` of them, or fewer of which one lies outside its
      column's range or which are whole over columns without whole numbers;
    - with whole numbers over columns of which none has any;
    - with evenly spaced numbers (years, wavelengths), each far outside its column's range.

    What has a part of that only is unclear, and so is what is evenly spaced, or whole, among rows that are not, where
    that is no accident (`RARE`). A line that recurs and does not count from 0 is a row.
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
        alone = whole and below.shape[1] >= SURE and _has_no_whole(columns)
        return "unclear" if (texts == ["0"] and many) or alone else "row"
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
    weak = [from_start and (count > 2 or line[0] == 0), counts and count > 3 and not similar, far and many, unlike]
    if below.shape[1] >= SOME:
        weak += [_is_even_by_itself(line, below), whole and _is_whole_by_itself(columns)]
    return "unclear" if any(weak) else "row"


def _is_even_by_itself(line: NDArray[np.float64], below: NDArray[np.float64]) -> bool:
    """Whether three numbers or more are evenly spaced, while the numbers below are so in no row, and hardly ever where
    each column's are taken from rows of their own: so means in the same direction, by round steps if the line's are."""
    if len(line) < 3 or not _is_even(line[:, np.newaxis], within=1e-6)[0]:
        return False
    step = line[1] - line[0]

    def alike(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        steps = rows[1] - rows[0]
        same = np.sign(steps) == np.sign(step)
        return _is_even(rows, within=1e-6) & same & (_is_round(steps) if _is_round(step) else True)

    shifts = range(min(below.shape[1], SURE))  # the first of them leaves the rows as they are
    even = np.array([alike(np.array([np.roll(column, i * n) for i, column in enumerate(below)])) for n in shifts])
    return not even[0].any() and float(even.mean()) < RARE


def _is_round(numbers: Any) -> Any:
    """Whether numbers begin with 1, 2, 2.5 or 5 and go on with zeros."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.abs(numbers) / 10.0 ** np.floor(np.log10(np.abs(numbers)))
    return (np.abs(np.subtract.outer(first, (1, 2, 2.5, 5, 10))) < 1e-6).any(axis=-1)


def _is_whole_by_itself(columns: list[list[str]]) -> bool:
    """Whether numbers of these columns are whole in no row, and hardly ever all at once if each is so by its share."""
    whole = np.array([[_is_whole(text) or boolean(text) is not None for text in column] for column in columns])
    share = (whole.sum(axis=1) + 1) / (whole.shape[1] + 2)  # of a share that was not seen, Laplace's guess
    return not whole.all(axis=0).any() and float(share.prod()) < RARE


def _is_even(lines: NDArray[np.float64], step: float | None = None, within: float = 0.01) -> NDArray[np.bool_]:
    """Of every column whether its numbers are evenly spaced, by ``step`` or by whatever is not 0."""
    steps = np.diff(lines, axis=0)
    if step is not None:
        return np.asarray((steps == step).all(axis=0))
    return np.asarray((np.abs(steps - steps[0]) <= within * np.abs(steps[0])).all(axis=0) & (steps[0] != 0))


def _value(text: str) -> float:
    """Of a cell that holds a number, True or False, or stands for a missing value."""
    return float(boolean(text) or text) if is_value(text) else np.nan


def _is_whole(text: str) -> bool:
    """Whether a number is written as a whole one."""
    return re.fullmatch(r"[+-]?\d+", text) is not None


def _has_no_whole(columns: list[list[str]]) -> bool:
    """Whether no number of the columns is written as a whole one."""
    return not any(_is_whole(text) or boolean(text) for column in columns for text in column)
