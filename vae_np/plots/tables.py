"""Plain features by their names, a panel each: reconstructions, the manifold, and walks from real examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.plots.canvas import BLUE, INK, ORANGE, PathLike, number, picture, shortened
from vae_np.plots.checks import check_names, check_positive, finite_matrix
from vae_np.plots.walks import STEPS, walk

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_PANELS", "feature_manifold", "feature_reconstructions", "feature_traversals"]

Array = NDArray[np.float64]
Decoder = Callable[[Array], ArrayLike]

MOST_PANELS = 24
"""Features of which a picture has a panel each; of more it shows so many, and says which."""
MOST_ROWS = 30
"""Features that a panel of rows shows."""
MOST_DOTS = 500
CELLS = 25
COLUMNS = 6


def feature_reconstructions(x: ArrayLike, mean: ArrayLike, path: PathLike, *, names: Sequence[str]) -> Path:
    """A panel a feature: its values in the data, and over each its reconstruction.

    Parameters
    ----------
    x, mean : array, shape (N, D)
        The data, and the decoder's mean for each row of it.
    path : path of the picture
    names : sequence of str, D of them
        Of more than `MOST_PANELS` features so many are shown, evenly from the best to the worst reconstructed.

    Notes
    -----
    A panel's number is the share of the feature's variance that is explained, 1 - sum (x - m)^2 / sum (x - mean x)^2:
    1 for perfect reconstructions, below 0 for worse ones than the mean.
    """
    x, mean = finite_matrix("x", x), finite_matrix("mean", mean)
    if x.shape != mean.shape:
        raise ValueError(f"x and mean must have one shape; got {x.shape} and {mean.shape}")
    names = check_names(names, x.shape[1])
    total = np.square(x - x.mean(axis=0)).sum(axis=0)
    rest = np.square(x - mean).sum(axis=0)
    varies = total > 0
    explained = np.where(varies, 1 - rest / np.where(varies, total, 1.0), -np.inf)
    shown, title = np.arange(len(names)), f"Reconstructions of {_count(len(x))} over the originals"
    if len(names) > MOST_PANELS:
        order = np.argsort(-explained, kind="stable")
        shown = order[np.linspace(0, len(names) - 1, MOST_PANELS).round().astype(int)]
        title += f"\n{MOST_PANELS} of {len(names)} features, from the best to the worst reconstructed"
    with _panels(path, len(shown), title, height=2.1) as (figure, panels):
        for axes, j in zip(panels, shown, strict=True):
            ends = [min(x[:, j].min(), mean[:, j].min()), max(x[:, j].max(), mean[:, j].max())]
            axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle=":")
            axes.plot(x[:, j], mean[:, j], linestyle="", marker="o", markersize=_dot(len(x)), color=ORANGE, alpha=0.6)
            share = f"explained {number(explained[j])}" if varies[j] else "constant"
            axes.set_title(f"{shortened(names[j])}\n{share}", fontsize=8)
            axes.locator_params(nbins=4)
        figure.supxlabel("original (dotted: the reconstruction is the original)", fontsize=9)
        figure.supylabel("reconstruction", fontsize=9)
    return Path(path)


def feature_manifold(
    decode: Decoder,
    path: PathLike,
    *,
    x: ArrayLike,
    mu: ArrayLike,
    names: Sequence[str],
) -> Path:
    """A panel a feature: its decoder mean over a latent space of one or two dimensions, where the data lie.

    Over one dimension it is a curve, with the examples as dots at (mu, x). Over two the mean is a colour, z[0] growing
    to the right and z[1] upwards as in `latent_space`, with the posterior means as dots.

    Parameters
    ----------
    decode : callable, z (M, K) -> mean (M, D)
    path : path of the picture
    x, mu : array, shapes (N, D) and (N, K)
        Examples, whose mean and deviation are the scale of the colours, and their posterior means; K is 1 or 2.
    names : sequence of str, D of them
        Of more than `MOST_PANELS` features those are shown whose mean moves most, in deviations of the data.
    """
    x, mu = finite_matrix("x", x), finite_matrix("mu", mu)
    if len(x) != len(mu) or mu.shape[1] > 2:
        raise ValueError(f"x and mu must have as many rows, mu 1 or 2 columns; got {x.shape} and {mu.shape}")
    names = check_names(names, x.shape[1])
    latent = mu.shape[1]
    far = np.ceil(2 * max(2.0, float(np.abs(mu).max()))) / 2  # the prior's bulk and all examples
    side = CELLS if latent == 2 else 8 * CELLS
    centres = far * (2 * (np.arange(side) + 0.5) / side - 1)
    z = centres[:, None] if latent == 1 else np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    mean = _decoded(decode, z, len(names))
    location, scale = _moments(x)
    relative = (mean - location) / scale
    shown, most = _most(relative.std(axis=0), MOST_PANELS, names, "whose mean moves most")
    where = "z[0]" if latent == 1 else "z[0] (to the right) and z[1] (upwards)"
    title = f"Decoder means over {where}; dots: {_count(len(x))}{most}"
    few = np.linspace(0, len(mu) - 1, min(len(mu), MOST_DOTS)).round().astype(int)
    limit = max(float(np.abs(relative[:, shown]).max()), 1e-3)
    height = 2.0 if latent == 1 else 4.6 if len(shown) == 1 else 2.3  # a square alone fills the picture
    with _panels(path, len(shown), title, height=height) as (figure, panels):
        for axes, j in zip(panels, shown, strict=True):
            ends = " to ".join(number(value) for value in (mean[:, j].min(), mean[:, j].max()))
            axes.set_title(f"{shortened(names[j])}\n{ends}", fontsize=8)
            if latent == 1:
                axes.plot(mu[few, 0], x[few, j], linestyle="", marker="o", markersize=2, color=BLUE, alpha=0.5)
                axes.plot(centres, mean[:, j], color=ORANGE)
                axes.locator_params(nbins=4)
                continue
            image = relative[:, j].reshape(side, side)
            box = (-far, far, -far, far)
            look: dict[str, Any] = {"cmap": "cividis", "vmin": -limit, "vmax": limit, "origin": "lower"}
            drawn = axes.imshow(image, extent=box, interpolation="nearest", **look)
            axes.plot(mu[few, 0], mu[few, 1], linestyle="", marker="o", markersize=1.5, color="white", alpha=0.7)
            axes.set(xticks=[-far, 0, far], yticks=[-far, 0, far])
        if latent == 2:
            _bar(figure, drawn, panels)
        figure.supxlabel("z[0]", fontsize=9)
        figure.supylabel("z[1]" if latent == 2 else "feature", fontsize=9)
    return Path(path)


def feature_traversals(
    decode: Decoder,
    path: PathLike,
    *,
    x: ArrayLike,
    mu: ArrayLike,
    dimensions: Sequence[int],
    names: Sequence[str],
    moments: tuple[ArrayLike, ArrayLike],
    steps: int = STEPS,
    chosen: str = "",
) -> Path:
    """Features in rows: each example, and its decoder means as one dimension of its posterior mean moves, a panel each.

    Parameters
    ----------
    decode, path, x, mu, dimensions, steps, chosen : as for `traversals`
    names : sequence of str, D of them
        Of more than `MOST_ROWS` features those are shown whose mean moves most, in deviations of the data.
    moments : pair of array, shape (D,)
        Mean and deviation of the data, the scale of the colours; a deviation that is 0 is taken for 1.
    """
    x, mu = finite_matrix("x", x), finite_matrix("mu", mu)
    names, steps = check_names(names, x.shape[1]), check_positive("steps", steps, least=2)
    if len(x) != len(mu):
        raise ValueError(f"x and mu must have as many rows; they have {len(x)} and {len(mu)}")
    if not len(dimensions) or any(not 0 <= k < mu.shape[1] for k in dimensions):
        raise ValueError(f"dimensions must be some from 0 to {mu.shape[1] - 1}; they are {tuple(dimensions)}")
    location, scale = (finite_matrix("moments", part, ndim=1) for part in moments)
    scale = np.where(scale > 0, scale, 1.0)
    z = np.stack([walk(row, dimensions, steps) for row in mu])  # (N, R, steps, K)
    mean = _decoded(decode, z.reshape(-1, mu.shape[1]), len(names))
    relative = ((mean - location) / scale).reshape(*z.shape[:3], len(names))
    shown, most = _most(relative.std(axis=2).mean(axis=(0, 1)), MOST_ROWS, names, "whose mean moves most")
    own = (x - location) / scale
    limit = max(float(np.abs(relative[..., shown]).max()), float(np.abs(own[:, shown]).max()), 1e-3)
    what = "an example" if len(x) == 1 else f"{len(x)} examples"
    title = f"Decoder means as one dimension of {what} moves{chosen and f', {chosen}'}{most}"
    longest = max(len(shortened(names[j])) for j in shown)
    width = max(6.5, 1.2 + 0.075 * longest + 1.25 * len(dimensions))
    with picture(path, width, len(x) * (0.17 * len(shown) + 0.6) + 0.9) as figure:
        grid = figure.subplots(len(x), len(dimensions), squeeze=False)
        for i, row in enumerate(grid):
            for panel, (axes, k) in enumerate(zip(row, dimensions, strict=True)):
                columns = [own[i][:, None], np.full((len(names), 1), np.nan), relative[i, panel].T]
                sheet = np.concatenate(columns, axis=1)[shown]
                drawn = axes.imshow(sheet, cmap="cividis", vmin=-limit, vmax=limit, aspect="auto")
                axes.spines[:].set_visible(False)
                axes.tick_params(length=0)
                axes.set_title(f"z[{k}]", fontsize=8)
                axes.set_yticks(range(len(shown)), [shortened(names[j]) for j in shown] if panel == 0 else [])
                ends = [f"{value:.1f}".replace("-", "−") for value in z[i, panel, [0, -1], k]]
                axes.set_xticks([0, 2, steps + 1], ["x", *ends] if i == len(x) - 1 else [])
            row[0].set_ylabel(f"example {i}")
        _bar(figure, drawn, list(grid.flat))
        figure.supxlabel("x: the example itself; right of it the decoder's means", fontsize=9)
        figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def _decoded(decode: Decoder, z: Array, features: int) -> Array:
    """The decoder's means, checked."""
    mean = finite_matrix("decode(z)", decode(z.copy()))
    if mean.shape != (len(z), features):
        raise ValueError(f"decode(z) must have shape {(len(z), features)}; it has {mean.shape}")
    return mean


