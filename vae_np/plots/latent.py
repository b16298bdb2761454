"""Where the encoder puts the data: the posterior means, coloured by label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.plots.canvas import BLUE, INK, PathLike, picture, shortened
from vae_np.plots.checks import finite_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["axis_names", "latent_space", "principal_components", "spread"]

Array = NDArray[np.float64]

MOST_NAMES = 20  # more distinct labels than that are a scale, not names

# Okabe & Ito for up to 7; Tol's muted scheme for up to 10; twice through it, with two markers, to 20
OKABE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#222222"]
MUTED = ["#332288", "#88ccee", "#117733", "#ddcc77", "#cc6677"]
MUTED += ["#aa4499", "#44aa99", "#999933", "#882255", "#888888"]


def principal_components(mu: Array, count: int = 2) -> tuple[Array, Array]:
    """Centred coordinates along the directions of largest variance, and their shares of it.

    Parameters
    ----------
    mu : array, shape (N, K)
    count : int, at most K

    Returns
    -------
    coordinates : array, shape (N, count)
    share : array, shape (count,)
        Of the total variance, from 0 to 1; all 0 if the rows are all equal.

    Notes
    -----
    A direction's sign is free; here its largest entry is positive, so that pictures repeat.
    """
    centred = mu - mu.mean(axis=0)
    _, scale, directions = np.linalg.svd(centred, full_matrices=len(mu) < count)
    directions = directions[:count]
    largest = np.abs(directions).argmax(axis=1)
    directions *= np.sign(directions[np.arange(len(directions)), largest])[:, None]
    variance = np.zeros(count)
    variance[: len(scale)] = scale[:count] ** 2
    total = float(np.sum(scale**2))
    return centred @ directions.T, variance / total if total > 0 else variance


def latent_space(
    mu: ArrayLike,
    path: PathLike,
    *,
    labels: ArrayLike | None = None,
    explained: Sequence[float] | None = None,
    prior: ArrayLike | None = None,
    of: str = "",
    label_name: str = "label",
) -> Path:
    """The posterior means as points, coloured by label.

    One dimension is drawn as histograms, two as they are, more by their first two principal
    components.

    Parameters
    ----------
    mu : array, shape (N, K)
        Posterior means.
    path : path of the PNG
    labels : array, shape (N,), optional
        Up to 20 distinct ones get a legend, more (numbers only) a colour bar.
    explained : pair of float, optional
        For K = 2: mu holds principal components already, with these shares of the variance.
    prior : array, shape (M, K), optional
        Draws of the prior, shown as small grey points behind the others, and not for K = 1.
    of : str
        Which examples these are, such as "test", for the title.
    label_name : str
        What the labels are, for the legend or the axis.

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is not finite.
    """
    mu = finite_matrix("mu", mu)
    count, latent = mu.shape
    if explained is not None and (latent != 2 or len(explained) != 2):
        raise ValueError(
            f"explained gives two shares for mu with 2 columns; got {len(explained)} shares, mu has {latent} columns"
        )
    values = None if labels is None else _check_labels(labels, count)
    label_name = shortened(label_name)
    share = None if explained is None else np.asarray(explained, dtype=np.float64)
    drawn = None if prior is None else finite_matrix("prior", prior)
    if drawn is not None and drawn.shape[1] != latent:
        raise ValueError(f"prior must have {latent} columns, as mu; it has {drawn.shape[1]}")
    if latent > 2:
        mu, share, drawn = _projected(mu, drawn)
    which = f"{of} " if of else ""
    what = f"Posterior mean of 1 {which}example" if count == 1 else f"Posterior means of {count:,} {which}examples"
    discrete = values is not None and len(np.unique(values)) <= MOST_NAMES
    with picture(path, 7.4, 5.6 if latent > 1 or discrete else 4.0) as figure:
        axes = figure.add_subplot()
        if latent == 1:
            _histograms(axes, mu[:, 0], values, discrete, label_name)
            title = f"{what}, z[0]"
        else:
            if drawn is not None:
                axes.scatter(drawn[:, 0], drawn[:, 1], s=3, color="#bbbbbb", linewidths=0, zorder=0)
            _scatter(figure, axes, mu, values, discrete, label_name)
            of = f" of {latent} dimensions" if latent > 2 else ""
            title = f"{what}, z[0] and z[1]" if share is None else f"{what}: two principal components{of}"
            title += "" if drawn is None else "; prior in grey"
            right, up = axis_names(share)
            axes.set_xlabel(right)
            axes.set_ylabel(up)
        figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def _projected(mu: Array, drawn: Array | None) -> tuple[Array, Array, Array | None]:
    """Two principal components of mu, their shares, and the prior's draws along the same directions."""
    coordinates, share = principal_components(mu)
    if drawn is None:
        return coordinates, share, None
    # the map from centred rows to coordinates; where mu has no spread along a direction, nor have they
    directions = np.linalg.lstsq(mu - mu.mean(axis=0), coordinates, rcond=None)[0]
    return coordinates, share, (drawn - mu.mean(axis=0)) @ directions


def axis_names(share: Array | None) -> tuple[str, str]:
    """The names of both axes: latent dimensions, or principal components with their ``share``."""
    if share is None:
        return "z[0]", "z[1]"
    first, second = (f"principal component ({100 * part:.0f} % of the variance)" for part in share)
    return f"first {first}", f"second {second}"


