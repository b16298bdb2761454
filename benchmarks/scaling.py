"""How a training step's time and memory grow with D, H, K, N, S and the number of threads.

    python benchmarks/scaling.py [--quick] [--dtype float64] [--json FILE] [--picture FILE.png]

One variable at a time, the others as in 784-400-20 with a batch of 128 and one sample, on one thread but where threads
are the variable; binary data, of which 13 in 100 are ones. Times are medians of interleaved rounds. Memory is what a
process of its own grows by when it builds the model and trains (Linux). A step's buffers are theta, the gradient and
two moments, and a multiple of the activations: h, mu and logvar of each example, z, h and raw of each sample.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from arguments import Parser
from growth.memory import measured
from growth.points import BASE, QUICK, RANGES, TrainingStep, activations, at, powers_of_two
from growth.report import Point, default_table, exponent_table, laws, table
from timing import medians, watched

from vae_np.kernels.step.engine import default_threads
from vae_np.support import machine
from vae_np.support.files import write_atomic

MOMENT, FULL = 0.3, 12.0
"""Seconds of rounds for a variable."""


def times(steps: Sequence[TrainingStep], seconds: float) -> list[float]:
    """Milliseconds each, in turns."""
    for step in steps:
        step.build()
    calls, before = dict(enumerate(steps)), {i: step.keep_start() for i, step in enumerate(steps)}
    return list(medians(calls, seconds, before).values())


def grow(variable: str, values: Sequence[int], dtype: str, seconds: float) -> list[Point]:
    """Every point of a variable."""
    sizes = [BASE if variable == "threads" else at(variable, value) for value in values]
    threads = values if variable == "threads" else [1] * len(values)
    steps = [TrainingStep(size, dtype, count) for size, count in zip(sizes, threads, strict=True)]
    found = times(steps, seconds)
    taken = measured(sizes, threads, dtype)
    return [
        Point(value, time, memory, step.vae.parameters.vector.size, activations(size), dtype)
        for value, time, memory, step, size in zip(values, found, taken, steps, sizes, strict=True)
    ]


def judge_default(batches: Sequence[int], dtype: str, seconds: float) -> list[dict[str, Any]]:
    """For each N, one thread beside all, what ``threads=None`` takes, and which is faster."""
    rows, everyone = [], machine.usable_cores()
    sizes = [at("N", n) for n in batches]
    found = times([TrainingStep(size, dtype, count) for size in sizes for count in (1, everyone)], seconds)
    for size, one, every in zip(sizes, found[::2], found[1::2], strict=True):
        parameters = TrainingStep(size, dtype, 1).build().vae.parameters.vector.size
        chosen = default_threads(everyone, parameters, size.batch * size.samples)
        taken = one if chosen == 1 else every
        row = {"N": size.batch, "one": one, "all": every, "default": chosen, "faster": 1 if one <= every else everyone}
        rows.append({**row, "lost": taken / min(one, every) - 1})
    return rows


def show(title: str, lines: Iterable[str]) -> None:
    """A titled piece of Markdown."""
    print(f"\n{title}\n\n" + "\n".join(lines), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="a moment for all: to see that it works")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="[float32]")
    parser.add_argument("--json", metavar="FILE", help="a file for all that was measured")
    parser.add_argument("--picture", metavar="FILE.png", help="a chart of the growth (needs matplotlib)")
    args = parser.parse_args(arguments)
    parser.check_files(args.json, args.picture)
    seconds, dtype = MOMENT if args.quick else FULL, args.dtype
    print(f"{BASE}, {dtype}, {machine.cpu()}", flush=True)
    ranges = (QUICK if args.quick else RANGES) | {"threads": powers_of_two(machine.usable_cores())}
    with watched(machine.usable_cores()):
        found = {variable: grow(variable, values, dtype, seconds) for variable, values in ranges.items()}
        show("Time and memory of a step", table(found))
        show("Their growth, fitted to the upper half of the range", exponent_table(found))
        judged = judge_default(ranges["N"], dtype, seconds) if machine.usable_cores() > 1 else []
    if judged:
        show("The number of threads by itself", default_table(judged, machine.usable_cores()))
    if args.json:
        points = {variable: [point.as_json() for point in points] for variable, points in found.items()}
        fitted = {v: {k: law and law._asdict() for k, law in laws(points).items()} for v, points in found.items()}
        everything = {"facts": machine.facts(), "quick": args.quick, "dtype": dtype, "base": BASE._asdict(),
                      "points": points, "laws": fitted, "threads": judged}  # fmt: skip
        write_atomic(args.json, json.dumps(everything, indent=1).encode())
    if args.picture:
        from growth.chart import draw  # needs matplotlib

        draw(args.picture, found, f"{BASE}, {dtype}, {machine.cpu()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
