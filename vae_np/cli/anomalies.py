"""vae-np anomalies."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np.cli import common, output, run_folder, runs, tables, train, train_options
from vae_np.cli.command import Command

if TYPE_CHECKING:
    from vae_np.cli.runs import Run
    from vae_np.data import Dataset
    from vae_np.evaluation import Anomalies

COMMAND = Command(55, "rows that are unlike the others, and by which features", "data.csv --contamination 0.05")
READING = ("labels", "index", "header", "transpose", "key", "scale", "split")
TRAINING = ("epochs", "latent", "dtype")
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
    group.add_argument("--dtype", choices=["float32", "float64"], help="[as train]")
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
    remarks = _remarks(dataset, run, found)
    order = [int(n) for n in found.score.argsort() if flags[n]]
    values = {
        "data": dataset.name, "examples": len(dataset), "run": model, "samples": given["samples"], kind: rate,
        "normal_rows": count, "flagged": int(flags.sum()), "out": given["out"],
        "rows": [_row(dataset, found, n, names) for n in order],
    }  # fmt: skip
    values |= {"remarks": remarks} if remarks else {}
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
    for source in ("data", "train"):
        if source in given and Path(given["out"]).resolve() == Path(given[source]).resolve():
            raise ValueError(f"--out {given['out']} would overwrite the data; choose another --out")
    for name in ("false_alarms", "contamination"):
        if name in given and not 0 < given[name] < 1:
            raise ValueError(f"--{name.replace('_', '-')} must lie between 0 and 1; got {given[name]}")
    if "false_alarms" in given and "train" not in given:
        raise ValueError("--false-alarms needs --train: rows that are known to be normal")
    if given["samples"] < 1:
        raise ValueError(f"--samples must be at least 1; got {given['samples']}")
    if _is_run(given) and (other := [name for name in ("run", "split", *TRAINING) if name in given]):
        raise ValueError(f"--{other[0]} is of a training, and {given['train']} is a run already")
    if "run" in given and (Path(given["run"]) / run_folder.CHECKPOINT).exists():
        raise ValueError(
            f"--run {given['run']} holds a run already; --train {given['run']} looks at rows beside it, and a new one"
            " needs another --run"
        )


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
    kind, rate = _rate(given)
    if kind == "false_alarms":  # before all the epochs
        defaults = {name: train_options.DEFAULTS[name] for name in (*common.DATA_DEFAULTS, "dtype")}
        how = defaults | options
        parts = common.load_parts(how, how["dtype"])
        count = 0 if parts.test is None else len(parts.test)
        _check_count(kind, rate, count, f"the test part of {options['data']}", "--split makes it larger")
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
            return _by_feature(anomalies(run.vae, dataset.x, **how), run, dataset), len(dataset)
    part = "train" if kind == "contamination" else "test"
    others = runs.data_of(run, argparse.Namespace(model=model, part=part))
    _check_count(kind, rate, len(others), f"the {part} part of {model}", "a run with another --split has another part")
    with common.rows_of_source(others):
        known = normal(run.vae, others.x, **how)
    with common.rows_of_source(dataset):
        return _by_feature(anomalies(run.vae, dataset.x, known), run, dataset), len(others)


def _by_feature(found: Anomalies, run: Run, dataset: Dataset) -> Anomalies:
    """The scores with one contribution a feature: of a table's class its own, which stands at one of its columns."""
    import numpy as np

    begins = [feature.begin for feature in _features(dataset, run)]
    if len(begins) == dataset.x.shape[1]:
        return found
    return found._replace(contributions=np.add.reduceat(found.contributions, begins, axis=1))


def _features(dataset: Dataset, run: Run) -> list[tables.Feature]:
    return tables.features(run.options, runs.columns(dataset.x, run.feature_names))


def _check_count(kind: str, rate: float, count: int, part: str, helps: str) -> None:
    """That a p-value beside so many rows can be as low as the rate."""
    if 1 / (count + 1) > rate:
        flag, least = f"--{kind.replace('_', '-')}", math.ceil(1 / rate) - 1
        raise ValueError(
            f"{flag} {rate:g} needs at least {least} normal rows; {part} has {count} ({helps}, or name another rate)"
        )


def _names(dataset: Dataset, run: Run) -> list[str]:
    """The features' names, a class by its column's; those that are there twice with their columns, counted from 0."""
    names = [feature.name for feature in _features(dataset, run)]
    return [f"{name} (column {d})" if names.count(name) > 1 else name for d, name in enumerate(names)]


def _remarks(dataset: Dataset, run: Run, found: Anomalies) -> list[str]:
    """A line where rows lie so far away that they have no finite score."""
    import numpy as np

    if not len(far := np.flatnonzero(np.isneginf(found.score))):
        return []
    rows = [str(int(dataset.row_numbers[n])) for n in far[:SHOWN]]
    more = f" and {len(far) - SHOWN} more" if len(far) > SHOWN else ""
    return [
        f"log p(x) is not finite in {run.vae.dtype} of {len(far)} row{'s' * (len(far) > 1)} ({', '.join(rows)}{more}),"
        " far beyond the data of training: the score is -inf, and the nats of the features are those at z = 0"
    ]


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
    import numpy as np

    try:
        from vae_np import plots

        finite = np.isfinite(found.score)
        if far := int((~finite).sum()):
            name += f" ({far} at -inf {'is' if far == 1 else 'are'} not shown)"
        plots.scores(found.score[finite], found.flags(rate)[finite], path, name=name)
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
        why = ", ".join(
            f"{name} {nats:{'.1f' if abs(nats) < 1e6 else '.3g'}}" for name, nats in row["features"].items()
        )
        score = f"log p(x) {row['score']:.2f} +- {row['error']:.2f}, p {row['p_value']:.4f}"
        print(f"  row {called}: {score}; nats missing: {why}")
    if len(values["rows"]) > SHOWN:
        print(f"  and {len(values['rows']) - SHOWN} more")
    for line in values.get("remarks", []):
        print(line)
    print(f"each row's score in {values['out']}" + (f"; picture: {picture}" if picture else ""))
