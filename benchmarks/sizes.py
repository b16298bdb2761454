"""The configurations that the benchmarks time."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

__all__ = ["QUICK", "SIZES", "Size"]


class Size(NamedTuple):
    """A configuration: D, hidden widths, K, N, S."""

    features: int
    hidden: tuple[int, ...]
    latent: int
    batch: int
    samples: int = 1

    def __str__(self) -> str:
        repeats = [(width, len(list(layers))) for width, layers in groupby(self.hidden)]
        hidden = [f"{width}x{n}" if n > 2 else "-".join([str(width)] * n) for width, n in repeats]
        samples = f", S = {self.samples}" if self.samples > 1 else ""
        return "-".join([str(self.features), *hidden, str(self.latent)]) + f", batch {self.batch}{samples}"


SIZES = [
    Size(64, (64,), 2, 64),
    Size(784, (400,), 20, 32),
    Size(784, (400,), 20, 128),
    Size(784, (400,), 20, 1000),
    Size(784, (200, 200), 50, 20),
    Size(784, (200, 200), 50, 20, 5),
    Size(784, (200, 200), 50, 20, 50),
    Size(784, (500, 500), 20, 256),
    Size(2000, (1024,), 64, 512),
    Size(784, (2000,), 20, 128),
    Size(784, (200,) * 6, 20, 128),
]
QUICK = [SIZES[5]]
"""Enough to see that everything works: several layers, several samples."""
