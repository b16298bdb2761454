"""vae-np anomalies."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np.cli import common, output, runs, tables, train
from vae_np.cli.command import Command

if TYPE_CHECKING:
    from vae_np.cli.runs import Run
    from vae_np.data import Dataset
    from vae_np.evaluation import Anomalies

COMMAND = Command(55, "rows that are unlike the others, and by which features", "data.csv --contamination 0.05")
READING = ("labels", "index", "header", "transpose", "key", "scale", "split")
TRAINING = ("epochs", "latent")
TOLD = 3
"""Features that are named of each row: those that tell most."""
SHOWN = 10
"""Rows that are printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("data", metavar="DATA", help=f"whose rows are looked at: {common.SOURCES}")
    parser.add_argument(
        "--train", metavar="RUN", help="a run's folder, or data to train on, as DATA are read [DATA themselves]"
    )
    rates = parser.add_mutually_exclusive_group()
    rates.add_argument(
        "--false-alarms", type=float, metavar="A",
        help="flag what has a p-value of at most A beside the run's test part, held-out rows [0.05 with --train]",
    )  # fmt: skip
    rates.add_argument(
        "--contamination", type=float, metavar="C",
        help="flag rows with scores as the lowest share C of the training rows have [0.05 without --train]",
    )  # fmt: skip
    common.add_reading_arguments(parser.add_argument_group("data"))
    group = parser.add_argument_group("training, where there is no run yet")
    group.add_argument("--run", metavar="FOLDER", help="where the new run goes [runs/DATA-1, -2, ...]")
    group.add_argument("--epochs", type=int, metavar="E", help="[as train]")
    group.add_argument("--latent", type=int, metavar="K", help="[as train]")
    parser.add_argument("--samples", type=int, metavar="S", help="importance samples of a row's log p(x) [100]")
    parser.add_argument("--seed", type=int, metavar="N", help="[0]")
    parser.add_argument(
        "--out", metavar="FILE", help="a row's score, error, p-value, flag and features [anomalies.csv]"
    )
    parser.add_argument("--picture", metavar="FILE", help="of the scores: .png, .svg or .pdf")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.epilog = (
        "examples:\n  vae-np anomalies table.csv --contamination 0.02\n"
        "  vae-np anomalies new.csv --train normal.csv --false-alarms 0.01\n"
        "  vae-np anomalies new.csv --train runs/normal-1 --picture scores.png"
    )


def run(args: argparse.Namespace) -> int:
    """Train if need be, score, write, print."""
    given: dict[str, Any] = {"seed": 0, "samples": 100, "out": "anomalies.csv"} | vars(args)
    _check(given)
    model, is_own = _model(given)
    run = runs.load_run(model)
    if run.vae.architecture.condition:
        raise ValueError(f"--train {model}: anomalies need a model without a condition; this one is conditional")
    kind, rate = _rate(given)
    named = {"part": "all"} if is_own else {"data": given["data"]} | _reading(given)
    dataset = runs.data_of(run, argparse.Namespace(model=model, **named))
    found, count = _scored(run, model, dataset, kind, rate, is_own, given)
    flags = found.flags(rate)
    _write(given["out"], dataset, run, found, flags)
    if "picture" in given:
        _draw(given["picture"], found, rate, dataset.name)
    names = _names(dataset, run)
    order = [int(n) for n in found.score.argsort() if flags[n]]
    values = {
        "data": dataset.name, "examples": len(dataset), "run": model, "samples": given["samples"], kind: rate,
        "normal_rows": count, "flagged": int(flags.sum()), "out": given["out"],
        "rows": [_row(dataset, found, n, names) for n in order],
    }  # fmt: skip
    if "json" in given:
        output.print_json(values)
    else:
        _print(values, given.get("picture"))
    return 0


def _check(given: dict[str, Any]) -> None:
    """What can be said before anything is read or trained."""
    output.out_file(given, "", ".csv")
    if "picture" in given:
        output.out_file(given, "", *output.PICTURES, flag="picture")
    for name in ("false_alarms", "contamination"):
        if name in given and not 0 < given[name] < 1:
            raise ValueError(f"--{name.replace('_', '-')} must lie between 0 and 1; got {given[name]}")
    if "false_alarms" in given and "train" not in given:
        raise ValueError("--false-alarms needs --train: rows that are known to be normal")
    if given["samples"] < 1:
        raise ValueError(f"--samples must be at least 1; got {given['samples']}")
    if _is_run(given) and (other := [name for name in ("run", "split", *TRAINING) if name in given]):
        raise ValueError(f"--{other[0]} is of a training, and {given['train']} is a run already")


def _is_run(given: dict[str, Any]) -> bool:
    """Whether --train is a run's folder or a checkpoint, and no data."""
    source = Path(given.get("train", ""))
    return "train" in given and ((source / "config.json").is_file() or source.name == "checkpoint.npz")


def _model(given: dict[str, Any]) -> tuple[str, bool]:
    """The run's folder, and whether it was trained on the rows that are looked at."""
    if _is_run(given):
        return given["train"], False
    options = {name: given[name] for name in (*READING, *TRAINING, "seed") if name in given}
    options |= {"data": given.get("train", given["data"]), "no_pictures": True}
    options |= {"out": given["run"]} if "run" in given else {}
    options |= {"json": True} if "json" in given else {}
    return str(train.trained(options)["out"]), "train" not in given


