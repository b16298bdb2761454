"""Mean and variance in one pass: as good as in two, wherever the numbers lie and however they are cut."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from models import batch, model

from vae_np.evaluation.bounds import active_units, evaluate
from vae_np.support.moments import Moments


def in_blocks(a, size: int) -> Moments:
    found = Moments()
    for begin in range(0, len(a), size):
        found.add(a[begin : begin + size])
    return found


@pytest.mark.parametrize("size", [1, 3, 64, 500])
@pytest.mark.parametrize("place", [0.0, 1.0, 1e8, -1e12, 1e150])
def test_mean_and_variance_are_those_of_50_digits_wherever_the_numbers_lie(place, size):
    a = place * np.ones((500, 2)) + np.random.default_rng(0).normal(0, [0.2, 30], (500, 2)) * max(1, abs(place) * 1e-14)
    a[0] += 5 * (a[1] - a[0])  # the first row, from which differences are taken, lies apart
    found = in_blocks(a, size)
    assert found.count == 500
    with mp.workdps(50):
        for k in range(2):
            numbers = [mp.mpf(v) for v in a[:, k]]
            mean = mp.fsum(numbers) / 500
            variance = mp.fsum((v - mean) ** 2 for v in numbers) / 500
            # differences from the first row are exact to u, their sums of 500 to 500 u of the terms' sum
            assert abs(found.variance()[k] - variance) <= 2000 * 2.0**-53 * variance
            assert abs(found.mean[k] - mean) <= 2.0**-52 * abs(mean) + 1000 * 2.0**-53 * mp.sqrt(variance)


def test_rows_can_be_scaled_afterwards_as_if_they_had_been_before():
    a, factor = np.random.default_rng(1).normal(3, 1, (9, 2)), np.array([0.5, 0.25])
    found, scaled = in_blocks(a, 4), in_blocks(a * factor, 4)
    found.scale(factor)
    np.testing.assert_array_equal(found.mean, scaled.mean)
    np.testing.assert_array_equal(found.variance(), scaled.variance())
    found.add(a * factor)
    scaled.add(a * factor)
    np.testing.assert_array_equal(found.variance(), scaled.variance())


@pytest.mark.parametrize("place", [0.0, 1e8, 1e10])
def test_both_ways_to_count_active_units_agree_where_the_means_lie_far_out(place):
    vae = model(backend="numpy")
    x, _ = batch(vae, n=150)
    W, b = vae.parameters["encoder.mu.W"], vae.parameters["encoder.mu.b"]
    spread = vae.encode(x)[0].std(axis=0)
    W[...] *= np.array([0.2, 0.05, 0.2]) / spread  # variances 0.04, 0.0025 and 0.04 against 0.01
    b[...] = place
    if place:
        for name in vae.parameters:
            if name.startswith("decoder"):
                vae.parameters[name][...] = 0  # whose output would otherwise be as large
    assert active_units(vae, x) == 2
    assert evaluate(vae, x).active_units == 2
