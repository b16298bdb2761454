"""Traversals: real examples first, then one dimension moved and the others as they are."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from pictures import IMAGES, Array, ramp

from vae_np import plots
from vae_np.plots.images import thickened
from vae_np.plots.walks import MOST_STRIPS, moving_most, walk

MU = np.random.default_rng(0).normal(size=(2, 4))


def test_a_walk_moves_one_dimension_through_the_priors_quantiles() -> None:
    z = walk(MU[0], [3, 1], steps=5)
    q = [NormalDist().inv_cdf((0.5 + i) / 5) for i in range(5)]
    assert z.shape == (2, 5, 4)
    np.testing.assert_allclose(z[0, :, 3], q, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(z[1, :, 1], q, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(np.delete(z[0], 3, axis=1), np.tile(MU[0, :3], (5, 1)))
    np.testing.assert_array_equal(np.delete(z[1], 1, axis=1), np.tile(MU[0, [0, 2, 3]], (5, 1)))


def test_every_row_begins_with_its_example(recorded: list[Any], tmp_path: Path) -> None:
    x = np.stack([np.full(6, 0.25), np.full(6, 0.75)])
    plots.traversals(ramp, tmp_path / "t.png", x=x, mu=MU, dimensions=[2, 0], image_shape=(2, 3), steps=3)
    axes = recorded[0].axes[0]
    sheet = np.asarray(axes.images[0].get_array())
    height, width = 2, 3
    rows = [0, height + 1, 2 * height + 5, 3 * height + 6]  # one line between rows, four between the two examples
    for row, expected in zip(rows, [0.25, 0.25, 0.75, 0.75], strict=True):
        np.testing.assert_array_equal(sheet[row : row + height, :width], expected)
    z = walk(MU[1], [2, 0], steps=3)
    last = ramp(z[1])[2].reshape(2, 3)
    np.testing.assert_allclose(sheet[rows[3] : rows[3] + height, 3 * (width + 1) : 3 * (width + 1) + width], last)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z[2]", "z[0]"] * 2
    assert "2 examples" in recorded[0].get_suptitle()


def test_plain_features_are_strips(recorded: list[Any], tmp_path: Path) -> None:
    plots.traversals(ramp, tmp_path / "t.png", x=IMAGES[:1, :6], mu=MU[:1], dimensions=[0], image_shape=None)
    assert recorded[0].axes[0].images[0].get_array().shape[1] >= 12 * 6


def test_a_wide_table_shows_the_features_that_move_most_and_no_more_pixels_than_a_picture_has(
    recorded: list[Any], tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    w = 0.01 * generator.normal(size=(4, 2000))
    w[:, 7::200] *= 100  # ten features of 2000
    moved = walk(MU[0], [2], steps=11)[0] @ w
    x = generator.normal(size=(2, 2000)) * 1e-3
    plots.traversals(lambda z: z @ w, tmp_path / "t.png", x=x, mu=MU, dimensions=[2, 0], image_shape=None)
    sheet = np.asarray(recorded[0].axes[0].images[0].get_array())
    assert sheet.size < 2**17
    assert sheet.shape[1] == 12 * (MOST_STRIPS + 1) - 1
    assert recorded[0].get_suptitle().endswith("\nthe 80 of 2000 features whose mean moves most")
    assert set(range(7, 2000, 200)) <= set(moving_most(moved[None], MOST_STRIPS).tolist())


def test_a_tile_has_no_more_pixels_than_its_share_of_a_picture() -> None:
    assert thickened(np.zeros((2, 3, 1, 40))).shape == (2, 3, 3, 40)
    tiles = np.arange(40_000.0).reshape(2, 1, 20_000)
    assert thickened(tiles).shape[-1] <= 2900
    assert thickened(tiles).size <= 2**24
    assert thickened(tiles)[1, 0, 3] % 20_000 == 3 * 7  # every seventh


def short(z: Array) -> Array:
    return ramp(z)[1:]


@pytest.mark.parametrize(
    ("fact", "options"),
    [
        ("as many rows", {"mu": MU[:1]}),
        (r"some from 0 to 3; they are \(4,\)", {"dimensions": [4]}),
        ("some from 0 to 3", {"dimensions": []}),
        ("must have shape", {"decode": short}),
        ("steps must be a whole number of at least 2", {"steps": 1}),
        ("must be finite", {"mu": np.full((2, 4), np.nan)}),
    ],
)
def test_what_does_not_fit_is_refused(fact: str, options: dict[str, Any], tmp_path: Path) -> None:
    given = {"decode": ramp, "x": IMAGES[:2, :6], "mu": MU, "dimensions": [0], "image_shape": (2, 3), **options}
    with pytest.raises(ValueError, match=fact):
        plots.traversals(given.pop("decode"), tmp_path / "t.png", **given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("ending", "begin"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_the_files_name_says_its_format_and_the_same_picture_has_the_same_bytes(ending, begin, tmp_path: Path) -> None:
    first, second = (plots.samples(IMAGES, tmp_path / f"{name}.{ending}", image_shape=(3, 4)) for name in "ab")
    assert first.read_bytes().startswith(begin)
    assert first.read_bytes() == second.read_bytes()
