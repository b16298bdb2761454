"""Priors: density against the oracle, gradients by the complex step, samples, planted mistakes; a small VampPrior."""

from __future__ import annotations

import latent_oracles as oracle
import numpy as np
import pytest
from models import batch, model
from posterior_checks import assert_gradients, derivatives
from sums import assert_sums

import vae_np
from vae_np.formulas import gaussian
from vae_np.formulas.numerics import log_sum_exp
from vae_np.formulas.priors import PRIORS, Mixture, Prior, Standard, VaDE
from vae_np.support.noise import standard_normal, stream

S, N, K = 3, 4, 2
CASES: dict[str, Prior] = {"standard": Standard(), "mixture": Mixture(5), "vade": VaDE(5)}


def test_every_prior_has_a_case():
    ours = {cls for cls in PRIORS.values() if cls.__module__.startswith("vae_np.")}
    assert {type(case) for case in CASES.values()} == ours


def inputs(prior: Prior, scale: float = 1.0, seed: int = 0):
    """z and own arrays of order ``scale``."""
    rng = np.random.default_rng(seed)
    own = {name: scale * rng.standard_normal(shape) for name, shape in prior.own_shapes(K).items()}
    return scale * rng.standard_normal((S, N, K)), own


def exact_log_density(prior: Prior, z, own) -> float:
    if isinstance(prior, Mixture):
        return float(oracle.mixture_log_density(z, own["logits"], own["mean"], own["logvar"]))
    return float(oracle.mixture_log_density(z, [0.0], [np.zeros(K)], [np.zeros(K)]))


def check_density(prior: Prior, scale: float = 1.0) -> None:
    z, own = inputs(prior, scale)
    found = prior.log_density(z, own)
    assert found.shape == (S, N)
    for s in range(S):
        for n in range(N):
            exact = exact_log_density(prior, z[s, n], own)
            assert abs(found[s, n] - exact) <= 1e-14 * (5 + abs(exact)) * (1 + scale)


def check_gradient(prior: Prior, scale: float = 1.0) -> None:
    z, own = inputs(prior, scale)
    dlog = np.random.default_rng(5).standard_normal((S, N))

    def total(arrays):
        return (dlog * prior.log_density(arrays["z"], {n: arrays[n] for n in own})).sum()

    dz, down = prior.gradient(dlog, z, own)
    assert_gradients({"z": dz, **down}, derivatives(total, {"z": z, **own}), np.abs(dlog).sum())


def weighted(prior: Prior, own) -> tuple[np.ndarray, np.ndarray]:
    """Samples z (M, K) of N(0, 9 I) and p(z) over their density (M,)."""
    z = 3 * standard_normal(1, 0, (1, 200_000, K))
    wide = gaussian.log_normal(z, np.zeros((1, K)), np.full((1, K), np.log(9)))
    return z[0], np.exp(prior.log_density(z, own) - wide)[0]


def check_normalised(prior: Prior) -> None:
    """The mean of p(z) / N(z; 0, 9 I) over the latter's samples is 1."""
    _, own = inputs(prior, 0.5)
    _, ratio = weighted(prior, own)
    error = ratio.std() / np.sqrt(ratio.size)
    assert error < 0.01
    assert abs(ratio.mean() - 1) <= 5 * error


def check_draws(prior: Prior) -> None:
    """First and second moments of the prior's own draws are those of its density."""
    _, own = inputs(prior, 0.5)
    drawn = prior.sample(200_000, K, stream(2, "prior"), own, np.float64)
    z, weight = weighted(prior, own)
    for power in (1, 2):
        ours, theirs = drawn**power, weight[:, None] * z**power
        error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / len(z))
        assert (error < 0.02).all()
        assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) <= 5 * error).all()


CHECKS = {check.__name__: check for check in (check_density, check_gradient, check_normalised, check_draws)}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", CASES)
def test_a_prior_passes_every_check(name, check):
    CHECKS[check](CASES[name])


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 4.0])
@pytest.mark.parametrize("name", CASES)
def test_densities_and_gradients_are_exact_at_every_size(name, scale):
    check_density(CASES[name], scale)
    check_gradient(CASES[name], scale)


class WeightsNotNormalised(Mixture):
    def _terms(self, z, own):
        terms, y, scale = super()._terms(z, own)
        return terms + log_sum_exp(own["logits"], axis=-1), y, scale


