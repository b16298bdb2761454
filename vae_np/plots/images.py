"""What the decoder makes: samples, as a sheet of images or as heat strips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.plots.canvas import PathLike, number, picture, shortened, whole_ticks
from vae_np.plots.checks import check_image_shape, check_names, finite_matrix
from vae_np.plots.colours import planes, show
from vae_np.plots.scales import check_limits, colour_bar, standardised, value_range

__all__ = ["check_room", "mosaic", "samples", "sheet_size", "thickened"]

Array = NDArray[np.float64]
MOST_PIXELS = 2**24
"""Of all tiles of a picture together."""
MOST_NAMES = 40
"""Names that stand side by side under heat strips."""


def mosaic(tiles: Array, gap: int = 0) -> Array:
    """Tiles of shape (rows, columns, height, width) as one sheet, NaN in the gaps between them."""
    rows, columns, height, width = tiles.shape
    sheet = np.full((rows, height + gap, columns, width + gap), np.nan)
    sheet[:, :height, :, :width] = tiles.transpose(0, 2, 1, 3)
    sheet = sheet.reshape(rows * (height + gap), columns * (width + gap))
    return sheet[: sheet.shape[0] - gap, : sheet.shape[1] - gap]


def thickened(tiles: Array) -> Array:
    """Tiles of shape (..., height, width) with pixels repeated where one side is below 1/16 of the other.

    Of a side of more pixels than a sheet of `MOST_PIXELS` has room for, every second, third, ... is taken first: no
    picture shows them apart, and a strip of 20,000 features would become 25 million pixels.
    """
    height, width = tiles.shape[-2:]
    room = max(16, math.isqrt(MOST_PIXELS * height * width // tiles.size))
    tiles = tiles[..., :: -(-height // room), :: -(-width // room)]
    height, width = tiles.shape[-2:]
    tiles = tiles.repeat(max(1, -(-width // (16 * height))), axis=-2)
    return tiles.repeat(max(1, -(-height // (16 * width))), axis=-1)


def check_room(count: int, features: int) -> None:
    """``ValueError`` if so many samples have more values than a picture has pixels (`MOST_PIXELS`)."""
    most = max(1, MOST_PIXELS // features)
    if count > most:
        raise ValueError(
            f"a picture has room for {most:,} samples of {features} values; got {count:,}: write them to a .npy or .csv"
            " file"
        )


def sheet_size(sheet: Array, longest: float = 8.0) -> tuple[float, float]:
    """Width and height in inches of a picture that shows ``sheet`` at a readable size."""
    height, width = sheet.shape
    scale = longest / max(height, width)
    return max(6.0, width * scale + 1.2), max(2.2, height * scale + 1.0)


def samples(
    mean: ArrayLike,
    path: PathLike,
    *,
    image_shape: Sequence[int] | None = None,
    limits: Sequence[float] | None = None,
    where: str = "draws from the prior",
    what: str = "decoder mean",
    names: Sequence[str] | None = None,
    row: str = "sample",
    spread: ArrayLike | None = None,
) -> Path:
    """A grid of decoder means (or draws of x), in reading order; plain features as one heat strip a row.

    Features have unequal units, so every column of the heat strips is standardised: less its mean
    over the samples, divided by its standard deviation. A single sample is shown as it is.

    Parameters
    ----------
    mean : array, shape (M, D)
        The decoder's means for M latents.
    path : path of the PNG
    image_shape : (height, width), optional
    limits : (black, white), optional
        The range of the data, for images; without it (0, 1) where that holds the means, else their
        extremes. What lies beyond is clipped, and the colour bar says so.
    where, what : str
        What the latents are, and what is shown, for the title.
    names : sequence of str, optional
        The features', one a column; of more than `MOST_NAMES` every second, third, ... stands at its column.
    row : str
        What a row of the heat strips is.
    spread : array, shape (D,), optional
        The deviations of plain features in the data, infinite for constant ones: one that moves less than a hundredth
        of that is drawn as constant.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite, the limits do not increase, or `check_room` finds no room.
    """
    mean = finite_matrix("mean", mean)
    check_room(*mean.shape)
    shape = check_image_shape("mean", mean.shape[1], image_shape)
    count = len(mean)
    title = f"{what.capitalize() if count == 1 else f'{count} {what}s'} at {where}"
    if shape is None:
        called = None if names is None else check_names(names, mean.shape[1])
        _strips(mean, path, title, called, row, _check_spread(spread, mean.shape[1]))
        return Path(path)
    low, high = check_limits(limits, mean)
    sheets = [_grid(thickened(tiles)) for tiles in planes(mean, shape)]
    with picture(path, *sheet_size(sheets[0], 6.0), images=True) as figure:
        axes = figure.add_subplot()
        shown = show(axes, sheets, low, high)
        axes.spines[:].set_visible(False)
        axes.set_xticks([])
        axes.set_yticks([])
        colour_bar(figure, axes, shown, mean, "pixel value", aspect=30, pad=0.02)
        figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def _grid(tiles: Array) -> Array:
    """Tiles (M, height, width) as a sheet that is about a square."""
    count, height, width = tiles.shape
    gap = max(1, min(height, width) // 14)
    columns = min(count, max(1, round(float(np.sqrt(count * (height + gap) / (width + gap))))))
    rows = -(-count // columns)
    cells = np.full((rows * columns, height, width), np.nan)
    cells[:count] = tiles
    return mosaic(cells.reshape(rows, columns, height, width), gap)


def _check_spread(spread: ArrayLike | None, columns: int) -> Array | None:
    """The deviations, one a column; infinite ones are allowed."""
    if spread is None:
        return None
    found = np.asarray(spread, np.float64)
    if found.shape != (columns,) or not (found >= 0).all():
        raise ValueError(f"spread must be {columns} deviations of at least 0; its shape is {found.shape}")
    return found


def _strips(mean: Array, path: PathLike, title: str, names: list[str] | None, row: str, spread: Array | None) -> None:
    """A row a sample and a column a feature, standardised where there are samples to compare."""
    count, features = mean.shape
    values, label = mean, "mean"
    if count > 1:
        values, centre, deviation = standardised(mean, spread)
        label = "standardised mean"
        title += "; each feature standardised over them"
    low, high = value_range(values)
    each = -(-features // MOST_NAMES)
    texts = [shortened(name) for name in (names or [])[::each]]
    if count > 1 and each == 1 and names is not None:
        triples = zip(texts, centre, deviation, strict=True)
        texts = [f"{text}: {number(m)} ± {number(d)}" for text, m, d in triples]
    longest = max(map(len, texts), default=0)
    upright = 0.07 * longest if longest * len(texts) > 90 else 0.0  # inches of names that do not fit side by side
    with picture(path, 8.0, float(np.clip(1.6 + 0.22 * count, 2.4, 9.0)) + upright) as figure:
        axes = figure.add_subplot()
        shown = axes.imshow(values, cmap="cividis", vmin=low, vmax=high, aspect="auto")
        axes.spines[:].set_visible(False)
        axes.set_ylabel(row)
        whole_ticks(axes.yaxis)
        if names is not None:
            what = "feature" if each == 1 else f"feature (one in {each} is named)"
            if count > 1 and each == 1:
                what = "feature: its mean and its standard deviation over the rows"
            axes.set_xticks(range(0, features, each), texts, rotation=90 if upright else 0)
            axes.set_xlabel(what)
        elif count > 1 and features <= 10:
            pairs = enumerate(zip(centre, deviation, strict=True))
            names = [f"{j}\n{m:.3g}\n± {d:.2g}".replace("-", "−") for j, (m, d) in pairs]
            axes.set_xticks(range(features), names)
            axes.set_xlabel("feature, its mean and its standard deviation over the samples")
        else:
            whole_ticks(axes.xaxis)
            axes.set_xlabel("feature")
        colour_bar(figure, axes, shown, values, label, aspect=30, pad=0.02)
        figure.suptitle(title, x=0.01, ha="left")
