"""What `scipy.sparse.save_npz` wrote: arrays of an .npz file that are no table by themselves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.support.sparse import dense

__all__ = ["looks_sparse", "read_sparse"]

Array = NDArray[Any]
PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}
"""The arrays of each format."""


def looks_sparse(keys: Collection[str]) -> bool:
    """Whether an archive with these arrays is a sparse matrix."""
    return {"format", "shape", "data"} <= set(keys) and any(set(parts) <= set(keys) for parts in PARTS.values())


def read_sparse(path: Any, form: str, member: Callable[[str], Array]) -> tuple[Array, str]:
    """The dense matrix of the format's name and a function that reads an array, and a line that says what was done.

    ``ValueError`` where it would not fit into the memory, or where the arrays do not fit together.
    """
    import scipy.sparse

    if form not in PARTS:
        raise ValueError(f"{path}: a sparse matrix of an unknown format, {form!r}; known are {', '.join(PARTS)}")
    shape, arrays = tuple(int(n) for n in member("shape").reshape(-1)), [member(name) for name in PARTS[form]]
    try:
        if form == "coo":
            matrix = scipy.sparse.coo_array((arrays[0], (arrays[1], arrays[2])), shape)
        else:
            matrix = getattr(scipy.sparse, f"{form}_array")(tuple(arrays), shape)
            if form != "dia":
                matrix.check_format(full_check=True)  # an index beyond the shape would be written to foreign memory
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise ValueError(f"{path}: its arrays are no sparse matrix ({' '.join(str(error).split())})") from None
    line = f"sparse: a {form} matrix of {shape[0]} x {shape[1]} with {matrix.nnz} entries is read as a dense table"
    return np.asarray(dense(matrix, f"{path}: the matrix")), line
