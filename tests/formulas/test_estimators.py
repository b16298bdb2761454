"""Gradient estimators: what they are the mean of, exactly, by naive sums over samples, and that mistakes show."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from models import batch, model

import vae_np
from vae_np.exact import expected
from vae_np.formulas.elbo import Cotangents, Terms, backward, forward
from vae_np.formulas.objectives import (
    IWAE,
    OBJECTIVES,
    RWS,
    VIMCO,
    DReG,
    Loss,
    Objective,
    Reinforce,
    StickingTheLanding,
    get_objective,
    log_weights,
)
from vae_np.gradcheck import check_model

OURS = [name for name, kind in OBJECTIVES.items() if kind.__module__.startswith("vae_np.")]
OF_THE_ELBO = ["elbo-sampled", "stl", "reinforce", "reinforce:baseline=leave-one-out", "reinforce:running=-3.5"]
OF_THE_BOUND = ["dreg", "vimco", "renyi:alpha=0", "miwae:groups=1", "ciwae:share=0"]
NODES = {"tolerance": 1e-13, "most": 128**2}
"""For `narrow` they miss some 1e-13 of what is compared."""


def narrow(**settings):
    """A model of one latent dimension whose q is narrow, so that few nodes suffice."""
    vae = model(n_features=2, hidden=(2,), latent=1, activation="tanh", backend="numpy", **settings)
    vae.parameters["encoder.logvar.b"] -= 2
    return vae, batch(vae, n=2)[0][:, :2]


def difference(one, other, part=""):
    """The largest between two gradients, of the entries of a part, in units of the largest entry."""
    a, b = one.gradients, other.gradients
    largest = np.abs(b.vector).max()
    return max(np.abs(a[name] - b[name]).max() for name in a if name.startswith(part)) / largest


@pytest.mark.parametrize("name", OF_THE_ELBO)
def test_the_mean_of_an_estimator_of_the_elbo_is_its_gradient(name):
    vae, x = narrow()
    right = expected(vae, x, "elbo", 1, **NODES)
    found = expected(vae, x, name, 2, **NODES)
    np.testing.assert_allclose(found.value, right.value, rtol=1e-10)
    assert difference(found, right) < 1e-9


@pytest.mark.parametrize("name", OF_THE_BOUND)
def test_the_mean_of_an_estimator_of_the_importance_weighted_bound_is_its_gradient(name):
    vae, x = narrow()
    right = expected(vae, x, "iwae", 2, **NODES)
    found = expected(vae, x, name, 2, **NODES)
    np.testing.assert_allclose(found.value, right.value, rtol=1e-12)
    assert difference(found, right) < 1e-8
    assert difference(right, expected(vae, x, "elbo", 1, **NODES)) > 1e-3  # it is another one


def test_both_forms_of_reweighted_wake_sleep_have_one_mean_which_is_another_for_the_encoder():
    vae, x = narrow()
    plain, doubly, bound = (expected(vae, x, name, 2, **NODES) for name in ("rws", "rws-dreg", "iwae"))
    assert difference(plain, doubly) < 1e-8
    assert difference(plain, bound, "decoder") < 1e-12
    assert difference(plain, bound, "encoder") > 1e-3


def test_the_bounds_between_are_made_of_their_parts():
    vae, x = narrow()
    elbo, bound = expected(vae, x, "elbo", 1, **NODES), expected(vae, x, "iwae", 2, **NODES)
    for name in ("miwae:groups=2", "renyi:alpha=1", "ciwae:share=1"):  # two groups of one, and the limit
        assert difference(expected(vae, x, name, 2, **NODES), elbo) < 1e-9
    partly = expected(vae, x, "piwae:groups=2", 2, **NODES)
    assert difference(partly, bound, "decoder") == 0
    assert difference(partly, elbo, "encoder") < 1e-9
    mixed = expected(vae, x, "ciwae:share=0.3", 2, **NODES)
    np.testing.assert_allclose(mixed.value, 0.3 * elbo.value + 0.7 * bound.value, rtol=1e-10)
    mean = 0.3 * elbo.gradients.vector + 0.7 * bound.gradients.vector
    np.testing.assert_allclose(mixed.gradients.vector, mean, atol=1e-9 * np.abs(mean).max())
    renyi = expected(vae, x, "renyi:alpha=0.5", 2, **NODES)
    assert (elbo.value < renyi.value).all()
    assert (renyi.value < bound.value).all()


# ---- planted mistakes: each keeps its value, so that only the gradient tells


def _with(loss, **changes):
    return loss._replace(cotangents=replace(loss.cotangents, **changes))


@dataclass(frozen=True)
class Planted:
    """An estimator with its cotangents changed; no `Objective`, which would be known by its name in every test."""

    right: Objective
    change: object
    name = "planted"
    analytic_kl = False

    def __call__(self, terms, beta=1.0):
        return self.change(self.right(terms, beta), terms)


def _of(change):
    return lambda loss, terms: _with(loss, **change(loss.cotangents))


MISTAKES = {
    "reinforce does not detach z": (Reinforce(), _of(lambda c: {"path": None, "log_posterior": None})),
    "reinforce with the wrong sign": (Reinforce(), _of(lambda c: {"log_posterior_direct": -c.log_posterior_direct})),
    "a baseline that has its own sample": (
        Reinforce("leave-one-out"),
        lambda loss, terms: _with(
            loss,
            log_posterior_direct=-(log_weights(terms) - log_weights(terms).mean(axis=0)) / terms.log_prior.size,
        ),
    ),
    "dreg with the weights once": (DReG(), _of(lambda c: {"path": None})),
    "dreg that keeps the score": (DReG(), _of(lambda c: {"log_posterior_direct": c.log_posterior})),
    "dreg that doubles the decoder's weights too": (
        DReG(),
        _of(lambda c: {"log_likelihood": c.log_likelihood * c.path}),
    ),
    "vimco without the weights": (
        VIMCO(),
        _of(lambda c: {"log_posterior_direct": c.log_posterior_direct + c.log_likelihood}),
    ),
    "vimco does not detach z": (VIMCO(), _of(lambda c: {"path": None})),
    "wake-sleep that pushes q away": (RWS(), _of(lambda c: {"log_posterior_direct": -c.log_posterior_direct})),
    "sticking the landing that drops log q": (StickingTheLanding(), _of(lambda c: {"log_posterior": None})),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_moves_the_mean(name):
    vae, x = narrow()
    right, change = MISTAKES[name]
    wrong = expected(vae, x, Planted(right, change), 2, **NODES)
    assert difference(wrong, expected(vae, x, right, 2, **NODES)) > 1e-2


# ---- by naive sums


def gradient_of_one(vae, x, eps, cotangents):
    """Of one example with the cotangents of its samples, each a number or left out."""
    arrays = {name: np.array(value)[:, None] for name, value in cotangents.items()}
    _, cache = forward(vae.parameters, x, eps, vae.architecture)
    return backward(vae.parameters, Cotangents(**arrays), cache, vae.architecture).vector


def test_dreg_is_the_sum_over_samples_of_squared_weights():
    vae, x = narrow()
    eps = np.random.default_rng(0).normal(size=(3, 1, 1))
    log_w = log_weights(vae.terms(x[:1], eps))[:, 0]
    v = [float(np.exp(a) / sum(np.exp(b) for b in log_w)) for a in log_w]
    _, found = vae.loss_and_grad(x[:1], eps, objective="dreg")
    minus, squared = [-a for a in v], [-a * a for a in v]
    once = gradient_of_one(vae, x[:1], eps, {"log_likelihood": minus, "log_prior": minus})
    no_score = {"log_posterior": [a * a for a in v], "log_posterior_direct": [0.0] * 3}
    twice = gradient_of_one(vae, x[:1], eps, {"log_likelihood": squared, "log_prior": squared} | no_score)
    of_encoder = vae.parameters.like(twice)
    for name in found:
        right = of_encoder[name] if name.startswith("encoder.") else vae.parameters.like(once)[name]
        np.testing.assert_allclose(found[name], right, atol=1e-13)


def test_vimco_s_signal_by_hand():
    a, b, c = -3.0, -1.0, -2.5
    zero = np.zeros((3, 1))
    found = VIMCO()(Terms(np.array([[a], [b], [c]]), zero, zero, zero, zero, zero, zero, zero))
    bound = np.log((np.exp(a) + np.exp(b) + np.exp(c)) / 3)
    for s, (mine, one, other) in enumerate([(a, b, c), (b, a, c), (c, a, b)]):
        without = np.log((np.exp((one + other) / 2) + np.exp(one) + np.exp(other)) / 3)
        weight = np.exp(mine) / (np.exp(a) + np.exp(b) + np.exp(c))
        assert found.cotangents.log_posterior_direct[s, 0] == pytest.approx(weight - (bound - without), abs=1e-14)
        assert found.cotangents.log_likelihood[s, 0] == pytest.approx(-weight)


def test_reinforce_s_signal_is_less_its_baseline():
    log_w, zero = np.array([[-3.0, -2.0], [-1.0, -4.0]]), np.zeros((2, 2))
    terms = Terms(log_w, zero, zero, zero, zero, zero, zero, zero)
    for objective, baseline in [
        (Reinforce(), 0.0),
        (Reinforce("running", running=-1.5), -1.5),
        (Reinforce("leave-one-out"), log_w[::-1]),
    ]:
        direct = objective(terms).cotangents.log_posterior_direct
        np.testing.assert_allclose(direct, -(log_w - baseline) / 4)


def test_a_running_baseline_follows_the_losses():
    first = Reinforce("running", decay=0.5)
    second = first.after(10.0)
    assert second.running == -10
    assert second.after(4.0).running == pytest.approx(-7)
    assert Reinforce("leave-one-out").after(10.0) == Reinforce("leave-one-out")
    assert IWAE().after(3.0) == IWAE()


def test_sticking_the_landing_has_no_gradient_for_an_encoder_that_is_right():
    """Where q is the true posterior log w is constant in z: each sample's gradient vanishes, not only the mean."""
    vae = vae_np.VAE(3, hidden=(), latent=1, likelihood=vae_np.Gaussian(0.5), backend="numpy")
    W = vae.parameters["decoder.out.W"]
    precision = 1 + float((W**2).sum()) / 0.25
    vae.parameters["encoder.mu.W"] = W.T / 0.25 / precision
    vae.parameters["encoder.logvar.W"], vae.parameters["encoder.logvar.b"] = np.zeros((3, 1)), [-np.log(precision)]
    x, eps = np.random.default_rng(0).normal(size=(4, 3)), np.random.default_rng(1).normal(size=(1, 4, 1))
    largest = {}
    for name in ("stl", "elbo-sampled", "dreg"):
        _, found = vae.loss_and_grad(x, eps, objective=name)
        largest[name] = max(np.abs(found[tensor]).max() for tensor in found if tensor.startswith("encoder."))
    assert largest["stl"] < 1e-13
    assert largest["dreg"] < 1e-13
    assert largest["elbo-sampled"] > 0.1


