"""The pictures of the studies: axes with names and numbers, and legends that hide nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vae_np
from vae_np.exact import posterior_on_grid
from vae_np.plots.studies import estimator_spread, evidence_curve, posteriors

pytest.importorskip("matplotlib")


def spread(*deviations: float) -> list[dict[str, Any]]:
    return [
        {"estimator": f"e{i}", "name": part, "deviation": d, "worst": 1.0}
        for i, d in enumerate(deviations)
        for part in ("encoder", "decoder")
    ]


@pytest.mark.parametrize("deviations", [(0.03, 0.031), (0.2, 0.9), (0.01, 3.0), (1e-7, 2e-7), (1e-4, 50.0)])
def test_each_panel_of_the_estimators_has_numbers_and_its_points_in_the_middle(
    deviations: tuple[float, ...], recorded: list[Any], tmp_path: Path
) -> None:
    estimator_spread(spread(*deviations), tmp_path / "p.png")
    for axes in recorded[0].axes:
        low, high = axes.get_xlim()
        ticks = [t for t in axes.get_xticks() if low <= t <= high]
        assert len(ticks) >= 3
        assert all(axes.xaxis.get_major_formatter()(t, None) for t in ticks)
        middle = np.sqrt(min(deviations) * max(deviations))
        assert np.sqrt(low * high) == pytest.approx(middle)
        assert high / low >= 9.99


@pytest.mark.parametrize("latent", [1, 2])
def test_posteriors_say_what_their_axes_are(latent: int, recorded: list[Any], tmp_path: Path) -> None:
    vae = vae_np.VAE(3, hidden=(3,), latent=latent, activation="tanh", likelihood="gaussian", backend="numpy")
    grids = posterior_on_grid(vae, np.random.default_rng(0).normal(size=(5, 3)), points=41)
    posteriors(grids, np.zeros(5), tmp_path / "p.png")
    panels = [axes for axes in recorded[0].axes if axes.get_visible()]
    names = ["z", "density"] if latent == 1 else ["first dimension of z", "second dimension of z"]
    assert [axes.get_xlabel() for axes in panels] == [
        "",
        *[names[0]] * 4,
    ]  # four columns, the fifth panel below the first
    assert [axes.get_ylabel() for axes in panels] == [names[1], "", "", "", names[1]]
    assert all((axes.get_aspect() == 1) == (latent == 2) for axes in panels)


def test_the_legend_of_the_evidence_stands_on_no_line(recorded: list[Any], tmp_path: Path) -> None:
    values = {"curve": {1: -3.0, 2: -2.5, 4: -2.2}, "elbo": -3.0, "annealed": -2.1, "annealed_error": 0.1,
              "quadrature": -2.05, "examples": 3}  # fmt: skip
    evidence_curve(values, tmp_path / "p.png")
    (figure,) = recorded
    (axes,) = figure.axes
    assert axes.get_legend() is None
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(axes.get_tightbbox())
