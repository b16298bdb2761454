"""Column sums as kernels take them, and as arrays."""

from __future__ import annotations

import numpy as np

from vae_np.kernels.loops.sums import Columns


def columns(*shape: int, dtype=np.float64) -> Columns:
    """Room for them, full of NaN."""
    return Columns(np.full(shape, np.nan, dtype), np.full(shape, np.nan), np.full(shape, np.nan))


def value_of(sums: Columns) -> np.ndarray:
    """What they are, rounded; the block in hand must have been put away."""
    assert (sums.part == 0).all()
    finite = np.isfinite(sums.total)  # elsewhere what is lost is NaN
    return np.where(finite, sums.total + np.where(finite, sums.lost, 0), sums.total).astype(sums.part.dtype)