def test_weights_that_underflow_leave_a_partially_weighted_gradient_finite_and_right():
    """The second group's weights are e^-1000 of the first's: a ratio of the weights would be 0/0."""
    log_w, zero = np.array([[0.0], [-1.0], [-1000.0], [-1001.0]]), np.zeros((4, 1))
    found = get_objective("piwae:groups=2")(Terms(log_w, zero, zero, zero, zero, zero, zero, zero))
    share = 1 / (1 + np.exp(-1))
    np.testing.assert_allclose(found.encoder.log_posterior[:, 0], [share / 2, (1 - share) / 2] * 2)
    np.testing.assert_allclose(found.cotangents.log_posterior[:, 0], [share, 1 - share, 0, 0])


# ---- for all


@pytest.mark.parametrize("objective", [name for name in OURS if OBJECTIVES[name].differentiates])
def test_a_gradient_that_is_the_value_s_derivative_passes_the_gradient_check(objective):
    vae = model(backend="numpy")
    x, eps = batch(vae, 4)
    assert check_model(vae, x, eps, objective=objective, directions=2, every_coordinate=False).ok


def test_a_gradient_check_of_another_estimator_is_refused_with_what_serves():
    vae = model(backend="numpy")
    for name in (name for name in OURS if not OBJECTIVES[name].differentiates):
        with pytest.raises(ValueError, match=r"right in the mean.*vae_np.estimators.measure"):
            check_model(vae, *batch(vae, 2), objective=name)