def _moments(x: Array) -> tuple[Array, Array]:
    """Mean and deviation of the columns; 1 for one that is constant, but for rounding."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    return mean, np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)


def _most(weight: Array, most: int, names: Sequence[str], what: str) -> tuple[NDArray[np.intp], str]:
    """The features of largest weight, in their order, and where that leaves some out a line that says so."""
    if len(names) <= most:
        return np.arange(len(names)), ""
    chosen = np.sort(np.argsort(-weight, kind="stable")[:most])
    return chosen, f"\nthe {most} of {len(names)} features {what}"


@contextmanager
def _panels(path: PathLike, count: int, title: str, *, height: float) -> Iterator[tuple[Figure, list[Axes]]]:
    """A picture of ``count`` panels in rows of at most `COLUMNS`, evenly filled."""
    rows = -(-count // COLUMNS)
    columns = -(-count // rows)
    with picture(path, max(6.5, 2.0 * columns + 1.2), height * rows + 1.0) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat[count:]:
            axes.set_visible(False)
        figure.suptitle(title, x=0.01, ha="left")
        yield figure, list(grid.flat[:count])


def _bar(figure: Figure, drawn: Any, panels: list[Axes]) -> None:
    """One colour bar for all panels."""
    figure.colorbar(drawn, ax=panels, label="deviations of the data from their mean", aspect=30, pad=0.02)


def _count(n: int) -> str:
    return "1 example" if n == 1 else f"{n:,} examples"


def _dot(n: int) -> float:
    """The size of a dot: smaller where there are many."""
    return float(np.clip(40 / np.sqrt(n), 1.5, 4))
