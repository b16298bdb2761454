"""vae-np tune."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vae_np.cli import common, output, proposals, run_folder, search_space, train_options, trials
from vae_np.cli.command import Command
from vae_np.cli.search_space import Choice, Range, Space
from vae_np.cli.trials import Book, Trial

COMMAND = Command(15, "choose hyper-parameters by many runs", "--trials 30 --jobs 2")
OVER = (("latent", "2", "5", "10", "20"), ("hidden", "100", "400", "400,200"), ("learning-rate", "3e-4..1e-2"))
"""What is looked over where nothing is said."""
BUSY = "another search is running there"
SHOWN = 10
"""Trials of the printed table."""
OF_DATA = ("data", "labels", "index", "header", "transpose", "key", "scale", "split", "binarise", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    data = parser.add_argument_group("data")
    common.add_data_arguments(data, "digits")
    data.add_argument("--binarise", choices=common.BINARISE, help="make grey values 0 and 1 [none]")
    parser.add_argument(
        "--over", action="append", nargs="+", metavar=("NAME", "VALUE"),
        help="an option of train and what it may be: values, of which one fixes it, or a range A..B, whole where the"
        " option is"
        " [latent 2 5 10 20, hidden 100 400 400,200, learning-rate 3e-4..1e-2]",
    )  # fmt: skip
    # a range that begins with a minus is a value as a negative number is, and is refused by its name
    parser._negative_number_matcher = re.compile(r"-\.?\d.*")
    parser.add_argument(
        "--method",
        choices=("bayes", "grid"),
        help="bayes, Optuna's Parzen estimator, or grid, every combination [bayes]",
    )
    parser.add_argument(
        "--trials", type=int, metavar="N", help="runs in all [30; grid: every combination; with --resume: as before]"
    )
    parser.add_argument("--jobs", type=int, metavar="J", help="runs at a time, each a process [1]")
    parser.add_argument("--seed", type=int, metavar="N", help="of every run, and of what is proposed [0]")
    parser.add_argument("--out", metavar="DIR", help="the folder of the runs and of their table [tune/DATA]")
    parser.add_argument("--resume", action="store_true", help="go on with the search in --out")
    parser.add_argument("--json", action="store_true", help="print one JSON object, and no progress")
    parser.epilog = (
        "examples:\n  vae-np tune --trials 30 --jobs 2\n"
        "  vae-np tune --data table.csv --scale standard --over latent 2 4 --over learning-rate 1e-4..1e-2\n"
        "  vae-np tune --method grid --over latent 2 5 --over activation tanh relu --over epochs 50\n"
        "  vae-np tune --out tune/digits --resume --trials 60"
    )


def run(args: argparse.Namespace) -> int:
    """Search, and say what is best."""
    try:
        return _run(vars(args))
    finally:
        run_folder.unlock()


def _run(given: dict[str, Any]) -> int:
    for name in ("trials", "jobs"):
        if given.get(name, 1) < 1:
            raise ValueError(f"--{name} must be at least 1; got {given[name]}")
    settings, book = _book(given)
    space = search_space.parse(settings["over"])
    propose = proposals.METHODS[settings["method"]](space, book, settings.get("trials"), settings["seed"])
    quiet = "json" in given

    def tell(trial: Trial) -> None:
        propose.learn(trial)
        if not quiet:
            print(_line(trial, len(book.trials)), file=sys.stderr, flush=True)

    try:
        trials.run_all(book, propose.next, _words(settings), given.get("jobs", 1), tell, _to_stderr)
    except KeyboardInterrupt as interrupt:
        interrupt.args = (f"continue with: vae-np tune --out {shlex.quote(str(book.folder))} --resume",)
        raise
    best = book.done()
    table = book.folder / "trials.csv"
    _write(book, str(table))
    if not best:
        raise ValueError(f"no run came to an end: {next((t.error for t in book.trials if t.error), 'none was begun')}")
    picture = _draw(book, space, best)
    values = {"out": str(book.folder), "best": _told(book, best[0]), "trials": list(trials.rows(book)),
              "table": str(table), "picture": picture}  # fmt: skip
    if quiet:
        output.print_json(values)
    else:
        _print(book, best, values)
    return 0


def _book(given: dict[str, Any]) -> tuple[dict[str, Any], Book]:
    """The search's settings, and its book: a new one, or the one that is resumed."""
    asked = {name: given[name] for name in (*OF_DATA, "method") if name in given}
    if "over" in given:
        asked["over"] = given["over"]
    settings: dict[str, Any] = {"data": "digits", "method": "bayes", "over": [list(words) for words in OVER], "seed": 0}
    settings |= asked
    name = Path(settings["data"]).name.split(".")[0] or "data"
    folder = Path(given.get("out", f"tune/{name}"))
    if folder.is_dir():
        run_folder.lock(folder, BUSY)
    if "resume" in given:
        return _resumed(folder, asked, given)
    if (folder / trials.BOOK).exists():
        raise ValueError(f"{folder} holds a search already; continue it with --resume or choose another --out")
    space = search_space.parse(settings["over"])  # before anything is made
    if settings["method"] == "bayes":
        proposals.need_optuna()
    else:
        next(search_space.grid(space))
    settings |= {"hash": _hash_of(settings, space)}
    settings |= {"trials": given["trials"]} if "trials" in given else {}
    if not folder.is_dir():
        folder.mkdir(parents=True)
        run_folder.lock(folder, BUSY)
    book = Book(folder, settings)
    book.write()
    return settings, book


