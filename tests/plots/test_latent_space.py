"""The latent space: principal components, labels, and one unit as long on both axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import Array, box, pixels, where

from vae_np import plots
from vae_np.plots.canvas import BLUE
from vae_np.plots.latent import axis_names, principal_components, spread


def test_principal_components_are_those_of_the_covariance() -> None:
    mu = np.random.default_rng(5).normal(size=(500, 4)) * [0.1, 3.0, 1.0, 0.2] + [5.0, 0.0, -7.0, 1.0]
    coordinates, share = principal_components(mu)
    values, vectors = np.linalg.eigh(np.cov(mu.T))
    np.testing.assert_allclose(share, values[::-1][:2] / values.sum(), rtol=1e-10)
    np.testing.assert_allclose(coordinates.var(axis=0, ddof=1), values[::-1][:2], rtol=1e-10)
    for k in range(2):
        direction = vectors[:, -1 - k]
        direction *= np.sign(direction[np.abs(direction).argmax()])
        np.testing.assert_allclose(coordinates[:, k], (mu - mu.mean(axis=0)) @ direction, atol=1e-10)


@pytest.mark.parametrize(
    ("mu", "first", "shares"),
    [
        (np.ones((1, 3)), [0], [0, 0]),
        (np.full((4, 3), 2.0), [0, 0, 0, 0], [0, 0]),
        (np.array([[0.0, 1, 2], [0, 1, 4]]), [-1, 1], [1, 0]),
    ],
    ids=["one", "all the same", "two"],
)
def test_principal_components_of_too_few_examples_are_those_there_are_and_zeros(
    mu: Array, first: list[float], shares: list[float]
) -> None:
    coordinates, share = principal_components(mu)
    np.testing.assert_array_equal(coordinates, np.transpose([first, np.zeros(len(mu))]))
    np.testing.assert_array_equal(share, shares)


def test_axis_names_tell_components_and_their_share() -> None:
    assert axis_names(None) == ("z[0]", "z[1]")
    first, second = axis_names(np.array([0.614, 0.25]))
    assert first == "first principal component (61 % of the variance)"
    assert second == "second principal component (25 % of the variance)"


def test_labels_have_their_colour_where_their_points_are(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    mu = np.concatenate([generator.normal(size=(30, 2)) * 0.05 + c for c in ([-2.0, 1.0], [2.0, -1.0])])
    labels = ["healthy"] * 30 + ["ill"] * 30
    picture = pixels(plots.latent_space(mu, tmp_path / "l.png", labels=labels))
    height, width = picture.shape[:2]
    field = picture[:, : int(0.85 * width)]  # without the legend
    blue = field[:, :, 2] - field[:, :, 0] > 0.4
    amber = field[:, :, 0] - field[:, :, 2] > 0.4
    top, bottom, left, right = box(blue)
    assert (right < width / 2, bottom < height / 2) == (True, True)
    top, bottom, left, right = box(amber)
    assert (left > width / 2 * 0.8, top > height / 2 * 0.9) == (True, True)


def test_one_unit_is_equally_long_on_both_axes(tmp_path: Path) -> None:
    mu = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0]])
    picture = pixels(plots.latent_space(mu, tmp_path / "l.png"))
    top, bottom, left, right = box(picture[:, :, 2] - picture[:, :, 0] > 0.5)
    dot = 9  # a marker's width, about
    assert (right - left - dot) / (bottom - top - dot) == pytest.approx(4, rel=0.05)


def test_twenty_labels_are_names_and_twenty_one_a_scale(tmp_path: Path) -> None:
    def purple_and_yellow(count: int) -> bool:
        labels = np.arange(42) % count
        mu = np.random.default_rng(5).normal(size=(42, 2))
        path = plots.latent_space(mu, tmp_path / "l.png", labels=labels)
        bar = pixels(path)[:, -150:]
        return all(where(bar, end, within=9).sum() > 40 for end in ("#440154", "#fde725"))

    assert not purple_and_yellow(20)
    assert purple_and_yellow(21)


def test_one_dimension_is_a_histogram(tmp_path: Path) -> None:
    z = np.array([0.0] * 10 + [1.0] * 20)[:, None]
    picture = pixels(plots.latent_space(z, tmp_path / "l.png"))
    blue = where(picture, BLUE)
    heights = blue.sum(axis=0)
    half = picture.shape[1] // 2
    assert heights[:half].max() / heights[half:].max() == pytest.approx(0.5, abs=0.02)


def test_spread_parts_points_and_leaves_distant_ones_alone() -> None:
    points = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.1], [9.0, 9.0]])
    moved = spread(points, 1.0)
    distances = np.linalg.norm(moved[:, None] - moved, axis=2)[np.triu_indices(4, 1)]
    assert distances.min() >= 1 - 1e-6
    np.testing.assert_array_equal(moved[3], points[3])
    assert points[1, 0] == 0, "the argument was changed"


@pytest.mark.parametrize(
    ("latent", "labels", "place"),
    [
        (2, list("abcab"), lambda figure: figure.legends[0].get_title().get_text()),
        (1, list("abcab"), lambda figure: figure.axes[0].get_ylabel().split(" (")[0]),
        (1, None, lambda figure: figure.axes[0].get_ylabel()),
        (2, None, lambda figure: figure.axes[1].get_ylabel()),
    ],
)
def test_labels_have_their_columns_name(
    latent: int, labels: Any, place: Any, recorded: list[Any], tmp_path: Path
) -> None:
    mu = np.random.default_rng(0).normal(size=(30, latent))
    labels = np.arange(30) if labels is None else labels * 6  # a scale of 30
    for name, expected in (("grape", "grape"), (None, "label")):
        more = {} if name is None else {"label_name": name}
        plots.latent_space(mu, tmp_path / "l.png", labels=labels, **more)
        assert place(recorded[-1]) == expected
