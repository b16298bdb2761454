"""Learning curves, and the bars of the KL of each dimension."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import HISTORY, box, mpl, pixels, where

from vae_np import plots
from vae_np.plots.canvas import BLUE, GREY, ORANGE
from vae_np.plots.curves import readable_floor


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


def test_where_active_units_are_given_they_are_counted_and_blue(recorded: list[Any], tmp_path: Path) -> None:
    active = np.array([True, False, False, True])
    plots.kl_per_dimension([0.25, 1.0, 0.125, 0.5], tmp_path / "a.png", active=active, of="7 test examples")
    panel = recorded[0].axes[0]
    title = "2 of 4 latent dimensions active; KL 1.88 nats in all\nmean of 7 test examples"
    assert panel.get_title(loc="left") == title
    words = ["active: the posterior mean's variance is above 0.01", "not active"]
    assert [text.get_text() for text in panel.get_legend().get_texts()] == words
    bars = {round(bar.get_height(), 3): mpl.colors.to_hex(bar.get_facecolor()) for bar in panel.patches}
    assert bars == {0.25: BLUE, 1.0: GREY, 0.125: GREY, 0.5: BLUE}
    with pytest.raises(ValueError, match="active must be 2 booleans; got int64 with shape"):
        plots.kl_per_dimension([1.0, 2.0], tmp_path / "b.png", active=[0, 1])


def test_kl_of_examples_is_averaged(tmp_path: Path) -> None:
    examples = np.array([[0.5, 1.0], [1.5, 0.0]])
    one = plots.kl_per_dimension(examples, tmp_path / "a.png")
    assert one.read_bytes() == plots.kl_per_dimension([1.0, 0.5], tmp_path / "b.png").read_bytes()
