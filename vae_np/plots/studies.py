"""The pictures of `vae-np study`: one for each topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vae_np.plots.canvas import BLUE, GREY, INK, ORANGE, PathLike, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["estimator_spread", "evidence_curve", "gradient_errors", "latent_uses", "posteriors"]

Array = NDArray[Any]
Rows = Sequence[Mapping[str, Any]]
FLOOR = 1e-17
"""Where an error of 0 is drawn on a logarithmic axis."""
DECADE = 10.0
DECADES = 300.0
"""The share of its ends below which a logarithmic axis has numbers between its powers of ten."""


def gradient_errors(rows: Rows, path: PathLike) -> Path:
    """The errors of a gradient by four ways, a line a tensor, on one logarithmic axis."""
    kinds = {
        "one_sample": ("1 sample", "o", ORANGE),
        "averaged": ("1,000 samples", "s", ORANGE),
        "finite_difference": ("central differences", "^", BLUE),
        "complex_step": ("complex step", "D", BLUE),
    }
    with picture(path, 7.0, 1.6 + 0.24 * len(rows)) as figure:
        axes = figure.subplots()
        for name, (label, marker, colour) in kinds.items():
            errors = [max(float(row[name]), FLOOR) for row in rows]
            filled = colour if name in ("one_sample", "finite_difference") else "white"
            axes.plot(errors, range(len(rows)), marker, color=colour, markerfacecolor=filled, label=label, markersize=5)
        _logarithmic(axes)
        axes.set_yticks(range(len(rows)), [row["tensor"] for row in rows])
        axes.invert_yaxis()
        axes.grid(True, axis="y")
        axes.set_xlabel("relative error")
        figure.suptitle("A gradient's errors: sampling (orange) and arithmetic (blue)")
        figure.legend(loc="outside lower center", ncols=4)
    return Path(path)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic axis with plain numbers, 1, 2 and 5 of each decade where there are few: the house style sets no
    formulas."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    if high < DECADES * low:
        locator: Any = axes.xaxis.get_major_locator()
        locator.set_params(subs=(1.0, 2.0, 5.0))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")


def estimator_spread(rows: Rows, path: PathLike) -> Path:
    """Deviation of one estimate of the gradient, for encoder and decoder: orange: with a bias, grey: not known."""
    names = list(dict.fromkeys(row["estimator"] for row in rows))
    with picture(path, 8.4, 1.5 + 0.26 * len(names)) as figure:
        panels = figure.subplots(1, 2, sharey=True)
        for axes, part in zip(panels, ("encoder", "decoder"), strict=True):
            here = [row for row in rows if row["name"] == part]
            for place, row in enumerate(here):
                unknown = row["worst"] != row["worst"]
                colour = GREY if unknown else ORANGE if row["worst"] > 5 else BLUE
                axes.plot([row["deviation"]], [place], "o", color=colour, markersize=6)
            low, high = (f(row["deviation"] for row in here) for f in (min, max))
            room = max(2.0, np.sqrt(DECADE * low / high))  # on both sides, and a decade in all
            axes.set_xlim(low / room, high * room)
            _logarithmic(axes)
            axes.set_title(part)
            axes.set_xlabel("deviation of one estimate, an entry")
            axes.grid(True, axis="both")
        panels[0].set_yticks(range(len(names)), names)
        panels[0].invert_yaxis()
        unknown = any(row["worst"] != row["worst"] for row in rows)
        more = ", without an exact gradient (grey)" if unknown else ""
        figure.suptitle(f"Gradient estimators: without bias (blue), more than 5 standard errors off (orange){more}")
    return Path(path)


def posteriors(grids: Sequence[Any], losses: Array, path: PathLike) -> Path:
    """p(z|x) of each example, shaded, and q(z|x) as lines; a density in one dimension, a map in two."""
    columns = min(4, len(grids))
    lines = -(-len(grids) // columns)
    with picture(path, 2.3 * columns + 0.4, 2.3 * lines + 0.8) as figure:
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes, grid, loss in zip(panels, grids, losses, strict=False):
            if len(grid.axes) == 1:
                axes.fill_between(grid.axes[0], grid.posterior, color=BLUE, alpha=0.35, linewidth=0)
                axes.plot(grid.axes[0], grid.q, color=ORANGE)
                axes.set_yticks([])
            else:
                _map(axes, grid)
                axes.set_aspect("equal", adjustable="datalim")  # a deviation is as long in both dimensions
            axes.set_title(f"KL {loss:.3f} nats")
            axes.tick_params(labelsize=7)
        flat = len(grids[0].axes) == 1
        for axes in panels[max(0, len(grids) - columns) : len(grids)]:  # the lowest of each column
            axes.set_xlabel("z" if flat else "first dimension of z")
        for axes in panels[: len(grids) : columns]:
            axes.set_ylabel("density" if flat else "second dimension of z")
        for axes in panels[len(grids) :]:
            axes.set_visible(False)
        figure.suptitle("The true posterior p(z|x) (blue) and q(z|x) (orange)")
    return Path(path)


def _map(axes: Axes, grid: Any) -> None:
    """Two dimensions: shares of the highest density."""
    shares = np.array([0.011, 0.135, 0.607, 1.0])  # of a normal density at 3, 2 and 1 deviations
    high = grid.posterior.max()
    axes.contourf(*grid.axes, grid.posterior.T, levels=shares * high, colors=[BLUE], alpha=0.25)
    axes.contourf(*grid.axes, grid.posterior.T, levels=shares[1:] * high, colors=[BLUE], alpha=0.3)
    axes.contourf(*grid.axes, grid.posterior.T, levels=shares[2:] * high, colors=[BLUE], alpha=0.4)
    axes.contour(*grid.axes, grid.q.T, levels=shares[:3] * grid.q.max(), colors=[ORANGE], linewidths=1.0)


def evidence_curve(values: Mapping[str, Any], path: PathLike) -> Path:
    """The importance-weighted bound over the number of samples, between the ELBO and what is known of log p(x)."""
    sizes, bounds = list(values["curve"]), list(values["curve"].values())
    with picture(path, 6.4, 4.0) as figure:
        axes = figure.subplots()
        axes.plot(sizes, bounds, "o-", color=BLUE, markersize=4, label="importance-weighted bound")
        axes.axhline(values["elbo"], color=GREY, linewidth=1.0, label="ELBO")
        low, error = values["annealed"], values["annealed_error"]
        axes.axhspan(low - error, low + error, color=ORANGE, alpha=0.25, linewidth=0)
        axes.axhline(low, color=ORANGE, linewidth=1.0, label="annealed, +- a standard error")
        if values["quadrature"] is not None:
            axes.axhline(values["quadrature"], color=INK, linewidth=1.0, linestyle="--", label="quadrature")
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes[::2], [f"{size:,}" for size in sizes[::2]])
        axes.minorticks_off()
        axes.set_xlabel("samples of q(z|x)")
        axes.set_ylabel("nats an example")
        figure.legend(loc="outside lower center", ncols=2)  # inside it would stand on one of the lines
        figure.suptitle(f"Bounds on log p(x), {values['examples']} examples")
    return Path(path)


def latent_uses(rows: Rows, path: PathLike) -> Path:
    """The KL of each dimension under each remedy, sorted, with the bound on log p(x) in the title."""
    most = max(float(np.max(row["kl_per_dimension"])) for row in rows)
    with picture(path, 1.9 * len(rows) + 0.6, 2.9) as figure:
        panels = figure.subplots(1, len(rows), sharey=True, squeeze=False).ravel()
        for axes, row in zip(panels, rows, strict=True):
            order = np.argsort(row["kl_per_dimension"])[::-1]
            active = np.asarray(row["mean_variance"])[order] > 0.01
            colours = [BLUE if on else GREY for on in active]
            axes.bar(range(len(order)), np.asarray(row["kl_per_dimension"])[order], color=colours)
            axes.set_title(f"{row['remedy']}\nlog p(x) >= {row['evidence']:.2f}")
            axes.set_ylim(0, 1.05 * most)
            axes.set_xticks([])
        panels[0].set_ylabel("KL of a dimension (nats)")
        figure.suptitle("How the latent dimensions are used: active (blue), idle (grey)")
    return Path(path)
