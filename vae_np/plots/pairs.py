"""Rows in pairs: reconstructions beside their originals, samples beside the nearest training examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.plots.canvas import INK, ORANGE, PathLike, picture, whole_ticks
from vae_np.plots.checks import check_image_shape, check_positive, finite_matrix
from vae_np.plots.colours import planes, show
from vae_np.plots.images import mosaic, sheet_size, thickened
from vae_np.plots.scales import colour_bar, value_range

__all__ = ["neighbours", "reconstructions"]

Array = NDArray[np.float64]


def reconstructions(
    x: ArrayLike,
    mean: ArrayLike,
    path: PathLike,
    *,
    image_shape: Sequence[int] | None = None,
    n: int = 12,
) -> Path:
    """The first ``n`` examples, each above its reconstruction; plain features as curves.

    Black and white of images are 0 and 1 where these hold the originals, else the originals'
    extremes; a reconstruction beyond them is clipped, and the colour bar says so.

    Parameters
    ----------
    x, mean : array, shape (N, D)
        The data, and the decoder's mean for each row of it.
    path : path of the PNG
    image_shape : (height, width), optional
        How a row becomes an image, with 3 or 4 channels before or after them for colours; without it a row is a
        curve over its features.
    n : int
        How many examples to show at most.

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is not finite.
    """
    x, mean, shape = _two(x, "mean", mean, image_shape)
    n = check_positive("n", n)
    x, mean = x[:n], mean[:n]
    error = float(np.sqrt(np.mean((x - mean) ** 2)))
    what = "1 example" if len(x) == 1 else f"{len(x)} examples"
    title = f"Reconstructions of {what}: root mean square error {error:.3g}"
    return _pairs(x, mean, path, title, shape, ("original", "reconstruction"), "example")


def neighbours(
    x: ArrayLike,
    nearest: ArrayLike,
    path: PathLike,
    *,
    image_shape: Sequence[int] | None = None,
    n: int = 16,
) -> Path:
    """Samples, each below the training example that is nearest to it: are they copies?

    Parameters
    ----------
    x, nearest : array, shape (M, D)
        The samples, of which the first ``n`` are shown, and the nearest example of each.
    path : path of the PNG
    image_shape : (height, width), optional
        See `reconstructions`.
    n : int
        How many to show at most.

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is not finite.
    """
    x, nearest, shape = _two(x, "nearest", nearest, image_shape)
    n = check_positive("n", n)
    distance = float(np.median(np.linalg.norm(x - nearest, axis=1)))
    title = f"Samples and the nearest training examples: median distance {distance:.3g}"
    return _pairs(nearest[:n], x[:n], path, title, shape, ("training", "sample"), "sample")


def _two(x: ArrayLike, name: str, other: ArrayLike, image_shape: Sequence[int] | None
         ) -> tuple[Array, Array, tuple[int, ...] | None]:  # fmt: skip
    """Both, finite and of one shape, and that of an image."""
    ours, theirs = finite_matrix("x", x), finite_matrix(name, other)
    if ours.shape != theirs.shape:
        raise ValueError(f"x and {name} must have one shape; got {ours.shape} and {theirs.shape}")
    return ours, theirs, check_image_shape("x", ours.shape[1], image_shape)


def _pairs(x: Array, mean: Array, path: PathLike, title: str, shape: tuple[int, ...] | None, names: tuple[str, str],
           row: str) -> Path:  # fmt: skip
    """What is given, and what is made of it or near to it, by their names."""
    if shape is None:
        _curve_pairs(x, mean, path, title, names, row)
    else:
        _image_pairs(x, mean, path, title, shape, names)
    return Path(path)


def _image_pairs(x: Array, mean: Array, path: PathLike, title: str, shape: tuple[int, ...], names: tuple[str, str]
                 ) -> None:  # fmt: skip
    """The one above the other, in blocks of two rows."""
    n = len(x)
    layouts = [_blocks(thickened(tiles)) for tiles in planes(np.stack([x, mean]), shape)]
    sheets, ticks = [sheet for sheet, _ in layouts], layouts[0][1]
    low, high = value_range(x)
    figure_width, figure_height = sheet_size(sheets[0], 9.0 if n > 4 else 4.0)
    with picture(path, figure_width + 0.8, figure_height, images=True) as figure:
        axes = figure.add_subplot()
        shown = show(axes, sheets, low, high)
        axes.set_yticks(ticks, [*names] * (len(ticks) // 2))
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        colour_bar(figure, axes, shown, np.stack([x, mean]), "pixel value", aspect=25, pad=0.01)
        figure.suptitle(title, x=0.01, ha="left")


def _blocks(tiles: Array) -> tuple[Array, list[float]]:
    """Pairs (2, n, height, width) as a sheet of blocks of two rows, and the rows' centres.

    As many columns as make a picture of about 5:2.
    """
    _, n, height, width = tiles.shape
    gap = max(1, min(height, width) // 14)
    block = 2 * height + gap
    columns = round(float(np.sqrt(2.5 * n * (block + 4 * gap) / (width + gap))))
    blocks = -(-n // min(max(columns, 1), 16))
    columns = -(-n // blocks)
    cells = np.full((2, blocks * columns, height, width), np.nan)
    cells[:, :n] = tiles
    cells = cells.reshape(2, blocks, columns, height, width)
    sheet = np.full((blocks * (block + 4 * gap) - 4 * gap, columns * (width + gap) - gap), np.nan)
    ticks: list[float] = []
    for i in range(blocks):
        top = i * (block + 4 * gap)
        sheet[top : top + block] = mosaic(cells[:, i], gap)
        ticks += [top + height / 2 - 0.5, top + height + gap + height / 2 - 0.5]
    return sheet, ticks


def _curve_pairs(x: Array, mean: Array, path: PathLike, title: str, names: tuple[str, str], row: str) -> None:
    """A small panel an example: what is given as dots and a thin line, the other over it."""
    n, features = x.shape
    columns = min(n, 4)
    rows = -(-n // columns)
    index = np.arange(features)
    with picture(path, max(6.0, 2.5 * columns + 0.8), 1.5 * rows + 1.3) as figure:
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for i, axes in enumerate(panels.flat):
            if i >= n:
                axes.set_visible(False)
                continue
            dot = {"marker": "o", "markersize": 3} if features <= 40 else {}
            (original,) = axes.plot(index, x[i], color=INK, linewidth=0.9, alpha=0.75, **dot)
            (reconstruction,) = axes.plot(index, mean[i], color=ORANGE, linewidth=1.5)
            axes.set_title(f"{row} {i}")
            whole_ticks(axes.xaxis)
            if i + columns >= n:
                axes.tick_params(labelbottom=True)
        figure.supxlabel("feature", fontsize=9)
        figure.supylabel("value", fontsize=9)
        figure.legend(
            [original, reconstruction],
            [*names],
            loc="outside lower right",
            ncols=2,
        )
        figure.suptitle(title, x=0.01, ha="left")
