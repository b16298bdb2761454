"""Edges of the kernels that tests of ordinary numbers pass by."""

from __future__ import annotations

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from columns import columns
from fused import FUSED

from vae_np.kernels.loops import activation, latent, likelihoods, sums
from vae_np.kernels.loops.likelihoods import gaussian

ROOM = np.empty(sums.BLOCK)
"""For a block's terms."""


def test_a_sample_without_a_rest_adds_nothing_to_dmu_where_sigma_is_0():
    eps, zero = np.array([[[2.0]], [[3.0]]]), np.zeros((2, 1))
    dmu, dlogvar, db = np.zeros((1, 1)), np.zeros((1, 1)), columns(2)
    latent.posterior_backward(zero, zero + 0.5, eps, np.zeros((1, 1)), dmu, dlogvar, db, 0, 1)
    assert dmu == 0
    assert dlogvar == -0.5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "elu"])
def test_a_kernels_derivative_from_h_is_right_as_a_function_of_h_up_to_its_limit(name, dtype):
    gaps = np.random.default_rng(0).uniform(1, 2, 64) * 2.0 ** -np.linspace(1, np.finfo(dtype).nmant - 1, 64).round()
    h = ((gaps - 1) if name == "elu" else 1 - gaps).astype(dtype)
    h = h[(h < 0) if name == "elu" else (h > 0)]
    dh = np.ones((1, len(h)), dtype)
    activation.backward(activation.KINDS[name], dh, h[None], 0, 1, 0, len(h))
    with mp.workdps(50):
        for one, slope in zip(h, dh[0], strict=True):
            v = mp.mpf(float(one))
            exact = {"tanh": 1 - v * v, "sigmoid": v * (1 - v), "elu": 1 + v}[name]
            assert abs(mp.mpf(float(slope)) - exact) <= 3 * np.finfo(dtype).eps / 2 * exact


@pytest.mark.parametrize(("x", "s"), [(1e-300, -2000.0), (-3e-290, -1900.0), (1e300, 1420.0), (2.0, 1300.0)])
def test_a_heteroscedastic_kernel_takes_log_variances_whose_exponential_no_double_holds(x, s):
    point = [np.array([v]) for v in (x, 0.0, s)]
    with mp.workdps(60):
        square = mp.mpf(x) ** 2 * mp.exp(-s)
        values = -(square + s + mp.log(2 * mp.pi)) / 2, mp.mpf(x) * mp.exp(-s), (square - 1) / 2
    for name, exact in zip(("", ", d/dm", ", d/ds"), values, strict=True):
        found = FUSED["Gaussian likelihood" + name][1](*point)
        # relative, but for a derivative that is subnormal: to half a unit of those, twice over
        np.testing.assert_allclose(found, float(exact), rtol=1e-14, atol=1e-323)


def test_a_difference_comes_with_what_its_rounding_loses():
    generator = np.random.default_rng(5)
    for x, m in generator.normal(0, 1, (300, 2)) * 10.0 ** generator.integers(-20, 20, (300, 2)):
        difference, lost = gaussian._difference(x, m)
        assert difference == x - m
        assert Fraction(difference) + Fraction(lost) == Fraction(x) - Fraction(m)


def test_a_standardised_difference_is_right_to_1_ulp():
    """Its product and its sum are rounded, by half an ULP each; a rounded difference or reciprocal adds as much."""
    generator = np.random.default_rng(6)
    for x, m, s in generator.normal(0, [1, 1, 5], (5000, 3)):
        sigma = float(np.exp(s / 2))
        found = gaussian._standardised(x, m, *gaussian.reciprocal(sigma))
        exact = (Fraction(x) - Fraction(m)) / Fraction(sigma)
        assert abs(Fraction(float(found)) - exact) <= Fraction(float(np.spacing(abs(float(exact))))) * 101 / 100


def test_a_difference_times_an_exponential_takes_what_the_difference_lost():
    lost = 2.0**-40  # of which e^x is taken to a few digits: it is below an ULP of the difference in earnest
    for x in (-3.0, 0.0, 2.5):
        found = gaussian._times_exp(2.0, lost, x)
        np.testing.assert_allclose(found, ((2 + lost) * np.exp(x), (2 + lost) ** 2 * np.exp(2 * x)), rtol=2 * 2.0**-42)


def test_the_square_of_a_difference_times_an_exponential_takes_what_its_own_rounding_lost():
    """The half ULP that u may have lost is in its square twice: the square has 1.9 ULP with it, 2.7 of u alone."""
    for x, d in np.random.default_rng(7).uniform([-2, 1], [2, 2], (2000, 2)):
        _, square = gaussian._times_exp(d, 0.0, x)
        with mp.workdps(40):
            exact = (mp.mpf(d) * mp.exp(mp.mpf(x))) ** 2
            assert abs(mp.mpf(float(square)) - exact) <= 2 * np.spacing(float(exact))


def test_the_gaussian_kernels_use_both_parts_of_the_reciprocal():
    x, m, out, one = np.array([[3.0, -1.0]]), np.array([[0.5, 0.75]]), np.empty(1), np.ones(1)
    results = []
    for inverse, rest in ((1.5, 0.0), (1.0, 0.5)):  # 1 + 1/2, as if 1/2 were the low part
        kind = likelihoods.Gaussian(np.zeros(2), np.full(2, inverse), np.full(2, rest), np.empty((1, 2)), np.ones(2))
        likelihoods.value(kind, m.copy(), np.zeros(2), x, out, ROOM, 0, 1)
        results.append(float(out[0]))
        own = np.empty(2)
        likelihoods.gradient(kind, m.copy(), np.zeros(2), x, one, out, ROOM, 0, 1)
        likelihoods.own_gradient(kind, own, columns(2))
        results += [float(out[0]), *own]
    assert results[:4] == results[4:]


def test_rows_of_samples_belong_to_their_examples():
    x, out = np.array([[0.0], [1.0]]), np.empty(6)
    likelihoods.value(likelihoods.Bernoulli(), np.full((6, 1), 40.0), np.zeros(1), x, out, ROOM, 0, 6)
    np.testing.assert_allclose(out, [-40, 0] * 3, atol=1e-15)


@pytest.mark.parametrize("kind", [likelihoods.Bernoulli(), likelihoods.ContinuousBernoulli()])
def test_a_log_density_beyond_the_range_is_infinite_with_its_gradient_too(kind):
    raw, x, zero, out = np.full((1, 2), 1e308), np.zeros((1, 2)), np.zeros(2), np.empty(1)
    with np.errstate(over="ignore", invalid="ignore"):  # what an infinite sum has lost is NaN
        likelihoods.value(kind, raw.copy(), zero, x, out, ROOM, 0, 1)
        assert out == -np.inf
        likelihoods.gradient(kind, raw.copy(), zero, x, np.ones(1), out, ROOM, 0, 1)
        assert out == -np.inf


@pytest.mark.parametrize("total", [np.inf, -np.inf])
def test_an_infinite_sum_stays_so_whatever_it_lost(total):
    with np.errstate(invalid="ignore"):
        assert sums.rounded(*sums.add(total, 0.0, 1.0), 0.0) == total
