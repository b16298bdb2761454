"""Sparse matrices of SciPy, told without importing it, and as the dense arrays that everything here works on."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from vae_np.support.machine import half_of_memory

__all__ = ["dense", "is_sparse"]


def is_sparse(values: Any) -> bool:
    """Whether it is one of SciPy's sparse matrices or arrays."""
    return type(values).__module__.startswith("scipy.sparse") and hasattr(values, "toarray")


def dense(values: Any, name: str) -> NDArray[Any]:
    """The matrix as an array, if that takes at most half of the machine's memory; ``ValueError`` else."""
    size, most = math.prod(values.shape) * values.dtype.itemsize, half_of_memory()
    if size > most:
        raise ValueError(
            f"{name} is sparse, of shape {values.shape}, and takes {size / 2**30:.3g} GiB when it is dense, as it must"
            f" be; at most half of the memory is taken, {most / 2**30:.3g} GiB: choose rows or columns first, as in"
            " x[:, columns].toarray()"
        )
    return values.toarray()
