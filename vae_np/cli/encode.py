"""vae-np encode."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vae_np.cli import common, conditions, output, runs
from vae_np.cli.command import Command

if TYPE_CHECKING:
    from vae_np.data import Dataset

COMMAND = Command(50, "posterior means and log-variances of data", "runs/first --out encoded.csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    common.add_model_arguments(parser)
    parser.add_argument("--out", metavar="FILE", help=".npy or .csv [encoded.csv]")
    parser.add_argument("--logvar", action="store_true", help="write the log-variances in columns after the means")
    parser.add_argument(
        "--with-labels", action="store_true", help="write the labels, if the data have any, in a first column (.csv)"
    )
    common.add_rows_argument(parser)
    parser.epilog = (
        "examples:\n  vae-np encode runs/digits-1 --out test.csv\n"
        "  vae-np encode runs/digits-1 --data new.npy --logvar --out new-encoded.npy"
    )


def run(args: argparse.Namespace) -> int:
    """Encode and write."""
    import numpy as np

    given = vars(args)
    out = output.out_file(given, "encoded.csv", ".npy", ".csv")
    run = runs.load_run(args.model, given.get("backend"))
    dataset = runs.data_of(run, args)
    labels = _labels(dataset, out) if "with_labels" in given else None
    with common.rows_of_source(dataset):
        mu, logvar = run.vae.encode(conditions.rows_of(run.vae, dataset))
    k = mu.shape[1]
    header = [f"mu{j}" for j in range(k)] + ([f"logvar{j}" for j in range(k)] if "logvar" in given else [])
    before = {} if "no_rows" in given or not out.endswith(".csv") else output.row_columns(dataset)
    if labels is not None:
        before["label"] = labels
    output.write_array(out, np.hstack([mu, logvar]) if "logvar" in given else mu, header, before)
    header = [*before, *header]
    if "json" in given:
        output.print_json({"data": dataset.name, "examples": len(dataset), "columns": header, "out": out})
    else:
        print(f"{len(dataset)} examples of {dataset.name}, {len(header)} columns, in {out}")
    return 0


def _labels(dataset: Dataset, out: str) -> list[str]:
    """The labels as they are written: the texts of those that have any."""
    if not out.endswith(".csv"):
        raise ValueError(f"--with-labels needs an --out that ends in .csv; got {out}")
    if dataset.labels is None:
        raise ValueError(f"--with-labels: {dataset.name} has no labels (those of a .csv file: --labels first or last)")
    names = dataset.label_names
    return [str(label) if names is None else names[label] for label in dataset.labels]
