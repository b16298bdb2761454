"""One stage of a candidate beside what it must be.

An entry a for an exact e is right if

    |a - e| <= t size + 4 ULP(e)

where size is the sum of the absolute values of its terms, if the case gives it, else the largest |e| of its array;
t depends on the stage and the dtype (`TOLERANCES`). NaN and infinity are never right: no case expects one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.conformance.cases import Case

__all__ = ["TOLERANCES", "Result", "compare", "kind_of_stage"]

Array = NDArray[Any]
TOLERANCES = {
    "float64": {"forward": 1e-12, "gradient": 1e-10, "step": 1e-9},
    "float32": {"forward": 2e-6, "gradient": 2e-5, "step": 1e-4},
}
"""Relative to the size: see the module."""


class Result(NamedTuple):
    """A stage of a case."""

    case: str
    stage: str
    status: str
    """``"right"``, ``"wrong"``, ``"consequence"`` of an earlier stage that is wrong, or ``"missing"``."""
    fact: str = ""
    """What is wrong, in words."""
    relative: float = 0.0
    """The largest error over its size."""
    ulp: float = 0.0
    """The largest error in units of the last place of the dtype."""
    at: tuple[int, ...] = ()
    """Where the error is the largest share of what is allowed."""


def kind_of_stage(stage: str) -> str:
    """Which of the tolerances."""
    return "step" if stage.startswith("step ") else "gradient" if stage.startswith("d_") else "forward"


def compare(case: Case, stage: str, given: ArrayLike, dtype: str) -> Result:
    """The candidate's value of a stage; ``status`` is right or wrong."""
    exact = case.expected[stage]
    try:
        a = np.asarray(given)
        a = a.astype(np.float64) if a.dtype.kind in "fiu" else np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        return Result(case.id, stage, "wrong", f"no array of numbers: {problem}")
    if a.shape != exact.nearest.shape:
        return Result(case.id, stage, "wrong", f"has the shape {a.shape}, not {exact.nearest.shape}")
    if not np.isfinite(a).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
        return Result(case.id, stage, "wrong", f"is {a[at]} at {list(at)}, not {exact.nearest[at]:.6g}", at=at)
    e = np.abs(exact.nearest)
    spacing = np.spacing(e.astype(dtype)).astype(np.float64)
    error = np.abs((a - exact.nearest) - exact.rest)
    size = np.maximum(case.sizes.get(stage, e.max(initial=0.0)), e)
    allowed = TOLERANCES[dtype][kind_of_stage(stage)] * size + 4 * spacing
    with np.errstate(over="ignore"):
        share = error / allowed
    at = tuple(int(i) for i in np.unravel_index(np.argmax(share), share.shape)) if share.ndim else ()
    beyond = np.where(error > spacing, error, 0)  # an entry that is the dtype's nearest number is not off
    relative = float(np.max(beyond / np.where(size > 0, size, 1), initial=0.0))
    with np.errstate(over="ignore"):
        ulp = float(np.max(error / spacing, initial=0.0))
    if share.max(initial=0.0) <= 1:
        return Result(case.id, stage, "right", "", relative, ulp, at)
    where = f" at {list(at)}" if at else ""
    fact = f"is {float(a[at]):.17g}{where}, not {float(exact.nearest[at]):.17g}"
    return Result(case.id, stage, "wrong", fact, relative, ulp, at)
