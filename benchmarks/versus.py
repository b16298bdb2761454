"""A training step of vae_np beside the same step in PyTorch and in JAX, and beside its matrix products alone.

    python benchmarks/versus.py [--quick] [--only TEXT] [--dtype float32] [--data grey] [--threads N]
                                [--json FILE] [--picture FILE.png]

The same model (ReLU, Bernoulli likelihood, analytic KL), weights, data, noise and Adam in every contender, each in a
process of its own that is bound to the same cores. Before anything is timed, all must agree on the loss, on every
gradient and on ten steps of Adam; if not, the exit code is 1. Then, warmed up, they take turns, and the medians are
compared. The peers, of which any may be missing: pip install ".[peers]" in a checkout. A machine that other programs
use meanwhile is told.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from peers.problem import DATA
from peers.referee import FULL, MOMENT, Result, compare
from peers.report import facts, heading, row
from sizes import QUICK, SIZES, Size
from timing import watched

from vae_np.plots.canvas import require_matplotlib
from vae_np.support.files import write_atomic
from vae_np.support.machine import usable_cores


class Parser(argparse.ArgumentParser):
    """Errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def parse(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, list[Size]]:
    """The arguments, checked before minutes are spent, and the configurations that they choose."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one configuration in float64: to see that it works")
    parser.add_argument("--only", metavar="TEXT", help="the configurations whose name has this in it")
    parser.add_argument("--dtype", choices=["float32", "float64"], help="[both, one after the other]")
    parser.add_argument(
        "--data",
        choices=DATA,
        default="binary",
        help="binary: as dense as binarised MNIST, of which vae_np's first layer visits the ones only; the usual case "
        "for this likelihood. grey: dense, uniform in (0, 1), where that is no help: its worst case  [binary]",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="and cores, for every contender  [all there are]")
    parser.add_argument("--json", metavar="FILE", help="a file for all that was measured")
    parser.add_argument("--picture", metavar="FILE.png", help="a chart of the ratios (needs matplotlib)")
    args = parser.parse_args(arguments)
    cores = usable_cores()
    args.threads = cores if args.threads is None else args.threads
    if not 1 <= args.threads <= cores:
        parser.error(f"--threads must be between 1 and {cores}, the cores there are; got {args.threads}")
    if args.threads < cores and not hasattr(os, "sched_setaffinity"):
        parser.error("--threads: this system cannot bind a process to fewer cores than there are")
    sizes = QUICK if args.quick and not args.only else [size for size in SIZES if (args.only or "") in str(size)]
    if not sizes:
        parser.error(f"--only: no configuration has {args.only!r} in it; they are {'; '.join(map(str, SIZES))}")
    for file in filter(None, (args.json, args.picture)):
        if not Path(file).absolute().parent.is_dir():
            parser.error(f"{Path(file).parent} is not a folder")
    if args.picture:
        if not args.picture.lower().endswith(".png"):
            parser.error(f"--picture must end in .png; got {args.picture!r}")
        try:
            require_matplotlib()
        except ImportError as error:
            parser.error(f"--picture: {error}")
    return args, sizes


def tables(args: argparse.Namespace, sizes: list[Size]) -> list[Result]:
    """Compare, and print each line as it is known; what went wrong goes to stderr."""
    results: list[Result] = []
    for dtype in [args.dtype] if args.dtype else ["float64"] if args.quick else ["float32", "float64"]:
        print(heading(dtype), flush=True)
        for size in sizes:
            result = compare(size, dtype, args.data, args.threads, MOMENT if args.quick else FULL)
            results.append(result)
            print(row(result), flush=True)
            for difference in result.disagreements:
                print(f"error: {size}, {dtype}: {difference}", file=sys.stderr, flush=True)
    return results


def footnotes(results: list[Result]) -> list[str]:
    """Who the contenders were, and why some were missing, each said once."""
    about = {name: text for result in results for name, text in result.about.items()}
    notes = [f"{name}: {text}" for name, text in about.items()]
    absent: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for name, reason in result.missing.items():
            absent.setdefault((name, reason), []).append(f"{result.size}, {result.dtype}")
    for (name, reason), where in absent.items():
        places = "everywhere" if len(where) == len(results) else "; ".join(where)
        notes.append(f"{name} is missing ({places}): {reason}")
    return notes


def main(arguments: Sequence[str] | None = None) -> int:
    args, sizes = parse(arguments)
    machine = facts(args.threads, args.data)
    print("\n".join(f"- {name}: {value}" for name, value in machine.items()), flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the children end with this process then too
    try:
        with watched(args.threads):
            results = tables(args, sizes)
            print("\n" + "\n".join(f"- {note}" for note in footnotes(results)))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if args.json:
        found = {"facts": machine, "quick": args.quick, "results": [result.as_json() for result in results]}
        write_atomic(args.json, json.dumps(found, indent=1).encode())
    if args.picture:
        from peers.chart import draw  # needs matplotlib

        draw(args.picture, results, machine)
    return 1 if any(result.disagreements for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
