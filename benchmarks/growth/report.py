"""What was measured at a point, and the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from growth.law import Law, fit

__all__ = ["Point", "default_table", "exponent_table", "heading", "laws", "table"]

WHAT = {"threads": "threads", "D": "features", "H": "hidden units", "K": "latent dimensions", "N": "batch",
        "S": "samples"}  # fmt: skip


class Point(NamedTuple):
    """Milliseconds a step; bytes that it takes; numbers of parameters and of activations."""

    value: int
    time: float
    memory: int | None
    parameters: int
    activations: int
    dtype: str

    @property
    def fixed(self) -> int:
        """Bytes of theta, the gradient and Adam's two moments."""
        return 4 * self.parameters * np.dtype(self.dtype).itemsize

    @property
    def batchwise(self) -> int:
        """Bytes of the activations, each once."""
        return self.activations * np.dtype(self.dtype).itemsize

    @property
    def multiple(self) -> float | None:
        """How many times the activations' bytes the rest of the memory is."""
        return None if self.memory is None else (self.memory - self.fixed) / self.batchwise

    def as_json(self) -> dict[str, Any]:
        """All of it for JSON."""
        return {**self._asdict(), "fixed": self.fixed, "batchwise": self.batchwise, "multiple": self.multiple}


def heading(variable: str) -> str:
    """A variable's letter and what it counts."""
    return variable if WHAT[variable] == variable else f"{variable}, {WHAT[variable]}"


def laws(points: Sequence[Point]) -> dict[str, Law | None]:
    """Of time and of memory."""
    sizes = [point.value for point in points]
    return {"time": fit(sizes, [p.time for p in points]), "memory": fit(sizes, [p.memory for p in points])}


def table(found: Mapping[str, Sequence[Point]]) -> Iterator[str]:
    """A line a point."""
    yield "| variable | value | time, ms | memory, MB | parameters x 4, MB | activations, MB | multiple |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for variable, points in found.items():
        for p in points:
            memory = "n/a | " if p.memory is None else f"{p.memory / 1e6:.2f} | "
            multiple = "n/a" if p.multiple is None else f"{p.multiple:.2f}"
            parts = f"{p.fixed / 1e6:.2f} | {p.batchwise / 1e6:.2f}"
            yield f"| {heading(variable)} | {p.value} | {p.time:.3f} | {memory}{parts} | {multiple} |"


def exponent_table(found: Mapping[str, Sequence[Point]]) -> Iterator[str]:
    """A line a variable."""
    yield "| variable | fitted from | to | time grows as | memory grows as |\n|---|---:|---:|---:|---:|"
    for variable, points in found.items():
        fitted = laws(points)
        time, memory = fitted["time"], fitted["memory"]
        if time is None:
            yield f"| {variable} | | | n/a | n/a |"
            continue
        grows = "n/a" if memory is None else f"{variable}^{memory.exponent:.2f}"
        yield f"| {variable} | {time.begin} | {time.end} | {variable}^{time.exponent:.2f} | {grows} |"


def default_table(rows: Sequence[Mapping[str, Any]], cores: int) -> Iterator[str]:
    """Whether the default takes as many threads as are fastest."""
    yield f"| N | 1 thread, ms | {cores} threads, ms | threads=None takes | faster | time lost |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        lost = row["lost"]
        yield f"| {row['N']} | {row['one']:.3f} | {row['all']:.3f} | {row['default']} | {row['faster']} | {lost:.0%} |"
