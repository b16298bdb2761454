"""Reconstructions and samples: what stands where, and on which scale."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import IMAGES, box, pixels, sheet_of, where

from vae_np import plots
from vae_np.plots.canvas import ORANGE
from vae_np.plots.images import mosaic, thickened
from vae_np.plots.scales import standardised, value_range


def test_mosaic_lays_tiles_out_in_reading_order_with_gaps() -> None:
    tiles = np.arange(2 * 3 * 2 * 2, dtype=float).reshape(2, 3, 2, 2)
    sheet = mosaic(tiles, gap=1)
    assert sheet.shape == (5, 8)
    np.testing.assert_array_equal(sheet[3:5, 6:8], tiles[1, 2])
    np.testing.assert_array_equal(sheet[0:2, 3:5], tiles[0, 1])
    assert np.isnan(sheet[2]).all()
    assert np.isnan(sheet[:, [2, 5]]).all()
    assert np.isfinite(mosaic(tiles)).all()


def test_value_range_keeps_zero_and_one_where_they_hold_the_data() -> None:
    assert value_range(np.array([0.2, 0.3]), np.array([0.1])) == (0.0, 1.0)
    assert value_range(np.array([0.2]), np.array([-3.0])) == (-3.0, 0.2)
    assert value_range(np.array([4.0])) == (3.5, 4.5)


def test_row_labels_do_not_overlap_for_wide_images(recorded: list[Any], tmp_path: Path) -> None:
    plots.reconstructions(np.ones((24, 120)), np.ones((24, 120)), tmp_path / "a.png", image_shape=(3, 40), n=24)
    boxes = sorted(label.get_window_extent().extents.tolist()[1::2] for label in recorded[0].axes[0].get_yticklabels())
    assert len(boxes) == 12
    assert all(below[1] < above[0] for below, above in pairwise(boxes))


def test_samples_stand_below_the_training_examples_that_are_nearest(recorded: list[Any], tmp_path: Path) -> None:
    near, made = np.zeros((3, 4)), np.ones((3, 4))
    plots.neighbours(made, near, tmp_path / "a.png", image_shape=(2, 2), n=2)
    sheet = recorded[0].axes[0].images[0].get_array()
    assert (sheet[:2, :2] == 0).all()
    assert (sheet[-2:, :2] == 1).all()
    labels = [label.get_text() for label in recorded[0].axes[0].get_yticklabels()]
    assert labels == ["training", "sample"]
    assert "median distance 2" in recorded[0].get_suptitle()
    plots.neighbours(made, near, tmp_path / "b.png")
    assert recorded[1].axes[0].get_title("left") == "sample 0"


def test_very_flat_images_are_thickened_and_others_are_not() -> None:
    assert thickened(np.zeros((5, 1, 64))).shape == (5, 4, 64)
    assert thickened(np.zeros((5, 64, 1))).shape == (5, 64, 4)
    assert thickened(np.zeros((5, 3, 40))).shape == (5, 3, 40)


def test_the_scale_is_that_of_the_originals_and_says_what_it_clips(recorded: list[Any], tmp_path: Path) -> None:
    x = np.tile([0.0, 1.0, 0.5, 0.5], (4, 1))
    plots.reconstructions(x, 1.25 * x - 0.15, tmp_path / "a.png", image_shape=(2, 2))
    plots.reconstructions(x, x, tmp_path / "b.png", image_shape=(2, 2))
    plots.samples(x - 0.5, tmp_path / "c.png", image_shape=(2, 2), limits=(0, 1))
    plots.manifold(lambda z: z[:, :1] * x[:1], tmp_path / "d.png", image_shape=(2, 2), latent=2, limits=(-1, 0))
    panels = [figure.axes[0].images[0] for figure in recorded]
    assert [panel.get_clim() for panel in panels] == [(0, 1), (0, 1), (0, 1), (-1, 0)]
    assert [panel.colorbar.extend for panel in panels] == ["both", "neither", "min", "both"]
    labels = [figure.axes[1].get_ylabel() for figure in recorded]
    assert labels[0] == "pixel value (−0.15 to 1.1, clipped at 0 and 1)"
    assert labels[1] == "pixel value"
    assert labels[2] == "pixel value (−0.5 to 0.5, clipped at 0)"


def test_each_feature_of_a_table_has_its_own_scale(recorded: list[Any], tmp_path: Path) -> None:
    rows = np.random.default_rng(5).normal(size=(20, 3)) * [1e-3, 1.0, 1e4] + [0.0, 50.0, -1e5]
    expected = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    plots.samples(rows, tmp_path / "a.png")
    image = recorded[0].axes[0].images[0]
    np.testing.assert_allclose(np.asarray(image.get_array()), expected, rtol=1e-9)
    assert "each feature standardised" in recorded[0].get_suptitle()
    one_constant = np.column_stack([rows, np.full(20, np.float32(0.1))])
    np.testing.assert_array_equal(standardised(one_constant)[0][:, 3], 0.0)


def test_samples_stand_in_reading_order(tmp_path: Path) -> None:
    dark = np.zeros((4, 16))
    bright = dark.copy()
    bright[1] = 1  # the second of four: top right
    before = pixels(plots.samples(dark, tmp_path / "dark.png", image_shape=(4, 4)))
    after = pixels(plots.samples(bright, tmp_path / "bright.png", image_shape=(4, 4)))
    sheet = sheet_of(before)
    top, bottom, left, right = box(np.any(before != after, axis=2))
    assert np.all(after[top:bottom, left:right] == 1)
    assert (top, right) == pytest.approx((sheet[0], sheet[3]), abs=2)
    # a tile takes 4 of the 9 cells across: two tiles and a gap
    assert (right - left) / (sheet[3] - sheet[2]) == pytest.approx(4 / 9, abs=0.02)
    assert (bottom - top) / (sheet[1] - sheet[0]) == pytest.approx(4 / 9, abs=0.02)


def test_an_image_keeps_its_rows_and_columns(tmp_path: Path) -> None:
    image = np.zeros((1, 6))
    image[0, 5] = 1  # the last pixel of a (2, 3) image: bottom right
    before = pixels(plots.samples(0 * image, tmp_path / "a.png", image_shape=(2, 3)))
    after = pixels(plots.samples(image, tmp_path / "b.png", image_shape=(2, 3)))
    sheet = sheet_of(before)
    top, bottom, left, right = box(np.any(before != after, axis=2))
    assert (bottom, right) == pytest.approx((sheet[1], sheet[3]), abs=2)
    assert (bottom - top) / (sheet[1] - sheet[0]) == pytest.approx(1 / 2, abs=0.02)
    assert (right - left) / (sheet[3] - sheet[2]) == pytest.approx(1 / 3, abs=0.02)


def test_originals_stand_above_their_reconstructions(tmp_path: Path) -> None:
    x, mean = np.zeros((4, 9)), np.zeros((4, 9))
    x[3] = 1  # swapping x and mean keeps the error in the title
    upper = pixels(plots.reconstructions(x, mean, tmp_path / "a.png", image_shape=(3, 3)))
    lower = pixels(plots.reconstructions(mean, x, tmp_path / "b.png", image_shape=(3, 3)))
    top, bottom, left, right = box(np.any(upper != lower, axis=2))
    assert left > upper.shape[1] / 2, "the fourth example is not on the right"
    side = right - left - 2  # a square but for the rounding to pixels
    above, below = slice(top, top + side), slice(bottom - side, bottom)
    assert np.all(upper[above, left:right] == 1)
    assert np.all(upper[below, left:right] == 0)
    assert np.all(lower[above, left:right] == 0)
    assert np.all(lower[below, left:right] == 1)


def test_only_the_first_n_examples_are_reconstructed(tmp_path: Path) -> None:
    few = plots.reconstructions(IMAGES[:2], IMAGES[:2], tmp_path / "a.png", image_shape=(3, 4))
    many = plots.reconstructions(IMAGES, IMAGES, tmp_path / "b.png", image_shape=(3, 4), n=2)
    assert few.read_bytes() == many.read_bytes()


def test_curves_of_features_show_the_original_and_the_reconstruction(tmp_path: Path) -> None:
    x = np.zeros((1, 5))
    picture = pixels(plots.reconstructions(x, x + 1.0, tmp_path / "a.png"))
    orange = where(picture, ORANGE)
    top, bottom, left, right = box(orange[:, : picture.shape[1] * 3 // 4])
    assert bottom - top < 8, "the constant reconstruction is a flat line"
    assert right - left > picture.shape[1] / 2
    assert top < picture.shape[0] / 3, "it lies above the original"
