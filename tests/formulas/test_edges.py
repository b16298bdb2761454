"""Edges of the formulas: infinities, equalities, zeros and starts, which tests of ordinary numbers pass by."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from vae_np import ELBO, Bernoulli, ContinuousBernoulli, Gaussian
from vae_np.formulas import activations, gaussian
from vae_np.formulas.elbo import Terms
from vae_np.formulas.numerics import log_mean_exp, log_sum_exp, normalised_exp

INF = math.inf


@pytest.mark.parametrize("function", [log_mean_exp, log_sum_exp])
@pytest.mark.parametrize(("a", "value"), [([-INF, -INF], -INF), ([INF, 0.0], INF), ([INF, -INF], INF)])
def test_the_log_of_a_sum_of_exponentials_that_is_0_or_infinite_is_not_nan(function, a, value):
    with np.errstate(divide="ignore", over="ignore"):
        assert function(np.array(a)) == value


@pytest.mark.parametrize("function", [log_mean_exp, log_sum_exp, normalised_exp])
def test_nan_among_exponentials_comes_out(function):
    assert np.isnan(function(np.array([0.0, np.nan]))).all()


def test_an_exponential_that_is_0_has_no_share():
    np.testing.assert_array_equal(normalised_exp(np.array([-INF, 3.0, -INF])), [0, 1, 0])


SLOPES = {"tanh": lambda h: (1 - h) * (1 + h), "sigmoid": lambda h: h * (1 - h), "elu": lambda h: 1 + h}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", SLOPES)
def test_a_derivative_from_h_is_right_as_a_function_of_h_up_to_its_limit(name, dtype):
    bits = np.finfo(dtype).nmant
    gaps = np.random.default_rng(0).uniform(1, 2, 500) * 2.0 ** -np.random.default_rng(1).integers(1, bits, 500)
    h = {"tanh": np.concatenate([1 - gaps, gaps - 1]), "sigmoid": 1 - gaps, "elu": gaps - 1}[name].astype(dtype)
    h = h[np.abs(h) < 1]
    h = h[h < 0] if name == "elu" else h[h > 0] if name == "sigmoid" else h
    found = activations.get_activation(name).backward(np.ones_like(h), h, h)
    with mp.workdps(50):
        for one, slope in zip(h, found, strict=True):
            exact = SLOPES[name](mp.mpf(float(one)))
            assert abs(mp.mpf(float(slope)) - exact) <= 3 * np.finfo(dtype).eps / 2 * exact  # three roundings at most


@pytest.mark.parametrize(("name", "tail", "single"), [("tanh", 19.1, 10), ("sigmoid", 37, 17), ("elu", -37.5, -17.4)])
def test_a_derivative_from_h_is_0_in_the_far_tail_as_its_docstring_says(name, tail, single):
    activation = activations.get_activation(name)
    for dtype, a in ((np.float64, tail), (np.float32, single)):
        a = np.array([a], dtype)
        assert activation.backward(np.ones_like(a), a, activation.forward(a)) == 0
        near = 0.9 * a
        assert activation.backward(np.ones_like(a), near, activation.forward(near)) > 0


@pytest.mark.parametrize("kind", ["per-dimension", "per-entry", "total"])
def test_a_kl_that_equals_the_free_bits_has_no_gradient(kind):
    kl, none = np.ones((2, 1)), np.zeros((1, 2))
    found = ELBO(free_bits=1.0, free_bits_kind=kind)(Terms(none, none, none, kl, kl, kl, none, none))
    assert found.value == 1
    assert not found.cotangents.kl.any()


def test_a_sample_without_a_rest_adds_nothing_to_dmu_where_1_over_sigma_is_infinite():
    eps, logvar = np.array([[[2.0]], [[3.0]]]), np.array([[-3000.0]])
    rest, direct = np.array([[0.0], [0.0]]), np.array([[0.25], [0.5]])
    dmu, dlogvar = gaussian.log_normal_at_noise_backward(rest, direct, eps, logvar)
    assert dmu == 0
    assert dlogvar == -0.375
    rest[0] = 1  # of one that has a rest it is infinite
    assert gaussian.log_normal_at_noise_backward(rest, direct, eps, logvar)[0] == INF


def test_bernoullis_start_holds_the_mean_in_0001_to_0999():
    mean = np.array([0.0, 0.001, 0.002, 0.5, 0.998, 0.999, 1.0])
    held = np.array([0.001, 0.001, 0.002, 0.5, 0.998, 0.999, 0.999])
    np.testing.assert_allclose(Bernoulli().start(mean, mean), np.log(held) - np.log1p(-held), rtol=1e-13, atol=1e-15)


def test_the_continuous_bernoullis_start_holds_the_mean_in_001_to_099():
    likelihood, mean = ContinuousBernoulli(), np.array([0.0, 0.01, 0.011, 0.3, 0.989, 0.99, 1.0])
    start = likelihood.start(mean, mean)
    np.testing.assert_allclose(likelihood.mean(start), np.clip(mean, 0.01, 0.99), rtol=1e-12)


@pytest.mark.parametrize("sigma", ["heteroscedastic", "per-feature", "learned"])
def test_a_gaussians_log_variance_starts_at_the_datas_and_not_below_minus_10(sigma):
    likelihood, mean = Gaussian(sigma), np.array([3.0, -1.0, 0.5])
    for variance in (np.array([4.0, 0.25, 0.0]), np.array([0.0, 0.0, 1e-9])):
        start, own = likelihood.start(mean, variance), likelihood.start_own(mean, variance)
        np.testing.assert_array_equal(start[:3], mean)
        floor = np.exp(-10.0)
        if sigma == "learned":
            np.testing.assert_allclose(own["logvar"], np.log([max(variance.mean(), floor)]), rtol=1e-14)
        else:
            found = start[3:] if sigma == "heteroscedastic" else own["logvar"]
            np.testing.assert_allclose(found, np.log(np.maximum(variance, floor)), rtol=1e-14)
        assert (sigma == "heteroscedastic") == (not own) == (len(start) == 6)


@pytest.mark.parametrize("lead", [(), (4,), (2, 4)])
def test_data_of_any_number_of_axes_have_a_log_density_a_feature(lead):
    """The features are the last axis, also where that is not the second."""
    raw = np.zeros((2, 4, 3))
    np.testing.assert_allclose(Bernoulli().checked_log_density(np.ones((*lead, 3)), raw), raw - math.log(2), rtol=1e-15)
    with pytest.raises(ValueError, match="a value a feature"):
        Bernoulli().checked_log_density(np.ones((*lead, 1)), raw)
