"""What a training run tells, an epoch a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
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


class History(Mapping[str, list[float]]):
    """Columns by name; ``history["elbo"][-1]`` is the last epoch's.

    elbo, log_likelihood and kl are means over the epoch's examples at the parameters of their moment, in nats, with
    beta = 1 and without free bits; validation_elbo is NaN where there is no validation set; beta, learning_rate are
    those of the epoch's last step, gradient_norm is its mean before clipping.
    """

    def __init__(self, rows: list[dict[str, float]] | None = None) -> None:
        self.rows: list[dict[str, float]] = list(rows or [])

    def __getitem__(self, column: str) -> list[float]:
        if column not in COLUMNS:
            raise KeyError(f"no column {column!r}; there are {', '.join(COLUMNS)}")
        return [row[column] for row in self.rows]

    def __iter__(self) -> Iterator[str]:
        return iter(COLUMNS)

    def __len__(self) -> int:
        return len(COLUMNS)

    def __repr__(self) -> str:
        return f"History({len(self.rows)} epochs)"

    @property
    def best_epoch(self) -> int:
        """The first epoch of the highest validation ELBO; 0 without a validation set."""
        return best_epoch(self.rows)

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one epoch."""
        self.rows.append({name: row[name] for name in COLUMNS})

    def to_csv(self) -> str:
        """A header and a line an epoch; floats so that reading gives the same number."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()