def _reading(given: dict[str, Any]) -> dict[str, Any]:
    """How the rows that are looked at are read; they are not split."""
    return {name: given[name] for name in READING if name in given and name != "split"}


def _rate(given: dict[str, Any]) -> tuple[str, float]:
    """Which rate is kept, and how large it is."""
    if "contamination" in given or "train" not in given:
        return "contamination", given.get("contamination", 0.05)
    return "false_alarms", given.get("false_alarms", 0.05)


def _scored(run: Run, model: str, dataset: Dataset, kind: str, rate: float, is_own: bool, given: dict[str, Any]
            ) -> tuple[Anomalies, int]:  # fmt: skip
    """The rows' scores, and beside how many normal rows."""
    from vae_np.evaluation import anomalies, normal

    how = {"samples": given["samples"], "seed": given["seed"]}
    if is_own:
        with common.rows_of_source(dataset):
            found = anomalies(run.vae, dataset.x, **how)
        return _by_feature(found, found, run, dataset), len(dataset)
    part = "train" if kind == "contamination" else "test"
    others = runs.data_of(run, argparse.Namespace(model=model, part=part))
    if 1 / (len(others) + 1) > rate:
        flag, least = f"--{kind.replace('_', '-')}", math.ceil(1 / rate) - 1
        raise ValueError(
            f"{flag} {rate:g} needs at least {least} normal rows; the {part} part of {model} has {len(others)} (train"
            " with another --split, or name another rate)"
        )
    with common.rows_of_source(others):
        known = normal(run.vae, others.x, **how)
    with common.rows_of_source(dataset):
        found = anomalies(run.vae, dataset.x, known)
    if not run.options.get("classes"):
        return found, len(others)
    return _by_feature(found, anomalies(run.vae, others.x, known), run, dataset), len(others)


def _names(dataset: Dataset, run: Run) -> list[str]:
    """The features' names, a class by its column's."""
    return [feature.name for feature in tables.features(run.options, runs.columns(dataset.x, run.feature_names))]


def _by_feature(found: Anomalies, usual: Anomalies, run: Run, dataset: Dataset) -> Anomalies:
    """The scores with one contribution a feature: of a class its own, less the median of those of ``usual`` rows."""
    import numpy as np

    known = tables.features(run.options, runs.columns(dataset.x, run.feature_names))
    begins = [feature.begin for feature in known]
    if len(begins) == dataset.x.shape[1]:
        return found
    mine, theirs = (np.add.reduceat(a.contributions, begins, axis=1) for a in (found, usual))
    return found._replace(contributions=mine - np.median(theirs, axis=0))


def _told(found: Anomalies, n: int, names: list[str]) -> list[tuple[str, float]]:
    """The features that tell most of a row, and their nats."""
    terms = found.contributions[n]
    return [(names[d], float(terms[d])) for d in (-terms).argsort(kind="stable")[:TOLD]]


def _row(dataset: Dataset, found: Anomalies, n: int, names: list[str]) -> dict[str, Any]:
    """What JSON and the page say of a row."""
    called: dict[str, Any] = {"row": int(dataset.row_numbers[n])}
    if dataset.index is not None:
        called["index"] = str(dataset.index[n])
    values = {"score": found.score[n], "error": found.error[n], "p_value": found.p_value[n]}
    return called | {name: float(value) for name, value in values.items()} | {"features": dict(_told(found, n, names))}


def _write(path: str, dataset: Dataset, run: Run, found: Anomalies, flags: Any) -> None:
    names = _names(dataset, run)
    told = [_told(found, n, names) for n in range(len(dataset))]
    columns = {**output.row_columns(dataset), "score": found.score, "error": found.error, "p_value": found.p_value,
               "flag": flags.astype(int)}  # fmt: skip
    for place in range(min(TOLD, len(names))):
        columns[f"feature_{place + 1}"] = [row[place][0] for row in told]
        columns[f"nats_{place + 1}"] = [row[place][1] for row in told]
    output.write_table(path, columns)


def _draw(path: str, found: Anomalies, rate: float, name: str) -> None:
    """The picture; a word on standard error where it cannot be drawn."""
    try:
        from vae_np import plots

        plots.scores(found.score, found.flags(rate), path, name=name)
    except ImportError as error:
        print(f"vae-np: no {path}: {output.one_line(error)}", file=sys.stderr)


def _print(values: dict[str, Any], picture: str | None) -> None:
    count, kind = values["examples"], "false_alarms" if "false_alarms" in values else "contamination"
    whose = "held-out normal rows" if kind == "false_alarms" else "rows that the model was trained on"
    print(
        f"{values['data']}: {values['flagged']} of {count} rows are flagged: p-value at most {values[kind]:g} beside"
        f" {values['normal_rows']} {whose}"
    )
    for row in values["rows"][:SHOWN]:
        called = f"{row['row']}" + (f" {row['index']!r}" if "index" in row else "")
        why = ", ".join(f"{name} {nats:.1f}" for name, nats in row["features"].items())
        score = f"log p(x) {row['score']:.2f} +- {row['error']:.2f}, p {row['p_value']:.4f}"
        print(f"  row {called}: {score}; nats missing: {why}")
    if len(values["rows"]) > SHOWN:
        print(f"  and {len(values['rows']) - SHOWN} more")
    print(f"each row's score in {values['out']}" + (f"; picture: {picture}" if picture else ""))