def _resumed(folder: Path, asked: dict[str, Any], given: dict[str, Any]) -> tuple[dict[str, Any], Book]:
    """The book that is there, if it is one of the search that is asked for and of the same data."""
    book = Book.read(folder)
    for key, value in asked.items():
        if book.settings.get(key) != value:
            raise ValueError(f"{folder / trials.BOOK}: it has another --{key}; a new one needs another --out")
    settings = book.settings
    if "hash" in settings and settings["hash"] != _hash_of(settings, search_space.parse(settings["over"])):
        raise ValueError(
            f"{folder / trials.BOOK}: {settings['data']}: the data have changed since the search began, and values of"
            " two data sets cannot be ranked; a new search needs another --out"
        )
    if "trials" in given and given["trials"] != settings.get("trials"):
        settings["trials"] = given["trials"]
        book.write()
    return settings, book


def _hash_of(settings: dict[str, Any], space: Space) -> str:
    """A hash of the parts and their labels, read as the first run reads them; errors of data come before any run."""
    from vae_np.training.run_checks import digest

    defaults = {name: train_options.DEFAULTS[name] for name in (*common.DATA_DEFAULTS, "dtype")}
    options = defaults | settings | search_space.first_values(space)
    parts = common.load_parts(options, options["dtype"])
    found = [array for part in parts if part is not None for array in (part.x, part.labels) if array is not None]
    return " ".join(map(digest, found))


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _words(settings: dict[str, Any]) -> list[str]:
    """Every run's options beside its own."""
    found = []
    for name in OF_DATA:
        if name in settings:
            value = settings[name]
            if value is True:
                found.append(f"--{name}")
            else:
                found.append(f"--{name}={','.join(map(str, value)) if isinstance(value, list) else value}")
    return found


def _line(trial: Trial, count: int) -> str:
    words = ", ".join(f"{name} {text}" for name, text in trial.options.items())
    came = trial.error if trial.value is None else f"validation ELBO {trial.value:.4f}"
    how = " as before" if trial.state == "same" else f", {trial.seconds:.1f} s" if trial.value is not None else ""
    return f"trial {trial.number} ({count} begun): {words}: {came}{how}"


def _told(book: Book, trial: Trial) -> dict[str, Any]:
    return {"trial": trial.number, "folder": str(book.folder / trial.folder), "options": trial.options,
            trials.AIM: trial.value, **trial.told}  # fmt: skip


def _write(book: Book, path: str) -> None:
    found = list(trials.rows(book))
    names = list(dict.fromkeys(name for row in found for name in row))
    columns: dict[str, Iterable[Any]] = {}
    for name in names:
        columns[name] = ["" if row.get(name) is None else row[name] for row in found]
    output.write_table(path, columns)


def _draw(book: Book, space: Space, best: list[Trial]) -> str | None:
    """The picture; a word on standard error where it cannot be drawn."""
    varied = [name for name, what in space.items() if isinstance(what, Range) or len(what.values) > 1]
    if len(best) < 2 or not varied:
        return None
    path = book.folder / "trials.png"
    choices = {name: what.values for name, what in space.items() if isinstance(what, Choice)}
    try:
        from vae_np import plots

        settings = {name: [trial.options[name] for trial in best] for name in varied}
        log = [name for name, what in space.items() if isinstance(what, Range) and what.log]
        values = [trial.value or 0.0 for trial in best]
        return str(plots.parallel_coordinates(settings, values, path, choices=choices, log=log))
    except ImportError as error:
        print(f"vae-np: no {path}: {output.one_line(error)}", file=sys.stderr)
        return None


def _print(book: Book, best: list[Trial], values: dict[str, Any]) -> None:
    failed = [trial for trial in book.trials if trial.state == "failed"]
    names = list(best[0].options)
    head = ["trial", *names, "validation ELBO", "test ELBO", "KL", "active", "seconds"]
    lines = [head]
    for trial in best[:SHOWN]:
        told = [_short(trial.told.get(name)) for name in ("test_elbo", "test_kl", "active_units")]
        lines.append([str(trial.number), *(trial.options[name] for name in names), _short(trial.value), *told,
                      f"{trial.seconds:.1f}"])  # fmt: skip
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    if len(best) > SHOWN:
        print(f"and {len(best) - SHOWN} more")
    for trial in failed:
        print(f"trial {trial.number} failed: {trial.error}")
    folder = book.folder / best[0].folder
    print(f"all of them in {values['table']}" + (f"; picture: {values['picture']}" if values["picture"] else ""))
    print(f"best: {folder}\nnext: vae-np evaluate {shlex.quote(str(folder))} --samples 500")


def _short(value: Any) -> str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