@pytest.mark.parametrize(
    "settings", [{}, {"posterior": "full", "prior": "mixture:components=3"}], ids=["plain", "full"]
)
def test_both_backends_have_every_estimator_s_gradient(settings):
    one, other = (model(backend=backend, **settings) for backend in ("numpy", "numba"))
    x, eps = batch(one, 4)
    for objective in (*OURS, "reinforce:baseline=leave-one-out"):
        loss, right = one.loss_and_grad(x, eps, objective=objective)
        found, gradients = other.loss_and_grad(x, eps, objective=objective)
        assert found == pytest.approx(loss, rel=1e-12), objective
        assert np.abs(gradients.vector - right.vector).max() <= 1e-12 * np.abs(right.vector).max(), objective


def test_wrong_settings_are_errors():
    vae = model(backend="numpy")
    x, eps = batch(vae, 1)
    for name in ("vimco", "reinforce:baseline=leave-one-out"):
        with pytest.raises(ValueError, match="needs at least 2 samples; got 1"):
            vae.loss_and_grad(x, eps, objective=name)
    with pytest.raises(ValueError, match="miwae divides the samples into 2 groups of one size; got 1 samples"):
        vae.loss_and_grad(x, eps, objective="miwae")
    for wrong, message in {
        "reinforce:baseline=mean": "baseline must be one of none, running, leave-one-out; got 'mean'",
        "reinforce:decay=1": "decay must be at least 0 and below 1; got 1",
        "reinforce:running=nan": "running must be a finite number; got nan",
        "miwae:groups=0": "groups must be at least 1; got 0",
        "ciwae:share=1.5": r"share must lie in \[0, 1\]; got 1.5",
        "renyi:alpha=inf": "alpha must be a finite number; got inf",
    }.items():
        with pytest.raises(ValueError, match=message):
            get_objective(wrong)
    for name in OURS:
        if name != "elbo":
            with pytest.raises(ValueError, match=f"the {name} objective has no beta; got beta=0.5"):
                vae.loss_and_grad(*batch(vae, 2), 0.5, objective=name)


