"""The picture: one panel a variable, time and memory in units of the base point's, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from growth.law import Law
from growth.points import HERE
from growth.report import Point, heading, laws
from vae_np.plots.canvas import BLUE, GREY, ORANGE, picture

__all__ = ["draw"]

COLUMNS = 3
# memory is hollow and larger, so that both are seen where they coincide
SERIES = {"time": (BLUE, "o", 3.5, None), "memory": (ORANGE, "s", 7, "white")}
TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]


def draw(path: str, found: Mapping[str, Sequence[Point]], about: str) -> None:
    """Small multiples with one vertical axis: a slope is an exponent, and can be compared from panel to panel."""
    rows = -(-len(found) // COLUMNS)
    with picture(path, 9.2, 0.9 + 2.5 * rows) as figure:
        axes = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False)
        for ax, (variable, points) in zip(axes.flat, found.items(), strict=False):
            _panel(ax, variable, points)
        for ax in axes[:, 0]:
            ax.set_ylabel("times the base point's")
        for ax in axes.flat[len(found) :]:
            ax.set_visible(False)
        axes[0, 0].set_yscale("log")
        axes[0, 0].yaxis.set_major_locator(FixedLocator(TICKS))
        axes[0, 0].yaxis.set_minor_locator(NullLocator())
        axes[0, 0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        base = next(point for point in found["N"] if point.value == HERE["N"])
        memory = "" if base.memory is None else f" and {base.memory / 1e6:.1f} MB"
        title = f"How a training step grows from the base point: {base.time:.2f} ms{memory}"
        figure.suptitle(
            f"{title}\n{about}; thick lines: power laws fitted to the upper half of the range",
            x=0.01,
            ha="left",
            fontsize=9,
        )


def _panel(ax: Any, variable: str, points: Sequence[Point]) -> None:
    """One variable; the lines cross at the base point."""
    ax.set_xscale("log")
    ax.set_title(heading(variable))
    ax.axhline(1, color=GREY, linewidth=0.6, zorder=0)
    ax.axvline(HERE[variable], color=GREY, linewidth=0.6, linestyle=":", zorder=0)
    base, fitted = next(point for point in points if point.value == HERE[variable]), laws(points)
    for place, (name, (color, marker, size, inside)) in enumerate(SERIES.items()):
        unit = getattr(base, name)
        if unit is None:
            continue
        x, y = zip(*[(p.value, getattr(p, name) / unit) for p in points], strict=True)
        ax.plot(x, y, color=color, linewidth=0.7, alpha=0.5, zorder=1)
        ax.plot(x, y, marker, color=color, markersize=size, markerfacecolor=inside or color, zorder=4 - place)
        if law := fitted[name]:
            ends = (law.begin, law.end)
            ax.plot(ends, [law(end) / unit for end in ends], color=color, linewidth=1.8, zorder=2)
        _say(ax, f"{name} {_power(variable, law)}", place, color)
    ax.xaxis.set_major_locator(FixedLocator([point.value for point in points]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.grid(axis="y")


def _power(variable: str, law: Law | None) -> str:
    """The law without its factor."""
    return "" if law is None else rf"$\propto {'T' if variable == 'threads' else variable}^{{{law.exponent:.2f}}}$"


def _say(ax: Any, text: str, place: int, color: str) -> None:
    """In the upper left corner, where growth leaves room."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    ax.text(0.03, 0.97 - 0.105 * place, text, color=color, transform=ax.transAxes, va="top", parse_math=True, bbox=box)
