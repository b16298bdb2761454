"""A kernel's call with its formula, its work, and what must be put back before each call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import Call

from roofline.counts import Work, of_elements
from vae_np.support.memory import aligned_empty

__all__ = ["Array", "Case", "as_in_a_step", "elementwise", "refill"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """What one line of the table is about; ``call`` is a partial of a compiled function."""

    name: str
    size: str
    work: Work
    call: Call
    formula: Call
    before: Call | None = None


def as_in_a_step(array: Array) -> Array:
    """A copy that begins on a line of the cache, as all arrays of a step do and NumPy's do not."""
    found: Array = aligned_empty(array.shape, array.dtype)
    found[...] = array
    return found


def elementwise(name: str, shape: tuple[int, ...], arrays: list[Array], call: Call, formula: Call, before: Call | None
                = None) -> Case:  # fmt: skip
    """A kernel of the `ACCOUNTS`, over elements of this shape, that works on these large arrays."""
    footprint, elements = sum(array.nbytes for array in arrays), int(np.prod(shape))
    work = of_elements(name, elements, arrays[0].dtype, footprint)
    return Case(name, "x".join(map(str, shape)), work, call, formula, before)


def refill(*arrays: Array) -> Call:
    """Puts back what the arrays hold now: overwritten again and again they would end among the subnormal numbers."""
    kept = [array.copy() for array in arrays]

    def put_back() -> None:
        for array, start in zip(arrays, kept, strict=True):
            np.copyto(array, start)

    return put_back
