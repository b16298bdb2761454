"""Data and decoders to draw, a picture of each kind, and its pixels.

Without matplotlib every test file that imports this is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vae_np import plots

mpl = pytest.importorskip("matplotlib")
imread = pytest.importorskip("matplotlib.image").imread

Array = NDArray[np.float64]

IMAGES = np.random.default_rng(5).random((6, 12))
NAMES = [f"${j}_" for j in range(12)]
MEANS = np.random.default_rng(6).normal(size=(40, 5))
HISTORY = {
    "epoch": list(range(1, 21)),
    "elbo": [-500.0, *np.linspace(-120, -100, 19)],
    "validation_elbo": [-520.0, *np.linspace(-122, -104, 19)],
    "log_likelihood": list(np.linspace(-100, -80, 20)),
    "kl": list(np.linspace(10, 20, 20)),
    "active_units": list(range(20)),
    "gradient_norm": [100.0 / k for k in range(1, 21)],
    "learning_rate": [1e-3] * 20,
    "seconds": [0.5] * 20,
}


def ramp(z: Array) -> Array:
    """A decoder of six features between 0 and 1."""
    return 1 / (1 + np.exp(-z[:, :1] * np.arange(1, 7)))


def wide(z: Array) -> Array:
    """A decoder of 120 features between 0 and 1."""
    return 1 / (1 + np.exp(-z[:, :1] * np.linspace(-3, 3, 120)))


PICTURES: dict[str, Callable[[Path], Path]] = {
    "learning curves": lambda p: plots.learning_curves(HISTORY, p),
    "reconstructions": lambda p: plots.reconstructions(IMAGES, IMAGES / 2, p, image_shape=(3, 4)),
    "reconstructions as curves": lambda p: plots.reconstructions(IMAGES, -IMAGES, p, n=2),
    "samples": lambda p: plots.samples(IMAGES, p, image_shape=(3, 4)),
    "traversals": lambda p: plots.traversals(
        ramp, p, x=IMAGES[:2, :6], mu=MEANS[:2], dimensions=[0, 1], image_shape=(2, 3)
    ),
    "samples as strips": lambda p: plots.samples(IMAGES[:1], p),
    "latent space": lambda p: plots.latent_space(MEANS, p, labels=np.arange(40) % 10),
    "latent space with a scale": lambda p: plots.latent_space(MEANS[:, :2], p, labels=np.arange(40.0)),
    "latent line": lambda p: plots.latent_space(MEANS[:, :1], p, labels=["_a", "$b"] * 20),
    "latent line with a scale": lambda p: plots.latent_space(MEANS[:, :1], p, labels=np.arange(40)),
    "manifold": lambda p: plots.manifold(ramp, p, image_shape=(2, 3), latent=5, side=4, mu=MEANS),
    "manifold of wide images": lambda p: plots.manifold(wide, p, image_shape=(3, 40), latent=3, mu=MEANS[:, :3]),
    "manifold in a column": lambda p: plots.manifold(wide, p, image_shape=(3, 40), latent=1, mu=MEANS[:, :1]),
    "wide reconstructions": lambda p: plots.reconstructions(wide(MEANS), wide(-MEANS), p, image_shape=(3, 40)),
    "clipped samples": lambda p: plots.samples(4 * IMAGES - 2, p, image_shape=(3, 4), limits=(0, 1)),
    "manifold in a row": lambda p: plots.manifold(ramp, p, image_shape=(2, 3), latent=1, side=5, mu=MEANS[:, :1]),
    "manifold as strips": lambda p: plots.manifold(ramp, p, image_shape=None, latent=2, side=3),
    "manifold as a map": lambda p: plots.manifold(ramp, p, image_shape=None, latent=1),
    "reconstructions of a table": lambda p: plots.feature_reconstructions(IMAGES, IMAGES / 2, p, names=NAMES),
    "manifold of a table": lambda p: plots.feature_manifold(ramp, p, x=ramp(MEANS), mu=MEANS[:, :2], names=NAMES[:6]),
    "manifold of a table in curves": lambda p: plots.feature_manifold(
        ramp, p, x=ramp(MEANS), mu=MEANS[:, :1], names=NAMES[:6]
    ),
    "traversals of a table": lambda p: plots.feature_traversals(
        ramp, p, x=IMAGES[:2, :6], mu=MEANS[:2], dimensions=[0, 1], names=NAMES[:6], moments=(np.zeros(6), np.ones(6))
    ),
    "samples of a table": lambda p: plots.samples(IMAGES, p, names=NAMES),
    "KL": lambda p: plots.kl_per_dimension(MEANS**2, p, threshold=1.0),
    "many KL": lambda p: plots.kl_per_dimension(np.arange(40) / 40, p),
}


def pixels(path: Path) -> Array:
    """The picture's red, green and blue from 0 to 1, shape (height, width, 3)."""
    return np.asarray(imread(path), dtype=np.float64)[:, :, :3]


def where(picture: Array, colour: str, within: float = 1.5) -> NDArray[np.bool_]:
    """The pixels that have this colour, but for ``within`` steps of 255."""
    rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.abs(picture - rgb).max(axis=2) < within / 255


def box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the marked pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def sheet_of(picture: Array) -> tuple[int, int, int, int]:
    """The box of an all dark sheet: rows and columns that are dark for the most part."""
    colour = picture[picture.shape[0] // 3, picture.shape[1] // 3]
    dark = np.all(np.abs(picture - colour) < 0.01, axis=2)
    rows, columns = dark.sum(axis=1), dark.sum(axis=0)
    return box(np.outer(rows > 0.4 * rows.max(), columns > 0.4 * columns.max()))
