"""Tables of several kinds of columns: what --likelihood auto takes each column of a csv file for, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from vae_np.data.csv_classes import Typed
    from vae_np.model.tables import Table

    Array = NDArray[Any]

__all__ = ["CHOOSING", "Feature", "by_feature", "chosen", "features", "in_words", "write"]

CHOOSING = ("auto", "table")
"""Words of --likelihood that leave it to the data."""
MOST_LEVELS = 20
"""A text of more levels than that, most of them once, is a name and no class."""


class Feature(NamedTuple):
    """A column of the table: its name, where its columns of numbers begin and end, and its classes, if it has any."""

    name: str
    begin: int
    end: int
    levels: tuple[str, ...] = ()


class Frame:
    """Columns with types as `vae_np.Table` asks a data frame for them."""

    iloc = None

    def __init__(self, found: Typed) -> None:
        self.columns = found.names
        self._series = {name: Series(values) for name, values in zip(found.names, found.columns, strict=True)}
        self.dtypes = [series.dtype for series in self._series.values()]

    def __len__(self) -> int:
        return len(next(iter(self._series.values())))

    def __getitem__(self, name: str) -> Series:
        return self._series[name]


class Series:
    """One of these columns, none of whose values is missing."""

    def __init__(self, values: Array) -> None:
        self.values, self.dtype = values, values.dtype
        self.tolist = values.tolist

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self.values if dtype is None else self.values.astype(dtype)

    def isna(self) -> Array:
        """Nowhere."""
        import numpy as np

        return np.zeros(len(self.values), bool)

    def nunique(self) -> int:
        """How many values there are."""
        return len(set(self.tolist()))


def chosen(options: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The options with a likelihood for each column of a csv file of several kinds, and the table that says why.

    They are left as they are where the data are none, and where they are to be of one kind: by --sigma, --floor, a
    --scale that divides, --binarise. --likelihood auto takes tables with a header that have texts (without one a text
    is as likely a label), or numbers of several kinds, of which not all are whole: those may be images. ``table`` takes
    any.

    Raises
    ------
    ValueError
        Of ``table`` where the data are no table; and where a column holds names.
    """
    from vae_np.model.tables import Table

    word = options["likelihood"]
    if word not in CHOOSING:
        return options, ""
    found = _typed(options, word == "table")
    if found is None:
        if word == "table":
            raise ValueError(
                f"{options['data']}: --likelihood table is of a csv file, whose columns each hold numbers, or texts,"
                " and leave none out; without --sigma, --floor and --binarise, and with --scale auto, standard or none"
            )
        return options, ""
    _check_names(options["data"], found)
    table = Table(Frame(found))
    kinds = {column.likelihood.name for column in table.columns}
    if len(kinds) == 1 and kinds <= {"gaussian", "bernoulli"}:
        return options | {"likelihood": "auto"}, ""
    levels = [[str(level) for level in column.levels] or None for column in table.columns]
    scale = table.scale if options["scale"] == "auto" else options["scale"]
    options = options | {"likelihood": in_words(table.likelihood.config()), "scale": scale}
    last = found.names[-1] if options["labels"] is None and found.columns[-1].dtype.kind == "O" else None
    return options | ({"classes": levels} if any(levels) else {}), _line(table, scale, last)


def _line(table: Table, scale: str, last: str | None) -> str:
    """The table, what is done to its numbers, and that a last column of texts may be labels."""
    standard = "; numbers are standardised (--scale none leaves them)" if scale == "standard" else ""
    standard += "" if last is None else f"; {last!r} is modelled, too (--labels last makes it labels)"
    rows = "\n".join(f"  {line}" for line in repr(table).splitlines())
    return f"likelihood: one for each column{standard}\n{rows}"


