"""What the columns of a csv file are: the fields of its lines, their names, and whether the first one is an index."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "bare",
    "boolean",
    "fields",
    "find_index",
    "first_field",
    "is_missing",
    "is_number",
    "is_open",
    "is_quoted",
    "is_value",
    "last_field",
    "names_of",
    "unquoted",
]

BOOLEANS = {"true": "1", "false": "0"}
MISSING = frozenset(("na", "n/a", "#n/a", "nan", "nat", "null", "none", "<na>", "?", "-", "--", ".", "missing", ""))
"""What stands where a value is missing, in lower case."""

INDEX_NAMES = ("id", "index", "row")
"""Names of an index, if its entries are distinct. `row` is what vae-np's own files call it."""
UNNAMED = "unnamed: 0"
"""What pandas makes of an index's empty name when it reads the file, in lower case."""
NO_NAMES = ("", UNNAMED)
"""What stands above an index that has no name."""
LEAST = 3
"""Rows from which on a column that counts is an index: of two rows 0 and 1 may be data."""


def is_number(field: str) -> bool:
    """Whether the field is a number to np.loadtxt, which knows no 1_000 and no digits of other scripts."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field and field.isascii()


def boolean(field: str) -> str | None:
    """1 or 0 for True or False, as pandas and R write them, else None."""
    return BOOLEANS.get(field.strip().lower())


def is_value(field: str) -> bool:
    """Whether the field is a number, or True or False."""
    return is_number(field) or boolean(field) is not None


def is_missing(field: str) -> bool:
    """Whether the field says that there is no value."""
    return field.strip().lower() in MISSING


def unquoted(text: str) -> str:
    """A field's text without the blanks and the quotes around it."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('""', '"').strip()
    return text


def fields(line: str) -> list[str]:
    """A line at its commas, but for those between quotes; the quotes stay."""
    line = line.rstrip("\r\n")
    if '"' not in line:
        return line.split(",")
    parts, begin, inside = [], 0, False
    for i, letter in enumerate(line):
        if letter == '"':
            inside = not inside
        elif letter == "," and not inside:
            parts.append(line[begin:i])
            begin = i + 1
    return [*parts, line[begin:]]


def is_quoted(line: str) -> bool:
    """Whether the first field has quotes."""
    return line.lstrip().startswith('"')


def is_open(field: str) -> bool:
    """Whether a quote before the field has none that ends it."""
    return field.count('"') % 2 == 1 and is_quoted(field)


def first_field(line: str) -> tuple[str, str]:
    """The first field's text, and the rest of the line."""
    if is_quoted(line):
        first, *rest = fields(line)
        return unquoted(first), ",".join(rest)
    text, _, after = line.partition(",")
    return text.strip(), after


def last_field(line: str) -> tuple[str, str]:
    """The line but for its last field, and that field's text."""
    if '"' in line:
        *rest, last = fields(line)
        return ",".join(rest), unquoted(last)
    before, _, text = line.rpartition(",")
    return before, text.strip()


def bare(line: str) -> str:
    """The line as np.loadtxt reads it: without the quotes around its numbers, and with 1 and 0 for True and False.

    What is quoted and none of these keeps its quotes, and its commas.
    """
    if '"' not in line and not any(part in line for part in ("rue", "RUE", "alse", "ALSE")):
        return line
    texts = ((field, unquoted(field)) for field in fields(line))
    return ",".join(boolean(text) or (text if is_number(text) else field) for field, text in texts)


def names_of(header: str, columns: int) -> list[str] | None:
    """A name a column, "" where there is none; None where the header does not fit them.

    A header with one field less has none for the first column, as R writes it. A # before the first name goes.
    """
    found = fields(header)
    found[0] = found[0].lstrip().removeprefix("#")
    texts = [" ".join(unquoted(field).split()) for field in found]
    texts = texts if len(texts) != columns - 1 else ["", *texts]
    return texts if len(texts) == columns else None


def find_index(name: str | None, entries: Iterable[str]) -> list[str] | None:
    """The first column's entries if it is an index, else None.

    It is one where

    - it counts the rows, from 0 or from 1 (`LEAST` of them or more), or
    - the header names the other columns and not this one (``name`` is in `NO_NAMES`), or
    - its name is in `INDEX_NAMES` and its entries are distinct, each an integer or no number.

    ``ValueError`` where it has no name and numbers that are no integers: a title above the table looks so, too.
    """
    if name is not None and name.lower() in NO_NAMES:
        found = list(entries)
        if broken := next((text for text in found if is_number(text) and not _is_integer(text)), None):
            raise ValueError(
                f"the header has no name for the first column, which holds numbers such as {broken}: say whether it"
                " names the rows, --index first, or is a feature, --index none (index='first' or 'none')"
            )
        return found
    if name is not None and name.lower() in INDEX_NAMES:
        found = list(entries)
        sound = len(set(found)) == len(found) and not any(is_number(text) and not _is_integer(text) for text in found)
        return found if sound else None
    counted: list[str] = []
    first = 0
    for text in entries:  # of most tables it ends at the first row or the second
        if not counted and text == "1":
            first = 1
        if text != str(first + len(counted)):
            return None
        counted.append(text)
    return counted if len(counted) >= LEAST else None


def _is_integer(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True
