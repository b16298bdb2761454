"""Objectives: values by hand, properties, and estimators that the page admits though no objective uses them yet."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import batch, model
from mpmath import mpf
from sums import assert_sums

import vae_np
from vae_np import ELBO, IWAE
from vae_np.formulas.elbo import Terms
from vae_np.formulas.objectives import Loss, Objective, get_objective
from vae_np.training.settings import Settings


def terms(log_likelihood, kl, log_prior=None, log_posterior=None) -> Terms:
    """Terms with these values and nothing behind them."""
    log_likelihood, kl = np.asarray(log_likelihood, float), np.asarray(kl, float)
    zero = np.zeros_like(log_likelihood)
    prior = zero if log_prior is None else np.asarray(log_prior, float)
    posterior = zero if log_posterior is None else np.asarray(log_posterior, float)
    return Terms(log_likelihood, prior, posterior, kl, kl, kl, zero, zero)


def test_the_elbos_loss_by_hand():
    found = ELBO()(terms([[-1, -2], [-3, -4]], [[0.5, 1], [0, 2]]), beta=0.5)
    assert found.value == pytest.approx(2.5 + 0.5 * (1.5 + 2) / 2)
    np.testing.assert_allclose(found.cotangents.log_likelihood, np.full((2, 2), -0.25))
    np.testing.assert_allclose(found.cotangents.kl, 0.25)


@pytest.mark.parametrize(
    ("kind", "value", "weight"),
    [
        # KL [[0.1, 3], [0.5, 1]] against 1: the dimension means are 0.3 and 2; the examples' totals 3.1 and 1.5
        ("per-dimension", 1 + 2, [[0, 0.5]]),
        ("per-entry", ((1 + 3) + (1 + 1)) / 2, [[0, 0.5], [0, 0]]),
        ("total", (3.1 + 1.5) / 2, [[0.5], [0.5]]),
    ],
)
def test_free_bits_by_hand_in_each_dialect(kind, value, weight):
    found = ELBO(free_bits=1.0, free_bits_kind=kind)(terms([[0, 0]], [[0.1, 3], [0.5, 1]]))
    assert found.value == pytest.approx(value)
    np.testing.assert_allclose(found.cotangents.kl, weight)


def test_a_total_below_the_free_bits_counts_as_them_and_has_no_gradient():
    found = ELBO(free_bits=2.0, free_bits_kind="total")(terms([[0, 0]], [[0.1, 3], [0.5, 1]]))
    assert found.value == pytest.approx((3.1 + 2.0) / 2)
    np.testing.assert_allclose(found.cotangents.kl, [[0.5], [0.0]])


def test_the_importance_weighted_bound_by_hand():
    found = IWAE()(terms([[-1], [-2]], [[0.0]], [[-3], [-1]], [[-2], [-4]]))
    w = np.exp([-1 - 3 + 2, -2 - 1 + 4])
    assert found.value == pytest.approx(-np.log(w.mean()))
    np.testing.assert_allclose(found.cotangents.log_prior[:, 0], -w / w.sum())
    np.testing.assert_allclose(found.cotangents.log_posterior[:, 0], w / w.sum())


def test_the_importance_weighted_bound_survives_weights_that_underflow():
    found = IWAE()(terms([[-2000], [-2001]], [[0.0]]))
    assert found.value == pytest.approx(2000 + np.log(2 / (1 + np.exp(-1))))


MISTAKEN_BOUNDS = {
    "iwae-mean-of-logs": lambda log_w: -log_w.mean(),
    "iwae-no-logk": lambda log_w: -np.log(np.exp(log_w).sum(axis=0)).mean(),
    "iwae-lse-of-loss": lambda log_w: np.log(np.exp(-log_w).mean(axis=0)).mean(),
    "iwae-no-max": lambda log_w: -np.log(np.exp(log_w - 2000).mean(axis=0)).mean(),
}


@pytest.mark.parametrize("mistake", MISTAKEN_BOUNDS)
def test_the_known_mistakes_give_another_bound(mistake):
    vae = model(backend="numpy")
    found = vae.engine.terms(*batch(vae, 4))
    log_w = found.log_likelihood + found.log_prior - found.log_posterior
    with np.errstate(all="ignore"):
        wrong = MISTAKEN_BOUNDS[mistake](log_w)
    assert not abs(IWAE()(found).value - wrong) < 1e-3


@given(st.floats(0.01, 5), st.sampled_from(["per-dimension", "per-entry", "total"]))
def test_free_bits_never_make_the_loss_smaller(free, kind):
    vae = model(backend="numpy")
    found = vae.engine.terms(*batch(vae, 1))
    assert ELBO(free, kind)(found).value >= ELBO()(found).value - 1e-12


def test_one_importance_sample_is_the_elbo_with_a_sampled_kl():
    vae = model(backend="numpy")
    x, eps = batch(vae, 1)
    found = vae.engine.terms(x, eps)
    right = -(found.log_likelihood + found.log_prior - found.log_posterior).mean()
    size = sum(np.abs(term).mean() for term in (found.log_likelihood, found.log_prior, found.log_posterior))
    assert_sums("loss", vae.loss_and_grad(x, eps, objective="iwae")[0], right, size)


def test_the_bound_rises_with_the_samples_in_expectation():
    vae = model(backend="numpy")
    x, _ = batch(vae)
    eps = vae_np.standard_normal(0, 0, (4000, 5, 3))
    found = vae.engine.terms(x, eps)
    log_w = found.log_likelihood + found.log_prior - found.log_posterior
    bounds = []
    for s in (1, 4, 50):
        bounds.append(np.mean([np.logaddexp.reduce(block, axis=0) - np.log(s) for block in log_w.reshape(-1, s, 5)]))
    assert bounds[0] < bounds[1] < bounds[2]


def test_wrong_objectives_are_errors():
    with pytest.raises(ValueError, match="free_bits must not be negative; got -1"):
        ELBO(free_bits=-1)
    with pytest.raises(ValueError, match="free_bits_kind must be one of"):
        ELBO(free_bits_kind="each")
    with pytest.raises(ValueError, match=r"objective must be one of .*elbo, iwae.*; got 'vimcos'"):
        get_objective("vimcos")
    with pytest.raises(ValueError, match="the iwae objective does not take 'free_bits'"):
        get_objective("iwae:free_bits=1")


SIZES = [1e2, 1e3, 1e4, 1e5, 1e7, 1e9]


def weight_error(dtype, size: float, draws: int = 200, samples: int = 8) -> float:
    """The worst error of an example's sum of normalised weights, of draws with log w near -size."""
    log_w = (np.random.default_rng(1).normal(0, 2, (samples, draws)) - size).astype(dtype)
    none = np.zeros_like(log_w)
    found = IWAE()(Terms(log_w, none, none, none, none, none, none, none)).cotangents
    assert found.log_posterior.dtype == dtype
    return float(np.abs(draws * found.log_posterior.sum(axis=0, dtype=np.longdouble) - 1).max())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", SIZES)
