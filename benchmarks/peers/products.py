"""The matrix products of a training step alone: what the rest of a step is measured against."""

from __future__ import annotations

import numpy as np

from peers.contender import Contender, Problem, join_heads

__all__ = ["Products"]


class Products(Contender):
    """NumPy's products, dense, on BLAS's own threads, into buffers that are made once.

    For each layer: forward, the weight's gradient, and the input's gradient but for x.
    """

    def __init__(self, problem: Problem, threads: int | None = None) -> None:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        self.about = f"NumPy {np.__version__}, {blas['name']} {blas['version']}"
        depth, dtype = len(problem.size.hidden), problem.x.dtype
        rng = np.random.default_rng(0)
        x = problem.x
        self.buffers = []
        for place, (W, _) in enumerate(join_heads(problem.weights)):
            fan_in, fan_out = W.shape
            if place:
                rows = problem.size.batch * (problem.size.samples if place > depth else 1)
                x = rng.random((rows, fan_in)).astype(dtype)
            y = np.empty((len(x), fan_out), dtype)
            self.buffers.append((x, W, y, np.empty_like(W), np.empty_like(x) if place else None))

    def step(self) -> None:
        """All products of a step."""
        for x, W, y, dW, dx in self.buffers:
            np.dot(x, W, out=y)
            np.dot(x.T, y, out=dW)
            if dx is not None:
                np.dot(y, W.T, out=dx)
