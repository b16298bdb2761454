"""The lines of a csv file, whatever its encoding and its packing are."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from vae_np.data.csv_columns import fields, first_field, is_missing, is_open, is_value, last_field, unquoted
from vae_np.data.csv_header import SAMPLE, judge
from vae_np.data.packed import open_packed

__all__ = ["data_lines", "find_header", "is_not_utf8", "lines", "shown"]

SHOWN = 40
"""Characters of a faulty text that an error shows."""


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1; bytes that are not UTF-8 become what is no number.

    UTF-16 is read where the file begins with its mark, as Excel's "Unicode text" and PowerShell's files do.
    """
    with open_packed(path) as file:
        marked = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
        file.seek(0)
        how = ("utf-16", "strict") if marked else ("utf-8-sig", "surrogateescape")
        with io.TextIOWrapper(file, encoding=how[0], errors=how[1]) as text:
            try:
                for number, line in enumerate(text, 1):
                    if "\0" in line:
                        raise ValueError(
                            f"{path}: line {number}: not a text in UTF-8 or UTF-16; save the file as UTF-8"
                        )
                    if line.strip() and not (number == 1 and _names_separator(path, line)):
                        yield number, line
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}: the file begins as UTF-16 and is none ({error.reason})") from None


def _names_separator(path: Path, line: str) -> bool:
    """Whether the line is Excel's sep=, which no table has; ``ValueError`` where the separator is another one."""
    found = re.fullmatch(r'"?sep=(.)"?,*', line.strip("\r\n "), re.IGNORECASE)
    if found is not None and found[1] != ",":
        raise ValueError(f"{path}: line 1 says that the separator is {found[1]!r}; only commas are read")
    return found is not None


def find_header(path: Path, word: str, labels: str | None = None) -> tuple[bool, str]:
    """Whether the first line is a header, and where that is assumed a line that says so.

    Where the column of ``labels``, first or last, holds texts, the others are judged without it: a text under a number
    is no sign of a row there.

    ``ValueError`` where it may be one or not, and the ``word`` is neither yes nor no.
    """
    number, first = next(lines(path), (0, ""))
    if word != "no" and is_open(last := fields(first)[-1]):
        raise ValueError(
            f"{path}: line {number}, {shown(last)}: a text in quotes goes on in the next line: line breaks within"
            " are not read; write the header in one line"
        )
    below = [line for _, line in islice(lines(path), 1, 1 + SAMPLE)]
    if word == "yes":
        _check_alone(path, below)
    if word != "auto" or not number:
        return word == "yes", ""
    verdict = judge(first, below)
    if verdict == "header":
        _check_alone(path, below)
    if labels and verdict == "row":
        split = last_field if labels == "last" else lambda line: first_field(line)[::-1]
        rest = [split(line) for line in (first, *below)]
        if not all(is_value(label) for _, label in rest[1:]) and is_value(rest[0][1]):
            verdict = judge(rest[0][0], [line for line, _ in rest[1:]])
    if verdict == "unclear":
        raise ValueError(
            f"{path}: line {number}, {shown(first)}, may be a header with numbers or a row: say --header yes or"
            " --header no (header='yes' or 'no')"
        )
    if verdict == "assumed":
        some = ",".join(fields(first)[:4]) + ",..." * (len(fields(first)) > 4)
        return (
            True,
            f"header: line {number} of {path.name}, {shown(some)}, names the columns (--header no makes it a row)",
        )
    return verdict == "header", ""


def _check_alone(path: Path, below: list[str]) -> None:
    """That the line below a header holds a number, if any line does: else a title, or units, stand there, too."""
    found = [[unquoted(field) for field in fields(line)] for line in below]
    words = found and not any(is_value(text) or is_missing(text) for text in found[0])
    if words and any(map(is_value, chain(*found[1:]))):
        number, line = next(islice(lines(path), 1, None))
        raise ValueError(
            f"{path}: line {number}, {shown(line)}, holds no number, nor does the line above it: only one line, the"
            " header, may stand over the table; delete titles, comments and units"
        )


def data_lines(path: Path, header: bool) -> Iterator[tuple[int, str]]:
    """The lines after the header, if there is one; ``ValueError`` where there are none."""
    found = lines(path)
    first = next(found, None)
    if first is None:
        raise ValueError(f"{path}: there is no data; the file is empty")
    second = next(found, None)
    if second is None and header:
        from vae_np.data.csv_faults import separator

        raise ValueError(
            f"{path}: there is no data; the only line, line {first[0]}, holds no number ({shown(first[1])})"
            f"{separator(first[1])}"
        )
    if not header:
        yield first
    if second is not None:
        yield second
    yield from found


def is_not_utf8(text: str) -> bool:
    """Whether there were bytes that are not UTF-8."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def shown(text: str) -> str:
    """Text as an error shows it: on one line, short, in ASCII, with bytes that are no text as bytes."""
    text = text.strip()
    return re.sub(
        r"(?<!\\)\\udc([89a-f][0-9a-f])", r"\\x\1", ascii(text if len(text) <= SHOWN else text[:SHOWN] + "...")
    )
