"""Whole-model gradients against the complex step and central differences, and planted mistakes that must fail."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from models import ACTIVATION_NAMES, LIKELIHOODS, batch, model
from sums import assert_sums

import vae_np
from vae_np.formulas import gaussian
from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.objectives import Loss
from vae_np.gradcheck import check_model, complex_step


def combinations() -> list:
    """Every activation, likelihood and number of samples; those that are not slow have each of them with one other."""
    found = []
    for activation, likelihood, samples in itertools.product(ACTIVATION_NAMES, LIKELIHOODS, (1, 3)):
        plain = samples == 3 and (activation == "tanh" or likelihood == "gaussian-heteroscedastic")
        found.append(pytest.param(activation, likelihood, samples, marks=[] if plain else [pytest.mark.slow]))
    return found


@pytest.mark.parametrize(("activation", "likelihood", "samples"), combinations())
def test_gradients_are_the_complex_steps_and_the_central_differences(activation, likelihood, samples):
    vae = model(activation=activation, likelihood=LIKELIHOODS[likelihood])
    if activation == "identity":  # nothing holds what counts make of log-variances and of log-rates, and e^ of both
        vae.parameters["encoder.0.W"] = 0.1 * vae.parameters["encoder.0.W"]
    x, eps = batch(vae, samples)
    exact = check_model(vae, x, eps, 0.37, methods=["complex step"], every_coordinate=True)
    assert exact.ok, exact.table()
    differences = check_model(vae, x, eps, 0.37, methods=["central difference"], every_coordinate=False, directions=2)
    assert differences.ok, differences.table()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("features", [1, 2])
def test_a_deviation_a_feature_is_its_own_where_there_are_few(features, backend):
    vae = model(n_features=features, likelihood=vae_np.Gaussian("per-feature"), backend=backend)
    report = check_model(vae, *batch(vae, 2))
    assert report.ok, report.table()


@pytest.mark.parametrize("beta", [0.0, 0.37, *(pytest.param(b, marks=pytest.mark.slow) for b in (1.0, 4.0))])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_gradients_are_right_for_every_beta(beta, backend):
    vae = model(backend=backend)
    report = check_model(vae, *batch(vae, 3), beta)
    assert report.ok, report.table()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_importance_weighted_bound_has_the_right_gradient(likelihood, backend):
    vae = model(likelihood=LIKELIHOODS[likelihood], backend=backend)
    report = check_model(vae, *batch(vae, 4), objective="iwae", every_coordinate=False)
    assert report.ok, report.table()


@pytest.mark.parametrize("kind", ["per-dimension", "per-entry", "total"])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_free_bits_have_the_right_gradient_on_both_sides_of_the_bound(kind, backend):
    vae = model(backend=backend)
    x, eps = batch(vae, 2)
    terms = vae.engine.terms(x, eps)
    middle = {"per-dimension": terms.kl.mean(axis=0), "per-entry": terms.kl, "total": terms.kl.sum(axis=1)}[kind]
    ordered = np.sort(middle.ravel())
    between = float(ordered[len(ordered) // 2 - 1 : len(ordered) // 2 + 1].mean())
    objective = vae_np.ELBO(free_bits=between, free_bits_kind=kind)
    # central differences would step over the kink
    report = check_model(vae, x, eps, 0.7, objective=objective, methods=["complex step"])
    assert report.ok, report.table()


@pytest.mark.parametrize(
    ("hidden", "decoder_hidden"), [((), ()), ((), (3,)), ((6, 5, 4), None), ((4,), (3, 6))], ids=str
)
def test_gradients_are_right_for_every_depth(hidden, decoder_hidden):
    vae = model(hidden=hidden, decoder_hidden=decoder_hidden)
    report = check_model(vae, *batch(vae, 2), 0.37)
    assert report.ok, report.table()


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_float32_gradients_are_the_float64_ones_rounded(likelihood):
    vae = model(likelihood=LIKELIHOODS[likelihood], dtype="float32")
    report = check_model(vae, *batch(vae, 2), 0.37, every_coordinate=False)
    assert report.ok, report.table()


def test_a_large_model_is_checked_in_random_directions():
    vae = model(n_features=31, hidden=(29,))
    report = check_model(vae, *batch(vae), 0.37)
    assert report.ok, report.table()
    assert {row.checked for row in report.rows} == {4}


def planted(vae: vae_np.VAE, x: np.ndarray, eps: np.ndarray, beta: float) -> dict[str, vae_np.Parameters]:
    """Gradients with one mistake each, of the kinds that people make."""
    _, right = vae.loss_and_grad(x, eps, beta)
    _, kl_alone = vae.loss_and_grad(x, eps, beta + 1)
    kl_alone.vector[:] -= right.vector  # the gradient is linear in beta: this is KL's
    found: dict[str, vae_np.Parameters] = {}

    def plant(name: str) -> vae_np.Parameters:
        found[name] = right.copy()
        return found[name]

    plant("sign").vector[:] *= -1
    plant("factor 2").vector[:] *= 2
    plant("a factor of 1 + 1e-6").vector[:] *= 1 + 1e-6
    plant("the sign of one tensor")["encoder.mu.W"][...] *= -1
    plant("one bias missing")["decoder.out.b"][...] = 0
    plant("one entry").vector[17] += 1e-6 * np.abs(right.vector).max()
    plant("beta ignored").vector[:] += (1 - beta) * kl_alone.vector
    plant("KL without its half").vector[:] += beta * kl_alone.vector
    plant("KL's sign").vector[:] -= 2 * beta * kl_alone.vector
    name = "encoder.logvar.W"
    plant("no reparameterisation: KL alone in the encoder")[name][...] = beta * kl_alone[name]
    plant("the batch's sum").vector[:] *= len(x)
    plant("a NaN").vector[3] = np.nan
    return found


def variance_for_deviation(vae: vae_np.VAE, x: np.ndarray, eps: np.ndarray, beta: float) -> vae_np.Parameters:
    """The gradient at the noise that makes z = mu + exp(logvar) eps: the sampler's commonest mistake."""
    _, logvar = vae.encode(x)
    return vae.loss_and_grad(x, eps * np.exp(logvar / 2), beta)[1]


