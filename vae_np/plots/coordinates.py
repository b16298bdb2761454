"""Settings of many runs and what came of them: a line for each across parallel axes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vae_np.plots.canvas import BLUE, GREY, INK, ORANGE, PathLike, number, picture, shortened

__all__ = ["parallel_coordinates"]

BEST = 0.1
"""Share of the runs whose lines are drawn over the others."""
TICKS = 5
"""On an axis of numbers."""


def parallel_coordinates(settings: Mapping[str, Sequence[str]], value: Sequence[float], path: PathLike, *,
                         choices: Mapping[str, Sequence[str]] | None = None, log: Collection[str] | None = None,
                         aim: str = "validation ELBO, nats") -> Path:  # fmt: skip
    """An axis for each setting and one for the value; the best run is orange, the best tenth blue, the others grey.

    Parameters
    ----------
    settings : mapping of str to sequence of str
        Of each setting the runs' texts, (R,) each.
    value : sequence of float, (R,)
        The higher the better.
    path : path of the picture
    choices : mapping of str to sequence of str, optional
        The settings that are one of some values, with these in their order from below; others are numbers, whole where
        all of them are.
    log : collection of str, optional
        The settings that are on a logarithmic axis: if left out, those whose largest is ten times their smallest.
    aim : str
        The value's name.

    Raises
    ------
    ValueError
        If there is no run, the lengths differ, or a value is not finite.
    """
    values = np.asarray(value, np.float64)
    if not len(values) or any(len(texts) != len(values) for texts in settings.values()):
        raise ValueError(f"{len(values)} values need as many of each setting, and at least one run")
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite")
    axes_of = {
        name: _axis(texts, (choices or {}).get(name), None if log is None else name in log)
        for name, texts in settings.items()
    }
    axes_of[aim] = _axis([repr(float(v)) for v in values], None, log=False, text=number)
    order = np.argsort(values, kind="stable")
    leading = max(1, round(BEST * len(values)))
    with picture(path, max(4.0, 1.9 * len(axes_of)), 3.6) as figure:
        axes = figure.add_subplot()
        heights = np.array([heights for heights, _ in axes_of.values()])
        for rank, run in enumerate(order, start=1):
            first = rank > len(values) - leading
            colour = ORANGE if rank == len(values) else BLUE if first else GREY
            axes.plot(heights[:, run], color=colour, linewidth=1.8 if first else 0.8, alpha=1.0 if first else 0.5)
        for x, (_, ticks) in enumerate(axes_of.values()):
            axes.axvline(x, color=INK, linewidth=0.6)
            for height, text in ticks:
                axes.text(x + 0.04, height, shortened(text, 14), fontsize=8, va="center", color=INK,
                          bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5})  # fmt: skip
        axes.set_xticks(range(len(axes_of)), list(axes_of))
        axes.set_xlim(-0.1, len(axes_of) - 1 + 0.45)
        axes.set_ylim(-0.08, 1.08)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="x", length=0)
        blue = ", the best tenth blue" if leading > 1 else ""
        figure.suptitle(f"{len(values)} runs: the best is orange{blue}", x=0.01, ha="left")
    return Path(path)


def _few_digits(value: float) -> str:
    """A setting as it is given: three digits, which tell the ends of a range from round numbers near them."""
    return f"{value:.3g}".replace("-", "−")


def _axis(
    texts: Sequence[str],
    choices: Sequence[str] | None,
    log: bool | None,
    text: Callable[[float], str] = _few_digits,
) -> tuple[Any, list[Any]]:
    """Heights in [0, 1], and ticks with their texts."""
    if choices is not None:
        places = {text: (i + 0.5) / len(choices) for i, text in enumerate(choices)}
        return np.array([places[text] for text in texts]), [(height, text) for text, height in places.items()]
    numbers = np.array([float(text) for text in texts])
    low, high = float(numbers.min()), float(numbers.max())
    if low == high:
        return np.full(len(numbers), 0.5), [(0.5, text(low))]
    log = low > 0 and high >= 10 * low if log is None else log and low > 0
    between = np.geomspace(low, high, TICKS) if log else np.linspace(low, high, TICKS)
    if all(text.lstrip("+-").isdecimal() for text in texts):
        between, text = np.unique(np.round(between)), "{:.0f}".format

    def height(value: Any) -> Any:
        """Where it stands between the ends."""
        a, b, v = (np.log(end) if log else end for end in (low, high, value))
        return (v - a) / (b - a)

    return height(numbers), [(float(height(tick)), text(float(tick))) for tick in between]