def _typed(options: dict[str, Any], forced: bool) -> Typed | None:
    """The columns with their types, None where they are not to be looked at one by one."""
    from vae_np.data.csv_classes import typed_columns
    from vae_np.data.loading import kind_of

    one_kind = options["sigma"] is not None or options["floor"] is not None or options["binarise"] != "none"
    if one_kind or options["scale"] not in ("auto", "standard", "none") or kind_of(options["data"]) != "csv":
        return None
    labels = options["labels"] if options["labels"] in ("first", "last") else None
    how = (Path(options["data"]), labels, options["index"], options["header"])
    found = typed_columns(*how, glance=True)
    if found is not None and not found.fault and (forced or _is_mixed(found, options["scale"])):
        found = typed_columns(*how)
    elif found is None or not found.fault:
        return None
    if found is not None and found.fault:
        if found.named or forced:
            raise ValueError(found.fault)
        return None
    return found


def _is_mixed(found: Typed, scale: str) -> bool:
    """Whether --likelihood auto takes columns one by one."""
    kinds = [column.dtype.kind for column in found.columns]
    return found.named and ("O" in kinds or (scale == "auto" and "f" in kinds and bool({"i", "b"} & set(kinds))))


def _check_names(data: str, found: Typed) -> None:
    """That no text is another one in most rows, and no column is called as another."""
    for name, values in zip(found.names, found.columns, strict=True):
        count = len(set(values.tolist())) if values.dtype.kind == "O" else 0
        if count > max(MOST_LEVELS, len(values) / 2):
            first = " (--index first, if it names the rows)" * (name == found.names[0])
            raise ValueError(
                f"{data}: column {name!r} has {count} different texts in {len(values)} rows, which are names and no"
                f" classes: leave it out{first}"
            )
        if found.names.count(name) > 1:
            raise ValueError(f"{data}: two columns are called {name!r}: give each a name of its own")


def in_words(config: dict[str, Any]) -> str:
    """The word of --likelihood that stands for a config."""
    name = config["name"]
    if "groups" in config:
        parts = []
        for of, columns in config["groups"]:
            options = ",".join(f"{key}={value}" for key, value in of.items() if key != "name" and value is not None)
            parts.append(f"{of['name']}{options and f'({options})'}={columns}")
        return f"{name}:{','.join(parts)}"
    options = ",".join(f"{key}={value}" for key, value in config.items() if key != "name" and value is not None)
    return f"{name}:{options}" if options else str(name)


def features(options: dict[str, Any], names: Sequence[str]) -> list[Feature]:
    """The columns of a run's table, of the names of its numbers: one a number where the run knows no classes."""
    found: list[Feature] = []
    begin = 0
    for levels in options.get("classes") or [None] * len(names):
        end = begin + (len(levels) if levels else 1)
        name = names[begin].removesuffix(f"={levels[0]}") if levels else names[begin]
        found.append(Feature(name, begin, end, tuple(levels or ())))
        begin = end
    return found


def by_feature(x: Array, known: Sequence[Feature]) -> dict[str, Any]:
    """Columns of texts and numbers, of numbers (N, width), draws or means: of a class the likeliest."""
    columns: dict[str, Any] = {}
    for feature in known:
        part = x[:, feature.begin : feature.end]
        columns[feature.name] = [feature.levels[j] for j in part.argmax(axis=1)] if feature.levels else part[:, 0]
    return columns


def write(
    path: str, x: Array, names: list[str], options: dict[str, Any], before: dict[str, Iterable[Any]] | None = None
) -> None:
    """Rows of numbers as a file, in .csv those of a run's table with its columns and classes."""
    import numpy as np

    from vae_np.cli import output

    if not options.get("classes") or not path.endswith(".csv"):
        output.write_array(path, x, names, before)
        return
    digits = ".17g" if x.dtype == np.float64 else ".9g"
    columns = {
        name: values if isinstance(values, list) else [format(float(value), digits) for value in values]
        for name, values in by_feature(x, features(options, names)).items()
    }
    output.write_table(path, {**(before or {}), **columns})
