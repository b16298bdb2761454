"""vae-np encode."""

from __future__ import annotations

import argparse

from vae_np.cli import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    common.add_model_arguments(parser)
    parser.add_argument("--out", metavar="FILE", help=".npy or .csv [encoded.csv]")
    parser.add_argument("--logvar", action="store_true", help="write the log-variances in columns after the means")
    parser.epilog = (
        "examples:\n  vae-np encode runs/digits-1 --out test.csv\n"
        "  vae-np encode runs/digits-1 --data new.npy --logvar --out new-encoded.npy"
    )


def run(args: argparse.Namespace) -> int:
    """Encode and write."""
    import numpy as np

    given = vars(args)
    out = common.out_file(given, "encoded.csv", ".npy", ".csv")
    run = common.load_run(args.model, given.get("backend"))
    dataset = common.data_of(run, args)
    mu, logvar = run.vae.encode(dataset.x)
    k = mu.shape[1]
    header = [f"mu{j}" for j in range(k)] + ([f"logvar{j}" for j in range(k)] if "logvar" in given else [])
    common.write_array(out, np.hstack([mu, logvar]) if "logvar" in given else mu, header)
    if "json" in given:
        common.print_json({"data": dataset.name, "examples": len(dataset), "columns": header, "out": out})
    else:
        print(f"{len(dataset)} examples of {dataset.name}, {len(header)} columns, in {out}")
    return 0
