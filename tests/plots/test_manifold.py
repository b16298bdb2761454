"""The manifold: quantiles in reading order, lines between the tiles, and what its axes are."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from pictures import Array, box, pixels, ramp, sheet_of, where

from vae_np import plots
from vae_np.plots.canvas import BLUE
from vae_np.plots.quantiles import cells, quantile_grid


def expected_quantiles(side: int) -> list[float]:
    return [NormalDist().inv_cdf((0.5 + i) / side) for i in range(side)]


def test_the_manifold_decodes_the_quantiles_in_reading_order(tmp_path: Path) -> None:
    seen = []

    def decode(z: Array) -> Array:
        seen.append(z.copy())
        return np.zeros((len(z), 6))

    plots.manifold(decode, tmp_path / "m.png", image_shape=(2, 3), latent=4, side=5, axes=(3, 1))
    q = expected_quantiles(5)
    expected = [[0.0, q[4 - row], 0.0, q[column]] for row in range(5) for column in range(5)]
    assert len(seen) == 1
    np.testing.assert_allclose(seen[0], expected, rtol=1e-13, atol=1e-15)


def test_the_ticks_of_the_manifold_are_the_latents_of_their_cells(recorded: list[Any], tmp_path: Path) -> None:
    def decode(z: Array) -> Array:
        mean = ramp(z)
        z[:] = np.nan  # what decode does to its argument is its own affair
        return mean

    plots.manifold(decode, tmp_path / "m.png", image_shape=(2, 3), latent=3, side=4, axes=(2, 0))
    panel = recorded[0].axes[0]
    expected = [f"{q:.2f}".replace("-", "−") for q in expected_quantiles(4)]
    for axis, name, along in ((panel.xaxis, "z[2]", 0), (panel.yaxis, "z[0]", 1)):
        assert axis.get_label_text() == name
        assert [label.get_text() for label in axis.get_ticklabels()] == expected
        on_screen = [panel.transData.transform((t, t))[along] for t in axis.get_ticklocs()]
        assert on_screen == sorted(on_screen), "a larger z lies further right, and higher up"


def test_the_manifold_of_one_dimension_is_a_row() -> None:
    np.testing.assert_allclose(quantile_grid(1, 7, 1)[:, 0], expected_quantiles(7), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(quantile_grid(7, 1, 1)[:, 0], expected_quantiles(7)[::-1], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("shape", "latent", "expected"),
    [
        ((28, 28), 2, (20, 20)),
        ((8, 8), 9, (12, 12)),
        ((3, 40), 2, (20, 5)),
        ((40, 3), 2, (5, 20)),
        (None, 2, (12, 12)),
        ((8, 8), 1, (1, 12)),
        ((3, 40), 1, (12, 1)),
    ],
)
def test_the_manifold_has_cells_large_enough_to_see(
    shape: tuple[int, int] | None, latent: int, expected: tuple[int, int]
) -> None:
    assert cells(shape, latent) == expected


def test_thin_lines_part_the_tiles_of_the_manifold(tmp_path: Path) -> None:
    def black(z: Array) -> Array:
        return np.zeros((len(z), 64))

    picture = pixels(plots.manifold(black, tmp_path / "m.png", image_shape=(8, 8), latent=2))
    top, bottom, left, right = sheet_of(picture)
    row = picture[(top + bottom) // 2 + (bottom - top) // 24, left + 3 : right - 3, 0]
    light = row > 0.5
    assert np.count_nonzero(np.diff(light.astype(int)) == 1) == 11
    assert 11 <= light.sum() <= 0.06 * len(row)


def test_the_title_of_the_manifold_says_what_its_axes_are(recorded: list[Any], tmp_path: Path) -> None:
    said = "the two dimensions of largest KL"
    plots.manifold(ramp, tmp_path / "m.png", image_shape=(2, 3), latent=5, side=2, axes=(3, 1), chosen=said)
    title = recorded[0].get_suptitle()
    assert "z[3] and z[1], the two dimensions of largest KL,\n" in title
    assert title.endswith("the other 3 dimensions are 0")


def test_the_first_axis_grows_to_the_right_and_the_second_upwards(tmp_path: Path) -> None:
    def quadrant(z: Array) -> Array:
        return np.repeat(((z[:, :1] > 0) & (z[:, 1:2] > 0)).astype(float), 6, axis=1)

    def nowhere(z: Array) -> Array:
        return np.zeros((len(z), 6))

    after = pixels(plots.manifold(quadrant, tmp_path / "a.png", image_shape=(2, 3), latent=2, side=4))
    before = pixels(plots.manifold(nowhere, tmp_path / "b.png", image_shape=(2, 3), latent=2, side=4))
    sheet = sheet_of(before)
    changed = box(np.any(before != after, axis=2))
    middle = (sheet[0] + sheet[1]) / 2, (sheet[2] + sheet[3]) / 2
    assert changed == pytest.approx((sheet[0], middle[0], middle[1], sheet[3]), abs=4)


def test_the_margins_show_where_the_posterior_means_are(tmp_path: Path) -> None:
    mu = np.array([[2.5, -2.5]] * 9)  # the last column and the bottom row
    picture = pixels(plots.manifold(ramp, tmp_path / "m.png", image_shape=(2, 3), latent=2, side=4, mu=mu))
    blue = where(picture, BLUE)
    height, width = blue.shape
    rows, columns = np.nonzero(blue)
    above, beside = rows < height * 0.2, columns > width * 0.8
    assert np.all(above | beside)
    assert columns[above & ~beside].min() > width * 0.55
    assert rows[beside & ~above].min() > height * 0.7
