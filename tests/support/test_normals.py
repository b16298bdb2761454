"""Standard normal numbers: exact to 4 ULP, with the right moments and tails, and the same bits by both ways."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

from vae_np.kernels.loops import noise as kernels
from vae_np.support.noise import normal_numbers, standard_normal
from vae_np.support.normals import normals, pair

DRAWS = 400_000
EDGES = np.array([0, 1, 2**11 - 1, 2**11, 2**12, 2**53, 2**63, 2**64 - 2**11, 2**64 - 1], np.uint64)


def words(count: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(1)).integers(2**64, size=count, dtype=np.uint64)


def exact(first: int, second: int) -> tuple[mp.mpf, mp.mpf]:
    """As the page writes it, in 40 digits."""
    with mp.workdps(40):
        r = mp.sqrt(-2 * mp.log((1 + mp.mpf(first >> 11)) / 2**53))
        t = mp.pi * mp.mpf(second >> 11) / 2**54
        return (-1) ** (second & 1) * r * mp.cos(t), (-1) ** (second >> 1 & 1) * r * mp.sin(t)


def test_a_number_is_off_by_at_most_four_ulp():
    grid = np.array(np.meshgrid(EDGES, EDGES)).reshape(2, -1)
    first, second = np.concatenate([grid, words(3000).reshape(2, -1)], axis=1)
    worst = 0.0
    for a, b, *found in zip(first, second, *pair(first, second), strict=True):
        for value, right in zip(found, exact(int(a), int(b)), strict=True):
            worst = max(worst, float(abs(mp.mpf(float(value)) - right) / mp.mpf(float(np.spacing(abs(value))))))
    print(f"worst error {worst:.2f} ULP")
    assert worst <= 4


def test_the_ends_of_the_words_give_finite_numbers():
    x, y = pair(np.zeros(2, np.uint64), np.array([0, 2**64 - 1], np.uint64))
    assert x[0] == math.sqrt(2 * 53 * math.log(2))
    assert y[0] == 0
    assert y[1] == -x[0]
    assert x[1] < 0  # -cos of what is left of a quarter
    assert pair(np.array([2**64 - 1], np.uint64), np.array([2**62], np.uint64))[0] == 0  # u = 1


def test_moments_tails_and_distribution_are_those_of_a_standard_normal():
    z = normals(words(DRAWS))
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3), (6, 15)):
        spread = math.prod(range(2 * power - 1, 0, -2)) - moment**2
        assert abs(np.mean(z**power) - moment) < 5 * math.sqrt(spread / DRAWS)
    for bound in (1, 2, 3, 4):
        for side in (z, -z):
            p = stats.norm.sf(bound)
            assert abs(np.mean(side > bound) - p) < 5 * math.sqrt(p / DRAWS)
    assert stats.kstest(z, "norm").pvalue > 1e-4


def test_the_two_of_a_pair_know_nothing_of_each_other():
    x, y = pair(*words(2 * DRAWS).reshape(2, -1))
    for f in (lambda v: v, np.abs, np.square, np.sign):
        a, b = f(x) - np.mean(f(x)), f(y) - np.mean(f(y))
        assert abs(np.mean(a * b)) < 5 * np.std(a) * np.std(b) / math.sqrt(DRAWS)


def test_numbers_of_a_generator_are_those_of_its_words_an_odd_number_too():
    one, other = (np.random.Generator(np.random.Philox(3)) for _ in range(2))
    found = normal_numbers(one, (3, 5))
    np.testing.assert_array_equal(found.ravel(), normals(other.bit_generator.random_raw(16))[:15])
    assert normal_numbers(one, (0, 2)).shape == (0, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 128, 20), (3, 7, 5), (2, 130, 3), (1, 64, 1), (2, 3, 400), (1, 0, 2)])
@pytest.mark.parametrize("first", [0, 3, 60])
def test_compiled_noise_has_the_same_bits(shape, first, dtype):
    found, key = np.full(shape, np.nan, dtype), np.array([5, int.from_bytes(b"noise", "little")], np.uint64)
    room = np.empty(kernels.WORDS, np.uint64), np.empty(kernels.WORDS)
    kernels.standard_normal(found, *room, key, 7, first, 2)
    np.testing.assert_array_equal(found, standard_normal(5, 7, shape, dtype, first=first, first_sample=2))
