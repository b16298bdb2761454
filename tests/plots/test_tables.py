"""Pictures of a table: a panel a feature, by its name, and of many features those that are said."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from pictures import Array, mpl

from vae_np import plots
from vae_np.plots.canvas import shortened
from vae_np.plots.tables import MOST_PANELS, MOST_ROWS

LONG = "the_concentration_of_a_substance_in_milligrammes_per_litre_{}"


def titles(figure: Any) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible() and axes.get_title(loc="left")]


def linear(w: Array) -> Any:
    """A decoder z W."""
    return lambda z: z @ w


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    assert shortened("alcohol") == "alcohol"
    assert shortened("x" * 24) == "x" * 24
    assert shortened("abcdefghijklmnopqrstuvwxyz") == "abcdefghijklmnop…tuvwxyz"
    assert len(shortened(LONG)) == 24


def test_each_panel_has_its_features_reconstructions_and_their_share(recorded: list[Any], tmp_path: Path) -> None:
    x = np.array([[0.0, 10, 5], [1, 20, 5], [2, 60, 5]])
    mean = np.array([[0.5, 30, 5.5], [1, 30, 5], [1.5, 30, 5]])
    plots.feature_reconstructions(x, mean, tmp_path / "r.png", names=["a", "b", "c"])
    # 1 - 0.5 / 2, and the mean for every row: 0; nothing varies in c
    assert titles(recorded[0]) == ["a\nexplained 0.75", "b\nexplained 0.00", "c\nconstant"]
    for j, axes in enumerate(recorded[0].axes):
        identity, points = axes.get_lines()
        np.testing.assert_array_equal(points.get_xdata(), x[:, j])
        np.testing.assert_array_equal(points.get_ydata(), mean[:, j])
        both = [x[:, j], mean[:, j]]
        assert np.array_equal(identity.get_xdata(), [np.min(both), np.max(both)])
        assert np.array_equal(identity.get_ydata(), identity.get_xdata())


def test_of_many_features_the_best_the_worst_and_some_between_are_shown(recorded: list[Any], tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(20, 200))
    share = generator.permutation(200) / 200
    plots.feature_reconstructions(
        x, x.mean(axis=0) + (x - x.mean(axis=0)) * share, tmp_path / "r.png", names=range(200)
    )
    order = np.argsort(-share)
    names = [int(title.split("\n")[0]) for title in titles(recorded[0])]
    assert len(names) == MOST_PANELS
    assert (names[0], names[-1]) == (order[0], order[-1])
    assert (np.diff(share[names]) < 0).all()
    assert recorded[0].get_suptitle().endswith("24 of 200 features, from the best to the worst reconstructed")


def test_the_manifold_of_a_table_has_the_axes_of_the_latent_space(recorded: list[Any], tmp_path: Path) -> None:
    mu = np.array([[-1.0, 0.5], [2.2, -0.75], [0.25, 1.0]])
    x = np.array([[1.0, 10], [3, 10], [5, 30]])
    decode = linear(np.array([[1.0, 0.0], [0.0, 7.0]]))  # the first feature is z[0], the second 7 z[1]
    plots.feature_manifold(decode, tmp_path / "m.png", x=x, mu=mu, names=["right", "up"])
    right, up = recorded[0].axes[:2]
    for axes in (right, up):
        image = axes.images[0]
        assert image.get_extent() == [-2.5, 2.5, -2.5, 2.5]  # the next half beyond 2.2
        assert image.origin == "lower"
        (dots,) = axes.get_lines()
        np.testing.assert_array_equal(np.transpose(dots.get_data()), mu)
    centres = 2.5 * (2 * (np.arange(25) + 0.5) / 25 - 1)
    found = [np.asarray(axes.images[0].get_array()) for axes in (right, up)]
    expected = (centres - x[:, 0].mean()) / x[:, 0].std(), (7 * centres - x[:, 1].mean()) / x[:, 1].std()
    np.testing.assert_allclose(found[0], np.tile(expected[0], (25, 1)), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[1], np.tile(expected[1][:, None], (1, 25)), rtol=1e-12, atol=1e-12)
    assert titles(recorded[0])[0] == "right\n−2.40 to 2.40"
    assert right.images[0].get_clim() == up.images[0].get_clim()


def test_over_one_dimension_it_is_a_curve_among_the_examples(recorded: list[Any], tmp_path: Path) -> None:
    mu, x = np.array([[-1.0], [0.5], [3.0]]), np.array([[1.0, 10], [3, 10], [5, 30]])
    plots.feature_manifold(linear(np.array([[2.0, -3.0]])), tmp_path / "m.png", x=x, mu=mu, names=["a", "b"])
    for j, axes in enumerate(recorded[0].axes):
        dots, curve = axes.get_lines()
        np.testing.assert_array_equal(dots.get_xdata(), mu[:, 0])
        np.testing.assert_array_equal(dots.get_ydata(), x[:, j])
        np.testing.assert_allclose(curve.get_ydata(), [2.0, -3.0][j] * curve.get_xdata(), rtol=1e-12)
        assert curve.get_xdata().max() > 2.9


def test_a_walks_panel_begins_with_the_example_and_names_its_rows(recorded: list[Any], tmp_path: Path) -> None:
    x, mu = np.array([[1.0, 4.0], [3.0, 2.0]]), np.array([[0.1, 0.2], [0.3, 0.4]])
    w, location, scale = np.array([[1.0, 0.0], [0.5, -2.0]]), np.array([1.0, 2.0]), np.array([2.0, 0.0])
    look = {"x": x, "mu": mu, "dimensions": [1, 0], "names": ["a", "b"], "moments": (location, scale), "steps": 3}
    plots.feature_traversals(linear(w), tmp_path / "t.png", **look)
    panels = recorded[0].axes[:4]
    q = NormalDist().inv_cdf(1 / 6)
    for i, axes in enumerate(panels):
        example, k = divmod(i, 2)
        k = 1 - k
        z = np.tile(mu[example], (3, 1))
        z[:, k] = [q, 0, -q]
        sheet = np.asarray(axes.images[0].get_array())
        unit = np.array([2.0, 1.0])  # a deviation of 0 counts as 1
        np.testing.assert_allclose(sheet[:, 0], (x[example] - location) / unit, rtol=1e-12)
        assert np.isnan(sheet[:, 1]).all()
        np.testing.assert_allclose(sheet[:, 2:].T, (z @ w - location) / unit, rtol=1e-12, atol=1e-12)
        assert axes.get_title(loc="left") == f"z[{k}]"
        assert [text.get_text() for text in axes.get_yticklabels()] == (["a", "b"] if i % 2 == 0 else ["", ""])


def test_of_many_features_those_that_move_most_are_shown(recorded: list[Any], tmp_path: Path) -> None:
    size = np.random.default_rng(0).permutation(100) + 1.0
    names = [f"n{j}" for j in range(100)]
    look = {"x": np.zeros((3, 100)), "names": names}
    plots.feature_traversals(
        linear(size[None] * np.ones((3, 1))), tmp_path / "t.png", mu=np.zeros((3, 3)), dimensions=[0],
        moments=(np.zeros(100), np.ones(100)), **look,
    )  # fmt: skip
    most = sorted(np.argsort(-size)[:MOST_ROWS])
    assert [text.get_text() for text in recorded[0].axes[0].get_yticklabels()] == [f"n{j}" for j in most]
    assert recorded[0].get_suptitle().endswith("the 30 of 100 features whose mean moves most")
    # in deviations of the data: a large feature that hardly moves in them is left out
    x = np.random.default_rng(1).normal(size=(30, 100)) * size**2
    plots.feature_manifold(linear(size[None]), tmp_path / "m.png", x=x, mu=np.zeros((30, 1)), names=names)
    least = sorted(np.argsort(-size / x.std(axis=0))[:MOST_PANELS])
    assert [title.split("\n")[0] for title in titles(recorded[1])] == [f"n{j}" for j in least]


@pytest.mark.parametrize("features", [2, 13, 200])
@pytest.mark.parametrize("kind", ["reconstructions", "manifold", "traversals", "samples"])
def test_long_names_are_inside_the_picture_and_do_not_overlap(
    kind: str, features: int, recorded: list[Any], tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    x, mu = generator.normal(size=(20, features)) * 1234, generator.normal(size=(20, 2))
    names = [LONG.format(j) for j in range(features)]
    decode = linear(generator.normal(size=(2, features)) * 1000)
    draw: dict[str, Any] = {
        "reconstructions": lambda p: plots.feature_reconstructions(x, x / 2, p, names=names),
        "manifold": lambda p: plots.feature_manifold(decode, p, x=x, mu=mu, names=names),
        "traversals": lambda p: plots.feature_traversals(
            decode, p, x=x[:2], mu=mu[:2], dimensions=[0, 1], names=names, moments=(x.mean(axis=0), x.std(axis=0))
        ),
        "samples": lambda p: plots.samples(x, p, names=names),
    }
    draw[kind](tmp_path / "a.png")
    figure = recorded[0]
    found = [text for text in figure.findobj(mpl.text.Text) if "the_conc" in text.get_text() and text.get_visible()]
    assert len(found) >= min(features, 13)
    boxes = [text.get_window_extent() for text in found]
    width, height = figure.bbox.width, figure.bbox.height
    for i, box in enumerate(boxes):
        assert box.x0 >= 0, found[i]
        assert box.y0 >= 0, found[i]
        assert box.x1 <= width, found[i]
        assert box.y1 <= height, found[i]
        for j in range(i):
            assert not box.overlaps(boxes[j]), (found[i], found[j])


def test_names_under_strips_say_which_they_are(recorded: list[Any], tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(5, 200))
    plots.samples(x, tmp_path / "a.png", names=[f"n{j}" for j in range(200)], row="component")
    axes = recorded[0].axes[0]
    labels = dict(zip(axes.get_xticks(), (text.get_text() for text in axes.get_xticklabels()), strict=True))
    assert labels == {j: f"n{j}" for j in range(0, 200, 5)}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("feature (one in 5 is named)", "component")
    plots.samples(np.array([[0.0, -1000], [2.0, -3000]]), tmp_path / "b.png", names=["a", "b"])
    axes = recorded[1].axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a: 1.00 ± 1.00", "b: −2,000.0 ± 1,000.0"]


@pytest.mark.parametrize(
    ("fact", "draw"),
    [
        ("names must have 2 entries", lambda p: plots.samples(np.ones((3, 2)), p, names=["a"])),
        (
            "names must have 2 entries, one a column; they are 3",
            lambda p: plots.feature_reconstructions(np.ones((3, 2)), np.ones((3, 2)), p, names="abc"),
        ),
        ("one shape", lambda p: plots.feature_reconstructions(np.ones((3, 2)), np.ones((2, 2)), p, names="ab")),
        (
            "mu 1 or 2 columns",
            lambda p: plots.feature_manifold(abs, p, x=np.ones((3, 2)), mu=np.ones((3, 3)), names="ab"),
        ),
        (
            r"decode\(z\) must have shape \(625, 3\)",
            lambda p: plots.feature_manifold(abs, p, x=np.ones((3, 3)), mu=np.ones((3, 2)), names="abc"),
        ),
        (
            "dimensions must be some from 0 to 1",
            lambda p: plots.feature_traversals(
                abs, p, x=np.ones((1, 2)), mu=np.ones((1, 2)), dimensions=[2], names="ab", moments=([0, 0], [1, 1])
            ),
        ),
        (
            "as many rows; they have 1 and 2",
            lambda p: plots.feature_traversals(
                abs, p, x=np.ones((1, 2)), mu=np.ones((2, 2)), dimensions=[0], names="ab", moments=([0, 0], [1, 1])
            ),
        ),
    ],
)
def test_what_does_not_fit_is_refused(fact: str, draw: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=fact):
        draw(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
