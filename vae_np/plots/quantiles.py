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
from vae_np.plots.images import mosaic, value_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["manifold", "quantile_grid"]

Array = NDArray[np.float64]

WIDEST = 1000  # columns of heat strips that a picture can still show apart


def quantile_grid(side: int, latent: int, axes: Sequence[int] = (0, 1)) -> Array:
    """The latents of the manifold's cells, from the top left to the bottom right as one reads.

        z = Phi^-1((i + 1/2) / side),    i = 0, ..., side - 1

    Along a row the first of ``axes`` rises, from the bottom row to the top one the second does;
    the other dimensions are 0. With one latent dimension there is one row.

    Returns
    -------
    z : array, shape (side * side, latent), or (side, 1) if latent is 1
    """
    quantiles: Array = ndtri((np.arange(side) + 0.5) / side)
    if latent == 1:
        return quantiles[:, None]
    z = np.zeros((side, side, latent))
    z[:, :, axes[0]] = quantiles
    z[:, :, axes[1]] = quantiles[::-1, None]
    return z.reshape(side * side, latent)


def manifold(
    decode: Callable[[Array], ArrayLike],
    path: PathLike,
    *,
    image_shape: Sequence[int] | None,
    latent: int,
    side: int = 20,
    axes: Sequence[int] = (0, 1),
    mu: ArrayLike | None = None,
) -> Path:
    """Decoder means over the quantiles of two latent dimensions, the others 0.

    Every cell holds the same share of the prior. Kingma & Welling (2014), figure 4.

    Parameters
    ----------
    decode : callable, z (M, K) -> mean (M, D)
        Called once, with ``quantile_grid(side, latent, axes)``.
    path : path of the PNG
    image_shape : (height, width) or None
        None draws a mean as a heat strip of its features.
    latent : int
        K. With K = 1 the manifold is a row, and ``axes`` does not matter.
    side : int
        Cells along an axis.
    axes : pair of int
        The dimension that grows to the right, and the one that grows upwards.
    mu : array, shape (N, K), optional
        Posterior means; bars along the margins show their share in each column and row (all
        equally long where the aggregate posterior matches the prior).

    Raises
    ------
    ValueError
        If the axes are not two different dimensions of the latent, decode's answer does not fit,
        a value is not finite, or the heat strips would be too narrow to see.
    """
    latent, side = check_positive("latent", latent), check_positive("side", side, least=2)
    right, up = (0, 0) if latent == 1 else _two_axes(axes, latent)
    means = None if mu is None else finite_matrix("mu", mu)
    if means is not None and means.shape[1] != latent:
        raise ValueError(f"mu must have {latent} columns; it has {means.shape[1]}")
    z = quantile_grid(side, latent, (right, up))
    mean = finite_matrix("decode(z)", decode(z.copy()))
    if len(mean) != len(z):
        raise ValueError(f"decode(z) must have {len(z)} rows, as z; it has {len(mean)}")
    features = mean.shape[1]
    shape = check_image_shape("decode(z)", features, image_shape)
    if shape is None and latent > 1 and side * features > WIDEST:
        raise ValueError(
            f"{side} heat strips of {features} features are {side * features} columns; a picture "
            f"shows at most {WIDEST}: give image_shape or a smaller side"
        )
    tile = shape or ((features, 1) if latent == 1 else (1, features))
    rows = len(z) // side
    sheet = mosaic(mean.reshape(rows, side, *tile))
    width, height = _size(sheet, shape, rows)
    with picture(path, width, height, images=shape is not None) as figure:
        panel = figure.add_subplot()
        low, high = value_range(mean)
        shown = panel.imshow(
            sheet,
            cmap="cividis" if shape is None else "gray",
            vmin=low,
            vmax=high,
            extent=(0, side, 0, rows),
            aspect="auto" if shape is None else sheet.shape[0] / sheet.shape[1] * side / rows,
        )
        panel.spines[:].set_visible(False)
        _label_axes(panel, z[:side, right], right, up if latent > 1 else None)
        if shape is None and latent > 1:
            edges = np.arange(1, side)
            panel.hlines(edges, 0, side, color="white", linewidth=0.8)
            panel.vlines(edges, 0, side, color="white", linewidth=1.6)
        elif shape is None:
            panel.set_ylabel("feature (the first on top)")
        if means is not None:
            # in the panel's coordinates: above it, and beside it on the right; a single row is low
            thick = 0.08 if latent > 1 or shape is None else 0.7
            above = panel.inset_axes((0.0, 1 + thick / 8, 1.0, thick))
            _margin(above, means[:, right], side, upwards=False)
            cells = "column" if latent == 1 else "column and row"
            above.set_title(f"bars: share of the posterior means in each {cells}; dotted: of the prior")
            if latent > 1:
                beside = panel.inset_axes((1.01, 0.0, thick, 1.0))
                _margin(beside, means[:, up], side, upwards=True)
        label = "mean" if shape is None else "pixel value"
        short = rows == 1 and shape is not None
        figure.colorbar(shown, ax=panel, label=label, aspect=10 if short else 30, pad=0.02)
        figure.suptitle(_headline(latent, right, up), x=0.01, ha="left")
    return Path(path)


def _two_axes(axes: Sequence[int], latent: int) -> tuple[int, int]:
    """Two different dimensions of the latent."""
    if len(axes) != 2 or axes[0] == axes[1] or any(not 0 <= k < latent for k in axes):
        raise ValueError(f"axes must be two different dimensions from 0 to {latent - 1}; they are {tuple(axes)}")
    return int(axes[0]), int(axes[1])


def _size(sheet: Array, shape: tuple[int, int] | None, rows: int) -> tuple[float, float]:
    """Inches of the picture: images keep their proportions, heat strips fill a fixed one."""
    if shape is None:
        return (9.0, 7.0) if rows > 1 else (8.0, 4.5)
    longest = 7.0 if rows > 1 else 10.0
    height, width = sheet.shape
    scale = longest / max(height, width)
    return max(7.4, width * scale + 1.6), max(2.3, height * scale + 1.1)


def _headline(latent: int, right: int, up: int) -> str:
    """What one sees, in one line."""
    if latent == 1:
        return "Decoder means along z[0], at quantiles of the prior"
    rest = "" if latent == 2 else "; the other dimensions are 0"
    return f"Decoder means over z[{right}] and z[{up}], at quantiles of the prior{rest}"


def _label_axes(panel: Axes, quantiles: Array, right: int, up: int | None) -> None:
    """Write the values of z at the centres of some cells."""
    side = len(quantiles)
    # as many to the left of 0 as to the right: an even number of them if the side is even
    lower = np.linspace(0, side - 1, min(side, 6 + side % 2))[: 3 + side % 2].round().astype(int)
    marked = np.unique(np.concatenate([lower, side - 1 - lower]))
    names = [f"{q:.2f}".replace("-", "−") for q in quantiles[marked]]
    panel.set_xticks(marked + 0.5, names)
    panel.set_xlabel(f"z[{right}]")
    if up is None:
        panel.set_yticks([])
    else:
        panel.set_yticks(marked + 0.5, names)
        panel.set_ylabel(f"z[{up}]")


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
