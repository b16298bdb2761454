"""The pictures: what their pixels show, where, and what they refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

mpl = pytest.importorskip("matplotlib")

from matplotlib.image import imread  # noqa: E402

from vae_np import plots  # noqa: E402
from vae_np.plots.canvas import BLUE, GREY, ORANGE, STYLE, cropped, number, picture  # noqa: E402
from vae_np.plots.curves import readable_floor  # noqa: E402
from vae_np.plots.images import mosaic, thickened  # noqa: E402
from vae_np.plots.latent import axis_names, principal_components, spread  # noqa: E402
from vae_np.plots.quantiles import cells, quantile_grid  # noqa: E402
from vae_np.plots.scales import standardised, value_range  # noqa: E402

Array = NDArray[np.float64]

RNG = np.random.default_rng(5)
IMAGES = RNG.random((6, 12))
MEANS = RNG.normal(size=(40, 5))
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
    "KL": lambda p: plots.kl_per_dimension(MEANS**2, p, threshold=1.0),
    "many KL": lambda p: plots.kl_per_dimension(np.arange(40) / 40, p),
}


def pixels(path: Path) -> Array:
    """The picture's red, green and blue from 0 to 1, shape (height, width, 3)."""
    return np.asarray(imread(path), dtype=np.float64)[:, :, :3]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures of the pictures that the test draws."""
    figures: list[Any] = []

    @contextmanager
    def recording(*args: Any, **options: Any) -> Iterator[Any]:
        with picture(*args, **options) as figure:
            figures.append(figure)
            yield figure

    for module in ("curves", "images", "quantiles"):
        monkeypatch.setattr(f"vae_np.plots.{module}.picture", recording)
    return figures


def where(picture: Array, colour: str, within: float = 1.5) -> NDArray[np.bool_]:
    """The pixels that have this colour, but for ``within`` steps of 255."""
    rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.abs(picture - rgb).max(axis=2) < within / 255


def box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the marked pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_a_png_with_ink_and_nothing_cropped(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(STYLE, "figure.dpi", 65)  # half as fine, to be quick
    path = PICTURES[name](tmp_path / "a.PNG")
    assert path == tmp_path / "a.PNG"
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    assert b"Software" not in data
    assert b"tIME" not in data
    picture = pixels(path)
    assert 125 < picture.shape[0] < 950
    assert 350 < picture.shape[1] < 950
    assert np.mean(np.any(picture < 0.99, axis=2)) > 0.02, "the picture is blank"
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert edge.min() > 0.9, "ink in the outermost pixels: something is cropped"


@pytest.mark.parametrize("name", ["learning curves", "reconstructions", "samples", "latent space", "manifold", "KL"])
def test_the_same_input_gives_the_same_bytes_whatever_the_settings(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(STYLE, "figure.dpi", 65)
    first = PICTURES[name](tmp_path / "a.png")
    settings = {key: mpl.rcParams[key] for key in mpl.rcParams if key != "backend"}
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "lines.linewidth": 9}):
        second = PICTURES[name](tmp_path / "b.png")
    assert first.read_bytes() == second.read_bytes()
    assert settings == {key: mpl.rcParams[key] for key in settings}


def test_matplotlib_is_imported_only_to_draw_and_pyplot_never() -> None:
    code = (
        "import sys, tempfile, vae_np.plots as p\n"
        "assert 'matplotlib' not in sys.modules\n"
        "p.kl_per_dimension([1.0, 0.0], tempfile.mkdtemp() + '/kl.png')\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment | {"MPLBACKEND": "TkAgg"})


def test_a_missing_matplotlib_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "vae-np\[cli\]"') as caught:
        plots.kl_per_dimension([1.0], tmp_path / "kl.png")
    assert "\n" not in str(caught.value)


def test_a_failed_picture_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "old.png"
    path.write_bytes(b"old")

    def broken(z: Array) -> Array:
        raise RuntimeError("no decoder")

    with pytest.raises(RuntimeError, match="no decoder"):
        plots.manifold(broken, path, image_shape=(2, 3), latent=2)
    assert [p.name for p in tmp_path.iterdir()] == ["old.png"]
    assert path.read_bytes() == b"old"


# ---- images


def sheet_of(picture: Array) -> tuple[int, int, int, int]:
    """The box of an all dark sheet: rows and columns that are dark for the most part."""
    colour = picture[picture.shape[0] // 3, picture.shape[1] // 3]
    dark = np.all(np.abs(picture - colour) < 0.01, axis=2)
    rows, columns = dark.sum(axis=1), dark.sum(axis=0)
    return box(np.outer(rows > 0.4 * rows.max(), columns > 0.4 * columns.max()))


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


def test_a_picture_is_cropped_to_its_ink_and_a_margin() -> None:
    sheet = np.full((50, 60, 4), 255, dtype=np.uint8)
    assert cropped(sheet).shape == sheet.shape
    sheet[20:30, 2:50, 1] = 0
    assert cropped(sheet, margin=4).shape == (18, 54, 4)
    np.testing.assert_array_equal(cropped(sheet, margin=4), sheet[16:34, :54])


@pytest.mark.parametrize("name", ["wide reconstructions", "samples", "manifold of wide images", "manifold in a row"])
def test_no_side_of_an_image_picture_is_blank(name: str, tmp_path: Path) -> None:
    ink = np.any(pixels(PICTURES[name](tmp_path / "a.png")) < 0.99, axis=2)
    top, bottom, left, right = box(ink)
    assert max(top, len(ink) - bottom, left, ink.shape[1] - right) <= 12


def test_row_labels_do_not_overlap_for_wide_images(recorded: list[Any], tmp_path: Path) -> None:
    plots.reconstructions(np.ones((24, 120)), np.ones((24, 120)), tmp_path / "a.png", image_shape=(3, 40), n=24)
    boxes = sorted(label.get_window_extent().extents.tolist()[1::2] for label in recorded[0].axes[0].get_yticklabels())
    assert len(boxes) == 12
    assert all(below[1] < above[0] for below, above in pairwise(boxes))


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
    rows = RNG.normal(size=(20, 3)) * [1e-3, 1.0, 1e4] + [0.0, 50.0, -1e5]
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


# ---- the manifold


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


# ---- the latent space


def test_principal_components_are_those_of_the_covariance() -> None:
    mu = RNG.normal(size=(500, 4)) * [0.1, 3.0, 1.0, 0.2] + [5.0, 0.0, -7.0, 1.0]
    coordinates, share = principal_components(mu)
    values, vectors = np.linalg.eigh(np.cov(mu.T))
    np.testing.assert_allclose(share, values[::-1][:2] / values.sum(), rtol=1e-10)
    np.testing.assert_allclose(coordinates.var(axis=0, ddof=1), values[::-1][:2], rtol=1e-10)
    for k in range(2):
        direction = vectors[:, -1 - k]
        direction *= np.sign(direction[np.abs(direction).argmax()])
        np.testing.assert_allclose(coordinates[:, k], (mu - mu.mean(axis=0)) @ direction, atol=1e-10)


@pytest.mark.parametrize("mu", [np.ones((1, 3)), np.full((4, 3), 2.0), np.array([[0.0, 1, 2], [0, 1, 4]])])
def test_principal_components_of_too_few_examples_are_finite(mu: Array, tmp_path: Path) -> None:
    coordinates, share = principal_components(mu)
    assert coordinates.shape == (len(mu), 2)
    assert np.isfinite(coordinates).all()
    assert share.sum() == pytest.approx(float(np.ptp(mu) == 2 and len(mu) == 2) or share.sum())
    assert 0 <= share[1] <= share[0] <= 1


def test_axis_names_tell_components_and_their_share() -> None:
    assert axis_names(None) == ("z[0]", "z[1]")
    first, second = axis_names(np.array([0.614, 0.25]))
    assert first == "first principal component (61 % of the variance)"
    assert second == "second principal component (25 % of the variance)"


def test_labels_have_their_colour_where_their_points_are(tmp_path: Path) -> None:
    mu = np.concatenate([RNG.normal(size=(30, 2)) * 0.05 + c for c in ([-2.0, 1.0], [2.0, -1.0])])
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
        path = plots.latent_space(RNG.normal(size=(42, 2)), tmp_path / "l.png", labels=labels)
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


# ---- the curves


def test_readable_floor_cuts_a_low_start_and_nothing_else() -> None:
    curve = np.array([-500.0, *np.linspace(-120, -100, 19)])
    floor = readable_floor(curve)
    assert floor is not None
    assert -125 < floor < curve[2]
    assert readable_floor(np.linspace(-120, -100, 20)) is None
    assert readable_floor(np.array([-500.0, -1.0])) is None, "two values are shown as they are"
    assert readable_floor(np.full(9, -3.0)) is None
    assert readable_floor(np.append(curve, -490.0)) is None, "the last value must be visible"


def test_training_is_blue_validation_orange_and_a_missing_series_absent(tmp_path: Path) -> None:
    names = ("epoch", "elbo", "validation_elbo", "active_units")
    whole = pixels(plots.learning_curves({name: HISTORY[name] for name in names}, tmp_path / "a.png"))
    assert where(whole, BLUE).sum() > 500
    assert where(whole, ORANGE).sum() > 300
    assert where(whole, GREY).sum() > 300
    only = {"epoch": HISTORY["epoch"], "elbo": HISTORY["elbo"]}
    path = plots.learning_curves(only, tmp_path / "b.png")
    picture = pixels(path)
    assert where(picture, BLUE).sum() > 500
    assert not where(picture, ORANGE).any()
    assert picture.shape[1] < whole.shape[1]
    empty = only | {"validation_elbo": [np.nan] * 20, "kl": [], "gradient_norm": [None] * 20}
    assert plots.learning_curves(empty, tmp_path / "c.png").read_bytes() == path.read_bytes()


def test_a_rising_elbo_rises_and_its_first_epoch_does_not_flatten_it(tmp_path: Path) -> None:
    only = {"epoch": HISTORY["epoch"], "elbo": HISTORY["elbo"]}
    blue = where(pixels(plots.learning_curves(only, tmp_path / "a.png")), BLUE)
    height, width = blue.shape
    blue[int(0.7 * height) :, width // 2 :] = False  # the legend
    columns = np.flatnonzero(blue.any(axis=0))
    tops = blue.argmax(axis=0)[columns]
    start, end = tops[len(tops) // 10], tops[-1]
    assert start - end > 0.6 * height, "epochs 2 to 20 fill the panel"


def test_a_validation_every_fifth_epoch_is_connected(tmp_path: Path) -> None:
    sparse = [v if e % 5 == 0 else None for e, v in enumerate(HISTORY["elbo"], 1)]
    history = {"epoch": HISTORY["epoch"], "elbo": np.array(HISTORY["elbo"]) + 2, "validation_elbo": sparse}
    orange = where(pixels(plots.learning_curves(history, tmp_path / "a.png")), ORANGE)
    covered = orange[: int(0.7 * len(orange))].any(axis=0)
    left, right = np.flatnonzero(covered)[[0, -1]]
    assert covered[left:right].mean() > 0.5


def test_one_epoch_is_a_dot_in_the_middle(tmp_path: Path) -> None:
    picture = pixels(plots.learning_curves({"epoch": [7], "elbo": [-3.0]}, tmp_path / "a.png"))
    blue = where(picture, BLUE)
    height, width = blue.shape
    top, bottom, left, right = box(blue[: int(0.8 * height)])
    assert max(bottom - top, right - left) < 12
    assert (left + right) / 2 == pytest.approx(width * 0.54, rel=0.05)


def test_kl_bars_fall_and_only_those_above_the_threshold_are_blue(tmp_path: Path) -> None:
    kl = np.array([0.25, 1.0, 0.125, 0.5])
    picture = pixels(plots.kl_per_dimension(kl, tmp_path / "a.png", threshold=0.2))
    legend = picture[: picture.shape[0] // 2, int(0.6 * picture.shape[1]) :]
    legend[:] = 1
    heights = []
    for colour in (BLUE, GREY):
        mask = where(picture, colour)
        tall = mask.sum(axis=0) * (mask.sum(axis=0) > 15)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], tall > 0, [0]])))
        for left, right in edges.reshape(-1, 2):
            if right - left > 20:  # the axis is grey too, but thin
                heights.append((colour, float(np.median(tall[left:right]))))
    assert [colour for colour, _ in heights] == [BLUE, BLUE, BLUE, GREY]
    ratios = np.array([h for _, h in heights]) / heights[0][1]
    np.testing.assert_allclose(ratios, [1, 0.5, 0.25, 0.125], atol=0.02)


def test_the_kl_title_counts_without_the_word_active(recorded: list[Any], tmp_path: Path) -> None:
    plots.kl_per_dimension([0.25, 1.0, 0.125, 0.5], tmp_path / "a.png", threshold=0.2)
    panel = recorded[0].axes[0]
    assert panel.get_title(loc="left") == "3 of 4 latent dimensions above 0.2 nats; KL 1.88 nats in all"
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["above 0.2 nats", "at most 0.2 nats"]


def test_kl_of_examples_is_averaged(tmp_path: Path) -> None:
    examples = np.array([[0.5, 1.0], [1.5, 0.0]])
    one = plots.kl_per_dimension(examples, tmp_path / "a.png")
    assert one.read_bytes() == plots.kl_per_dimension([1.0, 0.5], tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("value", "text"),
    [(-22.094, "−22.09"), (0.0, "0.00"), (-1234.56, "−1,234.6"), (0.0012, "1.20e−03"), (2e7, "2.00e+07")],
)
def test_numbers_read_well(value: float, text: str) -> None:
    assert number(value) == text


# ---- refusals

X = np.ones((3, 63))
NAN = np.where(np.arange(6).reshape(2, 3) == 4, np.nan, 1.0)
REFUSALS: list[tuple[str, Callable[[Path], object]]] = [
    ("image_shape \\(8, 8\\) needs 64 columns; x has 63", lambda p: plots.reconstructions(X, X, p, image_shape=(8, 8))),
    ("image_shape \\(8, 8\\) needs 64 columns; mean has 63", lambda p: plots.samples(X, p, image_shape=(8, 8))),
    ("needs 8 columns; decode\\(z\\) has 6", lambda p: plots.manifold(ramp, p, image_shape=(2, 4), latent=2)),
    ("image_shape must be \\(height, width\\)", lambda p: plots.samples(X, p, image_shape=(3, 7, 3))),
    ("limits must be .*increasing", lambda p: plots.samples(X, p, image_shape=(7, 9), limits=(1, 1))),
    ("limits must be .*finite", lambda p: plots.samples(X, p, image_shape=(7, 9), limits=(0, np.inf))),
    ("image_shape must be", lambda p: plots.samples(X, p, image_shape=(-1, -63))),
    ("one shape; got \\(3, 63\\) and \\(2, 63\\)", lambda p: plots.reconstructions(X, X[:2], p)),
    ("n must be a whole number of at least 1; it is 0", lambda p: plots.reconstructions(X, X, p, n=0)),
    ("mean must be finite; 1 of its 6 .* nan at \\[1, 1\\]", lambda p: plots.samples(NAN, p)),
    ("x must be finite", lambda p: plots.reconstructions(NAN, NAN, p)),
    ("mu must be finite", lambda p: plots.latent_space(NAN, p)),
    ("kl must be finite", lambda p: plots.kl_per_dimension(NAN, p)),
    ("decode\\(z\\) must be finite", lambda p: plots.manifold(lambda z: z / 0.0 * 0, p, image_shape=None, latent=2)),
    ("mean must have 2 axes", lambda p: plots.samples(X[0], p)),
    ("mean must have 2 axes and not be empty", lambda p: plots.samples(X[:0], p)),
    ("must hold real numbers; its dtype is complex", lambda p: plots.samples(X + 1j, p)),
    ("threshold must be finite", lambda p: plots.kl_per_dimension([1.0], p, threshold=np.nan)),
    ("labels must have shape \\(3,\\).*got \\(2,\\)", lambda p: plots.latent_space(X, p, labels=[1, 2])),
    ("labels must be finite", lambda p: plots.latent_space(X, p, labels=[1, 2, np.nan])),
    (
        "20 distinct values; they have 21",
        lambda p: plots.latent_space(np.ones((21, 2)), p, labels=[f"l{i}" for i in range(21)]),
    ),
    ("explained gives two shares", lambda p: plots.latent_space(X, p, explained=(0.5, 0.1))),
    (
        "two different dimensions from 0 to 2",
        lambda p: plots.manifold(ramp, p, image_shape=None, latent=3, axes=(1, 1)),
    ),
    (
        "two different dimensions from 0 to 2",
        lambda p: plots.manifold(ramp, p, image_shape=None, latent=3, axes=(0, 3)),
    ),
    (
        "side must be a whole number of at least 2",
        lambda p: plots.manifold(ramp, p, image_shape=None, latent=2, side=1),
    ),
    ("mu must have 2 columns; it has 5", lambda p: plots.manifold(ramp, p, image_shape=None, latent=2, mu=MEANS)),
    ("must have 144 rows.*it has 143", lambda p: plots.manifold(lambda z: z[1:], p, image_shape=None, latent=2)),
    (
        "20 heat strips of 63 features are 1260 columns",
        lambda p: plots.manifold(lambda z: z[:, :1] * X[:1], p, image_shape=None, latent=2, side=20),
    ),
    ("history must have 'elbo'", lambda p: plots.learning_curves({"epoch": [1]}, p)),
    ("history must have 'epoch'", lambda p: plots.learning_curves({"epoch": [], "elbo": [1]}, p)),
    ("epoch must increase", lambda p: plots.learning_curves({"epoch": [1, 1], "elbo": [1, 2]}, p)),
    ("elbo must have one value an epoch", lambda p: plots.learning_curves({"epoch": [1, 2], "elbo": [1]}, p)),
    ("elbo has no finite value in 1 epochs", lambda p: plots.learning_curves({"epoch": [1], "elbo": [np.nan]}, p)),
    ("end in .png", lambda p: plots.samples(X, p.with_suffix(".pdf"))),
]


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("fact", "draw"), REFUSALS, ids=[fact for fact, _ in REFUSALS])
def test_a_wrong_input_is_refused_with_the_fact(fact: str, draw: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=fact):
        draw(tmp_path / "p.png")
    assert not list(tmp_path.iterdir())
