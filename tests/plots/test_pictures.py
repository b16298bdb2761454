"""Every picture: a file with ink, the same bytes for the same input; matplotlib only to draw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import PICTURES, Array, box, mpl, pixels

from vae_np import plots
from vae_np.plots.canvas import STYLE, cropped, number


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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("value", "text"),
    [(-22.094, "−22.09"), (0.0, "0.00"), (-1234.56, "−1,234.6"), (0.0012, "1.20e−03"), (2e7, "2.00e+07")],
)
def test_numbers_read_well(value: float, text: str) -> None:
    assert number(value) == text


def test_a_title_that_is_too_long_for_the_picture_has_lines(recorded: list[Any], tmp_path: Path) -> None:
    mu = np.random.default_rng(0).normal(size=(5, 10))
    plots.latent_space(mu, tmp_path / "l.png", of="test, validation and training")
    figure = recorded[0]
    title = "Posterior means of 5 test, validation and training examples: two principal components of 10 dimensions"
    assert figure.get_suptitle().split() == title.split()
    ends = figure._suptitle.get_window_extent()
    assert 0 <= ends.x0 < ends.x1 <= figure.bbox.width
    plots.latent_space(mu, tmp_path / "l.png", of="test")
    assert "\n" not in recorded[1].get_suptitle()


def test_the_legend_of_falling_curves_is_where_they_are_not(recorded: list[Any], tmp_path: Path) -> None:
    epoch = np.arange(1.0, 41)
    for rise in (1, -1):
        curves = {"epoch": epoch, "elbo": rise * epoch - 100, "validation_elbo": rise * epoch - 103}
        plots.learning_curves(curves, tmp_path / "l.png")
        axes = recorded[-1].axes[0]
        box = axes.get_legend().get_window_extent()
        for line in axes.get_lines():
            places = axes.transData.transform(line.get_xydata())
            inside = (places > [box.x0, box.y0]).all(axis=1) & (places < [box.x1, box.y1]).all(axis=1)
            assert not inside.any()


def test_the_noise_of_a_constant_column_does_not_fill_the_colours(recorded: list[Any], tmp_path: Path) -> None:
    mean = np.random.default_rng(0).normal(size=(64, 3))
    mean[:, 1] = 5 + 0.01 * mean[:, 1]
    for spread, constant in (([1, np.inf, 1], True), ([1, 2, 1], True), ([1, 0.5, 1], False), (None, False)):
        plots.samples(mean, tmp_path / "s.png", spread=spread)
        sheet = np.asarray(recorded[-1].axes[0].images[0].get_array())
        assert (np.ptp(sheet[:, 1]) == 0) == constant
        assert np.ptp(sheet[:, 0]) > 1
    with pytest.raises(ValueError, match=r"spread must be 3 deviations of at least 0; its shape is \(2,\)"):
        plots.samples(mean, tmp_path / "s.png", spread=[1, 2])


def test_the_manifold_of_one_feature_fills_its_picture(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x, mu = generator.normal(size=(30, 1)), generator.normal(size=(30, 2))
    path = plots.feature_manifold(lambda z: np.sin(z[:, :1]), tmp_path / "m.png", x=x, mu=mu, names=["only"])
    ink = (pixels(path) < 0.99).any(axis=2)
    below_title = ink[int(0.2 * len(ink)) :]
    covered = below_title.any(axis=0)
    assert covered[: len(covered) // 2].mean() > 0.6


BACKEND = """
import os
from vae_np.plots.canvas import picture
with picture("a.png", 2, 2) as figure:
    figure.add_subplot()
import matplotlib
print(matplotlib.get_backend().lower(), os.environ["MPLBACKEND"])
"""


@pytest.mark.parametrize("backend", [pytest.param("svg", marks=pytest.mark.slow), "no_such_backend"])
def test_a_picture_needs_nothing_of_the_environments_backend_and_leaves_it(backend: str, tmp_path: Path) -> None:
    """A notebook's shell names the notebook's, whose module may be absent; one that is there stays the user's."""
    environment = {**os.environ, "MPLBACKEND": backend, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-W", "error", "-c", BACKEND]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    used, kept = done.stdout.split()
    assert kept == backend
    assert used == {"svg": "svg", "no_such_backend": "agg"}[backend]
    assert (tmp_path / "a.png").stat().st_size > 100
