"""What an estimator's parameters mean where they leave something open: threads, and rows that are held out."""

from __future__ import annotations

import os
from typing import Any

from numpy.typing import NDArray

from vae_np.data.splitting import split
from vae_np.support.checks import real

__all__ = ["held_out", "threads_of"]

Array = NDArray[Any]


def threads_of(threads: int | None) -> int | None:
    """Those that are named, or as many as ``OMP_NUM_THREADS`` says, which joblib's processes have."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return int(limit) if threads is None and limit.isdigit() and int(limit) > 0 else threads


def held_out(x: Array, fraction: float, seed: int) -> tuple[Array, Array]:
    """Rows to train on, and the share ``fraction`` of them to stop by."""
    share = real("validation_fraction", fraction)
    if not 0 < share < 1:
        raise ValueError(f"validation_fraction must lie between 0 and 1; got {fraction!r}")
    train, held, _ = split(len(x), (1 - share, share, 0.0), seed=seed)
    if not len(train) or not len(held):
        raise ValueError(f"early_stopping holds out {share:g} of the rows, and n_samples={len(x)} are too few")
    return x[train], x[held]
