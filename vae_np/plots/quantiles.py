"""The decoder's manifold: its means over a grid of the prior's quantiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from vae_np.plots.canvas import BLUE, INK, PathLike, picture
from vae_np.plots.checks import check_image_shape, check_positive, finite_matrix
from vae_np.plots.colours import plain, planes, show
from vae_np.plots.images import mosaic, thickened
from vae_np.plots.scales import check_limits, colour_bar, standardised, value_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["WIDEST", "cells", "manifold", "quantile_grid"]

Array = NDArray[np.float64]

WIDEST = 1000  # columns of heat strips that a picture can still show apart


def quantile_grid(rows: int, columns: int, latent: int, axes: Sequence[int] = (0, 1)) -> Array:
    """The latents of the manifold's cells, from the top left to the bottom right as one reads.

        z = Phi^-1((i + 1/2) / side),    i = 0, ..., side - 1

    Along a row the first of ``axes`` rises, from the bottom row to the top one the second does;
    the other dimensions are 0. One latent dimension has one row, or one column that rises upwards.

    Returns
    -------
    z : array, shape (rows * columns, latent)
    """
    rightwards, upwards = _quantiles(columns), _quantiles(rows)[::-1]
    if latent == 1:
        return (rightwards if rows == 1 else upwards)[:, None]
    z = np.zeros((rows, columns, latent))
    z[:, :, axes[0]] = rightwards
    z[:, :, axes[1]] = upwards[:, None]
    return z.reshape(rows * columns, latent)


def _quantiles(side: int) -> Array:
    """The middles, in probability, of ``side`` equal shares of the prior."""
    quantiles: Array = ndtri((np.arange(side) + 0.5) / side)
    return quantiles


def cells(shape: tuple[int, int] | None, latent: int, side: int | None = None) -> tuple[int, int]:
    """Rows and columns of the manifold: ``side``, or what makes the tiles large enough to see.

    Without a side there are 20 rows and columns of images from 16 pixels on, about 12 of smaller
    ones and of heat strips, and more rows than columns of wide images.
    """
    height, width = shape or (1, 1)
    if latent == 1:
        count = side or (20 if shape is None else 12)
        return (count, 1) if width > 2 * height else (1, count)
    if side is not None:
        return side, side
    usual = 20 if min(height, width) >= 16 else 12
    stretch = float(np.sqrt(width / height))
    rows, columns = np.clip(np.round([usual * stretch, usual / stretch]), 5, 20).astype(int)
    return int(rows), int(columns)


def manifold(
    decode: Callable[[Array], ArrayLike],
    path: PathLike,
    *,
    image_shape: Sequence[int] | None,
    latent: int,
    side: int | None = None,
    axes: Sequence[int] = (0, 1),
    mu: ArrayLike | None = None,
    chosen: str = "",
    limits: Sequence[float] | None = None,
) -> Path:
    """Decoder means over the quantiles of two latent dimensions, the others 0.

    Every cell holds the same share of the prior. Kingma & Welling (2014), figure 4.

    Parameters
    ----------
    decode : callable, z (M, K) -> mean (M, D)
        Called once, with ``quantile_grid(rows, columns, latent, axes)``.
    path : path of the PNG
    image_shape : (height, width) or None
        None draws a mean as a heat strip of its features, each standardised over the cells.
    latent : int
        K. With K = 1 the manifold is a row, a column of wide images, and ``axes`` does not matter.
    side : int, optional
        Cells along an axis; without it as many as one can see apart, see ``cells``.
    axes : pair of int
        The dimension that grows to the right, and the one that grows upwards.
    mu : array, shape (N, K), optional
        Posterior means; bars along the margins show their share in each column and row (all
        equally long where the aggregate posterior matches the prior).
    chosen : str
        What these axes are, for the title, such as "the two dimensions of largest KL".
    limits : (black, white), optional
        The range of the data, for images; without it (0, 1) where that holds the means, else their
        extremes. What lies beyond is clipped, and the colour bar says so.

    Raises
    ------
    ValueError
        If the axes are not two different dimensions of the latent, decode's answer does not fit,
        a value is not finite, the limits do not increase, or the heat strips would be too narrow
        to see.
    """
    latent = check_positive("latent", latent)
    side = None if side is None else check_positive("side", side, least=2)
    right, up = (0, 0) if latent == 1 else _two_axes(axes, latent)
    means = None if mu is None else finite_matrix("mu", mu)
    if means is not None and means.shape[1] != latent:
        raise ValueError(f"mu must have {latent} columns; it has {means.shape[1]}")
    shape = None if image_shape is None else check_image_shape("the image", int(np.prod(image_shape)), image_shape)
    rows, columns = cells(plain(shape), latent, side)
    z = quantile_grid(rows, columns, latent, (right, up))
    mean = finite_matrix("decode(z)", decode(z.copy()))
    if len(mean) != len(z):
        raise ValueError(f"decode(z) must have {len(z)} rows, as z; it has {len(mean)}")
    features = mean.shape[1]
    check_image_shape("decode(z)", features, image_shape)
    if shape is None and latent > 1 and columns * features > WIDEST:
        raise ValueError(
            f"{columns} heat strips of {features} features are {columns * features} columns; a picture "
            f"shows at most {WIDEST}: give image_shape or a smaller side"
        )
    values = mean if shape is not None else standardised(mean)[0]
    low, high = value_range(values) if shape is None else check_limits(limits, mean)
    tile = shape or ((features, 1) if latent == 1 else (1, features))
    tiles = planes(values.reshape(rows, columns, -1), tile)
    sheets = [mosaic(plane if shape is None else thickened(plane)) for plane in tiles]
    sheet = sheets[0]
    width, height = _size(sheet, shape, rows, columns)
    with picture(path, width, height, images=shape is not None) as figure:
        panel = figure.add_subplot()
        shown = show(
            panel,
            sheets,
            low,
            high,
            cmap="cividis" if shape is None else "gray",
            extent=(0, columns, 0, rows),
            aspect="auto" if shape is None else sheet.shape[0] / sheet.shape[1] * columns / rows,
        )
        panel.spines[:].set_visible(False)
        _label_axes(panel, rows, columns, right, up)
        seam: dict[str, Any] = {"color": "white", "linewidth": 1.6}
        panel.hlines(np.arange(1, rows), 0, columns, **seam)
        if shape is not None or latent > 1:
            panel.vlines(np.arange(1, columns), 0, rows, **seam)
        else:
            panel.set_ylabel("feature (the first on top)")
        if means is not None:
            _margins(panel, means[:, right], means[:, up], rows, columns, width / height)
        label = "standardised mean" if shape is None else "pixel value"
        short = rows == 1 and shape is not None
        colour_bar(figure, panel, shown, values, label, aspect=10 if short else 30, pad=0.02)
        title = _headline(latent, right, up, chosen)
        title += "; each feature standardised over the cells" * (shape is None)
        figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def _two_axes(axes: Sequence[int], latent: int) -> tuple[int, int]:
    """Two different dimensions of the latent."""
    if len(axes) != 2 or axes[0] == axes[1] or any(not 0 <= k < latent for k in axes):
        raise ValueError(f"axes must be two different dimensions from 0 to {latent - 1}; they are {tuple(axes)}")
    return int(axes[0]), int(axes[1])


def _size(sheet: Array, shape: tuple[int, ...] | None, rows: int, columns: int) -> tuple[float, float]:
    """Inches of the picture: images keep their proportions, heat strips fill a fixed one."""
    if shape is None:
        return (9.0, 7.0) if rows > 1 else (8.0, 4.5)
    longest = 10.0 if rows == 1 else 7.5
    height, width = sheet.shape
    scale = longest / max(height, width)
    # too much room does no harm, the picture is cropped
    return max(7.4, width * scale + 2.0), max(3.0, height * scale + 2.2)


def _headline(latent: int, right: int, up: int, chosen: str) -> str:
    """What one sees: the axes and what they are, and in a second line where the other dimensions stand."""
    if latent == 1:
        return "Decoder means along z[0], at quantiles of the prior"
    text = f"Decoder means over z[{right}] and z[{up}]{', ' * bool(chosen)}{chosen}"
    if latent == 2:
        return f"{text}, at quantiles of the prior"
    others = "the other dimension is 0" if latent == 3 else f"the other {latent - 2} dimensions are 0"
    return f"{text},\nat quantiles of the prior; {others}"


def _label_axes(panel: Axes, rows: int, columns: int, right: int, up: int) -> None:
    """Write the values of z at the centres of some cells, along the axes that have more than one."""
    for axis, side, k in ((panel.xaxis, columns, right), (panel.yaxis, rows, up)):
        if side == 1:
            axis.set_ticks([])
            continue
        # as many to the left of 0 as to the right: an even number of them if the side is even
        lower = np.linspace(0, side - 1, min(side, 6 + side % 2))[: 3 + side % 2].round().astype(int)
        marked = np.unique(np.concatenate([lower, side - 1 - lower]))
        axis.set_ticks(marked + 0.5, [f"{q:.2f}".replace("-", "−") for q in _quantiles(side)[marked]])
        axis.set_label_text(f"z[{k}]")


def _margins(panel: Axes, rightwards: Array, upwards: Array, rows: int, columns: int, aspect: float) -> None:
    """Bars above the panel and beside it on the right, along the axes that have more than one cell."""
    # in the panel's coordinates; a thin panel needs more of them
    thick = 0.07
    if columns > 1:
        high = thick * float(np.clip(aspect, 1, 10))
        above = panel.inset_axes((0.0, 1 + high / 8, 1.0, high))
        _margin(above, rightwards, columns, upwards=False)
    if rows > 1:
        wide = thick * float(np.clip(1 / aspect, 1, 10))
        beside = panel.inset_axes((1.01, 0.0, wide, 1.0))
        _margin(beside, upwards, rows, upwards=True)
    names = " and ".join(["column"] * (columns > 1) + ["row"] * (rows > 1))
    top = above if columns > 1 else panel
    top.set_title(f"bars: share of the posterior means in each {names}; dotted: of the prior")


def _margin(axes: Axes, means: Array, side: int, *, upwards: bool) -> None:
    """Bars for the share of the posterior means in each column, or in each row."""
    share = np.histogram(ndtr(means) * side, bins=side, range=(0, side))[0] / len(means)
    centres = np.arange(side) + 0.5
    limits = (0.0, 1.1 * max(float(share.max()), 1 / side))
    prior: dict[str, Any] = {"color": INK, "linewidth": 0.8, "linestyle": ":"}
    if upwards:
        axes.barh(centres, share, 0.85, color=BLUE)
        axes.axvline(1 / side, **prior)
        axes.set(ylim=(0, side), xlim=limits)
    else:
        axes.bar(centres, share, 0.85, color=BLUE)
        axes.axhline(1 / side, **prior)
        axes.set(xlim=(0, side), ylim=limits)
    axes.set_axis_off()
