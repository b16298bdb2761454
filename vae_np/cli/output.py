"""What the commands write: csv and npy files, JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vae_np.data import Dataset

PICTURES = (".png", ".svg", ".pdf")
"""The endings of pictures."""


def out_file(given: dict[str, Any], default: str, *suffixes: str, flag: str = "out") -> str:
    """--out, or another flag's file, if its ending is one that the command writes."""
    out: str = given.get(flag, default)
    if Path(out).suffix not in suffixes:
        words = " or ".join(filter(None, [", ".join(suffixes[:-1]), suffixes[-1]]))
        raise ValueError(f"--{flag} must end in {words}; got {out}")
    return out


def write_array(
    path: str,
    array: NDArray[np.floating[Any]],
    header: list[str],
    before: dict[str, Iterable[Any]] | None = None,
) -> None:
    """Write .npy or .csv, atomically; csv with enough digits to read the same numbers back, and ``before`` them columns
    of whatever has a text."""
    import io

    import numpy as np

    from vae_np.support.files import write_atomic

    if Path(path).suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        write_atomic(path, buffer.getvalue())
    else:
        digits = "%.17g" if array.dtype == np.float64 else "%.9g"
        text = io.StringIO()
        np.savetxt(text, array, fmt=digits, delimiter=",", header=",".join(map(_quoted_name, header)), comments="")
        lines = text.getvalue().splitlines()
        for name, column in reversed((before or {}).items()):
            fields = [name, *(quoted(str(value)) for value in column)]
            lines = [f"{field},{line}" for field, line in zip(fields, lines, strict=True)]
        write_atomic(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


def write_table(path: str, columns: dict[str, Iterable[Any]]) -> None:
    """Write columns of numbers and texts as .csv, atomically; numbers read back as they are."""
    from vae_np.support.files import write_atomic

    fields = [[_quoted_name(name), *(quoted(_text(value)) for value in column)] for name, column in columns.items()]
    lines = "".join(",".join(line) + "\n" for line in zip(*fields, strict=True))
    write_atomic(path, lines.encode("utf-8", "surrogateescape"))


def _text(value: Any) -> str:
    """A number of either precision by the fewest digits that are it."""
    return str(value.item() if hasattr(value, "item") else value)


def row_columns(dataset: Dataset) -> dict[str, Iterable[Any]]:
    """What stands before a row's values: its number in the data, and what an index calls it."""
    columns: dict[str, Iterable[Any]] = {"row": dataset.row_numbers}
    return columns if dataset.index is None else columns | {"index": dataset.index}


def quoted(text: str) -> str:
    """A text as a field of a csv file."""
    return '"' + text.replace('"', '""') + '"' if '"' in text or "," in text else text


def _quoted_name(name: str) -> str:
    """A column's name as a field of a header: one that is a number is quoted, for a line with numbers is no header."""
    from vae_np.data.csv_columns import is_number

    return f'"{name}"' if is_number(name) else quoted(name)


def one_line(error: BaseException) -> str:
    """An error's text on one line; one without a text by its name, the system's with its file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return printable(" ".join(str(error).split())) or type(error).__name__


def printable(text: str) -> str:
    """A text with escapes for what a terminal would obey; lines stay lines."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_json(values: dict[str, Any]) -> None:
    """One JSON object on standard output; NaN, which JSON does not have, becomes null."""
    json.dump(jsonable(values), sys.stdout, indent=2, allow_nan=False)
    print()


def jsonable(value: Any) -> Any:
    """Arrays as lists, paths as texts, and NaN, which JSON does not have, as null."""
    if isinstance(value, dict):
        return {str(key): jsonable(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(entry) for entry in value]
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
