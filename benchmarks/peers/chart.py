"""The picture: how long each contender takes, in units of vae_np."""

from __future__ import annotations

from typing import Any

from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from peers.referee import Result
from peers.report import ratio
from vae_np.plots.canvas import BLUE, GREY, INK, ORANGE, picture

__all__ = ["draw"]

GREEN, PURPLE = "#009e73", "#cc79a7"
# apart in shape as well as in colour, for whoever cannot tell the colours
MARKS = {
    "products": ("matrix products alone", "|", INK),
    "jax": ("JAX", "o", BLUE),
    "torch.compile": ("torch.compile", "s", GREEN),
    "torch": ("PyTorch", "D", ORANGE),
    "vae_np numpy": ("vae_np's numpy backend", "^", PURPLE),
}
TICKS = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 30, 50, 100]


def draw(path: str, results: list[Result], machine: dict[str, str]) -> None:
    """One panel a dtype, one row a configuration, a logarithmic axis of time with vae_np at 1."""
    panels = list(dict.fromkeys(result.dtype for result in results))
    rows = list(dict.fromkeys(str(result.size) for result in results))
    with picture(path, 3.4 + 3.8 * len(panels), 1.8 + 0.32 * len(rows)) as figure:
        axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for ax, dtype in zip(axes, panels, strict=True):
            _panel(ax, [result for result in results if result.dtype == dtype], rows)
            ax.set_title(dtype)
            ax.set_xlabel("time of a step / vae_np's")
        axes[0].set_yticks(range(len(rows)), rows)
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
        said = [machine["processor"], f"{machine['threads']} threads", f"{machine['data']} data"]
        said += [f"{name} {machine[key]}" for name, key in [("PyTorch", "torch"), ("JAX", "jax")]]
        title = "A training step beside vae_np's: to the right of the line is slower"
        figure.suptitle(f"{title}\n{', '.join(said)}", x=0.01, ha="left", fontsize=9)
        handles, labels = axes[0].get_legend_handles_labels()
        spacing = {"ncols": len(labels), "handletextpad": 0.2, "columnspacing": 1.4}
        figure.legend(handles, labels, loc="outside lower center", **spacing)


def _panel(ax: Any, results: list[Result], rows: list[str]) -> None:
    """One dtype: a line through each row's marks, from the fastest to the slowest."""
    ax.axvline(1, color=INK, linewidth=1, label="vae_np", zorder=1)
    places = {str(result.size): rows.index(str(result.size)) for result in results}
    for result in results:
        found = [value for name in MARKS if (value := ratio(result, name)) is not None]
        if found:
            ends = min(1, *found), max(1, *found)
            ax.hlines(places[str(result.size)], *ends, color="#dddddd", linewidth=2.5, zorder=0)
    for name, (label, marker, color) in MARKS.items():
        points = [(value, places[str(r.size)]) for r in results if (value := ratio(r, name)) is not None]
        x, y = zip(*points, strict=True) if points else ((), ())
        size = 90 if marker == "|" else 34
        edge = {} if marker == "|" else {"edgecolors": "white", "linewidths": 0.6}
        ax.scatter(x, y, s=size, marker=marker, color=color, label=label, zorder=2, **edge)
    ax.set_xscale("log")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_major_locator(FixedLocator(TICKS))
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0, labelcolor=INK)
    ax.tick_params(axis="x", color=GREY)
