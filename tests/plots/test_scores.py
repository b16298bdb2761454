"""The scores of rows: which bar has whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vae_np import plots


def test_every_row_is_in_a_bar_and_those_far_below_are_in_the_first(recorded: list[Any], tmp_path: Path) -> None:
    score = np.concatenate([[-1e6, -500.0], np.linspace(-10, 0, 398)])
    plots.scores(score, score < -9.9, tmp_path / "a.png", name="rows")
    axes = recorded[0].axes[0]
    others, flagged = ([bar.get_height() for bar in container] for container in axes.containers)
    assert sum(others) == 394
    assert sum(flagged) == 6
    assert flagged[0] >= 2
    assert axes.get_xlim()[0] > -100
    assert "2 below" in axes.get_xlabel()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["394 others", "6 flagged"]


def test_equal_scores_and_one_row_are_drawn(tmp_path: Path) -> None:
    for count in (1, 5):
        plots.scores(np.full(count, -3.0), np.zeros(count, bool), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_what_are_no_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="score and flags"):
        plots.scores(np.zeros(3), np.zeros(2, bool), tmp_path / "a.png")
    with pytest.raises(ValueError, match="not finite"):
        plots.scores([np.nan], [True], tmp_path / "a.png")