MISTAKES = [
    *("sign", "factor 2", "a factor of 1 + 1e-6", "the sign of one tensor", "one bias missing", "one entry"),
    *("beta ignored", "KL without its half", "KL's sign", "no reparameterisation: KL alone in the encoder"),
    *("the batch's sum", "a NaN", "variance for deviation"),
]


@pytest.mark.parametrize("method", ["complex step", pytest.param("central difference", marks=pytest.mark.slow)])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_fails_each_method(mistake, method):
    vae = model(backend="numpy")
    x, eps = batch(vae)
    if mistake == "variance for deviation":
        wrong = variance_for_deviation(vae, x, eps, 0.37)
    else:
        wrong = planted(vae, x, eps, 0.37)[mistake]
    assert check_model(vae, x, eps, 0.37, methods=[method]).ok
    report = check_model(vae, x, eps, 0.37, methods=[method], gradients=wrong)
    assert not report.ok, report.table()
    assert "FAILED" in report.table()
    assert "right" in report.table()


def test_a_planted_mistake_in_one_tensor_is_found_there_and_only_there():
    vae = model(backend="numpy")
    x, eps = batch(vae)
    _, wrong = vae.loss_and_grad(x, eps)
    wrong["decoder.0.W"][2, 1] *= 1.001
    report = check_model(vae, x, eps, gradients=wrong)
    assert {row.tensor for row in report.rows if not row.ok} == {"decoder.0.W"}
    assert all("decoder.0.W[2, 1]" in row.worst for row in report.rows if not row.ok)


def test_random_directions_find_a_mistake_in_a_large_model():
    vae = model(n_features=31, hidden=(29,), backend="numpy")
    x, eps = batch(vae)
    _, wrong = vae.loss_and_grad(x, eps)
    wrong["encoder.0.W"][5, 7] += 1e-3 * np.abs(wrong["encoder.0.W"]).max()
    report = check_model(vae, x, eps, gradients=wrong)
    assert {row.tensor for row in report.rows if not row.ok} == {"encoder.0.W"}


def test_gradients_of_a_wrong_shape_are_refused():
    vae = model(backend="numpy")
    x, eps = batch(vae)
    wrong = dict(vae.loss_and_grad(x, eps)[1])
    wrong["encoder.0.W"] = wrong["encoder.0.W"].T
    with pytest.raises(ValueError, match=r"encoder\.0\.W must have shape \(7, 5\); it has \(5, 7\); .* transpose it"):
        check_model(vae, x, eps, gradients=wrong)
    del wrong["decoder.out.b"]
    with pytest.raises(ValueError, match=r"there is no gradient for decoder\.out\.b"):
        check_model(vae, x, eps, gradients=wrong)
    with pytest.raises(ValueError, match="there is no parameter prior"):
        check_model(vae, x, eps, gradients={**vae.parameters, "prior": np.zeros(3)})
    with pytest.raises(ValueError, match="methods must be of complex step, central difference; got guess"):
        check_model(vae, x, eps, methods=["guess"])


class DirectPartAlone:
    """The mean of log q(z | x) with z held fixed: a loss whose only derivative is the direct one."""

    name, analytic_kl = "direct", False

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        n = terms.log_posterior.size
        none, each = np.zeros(terms.log_posterior.shape), np.full(terms.log_posterior.shape, 1 / n)
        return Loss(terms.log_posterior.mean(), Cotangents(none, log_posterior_direct=each))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_posteriors_direct_part_can_stand_alone(backend):
    vae = model(backend=backend)
    x, eps = batch(vae, 2)
    _, found = vae.loss_and_grad(x, eps, objective=DirectPartAlone())
    mu, logvar = vae.encode(x)
    z = mu + np.exp(logvar / 2) * eps

    def loss(b):  # log q's derivative with respect to the mean's bias, at a z that does not move
        return gaussian.log_normal(z, mu + b, logvar).mean()

    right = [complex_step(loss, np.zeros(3), unit) for unit in np.eye(3)]
    size = ((np.abs(z) + np.abs(mu)) / np.exp(logvar)).mean(axis=(0, 1))  # of (z - mu) / sigma^2
    assert_sums("encoder.mu.b", found["encoder.mu.b"], np.array(right), size, 50)
    assert not found["decoder.out.W"].any()
