"""Images with channels are shown in their colours, wherever the channels stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import pixels

from vae_np import plots
from vae_np.plots.colours import plain, planes

RED = np.zeros((1, 6, 5, 3))
RED[..., 0] = 1.0


def near(picture: Any, colour: tuple[int, int, int]) -> int:
    """How many pixels of a picture have a colour."""
    return int((np.abs(np.asarray(picture)[..., :3] - np.array(colour)) < 0.02).all(axis=-1).sum())


def test_planes_are_the_colours_of_either_order_and_a_fourth_is_left_out() -> None:
    image = np.random.default_rng(0).random((2, 6, 5, 4))
    for shape, rows in (((6, 5, 4), image), ((4, 6, 5), np.moveaxis(image, 3, 1))):
        found = planes(rows.reshape(2, -1), shape)
        assert len(found) == 3
        for channel, plane in enumerate(found):
            np.testing.assert_array_equal(plane, image[..., channel])
        assert plain(shape) == (6, 5)
    (grey,) = planes(image[..., 0].reshape(2, -1), (6, 5))
    np.testing.assert_array_equal(grey, image[..., 0])


@pytest.mark.parametrize("shape", [(6, 5, 3), (3, 6, 5)])
def test_red_images_are_red_in_every_picture(shape: tuple[int, ...], tmp_path: Path) -> None:
    red = RED if shape[-1] == 3 else np.moveaxis(RED, 3, 1)
    x = np.repeat(red.reshape(1, -1), 4, axis=0)
    z = np.zeros((1, 2))
    made = [
        plots.samples(x, tmp_path / "a.png", image_shape=shape),
        plots.reconstructions(x, x, tmp_path / "b.png", image_shape=shape),
        plots.manifold(lambda z: x[:1].repeat(len(z), 0), tmp_path / "c.png", image_shape=shape, latent=2, side=2),
        plots.traversals(
            lambda z: x[:1].repeat(len(z), 0), tmp_path / "d.png", x=x[:1], mu=z, dimensions=[0], image_shape=shape
        ),
    ]
    for path in made:
        picture = pixels(path)
        assert near(picture, (1, 0, 0)) > 1000, path.name
        assert near(picture, (0, 0, 1)) == 0
        assert near(picture, (1, 1, 1)) > 1000  # the gaps and the margin
