"""What numbers of a column are taken for."""

from __future__ import annotations

import numpy as np
import pytest

from vae_np.model.tables.kinds import dispersion_of, kind_of_numbers

RNG = np.random.default_rng(0)
N = 400


@pytest.mark.parametrize(
    ("values", "whole", "kind"),
    [
        (RNG.integers(0, 2, N), True, "bernoulli"),
        (RNG.integers(0, 2, N) * 1.0, False, "bernoulli"),
        (np.zeros(N), True, "bernoulli"),
        (RNG.normal(size=N), False, "gaussian"),
        (RNG.integers(1, 4, N) * 1.0, False, "gaussian"),
        (RNG.integers(1, 4, N), True, "categorical"),
        (RNG.integers(-1, 2, N) * 2 - 1, True, "categorical"),
        (RNG.integers(-30, 40, N), True, "gaussian"),
        (np.full(N, 7), True, "gaussian"),
        (RNG.poisson(3.0, N), True, "poisson"),
        (RNG.poisson(300.0, N), True, "poisson"),
        (RNG.negative_binomial(2, 0.1, N), True, "negative-binomial"),
        (np.round(RNG.normal(2000, 9, N)), True, "gaussian"),
    ],
)
def test_numbers_are_taken_for_what_they_look_like(values, whole, kind):
    assert kind_of_numbers(values.astype(float), whole).kind == kind


@pytest.mark.parametrize("rate", [0.5, 4.0, 90.0])
@pytest.mark.parametrize("n", [30, 1000])
def test_counts_of_a_poisson_are_seldom_taken_for_others(rate, n):
    """The index of dispersion is a chi-square over its degrees of freedom: beyond three deviations in 1 of 100."""
    found = [dispersion_of(np.random.default_rng(seed).poisson(rate, n)) for seed in range(2000)]
    assert np.count_nonzero(found) <= 30  # ten or so
    assert dispersion_of(np.zeros(5)) == dispersion_of(np.array([3.0])) == 0


def test_counts_that_vary_more_or_less_are_told_with_their_sign():
    counts = np.random.default_rng(1).poisson(20, 300)
    assert dispersion_of(counts * 2) == 1
    assert dispersion_of(counts // 2 + 40) == -1
