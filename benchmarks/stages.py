"""Where the time of a training step goes: every stage in its place, and the products beside the machine's limit.

    python benchmarks/stages.py [--quick] [--only TEXT] [--dtype float64] [--data grey] [--threads N] [--json FILE]

The step is compiled once more with a look at the clock after every stage, so that each is timed with the caches as its
neighbours leave them. Times are medians of many steps, of each the mean of the threads; "meetings" is their waiting for
each other. The limit is what all threads together reach in a product's inner loop with all that it reads in the nearest
cache, in turns with the steps. Problems are those of `versus.py`; a sparse first layer's products are no products here.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from arguments import Parser
from numpy.typing import NDArray
from peers.problem import DATA, make_problem
from peers.with_vae_np import VaeNpContender
from roofline.clocked import clocked, seconds_a_tick
from roofline.limits import inner_loop, inner_loop_operations
from sizes import QUICK, SIZES, Size
from timing import watched

from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.step import sequence
from vae_np.kernels.step.costs import MEETING, Call, account_of
from vae_np.kernels.step.engine import WHOLE
from vae_np.kernels.step.plan import places
from vae_np.support import machine
from vae_np.support.files import write_atomic

MOMENT, FULL = 0.2, 4.0
"""Seconds of steps for a configuration."""
TURNS = 50
"""Calls of the inner loop for the limit: some milliseconds."""
TRAIN = WHOLE | sequence.SUMS | sequence.UPDATE
PRODUCTS = ("x W", "x^T dy", "dy W^T")
"""As `dense_products` numbers them."""


class Row(NamedTuple):
    """A stage: its name, milliseconds, and the operations of all threads if it is a product."""

    name: str
    time: float
    operations: int


class Found(NamedTuple):
    """A configuration's stages in their order, the threads, the step's milliseconds, operations a second at most."""

    size: Size
    threads: int
    rows: list[Row]
    step: float
    limit: float

    def products(self) -> float:
        """What the products reach of the limit in their own time."""
        own = [row for row in self.rows if row.operations]
        return sum(row.operations for row in own) / (1e-3 * sum(row.time for row in own) * self.limit)

    def of_step(self) -> float:
        """The same with the whole step for their time."""
        return sum(row.operations for row in self.rows) / (1e-3 * self.step * self.limit)


def limit_of(dtype: str, threads: int, pool: ThreadPoolExecutor) -> Callable[[], float]:
    """A call that measures the operations a second of all threads at once."""
    loops, meeting = [inner_loop(dtype) for _ in range(threads)], threading.Barrier(threads)

    def one(loop: Callable[[], object]) -> float:
        meeting.wait()
        began = time.perf_counter()
        for _ in range(TURNS):
            loop()
        return TURNS * inner_loop_operations(dtype) / (time.perf_counter() - began)

    return lambda: sum(pool.map(one, loops))


def measure(size: Size, dtype: str, data: str, threads: int | None, seconds: float) -> Found:
    """One configuration."""
    contender = VaeNpContender(make_problem(size, data).astype(dtype), exactly=threads)
    engine = contender.vae.engine
    workspace = engine._workspace(size.samples, size.batch)  # its plan says who does what
    with clocked(workspace.threads) as log, ThreadPoolExecutor(workspace.threads) as pool:
        limit, limits = limit_of(dtype, workspace.threads, pool), []
        times: list[NDArray[np.int64]] = []
        for _ in range(20):
            contender.step()
        end = time.monotonic() + seconds
        while len(times) < 30 or time.monotonic() < end:
            limits.append(limit())
            for _ in range(10):
                contender.step()
                times.append(np.diff(log[:, 1 : 1 + log[0, 0]]))
    order = [*account_of(workspace.plan, TRAIN).order, MEETING]
    if times[0].shape[1] != len(order):
        raise RuntimeError(f"{len(order)} stages were expected, {times[0].shape[1]} were timed")
    found = np.median(np.mean(times, axis=1), axis=0) * 1e3 * seconds_a_tick()
    names = contender.vae.architecture.layers
    rows: dict[str, Row] = {}
    for call, milliseconds in zip(order, found.tolist(), strict=True):
        row = _row(call, milliseconds, names, workspace)
        before = rows.get(row.name, Row(row.name, 0.0, 0))
        rows[row.name] = Row(row.name, before.time + row.time, before.operations + row.operations)
    return Found(size, workspace.threads, list(rows.values()), float(found.sum()), float(np.median(limits)))


def _row(call: Call, milliseconds: float, names: Sequence[str], workspace: Any) -> Row:
    if call is MEETING:
        return Row("meetings", milliseconds, 0)
    if call.stage == "sparse_product" or (call.stage == "product" and call.i == 0 and workspace.sparse[0]):
        return Row("products of a sparse x", milliseconds, 0)  # the dense ones return at once
    if call.stage != "product":
        about = names[call.i] if call.stage in ("activate", "activate_backward", "bias_gradient") else ""
        return Row(f"{call.stage} {about}".strip(), milliseconds, 0)
    q = workspace.plan
    fan_in, fan_out = q[places.END + places.COLUMNS * call.i :][:2].tolist()
    rows = int(q[places.N]) * (int(q[places.SAMPLES]) if names[call.i].startswith("decoder") else 1)
    return Row(f"{names[call.i]} {PRODUCTS[call.j]}", milliseconds, 2 * rows * fan_in * fan_out)


def show(found: Found) -> None:
    """Its stages, those that take a hundredth of the step or more."""
    print(f"\n{found.size}: {found.step:.3f} ms, {found.threads} threads, limit {found.limit / 1e9:.0f} GFLOP/s\n")
    print("| stage | ms | of the step | of the limit |\n|---|---|---|---|")
    rest = 0.0
    for row in sorted(found.rows, key=lambda row: -row.time):
        if row.time < 0.01 * found.step:
            rest += row.time
            continue
        reached = f"{row.operations / (1e-3 * row.time * found.limit):.2f}" if row.operations else ""
        print(f"| {row.name} | {row.time:.3f} | {row.time / found.step:.0%} | {reached} |")
    print(f"| {'all others'} | {rest:.3f} | {rest / found.step:.0%} | |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="one configuration for a moment: to see that it works")
    parser.add_argument("--only", metavar="TEXT", default="", help="the configurations whose name has this in it")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="[float32]")
    parser.add_argument("--data", choices=DATA, default="binary", help="[binary]")
    parser.add_argument("--threads", type=int, metavar="N", help="[what the sizes are worth]")
    parser.add_argument("--json", metavar="FILE", help="a file for all that was measured")
    args = parser.parse_args(arguments)
    parser.check_files(args.json)
    sizes = QUICK if args.quick and not args.only else [size for size in SIZES if args.only in str(size)]
    if not sizes:
        parser.error(f"--only: no configuration has {args.only!r} in it; they are {'; '.join(map(str, SIZES))}")
    if not COMPILED:
        parser.error("there is nothing to time with NUMBA_DISABLE_JIT=1")
    print(f"{args.dtype}, {args.data} data, {machine.cpu()}", flush=True)
    results = []
    with watched(machine.usable_cores()):
        for size in sizes:
            results.append(measure(size, args.dtype, args.data, args.threads, MOMENT if args.quick else FULL))
            show(results[-1])
    print("\n| size | step, ms | limit, GFLOP/s | products / limit | the same, of the whole step | meetings |")
    print("|---|---|---|---|---|---|")
    for found in results:
        waiting = sum(row.time for row in found.rows if row.name == "meetings") / found.step
        reached = f"{found.products():.2f} | {found.of_step():.2f}"
        print(f"| {found.size} | {found.step:.3f} | {found.limit / 1e9:.0f} | {reached} | {waiting:.0%} |")
    if args.json:
        everything = {"facts": machine.facts(), "quick": args.quick, "dtype": args.dtype, "data": args.data,
                      "results": [{**found._asdict(), "size": str(found.size),
                                   "rows": [row._asdict() for row in found.rows]} for found in results]}  # fmt: skip
        write_atomic(args.json, json.dumps(everything, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
