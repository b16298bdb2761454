"""Walks through the latent space from real examples, a dimension a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from vae_np.plots.canvas import PathLike, picture
from vae_np.plots.checks import check_image_shape, check_positive, finite_matrix
from vae_np.plots.colours import planes, show
from vae_np.plots.images import mosaic, sheet_size, thickened
from vae_np.plots.scales import check_limits, colour_bar, standardised, value_range

__all__ = ["MOST_STRIPS", "moving_most", "traversals", "walk"]

Array = NDArray[np.float64]
STEPS = 11
MOST_STRIPS = 80
"""Features of a heat strip; of more those are shown that move most, for no more can be told apart."""


def walk(mu: Array, dimensions: Sequence[int], steps: int = STEPS) -> Array:
    """Latents (len(dimensions), steps, K): the example mu (K,) with one dimension after the other moved.

    The values are the middles of ``steps`` equal shares of the prior N(0, 1), whatever the example's own is.
    """
    z = np.tile(mu, (len(dimensions), steps, 1))
    for row, k in enumerate(dimensions):
        z[row, :, k] = ndtri((np.arange(steps) + 0.5) / steps)
    return z


def moving_most(relative: Array, most: int) -> NDArray[np.intp]:
    """The features, in their order, of which the last axis holds the means that move most along the axis before it."""
    weight = relative.std(axis=-2).reshape(-1, relative.shape[-1]).mean(axis=0)
    return np.sort(np.argsort(-weight, kind="stable")[:most])


def traversals(
    decode: Callable[[Array], ArrayLike],
    path: PathLike,
    *,
    x: ArrayLike,
    mu: ArrayLike,
    dimensions: Sequence[int],
    image_shape: Sequence[int] | None,
    steps: int = STEPS,
    chosen: str = "",
    limits: Sequence[float] | None = None,
) -> Path:
    """Each example, and decoder means as one dimension of its posterior mean moves through the prior's quantiles.

    What a model with more than two dimensions has learned: a row shows what that dimension does to a real example, the
    others as they are.

    Parameters
    ----------
    decode : callable, z (M, K) -> mean (M, D)
    path : path of the picture
    x, mu : array, shapes (N, D) and (N, K)
        A few examples, one a block, and their posterior means.
    dimensions : sequence of int
        Which dimensions, one a row.
    image_shape : (height, width) or None
        None draws a mean as a heat strip of its features, each standardised over all cells; of more than
        `MOST_STRIPS` features those that move most (`feature_traversals` has their names).
    steps : int
        Cells of a row.
    chosen : str
        What these dimensions are, for the title.
    limits : (black, white), optional
        As for `samples`.

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is not finite.
    """
    x, mu = finite_matrix("x", x), finite_matrix("mu", mu)
    if len(x) != len(mu):
        raise ValueError(f"x and mu must have as many rows; they have {len(x)} and {len(mu)}")
    steps, features = check_positive("steps", steps, least=2), x.shape[1]
    if not len(dimensions) or any(not 0 <= k < mu.shape[1] for k in dimensions):
        raise ValueError(f"dimensions must be some from 0 to {mu.shape[1] - 1}; they are {tuple(dimensions)}")
    shape = check_image_shape("x", features, image_shape)
    z = np.concatenate([walk(row, dimensions, steps) for row in mu])  # (N R, steps, K)
    mean = finite_matrix("decode(z)", decode(z.reshape(-1, mu.shape[1])))
    if mean.shape != (len(z) * steps, features):
        raise ValueError(f"decode(z) must have shape {(len(z) * steps, features)}; it has {mean.shape}")
    cells = mean.reshape(len(z), steps, features)
    most = ""
    originals = np.repeat(x, len(dimensions), axis=0)[:, None]
    values = np.concatenate([originals, cells], axis=1)
    if shape is None:
        values = standardised(values.reshape(-1, features))[0].reshape(values.shape)
        if features > MOST_STRIPS:
            values = values[..., moving_most(values[:, 1:], MOST_STRIPS)]
            most = f"\nthe {MOST_STRIPS} of {features} features whose mean moves most"
    low, high = value_range(values) if shape is None else check_limits(limits, mean)
    layouts = [_sheet(thickened(tiles), len(x)) for tiles in planes(values, shape or (1, values.shape[-1]))]
    sheets, centres = [sheet for sheet, _ in layouts], layouts[0][1]
    look = {"cmap": "cividis", "aspect": "auto"} if shape is None else {"aspect": "equal"}
    with picture(path, *sheet_size(sheets[0], 7.5), images=True) as figure:
        axes = figure.add_subplot()
        shown = show(axes, sheets, low, high, **look)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_yticks(centres, [f"z[{k}]" for k in dimensions] * len(x))
        width = sheets[0].shape[1] / (steps + 1)
        ends = [f"{value:.2f}".replace("-", "−") for value in z[0, [0, -1], dimensions[0]]]
        axes.set_xticks(np.array([0.5, 1.5, steps + 0.5]) * width, ["example", *ends])
        label = "standardised" if shape is None else "pixel value"
        colour_bar(figure, axes, shown, values, label, aspect=30, pad=0.02)
        what = "an example" if len(x) == 1 else f"{len(x)} examples"
        title = f"Decoder means as one dimension of {what} moves{chosen and f', {chosen}'}{most}"
        figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def _sheet(tiles: Array, blocks: int) -> tuple[Array, list[float]]:
    """Rows of tiles (R, columns, height, width) as one sheet with room between blocks, and the rows' centres."""
    rows, _, height, width = tiles.shape
    gap = max(1, min(height, width) // 14)
    each = rows // blocks
    parts: list[Array] = []
    centres: list[float] = []
    top = 0
    for block in range(blocks):
        part = mosaic(tiles[block * each : (block + 1) * each], gap)
        centres += [top + i * (height + gap) + height / 2 - 0.5 for i in range(each)]
        parts += [part, np.full((4 * gap, part.shape[1]), np.nan)]
        top += len(part) + 4 * gap
    return np.concatenate(parts[:-1]), centres
