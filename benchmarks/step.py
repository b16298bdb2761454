"""A training step beside its matrix products alone, and beside the same step on the formulas.

    python benchmarks/step.py [--quick] [--threads N] [--json FILE]

All are timed in interleaved rounds after warming up, since machines are shared and their clocks wander; what counts is
the ratios. A step is forward, backward and Adam. The products are NumPy's, on its own threads, into buffers made once.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

import vae_np
from vae_np.files import write_atomic
from vae_np.objectives import ELBO
from vae_np.optim import AdamState


class Size(NamedTuple):
    """A configuration: D, hidden widths, K, N, S."""

    features: int
    hidden: tuple[int, ...]
    latent: int
    batch: int
    samples: int = 1

    def __str__(self) -> str:
        widths = "-".join(map(str, [self.features, *self.hidden, self.latent]))
        return f"{widths}, batch {self.batch}" + (f", S = {self.samples}" if self.samples > 1 else "")


SIZES = [
    Size(64, (64,), 2, 64),
    Size(784, (400,), 20, 32),
    Size(784, (400,), 20, 128),
    Size(784, (400,), 20, 1000),
    Size(784, (200, 200), 50, 20),
    Size(784, (200, 200), 50, 20, 5),
    Size(784, (500, 500), 20, 256),
]


def step_of(size: Size, dtype: str, backend: str, threads: int | None) -> Callable[[], object]:
    """A whole training step on random binary data."""
    vae = vae_np.VAE(
        size.features,
        hidden=size.hidden,
        latent=size.latent,
        activation="relu",
        dtype=dtype,
        backend=backend,
        threads=threads,
    )
    rng = np.random.default_rng(0)
    x = (rng.random((size.batch, size.features)) < 0.2).astype(dtype)
    eps = rng.standard_normal((size.samples, size.batch, size.latent)).astype(dtype)
    adam, objective = vae_np.Adam(), ELBO()
    state = AdamState.zeros(vae.parameters.vector, adam)
    return lambda: vae.engine.update(adam, vae.step(x, eps, objective, 1.0).gradients, state)


def products_of(size: Size, dtype: str) -> Callable[[], object]:
    """The step's matrix products alone: forward, weight's gradient, and input's gradient but for x."""
    encoder, decoder = [size.features, *size.hidden], [size.latent, *size.hidden[::-1], size.features]
    shapes = [(size.batch, *pair) for pair in pairwise(encoder)] + [(size.batch, encoder[-1], size.latent)] * 2
    shapes += [(size.batch * size.samples, *pair) for pair in pairwise(decoder)]
    rng = np.random.default_rng(0)
    buffers = []
    for place, (rows, fan_in, fan_out) in enumerate(shapes):
        x, W = (rng.random(shape).astype(dtype) for shape in ((rows, fan_in), (fan_in, fan_out)))
        buffers.append((place > 0, x, W, np.empty((rows, fan_out), dtype), np.empty_like(W), np.empty_like(x)))

    def run() -> None:
        for inner, x, W, y, dW, dx in buffers:
            np.dot(x, W, out=y)
            np.dot(x.T, y, out=dW)
            if inner:
                np.dot(y, W.T, out=dx)

    return run


def medians(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """The median time of each call in milliseconds, in interleaved rounds."""
    end = time.monotonic() + seconds / 2
    while time.monotonic() < end:
        for call in calls.values():
            call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, call in calls.items():
            call()  # what ran before has the caches
            for _ in range(3 if name == "formulas" else 10):
                began = time.perf_counter()
                call()
                times[name].append(1e3 * (time.perf_counter() - began))
    return {name: float(np.median(found)) for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a moment for each size: to see that it works")
    parser.add_argument("--threads", type=int, help="of vae_np [what the sizes are worth]")
    parser.add_argument("--json", help="a file for the medians, in milliseconds")
    args = parser.parse_args()
    rows = []
    print("| size | dtype | step, ms | products alone, ms | step / products | formulas / step |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        for dtype in ("float32", "float64"):
            calls = {
                "step": step_of(size, dtype, "numba", args.threads),
                "products": products_of(size, dtype),
                "formulas": step_of(size, dtype, "numpy", None),
            }
            found = medians(calls, 0.05 if args.quick else 3.0)
            rows.append({"size": str(size), "dtype": dtype, **found})
            a, b, c = found["step"], found["products"], found["formulas"]
            print(f"| {size} | {dtype} | {a:.3f} | {b:.3f} | {a / b:.2f} | {c / a:.1f} |", flush=True)
    if args.json:
        write_atomic(args.json, json.dumps(rows, indent=2).encode())


if __name__ == "__main__":
    main()
