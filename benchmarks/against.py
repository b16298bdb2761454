"""A training step of this checkout beside that of another one, such as the commit before a change.

    python benchmarks/against.py OTHER [--quick] [--likelihood NAME] [--json FILE]

Each checkout runs in a process of its own, and they take turns of a few steps, since machines are shared and their
clocks wander; what counts is the ratio of the medians. A step is `VAE.train_step`: forward, backward and Adam.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from arguments import Parser
from sizes import QUICK, SIZES, Size
from timing import watched

from vae_np.support import machine
from vae_np.support.files import write_atomic

HERE = Path(__file__).resolve().parents[1]
WORKER = """
import json, sys, time
import numpy as np, vae_np
features, hidden, latent, batch, samples, likelihood, dtype = json.loads(sys.argv[1])
vae = vae_np.VAE(features, hidden=hidden, latent=latent, activation="relu", likelihood=likelihood, dtype=dtype)
rng = np.random.default_rng(0)
x = (rng.random((batch, features)) < 0.13).astype(dtype)
eps = rng.standard_normal((samples, batch, latent)).astype(dtype)
adam = vae_np.Adam(1e-4)
state = vae_np.AdamState.zeros(vae.parameters.vector, adam)
for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        began = time.perf_counter()
        vae.train_step(x, eps, adam, state)
        times.append(time.perf_counter() - began)
    print(json.dumps(times), flush=True)
"""


def worker(checkout: Path, size: Size, likelihood: str, dtype: str) -> subprocess.Popen[str]:
    """A process that times as many steps as a line of its input says."""
    setting = json.dumps([*size, likelihood, dtype])
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", WORKER, setting]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=checkout
    )


def steps(process: subprocess.Popen[str], count: int) -> list[float]:
    """Seconds of so many steps."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(f"{count}\n")
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit("error: the process of a checkout has ended; why stands above")
    return list(json.loads(line))


def compare(checkouts: list[Path], size: Size, likelihood: str, dtype: str, seconds: float) -> list[float]:
    """The median step of each checkout, in milliseconds."""
    processes = [worker(checkout, size, likelihood, dtype) for checkout in checkouts]
    try:
        lasts = [min(steps(process, 5)[1:]) for process in processes]
        count = max(1, min(50, int(0.05 / max(lasts))))
        times: list[list[float]] = [[] for _ in processes]
        rounds = max(5, int(seconds / (count * sum(lasts))))
        for turn in range(rounds):
            for i in (0, 1) if turn % 2 else (1, 0):
                times[i] += steps(processes[i], count)
        return [1e3 * float(np.median(found)) for found in times]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("other", type=Path, help="the other checkout's folder")
    parser.add_argument("--quick", action="store_true", help="a moment and one size: to see that it works")
    parser.add_argument("--likelihood", default="bernoulli", help="[bernoulli]")
    parser.add_argument("--json", help="a file for the medians, in milliseconds")
    args = parser.parse_args(arguments)
    parser.check_files(args.json)
    if not (args.other / "vae_np" / "__init__.py").is_file():
        parser.error(f"{args.other} is no checkout of vae_np")
    rows = []
    print("| size | dtype | this, ms | other, ms | this / other |")
    print("|---|---|---|---|---|")
    folders, seconds = [HERE, args.other.resolve()], 0.2 if args.quick else 6
    with watched(machine.usable_cores()):
        for size, dtype in itertools.product(QUICK if args.quick else SIZES, ("float32", "float64")):
            this, other = compare(folders, size, args.likelihood, dtype, seconds)
            rows.append({"size": str(size), "dtype": dtype, "this": this, "other": other})
            print(f"| {size} | {dtype} | {this:.3f} | {other:.3f} | {this / other:.3f} |", flush=True)
    if args.json:
        write_atomic(args.json, json.dumps(rows, indent=2).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
