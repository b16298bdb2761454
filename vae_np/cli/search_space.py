"""What `vae-np tune` looks over: options of `vae-np train` with values to choose from, or a range of numbers."""

from __future__ import annotations

import argparse
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vae_np.cli import train_options

__all__ = ["Choice", "Range", "Space", "grid", "parse", "suggested"]

OWN = ("out", "resume", "json", "pictures", "no_pictures", "start_from", "data")
"""Options of train that are no hyper-parameters: `vae-np tune` gives them itself."""
RANGE = re.compile(r"(.+)\.\.(.+)")
DIGITS = 4
"""Of a number that is drawn: the run's options are to be read by people."""


class Choice(NamedTuple):
    """One of some values, as they are given on the command line."""

    values: tuple[str, ...]


class Range(NamedTuple):
    """A number from low to high, whole where the option takes no other; on a logarithmic scale where high is ten times
    low or more."""

    low: float
    high: float
    whole: bool
    log: bool


Space = Mapping[str, Choice | Range]
"""By the name of the option: ``"learning-rate"``."""


def parse(words: Sequence[Sequence[str]]) -> dict[str, Choice | Range]:
    """``[["latent", "2", "5"], ["learning-rate", "1e-4..1e-2"]]`` as a space.

    Raises
    ------
    ValueError
        If an option is none of train's, is given twice or without a value, or a value is not one of it.
    """
    parser = _parser()
    flags = {flag.removeprefix("--"): action for action in parser._actions for flag in action.option_strings}
    found: dict[str, Choice | Range] = {}
    for name, *values in words:
        name = name.removeprefix("--")
        if name not in flags or flags[name].dest in (*OWN, "help"):
            known = ", ".join(sorted(flag for flag, action in flags.items() if action.dest not in (*OWN, "help")))
            raise ValueError(f"--over {name}: no option of train that can be looked over; there are {known}")
        if flags[name].nargs == 0:
            raise ValueError(f"--over {name}: it takes no value")
        if name in found:
            raise ValueError(f"--over {name} is given twice: all its values go into one")
        if not values:
            raise ValueError(f"--over {name} needs values, or a range: --over {name} A B C, --over {name} A..B")
        found[name] = _one(parser, name, values)
    return found


def first_values(space: Space) -> dict[str, Any]:
    """Options of train with the first value of each choice and the low end of each range, as their types."""
    low = {name: what.values[0] if isinstance(what, Choice) else _text(what, what.low) for name, what in space.items()}
    return vars(_parser().parse_args([f"--{name}={value}" for name, value in low.items()]))


def _parser() -> argparse.ArgumentParser:
    """That of train, without its defaults."""
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    train_options.add_arguments(parser)
    return parser


def _text(what: Range, value: float) -> str:
    return str(int(value)) if what.whole else repr(value)


def _one(parser: argparse.ArgumentParser, name: str, values: Sequence[str]) -> Choice | Range:
    matched = RANGE.fullmatch(values[0])
    if len(values) == 1 and matched:
        low, high = (_number(name, text) for text in matched.groups())
        whole = all(re.fullmatch(r"[+-]?\d+", text) for text in matched.groups()) and not _takes(parser, name, "0.5")
        if not low < high:
            raise ValueError(f"--over {name}: a range A..B has A below B; got {values[0]}")
        if whole and low < 0:
            raise ValueError(f"--over {name}: whole numbers from 0 on are needed; got {values[0]}")
        for text in matched.groups():
            _check(parser, name, text)
        return Range(low, high, whole, low > 0 and high >= 10 * low)
    if twice := next((value for i, value in enumerate(values) if value in values[:i]), None):
        raise ValueError(f"--over {name}: {twice} is there twice")
    for value in values:
        _check(parser, name, value)
    return Choice(tuple(values))


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"--over {name}: a range A..B is of two numbers; got {text!r}")
    return value


def _check(parser: argparse.ArgumentParser, name: str, value: str) -> None:
    try:
        parser.parse_args([f"--{name}={value}"])
    except argparse.ArgumentError as error:
        raise ValueError(f"--over {name}: {error.message}") from None


def _takes(parser: argparse.ArgumentParser, name: str, value: str) -> bool:
    try:
        _check(parser, name, value)
    except ValueError:
        return False
    return True


def grid(space: Space) -> Iterator[dict[str, str]]:
    """Every combination; ``ValueError`` for a range."""
    for name, what in space.items():
        if isinstance(what, Range):
            raise ValueError(f"--over {name}: a grid takes values, and no range; --method bayes takes one")
    choices = [what.values for what in space.values() if isinstance(what, Choice)]
    for values in itertools.product(*choices):
        yield dict(zip(space, values, strict=True))


def suggested(space: Space, trial: Any) -> dict[str, str]:
    """What a trial of Optuna proposes, as texts."""
    found = {}
    for name, what in space.items():
        if isinstance(what, Choice):
            found[name] = str(trial.suggest_categorical(name, list(what.values)))
        elif what.whole:
            found[name] = str(trial.suggest_int(name, int(what.low), int(what.high), log=what.log))
        else:
            value = float(f"{trial.suggest_float(name, what.low, what.high, log=what.log):.{DIGITS}g}")
            found[name] = repr(min(max(value, what.low), what.high))
    return found
