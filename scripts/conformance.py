"""This package on its own conformance vectors: both backends in both precisions, the largest errors of each case.

    python scripts/conformance.py [--cases]

Prints a line for each backend and precision: stages answered and right, the largest error relative to the size of its
terms for values, gradients and steps of Adam, and seconds, the first compilation included.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

from vae_np.conformance import check
from vae_np.conformance.comparison import TOLERANCES, kind_of_stage
from vae_np.conformance.ours import answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", action="store_true", help="the whole reports")
    args = parser.parse_args()
    print(
        "| backend | dtype | stages | right | forward | gradient | step | seconds |\n|---|---|---|---|---|---|---|---|"
    )
    for backend in ("numpy", "numba"):
        for dtype in TOLERANCES:
            began = time.perf_counter()
            report = check(partial(answer, backend=backend, dtype=dtype), dtype=dtype)
            seconds = time.perf_counter() - began
            given = [result for result in report.results if result.status != "missing"]
            worst = [
                max(result.relative for result in given if kind_of_stage(result.stage) == kind)
                for kind in ("forward", "gradient", "step")
            ]
            right = sum(result.status == "right" for result in given)
            cells = [
                backend,
                dtype,
                str(len(given)),
                str(right),
                *(f"{value:.1e}" for value in worst),
                f"{seconds:.1f}",
            ]
            print(f"| {' | '.join(cells)} |", flush=True)
            if args.cases:
                print(f"\n{report}\n")


if __name__ == "__main__":
    main()
