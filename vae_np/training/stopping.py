"""Early stopping: which epoch was the best so far, its parameters, and when to stop waiting for a better one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

__all__ = ["Best", "best_epoch"]

Array = NDArray[Any]


def best_epoch(rows: Sequence[Mapping[str, float]]) -> int:
    """The first epoch of the highest validation ELBO; 0 where there is none."""
    best, elbo = 0, -float("inf")
    for row in rows:
        if row["validation_elbo"] > elbo:  # never where it is NaN, without a validation set
            best, elbo = int(row["epoch"]), row["validation_elbo"]
    return best


class Best:
    """The parameters of the best epoch so far, kept for a run with ``patience``.

    ``epoch`` is 0 and ``vector`` None before the first epoch has ended.
    """

    def __init__(self, patience: int | None) -> None:
        self.patience, self.epoch = patience, 0
        self.vector: Array | None = None

    def note(self, rows: Sequence[Mapping[str, float]], vector: Array) -> None:
        """An epoch has ended, whose row is the last one, with these parameters."""
        if self.patience is not None and best_epoch(rows) == rows[-1]["epoch"]:
            self.epoch, self.vector = int(rows[-1]["epoch"]), vector.copy()

    def is_long_ago(self, epochs: int) -> bool:
        """Whether none of the last ``patience`` of so many epochs was the best."""
        return self.patience is not None and epochs - self.epoch >= self.patience and epochs > 0