def _check_labels(labels: ArrayLike, count: int) -> NDArray[Any]:
    """Labels as an array: one an example, finite, and few or numbers."""
    values = np.asarray(labels)
    if values.shape != (count,):
        raise ValueError(f"labels must have shape ({count},), as mu's rows; got {values.shape}")
    if values.dtype.kind in "biuf":
        finite_matrix("labels", values, ndim=1)
        return values
    values = values.astype(str)
    distinct = len(np.unique(values))
    if distinct > MOST_NAMES:
        raise ValueError(f"labels that are no numbers may have {MOST_NAMES} distinct values; they have {distinct}")
    return values


def _names(values: NDArray[Any]) -> tuple[list[str], NDArray[np.intp]]:
    """The distinct labels as text, and the index of each example's label among them."""
    distinct, codes = np.unique(values, return_inverse=True)
    names = [f"{v:g}" if values.dtype.kind == "f" else str(v) for v in distinct]
    names = [name if len(name) <= 24 else name[:23] + "…" for name in names]
    # matplotlib hides a legend entry that starts with an underscore
    return [f" {name}" if name.startswith("_") else name for name in names], codes


def _palette(count: int) -> list[tuple[str, str]]:
    """A colour and a marker for each of ``count`` labels."""
    if count <= len(OKABE):
        return [(colour, "o") for colour in OKABE[:count]]
    return [(MUTED[i % 10], "o" if i < 10 else "^") for i in range(count)]


def _scatter(figure: Figure, axes: Axes, mu: Array, values: NDArray[Any] | None, discrete: bool, label: str) -> None:
    """Points with equal units on both axes; a label's name stands at the median of its points."""
    size = float(np.clip(14000 / len(mu), 3, 28))
    look: dict[str, Any] = {"s": size, "alpha": 0.8, "linewidths": 0}
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(True)
    if values is None:
        axes.scatter(mu[:, 0], mu[:, 1], color=BLUE, **look)
    elif not discrete:
        shown = axes.scatter(mu[:, 0], mu[:, 1], c=values.astype(float), cmap="viridis", **look | {"alpha": 1})
        figure.colorbar(shown, ax=axes, label=label, aspect=30, pad=0.02)
    else:
        names, codes = _names(values)
        palette = _palette(len(names))
        colours = np.array([colour for colour, _ in palette])
        markers = np.array([marker for _, marker in palette])
        for marker in dict.fromkeys(markers):
            mine = markers[codes] == marker
            # one call for all labels of a marker: no label lies wholly on top of another
            axes.scatter(mu[mine, 0], mu[mine, 1], c=colours[codes[mine]], marker=marker, **look)
        proxies = [axes.scatter([], [], color=c, marker=m, s=28) for c, m in palette]
        figure.legend(proxies, names, title=label, loc="outside right center")
        _name_clusters(axes, mu, codes, names, palette)


def spread(points: Array, distance: float) -> Array:
    """The points moved, as little as a simple repulsion can, until no two are nearer than ``distance``."""
    points = points.copy()
    for _ in range(200):
        crowded = False
        for i in range(len(points)):
            for j in range(i):
                apart = points[i] - points[j]
                length = float(np.hypot(*apart))
                if length < distance * (1 - 1e-9):
                    crowded = True
                    direction = apart / length if length > 0 else np.array([1.0, 0.0])
                    points[i] += 0.5 * (distance - length) * direction
                    points[j] -= 0.5 * (distance - length) * direction
        if not crowded:
            break
    return points


def _name_clusters(
    axes: Axes, mu: Array, codes: NDArray[np.intp], names: list[str], palette: list[tuple[str, str]]
) -> None:
    """Few and short names at the medians, so that colour is not all that tells labels apart."""
    if max(len(name) for name in names) > 3 or not 2 <= len(names) <= 10:
        return
    medians = np.stack([np.median(mu[codes == code], axis=0) for code in range(len(names))])
    # what an inch holds: the axes are about 6.2 by 4.9 of them
    inch = float(max(np.ptp(mu[:, 0]) / 6.2, np.ptp(mu[:, 1]) / 4.9))
    places = spread(medians, 0.28 * inch)
    box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "alpha": 0.85, "linewidth": 0.8}
    for (x, y), name, (colour, _) in zip(places, names, palette, strict=True):
        edge = {"edgecolor": colour}
        axes.text(x, y, name, ha="center", va="center", weight="bold", bbox=box | edge)


def _histograms(axes: Axes, z: Array, values: NDArray[Any] | None, discrete: bool, label: str) -> None:
    """One latent dimension: a histogram a label, or the label over z when it is a scale."""
    axes.set_xlabel("z[0]")
    axes.grid(True, axis="x")
    if values is not None and not discrete:
        axes.scatter(z, values.astype(float), s=8, alpha=0.6, color=BLUE, linewidths=0)
        axes.set_ylabel(label)
        return
    names, codes = ([""], np.zeros(len(z), np.intp)) if values is None else _names(values)
    edges = np.linspace(z.min(), z.max(), 41) if np.ptp(z) > 0 else z[0] + np.linspace(-0.5, 0.5, 2)
    counts = np.stack([np.histogram(z[codes == c], edges)[0] for c in range(len(names))])
    if values is None:
        axes.stairs(counts[0], edges, fill=True, color=BLUE)
        axes.set_ylabel("examples")
        return
    # ridges: the first label on top, each histogram at most 0.9 of a row high
    base = np.arange(len(names))[::-1]
    height = 0.9 * counts / counts.max()
    for row, ridge, (colour, _) in zip(base, height, _palette(len(names)), strict=True):
        axes.stairs(row + ridge, edges, baseline=row, fill=True, color=colour)
        axes.axhline(row, color=INK, linewidth=0.4)
    axes.set_yticks(base + 0.3, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.1, len(names))
    axes.set_ylabel(f"{label} (bars: examples, highest {counts.max()})")
