"""The scores of rows among which some are abnormal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from vae_np.plots.canvas import BLUE, ORANGE, PathLike, number, picture, whole_ticks

__all__ = ["scores"]

BINS = 60
TAIL = 0.01
"""Share of the lowest scores that may lie beyond the axis: one row of -1e6 nats would leave the rest a single bar."""


def scores(score: ArrayLike, flags: ArrayLike, path: PathLike, *, name: str = "the data") -> Path:
    """How many rows have which log p(x); those that are flagged apart, over the others.

    Scores far below the rest stand in the first bar, and the axis says how many they are.

    Parameters
    ----------
    score : array, shape (N,)
        In nats.
    flags : bool array, shape (N,)
    path : path of the picture
    name : str
        Of the data, for the title.

    Raises
    ------
    ValueError
        If the shapes differ, there is no row, or a score is not finite.
    """
    values, flagged = np.asarray(score, np.float64), np.asarray(flags, bool)
    if values.ndim != 1 or values.shape != flagged.shape or not len(values):
        raise ValueError(f"score and flags must be (N,) with N at least 1; got {values.shape} and {flagged.shape}")
    if not np.isfinite(values).all():
        raise ValueError("a score is not finite")
    low, middle, high = np.quantile(values, [TAIL, 0.5, 1])
    least = max(float(values.min()), float(low - (high - middle)))
    beyond = int((values < least).sum())
    edges = np.linspace(least, high if high > least else least + 1, BINS + 1).tolist()
    shown = np.maximum(values, least)
    with picture(path, 8.0, 3.4) as figure:
        axes = figure.add_subplot()
        parts = [shown[~flagged], shown[flagged]]
        labels = [f"{int((~flagged).sum())} others", f"{int(flagged.sum())} flagged"]
        axes.hist(parts, bins=edges, stacked=True, color=[BLUE, ORANGE], label=labels)
        far = f"; {beyond} below {number(least)} stand in the first bar" if beyond else ""
        axes.set_xlabel(f"log p(x), nats{far}")
        axes.set_ylabel("rows")
        whole_ticks(axes.yaxis)
        axes.legend(loc="upper left")
        figure.suptitle(f"Scores of {len(values)} rows of {name}", x=0.01, ha="left")
    return Path(path)
