"""Every kernel's time beside the least that this machine could need for it, and beside its formula in plain NumPy.

    python benchmarks/kernels.py [--quick] [--dtype float64] [--only TEXT] [--json FILE]

On one thread. A kernel must move so many bytes and compute so much (`roofline/counts.py`); how fast that can go is
measured in the same rounds, by loops that do nothing else: on memory as large as what the kernel visits, so that the
same cache counts, and in registers. The greatest of these times is the kernel's limit, and limit / time what it reaches
of it. Nothing reaches all: the loops overlap nothing, and a kernel also compares and selects, which is not counted but
takes its turn: of the elementary functions it is shown how many instructions a vector costs, loads and stores aside,
and how many begin in a cycle, which is here the time of two fused multiply-adds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from arguments import Parser
from roofline.limits import Limits
from roofline.table import crossover, make_cases, measure, operations, result, speeds, table
from timing import watched

from vae_np.support import machine
from vae_np.support.files import write_atomic

QUICK, FULL = 1.0, 90.0
"""Seconds of rounds."""


def show(title: str, lines: Iterable[str]) -> None:
    """A titled piece of Markdown."""
    print(f"\n{title}\n\n" + "\n".join(lines), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="a moment for all: to see that it works")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="[float32]")
    parser.add_argument("--only", metavar="TEXT", default="", help="the kernels whose name or size has this in it")
    parser.add_argument("--json", metavar="FILE", help="a file for all that was measured, times in milliseconds")
    args = parser.parse_args(arguments)
    parser.check_files(args.json)
    cases = make_cases(args.dtype, args.only)
    if not cases:
        names = ", ".join(dict.fromkeys(case.name for case in make_cases(args.dtype, "")))
        parser.error(f"--only: no kernel has {args.only!r} in it; they are {names}")
    densities = any(case.name.startswith("sparse") for case in cases)
    print(f"{args.dtype}, one thread, {machine.cpu()}", flush=True)
    with watched(), machine.numpy_threads(1):
        found = measure(cases, args.dtype, QUICK if args.quick else FULL, densities)
    limits = Limits(found, args.dtype)
    results = [result(case, limits) for case in cases]
    show("What the elementary functions are counted as, and what compiled loops need for them", operations(limits))
    show("What this machine does", speeds(limits))
    show("The kernels", table(results))
    if densities:
        show("The first layer of a sparse x", crossover(args.dtype, found))
    if args.json:
        everything = {"facts": machine.facts(), "quick": args.quick, "dtype": args.dtype, "kernels": results,
                      "medians": found}  # fmt: skip
        write_atomic(args.json, json.dumps(everything, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
