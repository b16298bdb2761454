"""The latent space with draws of the prior behind it, and decoded means that are no draws."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

from vae_np import plots
from vae_np.plots import images, latent

MU = np.random.default_rng(0).standard_normal((30, 4)) * [3.0, 2.0, 1.0, 0.1] + 5


@pytest.fixture
def figures(monkeypatch):
    """The figures that are drawn."""
    found = []
    for module in (images, latent):

        @contextmanager
        def recording(*args, whole=module.picture, **options):
            with whole(*args, **options) as figure:
                yield figure
                found.append(figure)

        monkeypatch.setattr(module, "picture", recording)
    return found


@pytest.mark.parametrize("columns", [2, 4])
def test_the_priors_draws_lie_where_the_same_points_of_the_posterior_do(columns, figures, tmp_path):
    mu = MU[:, :columns]
    plots.latent_space(mu, tmp_path / "a.png", prior=mu)
    behind, before = figures[0].axes[0].collections[:2]
    np.testing.assert_allclose(behind.get_offsets(), before.get_offsets(), atol=1e-9)
    assert behind.get_zorder() < before.get_zorder()
    assert figures[0].get_suptitle().endswith("prior in grey")


def test_without_draws_nothing_is_behind(figures, tmp_path):
    plots.latent_space(MU, tmp_path / "a.png")
    assert len(figures[0].axes[0].collections) == 1
    assert "prior" not in figures[0].get_suptitle()


def test_one_dimension_shows_no_draws(figures, tmp_path):
    plots.latent_space(MU[:, :1], tmp_path / "a.png", prior=MU[:, :1])
    assert not figures[0].axes[0].collections


def test_draws_of_another_width_are_refused(tmp_path):
    with pytest.raises(ValueError, match="prior must have 4 columns, as mu; it has 2"):
        plots.latent_space(MU, tmp_path / "a.png", prior=MU[:, :2])


def test_the_title_of_decoded_means_says_where(figures, tmp_path):
    means = np.random.default_rng(0).random((4, 6))
    plots.samples(means, tmp_path / "a.png", image_shape=(2, 3), where="the means of the prior's components")
    plots.samples(means, tmp_path / "b.png", image_shape=(2, 3))
    titles = [figure.get_suptitle() or figure.axes[0].get_title(loc="left") for figure in figures]
    assert titles == [
        "4 decoder means at the means of the prior's components",
        "4 decoder means at draws from the prior",
    ]