def test_an_examples_importance_weights_add_up_to_1_at_any_size_of_log_w(dtype, size):
    error = weight_error(dtype, size)
    print(f"{np.dtype(dtype)}, log w near {-size:g}: {error:.1e}")
    # the sum, of 8 terms, is off by 7 u, the quotient and its share 1/N by u each, and of N = 200 the product by one
    assert error <= 10 * np.finfo(dtype).eps / 2


def test_the_importance_weights_are_right_to_the_last_digits_where_log_w_is_a_million():
    log_w = np.random.default_rng(2).normal(0, 2, (8, 20)) - 1e6
    none = np.zeros_like(log_w)
    found = IWAE()(Terms(log_w, none, none, none, none, none, none, none))
    with mp.workdps(50):
        for n in range(20):
            w = [mp.exp(mpf(v)) for v in log_w[:, n]]
            for s in range(8):
                exact = w[s] / mp.fsum(w) / 20
                # e^(log w - max) is off by 2 u, as the difference is exact; the sum by 7 u + 2 u, two quotients by 2 u
                assert abs(found.cotangents.log_posterior[s, n] - exact) <= 13 * 2.0**-53 * exact


def test_the_importance_weighted_bound_has_no_beta():
    with pytest.raises(ValueError, match=r"the iwae objective has no beta; got beta=0\.5"):
        IWAE()(terms([[-1], [-2]], [[0.0]]), beta=0.5)


def test_an_objective_is_made_of_its_name_its_word_and_its_config():
    right = ELBO(0.5, "total")
    assert get_objective("elbo:free_bits=0.5,free_bits_kind=total") == right
    assert get_objective(right.config()) == right
    assert get_objective("elbo") == ELBO() != right
    assert get_objective("iwae") == get_objective(IWAE().config()) == IWAE()


def test_an_object_of_the_form_of_an_objective_is_handed_back():
    class Plain:
        name, analytic_kl = "plain", True

        def __call__(self, terms, beta=1.0):
            return ELBO()(terms, beta)

    given = Plain()
    assert get_objective(given) is given
    vae = model(backend="numpy")
    assert vae.loss_and_grad(*batch(vae), objective=given)[0] == vae.loss_and_grad(*batch(vae))[0]


class WithWeight(Objective):
    """An objective that is no dataclass."""

    name = "test-with-weight"
    analytic_kl = True

    def __init__(self, weight=1.0):
        self.weight = weight

    def __call__(self, terms, beta=1.0):
        value, cotangents, kl = ELBO()(terms, beta)
        return Loss(value, cotangents, kl)


class Told(WithWeight):
    """The same, which says so."""

    name = "test-told"

    def config(self):
        return {"name": self.name, "weight": self.weight}


def test_an_objective_whose_settings_its_config_lacks_is_noticed():
    assert ELBO().tells_settings()
    assert Told(0.5).tells_settings()
    assert not WithWeight(0.5).tells_settings()
    with pytest.raises(ValueError, match="objective must be a dataclass or have a config"):
        Settings(objective=WithWeight(0.5)).check_saveable()
    assert Settings(objective=Told(0.5)).config()["objective"] == {"name": "test-told", "weight": 0.5}
    assert get_objective("test-told:weight=0.5") == Told(0.5)
