"""What the decoder makes: reconstructions beside their originals, and samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.plots.canvas import INK, ORANGE, PathLike, picture, whole_ticks
from vae_np.plots.checks import check_image_shape, check_positive, finite_matrix

__all__ = ["mosaic", "reconstructions", "samples", "sheet_size", "value_range"]

Array = NDArray[np.float64]


def mosaic(tiles: Array, gap: int = 0) -> Array:
    """Tiles of shape (rows, columns, height, width) as one sheet, NaN in the gaps between them."""
    rows, columns, height, width = tiles.shape
    sheet = np.full((rows, height + gap, columns, width + gap), np.nan)
    sheet[:, :height, :, :width] = tiles.transpose(0, 2, 1, 3)
    sheet = sheet.reshape(rows * (height + gap), columns * (width + gap))
    return sheet[: sheet.shape[0] - gap, : sheet.shape[1] - gap]


def value_range(*arrays: Array) -> tuple[float, float]:
    """Black and white of all arrays: (0, 1) where it holds them, else their extremes."""
    low = float(min(array.min() for array in arrays))
    high = float(max(array.max() for array in arrays))
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def sheet_size(sheet: Array, longest: float = 8.0) -> tuple[float, float]:
    """Width and height in inches of a picture that shows ``sheet`` at a readable size."""
    height, width = sheet.shape
    scale = longest / max(height, width)
    return max(6.0, width * scale + 1.2), max(2.2, height * scale + 1.0)


def reconstructions(
    x: ArrayLike,
    mean: ArrayLike,
    path: PathLike,
    *,
    image_shape: Sequence[int] | None = None,
    n: int = 12,
) -> Path:
    """The first ``n`` examples, each above its reconstruction; plain features as curves.

    Parameters
    ----------
    x, mean : array, shape (N, D)
        The data, and the decoder's mean for each row of it.
    path : path of the PNG
    image_shape : (height, width), optional
        How a row becomes an image; without it a row is a curve over its features.
    n : int
        How many examples to show at most.

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is not finite.
    """
    x, mean = finite_matrix("x", x), finite_matrix("mean", mean)
    if x.shape != mean.shape:
        raise ValueError(f"x and mean must have one shape; got {x.shape} and {mean.shape}")
    shape = check_image_shape("x", x.shape[1], image_shape)
    n = min(check_positive("n", n), len(x))
    x, mean = x[:n], mean[:n]
    error = float(np.sqrt(np.mean((x - mean) ** 2)))
    what = "1 example" if n == 1 else f"{n} examples"
    title = f"Reconstructions of {what}: root mean square error {error:.3g}"
    if shape is None:
        _curve_pairs(x, mean, path, title)
    else:
        _image_pairs(x, mean, path, title, shape)
    return Path(path)


def _image_pairs(x: Array, mean: Array, path: PathLike, title: str, shape: tuple[int, int]) -> None:
    """Blocks of two rows, originals above reconstructions, at most 16 pairs a block."""
    n, (height, width) = len(x), shape
    blocks = -(-n // 16)
    columns = -(-n // blocks)
    tiles = np.full((2, blocks * columns, height, width), np.nan)
    tiles[:, :n] = np.stack([x, mean]).reshape(2, n, height, width)
    tiles = tiles.reshape(2, blocks, columns, height, width)
    gap = max(1, height // 14)
    block = 2 * height + gap
    sheet = np.full((blocks * (block + 4 * gap) - 4 * gap, columns * (width + gap) - gap), np.nan)
    ticks: list[float] = []
    for i in range(blocks):
        top = i * (block + 4 * gap)
        sheet[top : top + block] = mosaic(tiles[:, i], gap)
        ticks += [top + height / 2 - 0.5, top + height + gap + height / 2 - 0.5]
    low, high = value_range(x, mean)
    figure_width, figure_height = sheet_size(sheet, 9.0 if columns > 4 else 4.0)
    with picture(path, figure_width + 0.8, figure_height, images=True) as figure:
        axes = figure.add_subplot()
        shown = axes.imshow(sheet, cmap="gray", vmin=low, vmax=high)
        axes.set_yticks(ticks, ["original", "reconstruction"] * blocks)
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.colorbar(shown, ax=axes, label="pixel value", aspect=12 * blocks if columns > 4 else 30, pad=0.01)
        figure.suptitle(title, x=0.01, ha="left")


def _curve_pairs(x: Array, mean: Array, path: PathLike, title: str) -> None:
    """A small panel an example: the original as dots and a thin line, its reconstruction over it."""
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
            axes.set_title(f"example {i}")
            whole_ticks(axes.xaxis)
            if i + columns >= n:
                axes.tick_params(labelbottom=True)
        figure.supxlabel("feature", fontsize=9)
        figure.supylabel("value", fontsize=9)
        figure.legend(
            [original, reconstruction],
            ["original", "reconstruction"],
            loc="outside lower right",
            ncols=2,
        )
        figure.suptitle(title, x=0.01, ha="left")


def samples(mean: ArrayLike, path: PathLike, *, image_shape: Sequence[int] | None = None) -> Path:
    """A grid of decoder means, in reading order; plain features as one heat strip a row.

    Parameters
    ----------
    mean : array, shape (M, D)
        The decoder's means for M latents drawn from the prior.
    path : path of the PNG
    image_shape : (height, width), optional

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is not finite.
    """
    mean = finite_matrix("mean", mean)
    shape = check_image_shape("mean", mean.shape[1], image_shape)
    count = len(mean)
    low, high = value_range(mean)
    title = f"{'Decoder mean' if count == 1 else f'{count} decoder means'} at draws from the prior"
    if shape is None:
        sheet = mean
        size = 8.0, float(np.clip(1.4 + 0.22 * count, 2.4, 9.0))
    else:
        height, width = shape
        columns = max(1, round(float(np.sqrt(count * height / width))))
        rows = -(-count // columns)
        tiles = np.full((rows * columns, height, width), np.nan)
        tiles[:count] = mean.reshape(count, height, width)
        sheet = mosaic(tiles.reshape(rows, columns, height, width), gap=max(1, height // 14))
        size = sheet_size(sheet, 6.0)
    with picture(path, *size, images=shape is not None) as figure:
        axes = figure.add_subplot()
        colours = "cividis" if shape is None else "gray"
        shown = axes.imshow(sheet, cmap=colours, vmin=low, vmax=high)
        axes.spines[:].set_visible(False)
        if shape is None:
            axes.set_aspect("auto")
            axes.set_xlabel("feature")
            axes.set_ylabel("sample")
            whole_ticks(axes.xaxis)
            whole_ticks(axes.yaxis)
        else:
            axes.set_xticks([])
            axes.set_yticks([])
        label = "mean" if shape is None else "pixel value"
        figure.colorbar(shown, ax=axes, label=label, aspect=30, pad=0.02)
        figure.suptitle(title, x=0.01, ha="left")
    return Path(path)