def test_an_expectation_that_is_not_to_be_had_says_what_serves():
    vae, x = narrow()
    with pytest.raises(ValueError, match=r"at most 4 noises.*vae_np.estimators.measure"):
        expected(vae, x, "iwae", 5)
    with pytest.raises(ValueError, match=r"no value of each example: .* have one as free_bits_kind='per-entry' or"):
        expected(vae, x, "elbo:free_bits=0.5", 1, **NODES)
    with pytest.raises(ValueError, match="at most 3 latent dimensions"):
        expected(model(latent=4, backend="numpy"), batch(model())[0], "iwae", 1)


def test_the_loss_s_value_of_each_example_has_the_loss_as_its_mean():
    vae = model(backend="numpy")
    terms = vae.terms(*batch(vae, 4))
    for name in OURS:
        loss: Loss = get_objective(name)(terms)
        assert loss.each.shape == (5,)
        assert -loss.each.mean() == pytest.approx(loss.value, rel=1e-13)


def test_what_the_other_samples_weigh_is_not_lost_beside_one_that_has_all_the_weight():
    """1 - v of the first is e^-50: the difference of rounded numbers would be 0."""
    log_w, zero = np.array([[0.0], [-50.0]]), np.zeros((2, 1))
    found = get_objective("rws-dreg")(Terms(log_w, zero, zero, zero, zero, zero, zero, zero))
    np.testing.assert_allclose(found.cotangents.path[:, 0], [np.exp(-50), 1], rtol=1e-13)
