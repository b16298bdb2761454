"""What is drawn for a step, in buffers made once: the minibatch and the noise."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.data.binarisation import binarisation_seed
from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters
from vae_np.kernels.loops import noise
from vae_np.kernels.loops.minibatch import gather
from vae_np.kernels.step.workspace import address
from vae_np.support.memory import aligned_empty

__all__ = ["Drawing"]

Array = NDArray[Any]
_NO_KEY = np.zeros(0, np.uint64)


class Drawing:
    """A model's buffers."""

    def __init__(self, architecture: Architecture, parameters: Parameters) -> None:
        self.architecture, self.dtype = architecture, parameters.dtype
        self._batch = np.empty((0, architecture.n_features), self.dtype)
        self._noise = np.empty((0, 0, 0), self.dtype)
        self._room = np.empty(noise.WORDS, np.uint64), np.empty(noise.WORDS)

    def batch(self, data: Array, rows: NDArray[np.integer[Any]], draw: tuple[int, int] | None = None) -> Array:
        """data[rows], in a buffer that the next call overwrites; binarised by the numbers of ``draw``, (seed, step)."""
        if not data.flags.c_contiguous or data.dtype != self.dtype or not data.dtype.isnative:
            raise ValueError(f"data must be {self.dtype} in C order; got {data.dtype}, strides {data.strides}")
        rows = np.ascontiguousarray(rows, np.int64)
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(data)):
            raise IndexError(f"rows must lie in [0, {len(data)}); they reach from {rows.min()} to {rows.max()}")
        if self._batch.shape != (len(rows), data.shape[1]):
            self._batch = aligned_empty((len(rows), data.shape[1]), data.dtype)
        key, step = (_NO_KEY, 0) if draw is None else (_key(binarisation_seed(draw[0]), b"uniform"), draw[1])
        gather(address(data), self.dtype.type(0), len(data), rows, self._batch, key, step)
        if draw is not None and (kept := self.architecture.condition):
            self._batch[:, -kept:] = data[rows, -kept:]  # a condition is not binarised
        return self._batch

    def noise(self, seed: int, step: int, samples: int, n: int) -> Array:
        """`support.noise.standard_normal` of a step, (S, N, K), in a buffer that the next call overwrites."""
        shape = samples, n, self.architecture.latent
        if self._noise.shape != shape:
            self._noise = aligned_empty(shape, self.dtype)
        noise.standard_normal(self._noise, *self._room, _key(seed, b"noise"), step, 0, 0)
        return self._noise


@functools.lru_cache(maxsize=16)
def _key(seed: int, purpose: bytes) -> NDArray[np.uint64]:
    """The key of a stream (`support.noise.stream`)."""
    return np.array([seed, int.from_bytes(purpose, "little")], np.uint64)