class OneSign(Mixture):
    def gradient(self, dlog, z, own):
        dz, down = super().gradient(dlog, z, own)
        return -dz, down


class NoPullOfTheWeights(Mixture):
    def gradient(self, dlog, z, own):
        dz, down = super().gradient(dlog, z, own)
        return dz, down | {"logits": down["logits"] * 1.001}


class VariancesDrawnAsDeviations(Mixture):
    def sample(self, n, latent, generator, own, dtype):
        return super().sample(n, latent, generator, {**own, "logvar": 2 * own["logvar"]}, dtype)


class ComponentsDrawnEvenly(Mixture):
    def sample(self, n, latent, generator, own, dtype):
        return super().sample(n, latent, generator, {**own, "logits": 0 * own["logits"]}, dtype)


@pytest.mark.parametrize(
    ("mistaken", "check"),
    [
        (WeightsNotNormalised(5), "check_density"),
        (WeightsNotNormalised(5), "check_normalised"),
        (OneSign(5), "check_gradient"),
        (NoPullOfTheWeights(5), "check_gradient"),
        (VariancesDrawnAsDeviations(5), "check_draws"),
        (ComponentsDrawnEvenly(5), "check_draws"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Prior) else value,
)
def test_a_planted_mistake_fails_its_check(mistaken, check):
    with pytest.raises(AssertionError):
        CHECKS[check](mistaken)


def test_a_mixture_of_one_standard_component_is_the_standard_normal():
    z, _ = inputs(Standard())
    own = {"logits": np.array([0.7]), "mean": np.zeros((1, K)), "logvar": np.zeros((1, K))}
    right = Standard().log_density(z, {})
    assert_sums("log p(z)", Mixture(1).log_density(z, own), right, np.abs(right))  # whose terms have one sign


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_responsibilities_add_up_to_one_however_far_z_lies(dtype):
    """With the log-density near -1e6 its own rounding is 0.06 in float32: it must not enter the weights."""
    own = {name: array.astype(dtype) for name, array in inputs(Mixture(5))[1].items()}
    own["logvar"] *= 0
    z = np.full((1, 1, K), 1e3, dtype)
    dlog = np.ones((1, 1), dtype)
    dz, down = Mixture(5).gradient(dlog, z, own)
    assert abs(down["logits"].sum()) <= 8 * np.finfo(dtype).eps
    assert (dz >= -(z.max() + 5)).all()
    assert (dz <= -(z.max() - 5)).all()


@pytest.mark.parametrize(("dtype", "logvar"), [(np.float32, -90.0), (np.float64, -750.0), (np.float64, -1500.0)])
def test_a_component_too_narrow_to_matter_has_the_gradient_zero(dtype, logvar):
    """Its (z - mean) / sigma, or the square, is beyond the range of numbers, and its responsibility is e^-(that): the
    gradient is that of the others, to 50 digits. Errors are some roundings of terms below 100."""
    prior = Mixture(3)
    z, own = inputs(prior)
    own["logvar"][1] = logvar
    z, own = z.astype(dtype), {name: array.astype(dtype) for name, array in own.items()}
    with np.errstate(over="ignore"):
        assert np.isfinite(prior.log_density(z, own)).all()
        dz, down = prior.gradient(np.ones((S, N), dtype), z, own)
    right = oracle.mixture_gradient(z[0, 0], own["logits"], own["mean"], own["logvar"])
    np.testing.assert_allclose(dz[0, 0], np.array(right, float), rtol=0, atol=100 * np.finfo(dtype).eps)
    others = {name: array[[0, 2]] for name, array in own.items()}
    dz_others, down_others = Mixture(2).gradient(np.ones((S, N), dtype), z, others)
    np.testing.assert_allclose(dz, dz_others, rtol=0, atol=100 * np.finfo(dtype).eps)
    for name in ("mean", "logvar"):
        assert (down[name][1] == 0).all()
        np.testing.assert_allclose(
            down[name][[0, 2]], down_others[name], rtol=0, atol=100 * S * N * np.finfo(dtype).eps
        )
    pi = np.exp(own["logits"][1] - log_sum_exp(own["logits"]))
    np.testing.assert_allclose(down["logits"][1], -S * N * pi, rtol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_model_with_such_a_component_trains(backend):
    vae = model(prior="mixture:components=3", backend=backend)
    vae.parameters["prior.logvar"][1] = -750.0
    loss, gradients = vae.loss_and_grad(*batch(vae, 2))
    assert np.isfinite(loss)
    assert np.isfinite(gradients.vector).all()


def test_the_start_of_a_mixture_is_about_the_standard_normal_and_no_component_twice():
    own = Mixture(500).own_start(3, np.random.default_rng(0))
    assert len(np.unique(own["mean"][:, 0])) == 500
    whole = own["mean"].var(axis=0) + np.exp(own["logvar"]).mean(axis=0)
    np.testing.assert_allclose(whole, 1, atol=0.2)


def test_landmarks_come_by_falling_weight():
    own = {"logits": np.array([0.0, 2.0, 1.0]), "mean": np.arange(6.0).reshape(3, 2), "logvar": np.zeros((3, 2))}
    np.testing.assert_array_equal(Mixture(3).landmarks(own), [[2, 3], [4, 5], [0, 1]])
    assert Standard().landmarks({}) is None


@pytest.mark.parametrize("components", [0, -1, 1.5, "2", False])
def test_a_number_of_components_that_makes_no_sense_is_an_error(components):
    with pytest.raises((ValueError, TypeError), match="components"):
        Mixture(components)


# ---- a prior that is made of the encoder


class SmallVamp(Prior):
    """p(z) = 1/M sum_m N(z; mu(u_m), exp(logvar(u_m))), the diagonal posteriors at learned pseudo-inputs u (M, D)."""

    name = "test-vamp"

    def __init__(self, n_features: int, pseudo_inputs: int = 3) -> None:
        self.n_features, self.pseudo_inputs = n_features, pseudo_inputs
        self.mixture = Mixture(pseudo_inputs)

    def config(self):
        return {"name": self.name, "n_features": self.n_features, "pseudo_inputs": self.pseudo_inputs}

    def own_shapes(self, latent):
        return {"u": (self.pseudo_inputs, self.n_features)}

    def own_start(self, latent, generator):
        return {"u": generator.random((self.pseudo_inputs, self.n_features))}

    def log_density(self, z, own):
        raise AssertionError("needs the encoder")

    gradient = sample = log_density

    def _components(self, heads):
        return {"logits": np.zeros(self.pseudo_inputs), "mean": heads["mu"], "logvar": heads["logvar"]}

    def forward(self, z, own, encoder):
        heads, cache = encoder.encode(own["u"])
        return self.mixture.log_density(z, self._components(heads)), (heads, cache)

    def backward(self, dlog, z, own, encoder, cache):
        heads, encoded = cache
        dz, down = self.mixture.gradient(dlog, z, self._components(heads))
        return dz, {"u": encoder.pull_back({"mu": down["mean"], "logvar": down["logvar"]}, encoded)}

    def draw(self, n, latent, generator, own, dtype, encoder):
        heads, _ = encoder.encode(own["u"])
        return self.mixture.sample(n, latent, generator, self._components(heads), dtype)


@pytest.mark.parametrize("objective", ["elbo", "iwae"])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_prior_made_of_the_encoder_has_the_right_gradients(backend, objective):
    vae = model(prior=SmallVamp(7), backend=backend)
    x, eps = batch(vae, 2)
    report = vae_np.gradcheck.check_model(vae, x, eps, objective=objective, methods=["complex step"])
    assert report.ok, report.table()
    assert {row.tensor for row in report.rows} >= {"prior.u", "encoder.0.W"}
    assert vae.sample(5, seed=0).shape == (5, 7)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_share_of_the_encoder_is_missed_where_it_is_left_out(backend):
    class Forgetful(SmallVamp):
        def backward(self, dlog, z, own, encoder, cache):
            heads, _ = cache
            dz, _ = self.mixture.gradient(dlog, z, self._components(heads))
            return dz, {"u": 0 * own["u"]}

    vae = model(prior=Forgetful(7), backend=backend)
    report = vae_np.gradcheck.check_model(vae, *batch(vae, 2), methods=["complex step"])
    failed = {row.tensor for row in report.rows if not row.ok}
    assert {"encoder.0.W", "encoder.mu.W", "prior.u"} <= failed
    assert not any(name.startswith("decoder") for name in failed)
