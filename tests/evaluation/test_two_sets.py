"""Two sets of points: whose balls hold whom, how far their moments and distributions are apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, stats
from scipy.spatial.distance import cdist

from vae_np.evaluation import neighbours
from vae_np.evaluation.neighbours import nearest, overlap, squared_distances
from vae_np.evaluation.two_samples import discrepancy, frechet_distance


def points(n, d=3, seed=0, shift=0.0):
    return np.random.Generator(np.random.Philox(seed)).normal(size=(n, d)) + shift


def by_loops(a, b, k):
    """The definitions, word for word."""

    def radius(own, i):
        return sorted(np.linalg.norm(own[j] - own[i]) for j in range(len(own)) if j != i)[k - 1]

    def holds(own, others):
        return np.array([[np.linalg.norm(p - own[i]) <= radius(own, i) for p in others] for i in range(len(own))])

    a_holds, b_holds = holds(a, b), holds(b, a)
    return (
        np.mean([a_holds[:, j].any() for j in range(len(b))]),
        np.mean([b_holds[:, i].any() for i in range(len(a))]),
        a_holds.sum() / (k * len(b)),
        np.mean([a_holds[i].any() for i in range(len(a))]),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("n", "m", "shift"), [(9, 9, 0.0), (12, 7, 0.8), (7, 15, 2.0)])
def test_overlap_is_its_definition_word_for_word(k, n, m, shift):
    a, b = points(n), points(m, seed=1, shift=shift)
    np.testing.assert_allclose(overlap(a, b, k=k, k_density=k), by_loops(a, b, k), rtol=1e-15)


def test_each_measure_sees_its_own_failure():
    circle = stats.norm(0, 1).ppf((np.arange(40) + 0.5) / 40)[:, None] * [1.0, 0.0]
    left = circle[circle[:, 0] < 0] + [0.0, 1e-3]
    one_sided = overlap(circle, np.repeat(left, 2, axis=0) + 1e-4 * points(40, 2))
    assert one_sided.precision == 1
    assert one_sided.recall < 0.6  # half of what is real is never made
    assert one_sided.coverage < 0.7
    noisy = overlap(circle, np.concatenate([circle, circle + 50.0]))
    assert noisy.precision == 0.5  # half of what is made is not real
    assert noisy.recall == 1
    assert noisy.density == pytest.approx(6 / 5 / 2)  # each of the 40 is in k + 1 balls on average, its own among them
    same = overlap(circle, circle)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)


def test_an_outlier_of_the_real_points_makes_precision_large_but_not_density():
    real = np.concatenate([points(50, 2), [[30.0, 30.0]]])  # its ball reaches to the others
    made = points(51, 2, seed=1, shift=15.0)
    found = overlap(real, made)
    assert found.precision > 0.9
    assert found.density < 0.5


def test_distances_to_copies_are_0_and_all_others_as_by_differences():
    a = points(30, 40, shift=1e4)
    b = np.concatenate([a[:5], a[5:10] + 1e-9, points(20, 40, seed=2, shift=1e4)])
    found = squared_distances(a, b)
    assert (found[np.arange(5), np.arange(5)] == 0).all()
    exact = cdist(a, b, "sqeuclidean")
    bound = 1e-15 * 64 * (np.square(a).sum(1)[:, None] + np.square(b).sum(1))  # u times terms, with room for the sums
    assert (np.abs(found - exact) <= bound).all()
    close = exact < 1e-12
    assert close.any()
    np.testing.assert_allclose(found[close], exact[close], rtol=1e-13)


def test_the_nearest_is_found_in_blocks_of_any_size(monkeypatch):
    among, x = points(31, 5), np.concatenate([points(8, 5, seed=3), points(31, 5)[4:6]])
    distances = cdist(x, among)
    for block in (2**22, 40):
        monkeypatch.setattr(neighbours, "BLOCK", block)
        distance, which = nearest(x, among)
        np.testing.assert_array_equal(which, distances.argmin(axis=1))
        np.testing.assert_allclose(distance, distances.min(axis=1), rtol=1e-13)
        assert (distance[-2:] == 0).all()


@pytest.mark.parametrize(("n", "m", "d"), [(20, 30, 4), (5, 4, 9), (2, 2, 1)])
def test_the_frechet_distance_is_that_of_the_covariances_root(n, m, d):
    a, b = points(n, d), 1.7 * points(m, d, seed=1, shift=0.3)
    s, t = np.cov(a, rowvar=False).reshape(d, d), np.cov(b, rowvar=False).reshape(d, d)
    values = linalg.eigvals(s @ t).real
    root = np.sqrt(np.maximum(values, 0)).sum()
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(s) + np.trace(t) - 2 * root
    # an eigenvalue that is 0 is known to u |S T|, and its root to the root of that
    slack = 4 * d * np.sqrt(2.3e-16 * linalg.norm(s @ t))
    assert abs(frechet_distance(a, b) - expected) <= slack


def test_the_frechet_distance_of_shifted_and_scaled_sets_is_known():
    a = points(50, 6)
    scatter = np.trace(np.cov(a, rowvar=False))
    assert frechet_distance(a, a) <= 1e-13 * scatter * 50
    assert frechet_distance(a, a + 2.0) == pytest.approx(24.0, rel=1e-12)
    centred = a - a.mean(0)
    assert frechet_distance(centred, 3 * centred) == pytest.approx(4 * scatter, rel=1e-12)


def test_the_discrepancy_is_its_definition_word_for_word():
    a, b = points(8), points(6, seed=1, shift=0.5)
    found = discrepancy(a, b)
    both = np.concatenate([a, b])
    h = np.median([np.linalg.norm(both[i] - both[j]) for i in range(14) for j in range(i)])

    def k(p, q):
        return np.exp(-np.square(p - q).sum() / (2 * h**2))

    expected = (
        sum(k(a[i], a[j]) for i in range(8) for j in range(8) if i != j) / 56
        + sum(k(b[i], b[j]) for i in range(6) for j in range(6) if i != j) / 30
        - 2 * sum(k(p, q) for p in a for q in b) / 48
    )
    assert found.bandwidth == pytest.approx(h, rel=1e-14)
    assert found.value == pytest.approx(expected, abs=1e-14)


def test_the_p_value_is_uniform_where_the_sets_are_of_one_distribution_and_least_where_they_are_not():
    p = [discrepancy(points(12, seed=2 * i), points(12, seed=2 * i + 1), permutations=99).p_value for i in range(150)]
    # uniform on 1/100, ..., 1: a Kolmogorov distance of 0.16 has a chance of 1e-3 with 150 values, and 0.01 is the step
    assert stats.kstest(p, "uniform").statistic < 0.17
    assert discrepancy(points(30), points(30, seed=1, shift=2.0), permutations=99).p_value == 0.01
    assert discrepancy(points(10), points(10), permutations=99).p_value > 0.5


def test_what_are_no_two_sets_is_refused():
    a = points(8)
    with pytest.raises(ValueError, match=r"generated must be \(n, D\) with n at least 6; got \(5, 3\)"):
        overlap(a, points(5))
    with pytest.raises(ValueError, match="as many columns"):
        frechet_distance(a, points(8, 2))
    with pytest.raises(ValueError, match="among has a value in row 2 that is not finite"):
        nearest(a, np.where(np.arange(24).reshape(8, 3) == 7, np.nan, a))
    with pytest.raises(ValueError, match="no width"):
        discrepancy(np.ones((4, 2)), np.ones((4, 2)))


def test_sets_whose_pairs_have_no_room_in_memory_are_refused(monkeypatch):
    monkeypatch.setattr(neighbours, "half_of_memory", lambda: 8 * 6 * 16 * 16 - 1)
    a = points(16)
    with pytest.raises(ValueError, match="16 and 16 points take"):
        overlap(a, a)
    with pytest.raises(ValueError, match="16 and 16 points take"):
        discrepancy(a, a)
    frechet_distance(a, a)
