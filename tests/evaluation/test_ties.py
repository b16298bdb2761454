"""Equal distances are equal, and numbers whose squares are none are told by the argument's name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from models import model

from vae_np.evaluation import generation, neighbours
from vae_np.evaluation.directions import latent_path
from vae_np.evaluation.neighbours import nearest, overlap
from vae_np.evaluation.two_samples import NoWidthError, discrepancy, frechet_distance

DRAW = np.random.default_rng(1)
KINDS = {
    "truths": DRAW.integers(0, 2, (120, 12)),
    "rare": (DRAW.random((120, 12)) < 0.1).astype(int),
    "counts": DRAW.poisson(2.0, (120, 5)),
    "classes": np.eye(4, dtype=int)[DRAW.integers(0, 4, (120, 5))].reshape(120, -1),
    "far": 10**6 + DRAW.integers(0, 3, (120, 6)),
}


def by_integers(a, b, k, k_density):
    """The definitions, in whole numbers."""

    def squared(x, y):
        return np.square(x[:, None] - y[None]).sum(axis=-1)

    def radii(own, k):  # the point itself, at 0, comes first
        return np.sort(squared(own, own), axis=1)[:, k]

    d = squared(a, b)
    dense = d <= radii(a, k_density)[:, None]
    return (
        (d <= radii(a, k)[:, None]).any(axis=0).mean(),
        (d <= radii(b, k)).any(axis=1).mean(),
        dense.sum() / (k_density * len(b)),
        dense.any(axis=1).mean(),
    )


@pytest.mark.parametrize("scale", [1.0, 0.0625, 1.5])
@pytest.mark.parametrize("kind", KINDS)
def test_balls_are_closed_of_whole_numbers_and_of_their_multiples(kind, scale):
    a, b = KINDS[kind][:70], KINDS[kind][70:]
    assert overlap(scale * a, scale * b) == by_integers(a, b, 3, 5)
    distance, which = nearest(scale * b, scale * a)
    squared = np.square(b[:, None] - a[None]).sum(axis=-1)
    assert np.array_equal(which, squared.argmin(axis=1))  # of equal ones the first
    assert np.array_equal(distance, np.sqrt(scale**2 * squared.min(axis=1)))


def test_distances_that_are_expanded_break_ties(monkeypatch):
    monkeypatch.setattr(neighbours, "EPS", 0.0)  # no margin: what is rounded decides
    a, b = KINDS["classes"][:70], KINDS["classes"][70:]
    assert overlap(0.0625 * a, 0.0625 * b) != by_integers(a, b, 3, 5)


def test_points_in_blocks_are_exact_as_well(monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 50)
    a, b = KINDS["counts"][:70], KINDS["counts"][70:]
    assert overlap(0.5 * a, 0.5 * b) == by_integers(a, b, 3, 5)


X = DRAW.normal(size=(20, 3))


@pytest.mark.parametrize("measure", [overlap, discrepancy, frechet_distance])
def test_sizes_whose_squares_are_no_numbers_are_told_by_the_arguments_name(measure):
    with pytest.raises(ValueError, match=r"generated has a value in row 0 beyond 1e\+140 \(the largest is .*e\+300\)"):
        measure(X, 1e300 * X)
    with pytest.raises(ValueError, match=r"real has a value in row 0 beyond"):
        measure(1e300 * X, X)
    with pytest.raises(ValueError, match=r"real and generated differ by .*e-300 at most, whose square underflows"):
        measure(1e-300 * X, 1e-300 * X)
    for scale in (1e139, 1e-139):
        assert np.isfinite(measure(scale * X, scale * X[:12])).all()
    with pytest.raises(TypeError, match="generated must be real numbers; got complex128"):
        measure(X, X * 1j)


def test_the_nearest_of_what_is_beyond_is_refused():
    with pytest.raises(ValueError, match="points has a value in row 0 beyond"):
        nearest(1e300 * X, X)
    with pytest.raises(TypeError, match="among must be real numbers"):
        nearest(X, X + 0j)


@pytest.mark.parametrize("size", [1e300, 1e-200])
def test_a_path_between_latents_without_a_length_is_refused(size):
    with pytest.raises(ValueError, match="b has a latent whose squared length"):
        latent_path([1.0, 0.0], [0.0, size], 3)
    with pytest.raises(ValueError, match="a has a latent whose squared length"):
        latent_path([size, 0.0], [0.0, 1.0], 3)
    assert np.isfinite(latent_path([size, 0.0], [0.0, size], 3, path="line")).all()


def test_of_rare_truths_all_but_the_discrepancy_is_measured(rare_truths):
    found = rare_truths
    assert np.isnan(found.measures["pixels"]["mmd"]["training"].value)
    assert np.isnan(found.measures["pixels"]["mmd_p_value"]["training"].value)
    for name in generation.MEASURES:
        if not name.startswith("mmd"):
            assert np.isfinite(found.measures["pixels"][name]["training"].value), name
    start = "the MMD of training in pixels is not defined: more than half of the distances are 0 in set 1, 2 of 2"
    assert any(line.startswith(start) for line in found.remarks)


def test_the_page_says_not_defined(rare_truths, capsys):
    from vae_np.cli import quality
    from vae_np.cli.output import jsonable

    quality.show(rare_truths, None)
    page = capsys.readouterr().out
    assert "not defined" in page
    assert "nan" not in page
    assert rare_truths.remarks[0] in page
    told = jsonable(quality.for_json(rare_truths))
    assert told["pixels"]["mmd"]["training"]["value"] is None
    json.dumps(told, allow_nan=False)


@pytest.fixture(scope="module")
def rare_truths():
    rows = (np.random.default_rng(0).random((120, 5)) < 0.03).astype(float)
    vae = model(n_features=5, hidden=(4,), latent=2, likelihood="bernoulli", backend="numpy")
    with pytest.raises(NoWidthError, match="real and generated: more than half"):
        discrepancy(rows[:40], rows[40:])
    return generation.generation_quality(vae, rows[:80], rows[80:], sets=2)
