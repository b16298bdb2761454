"""Parallel coordinates: where lines cross axes, and which stand out."""

from __future__ import annotations

import numpy as np
import pytest

from vae_np.plots import parallel_coordinates
from vae_np.plots.canvas import BLUE, GREY, ORANGE

SETTINGS = {"latent": ["2", "5", "2", "10"], "learning-rate": ["0.0001", "0.001", "0.01", "0.001"], "beta": ["1"] * 4}
VALUES = [-30.0, -10.0, -20.0, -15.0]


def test_the_axes_are_of_choices_and_of_numbers_and_the_best_run_stands_out(tmp_path, recorded):
    parallel_coordinates(SETTINGS, VALUES, tmp_path / "a.png", choices={"latent": ["2", "5", "10"]})
    (axes,) = recorded[0].axes
    assert recorded[0].get_suptitle() == "4 runs: the best is orange"
    lines = [line for line in axes.lines if len(line.get_ydata()) == 4]
    assert [line.get_color() for line in lines] == [GREY, GREY, GREY, ORANGE]
    best, worst = lines[-1].get_ydata(), lines[0].get_ydata()
    np.testing.assert_allclose(best, [0.5, 0.5, 0.5, 1.0])  # the middle choice, of a logarithmic axis, of one value
    np.testing.assert_allclose(worst, [1 / 6, 0.0, 0.5, 0.0])
    words = [text.get_text() for text in axes.texts]
    assert words[:3] == ["2", "5", "10"]
    assert words[3:8] == ["0.0001", "0.000316", "0.001", "0.00316", "0.01"]
    assert "−30.00" in words
    assert [label.get_text() for label in axes.get_xticklabels()] == [*SETTINGS, "validation ELBO, nats"]


def test_ticks_are_whole_where_the_setting_is_and_say_where_the_axis_ends(tmp_path, recorded):
    settings = {"latent": ["2", "4", "3"], "learning-rate": ["0.0003", "0.0012", "0.006075"], "far": ["1", "9", "3"]}
    parallel_coordinates(settings, [1.0, 2.0, 3.0], tmp_path / "a.png", log=["far"])
    (axes,) = recorded[0].axes
    words = [(text.get_text(), text.get_position()[1]) for text in axes.texts]
    assert words[:3] == [("2", 0.0), ("3", 0.5), ("4", 1.0)]
    assert [word for word, _ in words[3:8]] == ["0.0003", "0.00174", "0.00319", "0.00463", "0.00607"]  # linear
    assert [word for word, _ in words[8:13]] == ["1", "2", "3", "5", "9"]
    np.testing.assert_allclose([height for _, height in words[8:13]], np.log([1, 2, 3, 5, 9]) / np.log(9), atol=1e-12)
    best = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 4][-1]
    np.testing.assert_allclose(best, [0.5, 1.0, 0.5, 1.0])


def test_a_tenth_of_many_runs_is_blue(tmp_path, recorded):
    parallel_coordinates({"latent": [str(n) for n in range(1, 41)]}, list(range(40)), tmp_path / "a.png")
    colours = [line.get_color() for line in recorded[0].axes[0].lines]
    assert (colours.count(BLUE), colours.count(ORANGE)) == (3, 1)
    assert recorded[0].get_suptitle() == "40 runs: the best is orange, the best tenth blue"


@pytest.mark.parametrize(
    ("settings", "values", "message"),
    [
        ({"latent": []}, [], "0 values need as many of each setting, and at least one run"),
        ({"latent": ["1"]}, [1.0, 2.0], "2 values need as many"),
        ({"latent": ["1"]}, [float("nan")], "a value is not finite"),
    ],
)
def test_what_is_no_table_is_an_error(settings, values, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        parallel_coordinates(settings, values, tmp_path / "a.png")
