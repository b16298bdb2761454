"""What a training run tells, an epoch a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from vae_np.training.stopping import best_epoch

__all__ = ["COLUMNS", "History"]

COLUMNS = (
    "epoch",
    "step",
    "elbo",
    "log_likelihood",
    "kl",
    "beta",
    "validation_elbo",
    "active_units",
    "learning_rate",
    "gradient_norm",
    "seconds",
)


class History(dict[str, list[float]]):
    """Columns by name; ``history["elbo"][-1]`` is the last epoch's. ``pandas.DataFrame(history)`` is a table.

    elbo, log_likelihood and kl are means over the epoch's examples at the parameters of their moment, in nats, with
    beta = 1 and without free bits; validation_elbo is NaN where there is no validation set; beta, learning_rate are
    those of the epoch's last step, gradient_norm is its mean before clipping.
    """

    def __init__(self, rows: list[dict[str, float]] | None = None) -> None:
        super().__init__({column: [] for column in COLUMNS})
        for row in rows or []:
            self.append(row)

    def __missing__(self, column: str) -> list[float]:
        raise KeyError(f"no column {column!r}; there are {', '.join(COLUMNS)}")

    @property
    def rows(self) -> list[dict[str, float]]:
        """An epoch a row."""
        return [dict(zip(COLUMNS, row, strict=True)) for row in zip(*self.values(), strict=True)]

    def __repr__(self) -> str:
        return f"History({len(self.rows)} epochs)"

    @property
    def best_epoch(self) -> int:
        """The first epoch of the highest validation ELBO; 0 without a validation set."""
        return best_epoch(self.rows)

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one epoch."""
        values = [row[name] for name in COLUMNS]  # all of them, before any is kept
        for column, value in zip(COLUMNS, values, strict=True):
            self[column].append(value)

    def to_csv(self) -> str:
        """A header and a line an epoch; floats so that reading gives the same number."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()
