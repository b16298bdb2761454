"""Whether the contenders compute the same: loss, every gradient, and the parameters after ten steps of Adam."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from peers.contender import LEARNING_RATE, STEPS

__all__ = ["TOLERANCES", "Difference", "Tolerance", "differences"]

Array = NDArray[Any]


class Tolerance(NamedTuple):
    """How large a difference may be.

    ``loss`` is relative. ``gradient`` is the largest difference in a tensor relative to its largest entry.
    ``parameter`` is relative to the learning rate times ten, as far as ten steps of Adam can go; all but a part
    ``strays`` of a tensor's entries must keep to it.
    """

    loss: float
    gradient: float
    parameter: float
    strays: float


TOLERANCES = {
    "float64": Tolerance(1e-9, 1e-9, 1e-9, strays=0.0),
    # Gradients are sums over some 1000 rows, rounded at 6e-8 in another order by each library, and cancel to a fraction
    # of their terms. Parameters can be held to less. Where a gradient is all rounding, Adam, which divides by its size,
    # moves a whole learning rate in either direction: a few entries. And in ten steps some hidden unit passes ReLU's
    # kink for some example in one program and not in the other; from there their paths part by what an example of the
    # batch counts. Right programs were seen 2e-3 apart. What this lets pass, float64 does not
    "float32": Tolerance(1e-6, 1e-5, 1e-2, strays=0.1),
}


class Difference(NamedTuple):
    """Two contenders' difference in one tensor, in the units of its tolerance."""

    contender: str
    tensor: str
    size: float
    tolerance: float

    @property
    def ok(self) -> bool:
        """False for NaN too."""
        return self.size <= self.tolerance

    def __str__(self) -> str:
        return f"{self.contender}: {self.tensor} differs by {self.size:.1e}; {self.tolerance:.0e} is allowed"


def differences(contender: str, found: Path, reference: Path, dtype: str) -> list[Difference]:
    """One for each tensor of the reference."""
    allowed = TOLERANCES[dtype]
    with np.load(found, allow_pickle=False) as a, np.load(reference, allow_pickle=False) as b:
        if a.keys() != b.keys():
            return [Difference(contender, ", ".join(sorted(a.keys() ^ b.keys())), np.nan, 0.0)]
        return [
            Difference(contender, key.replace("/", " of "), _size(key, a[key], b[key], allowed), _limit(key, allowed))
            for key in b
        ]


def _limit(key: str, allowed: Tolerance) -> float:
    return getattr(allowed, key.split("/")[0])


def _size(key: str, a: Array, b: Array, allowed: Tolerance) -> float:
    """The difference of one tensor."""
    if a.shape != b.shape or (a.dtype != b.dtype and key != "loss"):
        return np.nan
    gap = np.abs(a.astype(np.float64) - b)
    if key.startswith("parameter/"):
        return float(np.quantile(gap, 1 - allowed.strays)) / (STEPS * LEARNING_RATE)
    scale = np.abs(b).max()
    return float(gap.max() / scale) if scale > 0 else float(gap.max())
