"""A training step beside its matrix products alone, and beside the same step on the formulas.

    python benchmarks/step.py [--quick] [--threads N] [--json FILE]

All are timed in interleaved rounds after warming up, since machines are shared and their clocks wander; what counts is
the ratios. A step is forward, backward and Adam. The products are NumPy's, on its own threads, into buffers made once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from arguments import Parser
from peers.contender import Problem
from peers.problem import make_problem
from peers.products import Products
from peers.with_vae_np import VaeNpContender
from sizes import SIZES
from timing import medians, watched

from vae_np.support import machine
from vae_np.support.files import write_atomic


def measure(problem: Problem, threads: int | None, seconds: float) -> dict[str, float]:
    """Medians in milliseconds."""
    calls = {
        "step": VaeNpContender(problem, exactly=threads).step,
        "products": Products(problem).step,
        "formulas": VaeNpContender(problem, backend="numpy").step,
    }
    return medians(calls, seconds, spins=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="a moment for each size: to see that it works")
    parser.add_argument("--threads", type=int, help="of vae_np [what the sizes are worth]")
    parser.add_argument("--json", help="a file for the medians, in milliseconds")
    args = parser.parse_args(arguments)
    parser.check_files(args.json)
    rows = []
    print("| size | dtype | step, ms | products alone, ms | step / products | formulas / step |")
    print("|---|---|---|---|---|---|")
    with watched(machine.usable_cores()):
        for size in SIZES:
            drawn = make_problem(size, "binary")
            for dtype in ("float32", "float64"):
                found = measure(drawn.astype(dtype), args.threads, 0.05 if args.quick else 3.0)
                rows.append({"size": str(size), "dtype": dtype, **found})
                a, b, c = found["step"], found["products"], found["formulas"]
                print(f"| {size} | {dtype} | {a:.3f} | {b:.3f} | {a / b:.2f} | {c / a:.1f} |", flush=True)
    if args.json:
        write_atomic(args.json, json.dumps(rows, indent=2).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
