"""What users hold: values, shapes, errors, and the properties of the bound."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import LIKELIHOODS, D, K, N, batch, model

import vae_np
from vae_np import VAE, Gaussian, NonFiniteError, standard_normal

BACKENDS = ("numpy", "numba")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_elbo_is_put_together_from_its_terms(likelihood, backend):
    vae = model(likelihood=LIKELIHOODS[likelihood], backend=backend)
    x, eps = batch(vae, 3)
    found = vae.elbo(x, eps, beta=0.37)
    mu, logvar = vae.encode(x)
    z = mu + np.exp(logvar / 2) * eps
    own = vae.architecture.own(vae.parameters)
    log_likelihood = vae.likelihood.log_density(x, found.raw, own).sum(axis=-1).mean(axis=0)
    kl = 0.5 * (mu**2 + np.expm1(logvar) - logvar).sum(axis=1)
    for name, value in {"mu": mu, "logvar": logvar, "z": z, "log_likelihood": log_likelihood, "kl": kl}.items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=1e-12, atol=1e-13, err_msg=name)
    np.testing.assert_allclose(found.elbo, log_likelihood - 0.37 * kl, rtol=1e-12)
    np.testing.assert_allclose(vae.decode(found.z), vae.likelihood.mean(found.raw, own), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_loss_is_minus_the_mean_elbo(backend):
    vae = model(backend=backend)
    x, eps = batch(vae, 2)
    loss, _ = vae.loss_and_grad(x, eps, 0.37)
    assert loss == pytest.approx(-vae.elbo(x, eps, 0.37).elbo.mean(), rel=1e-14)


def test_shapes_follow_the_noise():
    vae = model()
    width = vae.likelihood.raw_size(D)
    for samples, lead in ((None, (N,)), (3, (3, N)), (1, (1, N))):
        found = vae.elbo(*batch(vae, samples))
        assert found.z.shape == (*lead, K)
        assert found.raw.shape == (*lead, width)
        assert found.elbo.shape == found.kl.shape == found.log_likelihood.shape == (N,)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_is_the_stack_of_its_examples(backend):
    vae = model(backend=backend)
    x, eps = batch(vae, 2)
    whole = vae.elbo(x, eps).elbo
    single = [vae.elbo(x[n : n + 1], eps[:, n : n + 1]).elbo[0] for n in range(N)]
    np.testing.assert_allclose(whole, single, rtol=1e-13)


@given(st.permutations(range(N)))
@settings(max_examples=10)
def test_permuting_the_examples_permutes_the_values_and_keeps_the_gradient(order):
    vae = model(backend="numpy")
    x, eps = batch(vae)
    rows = list(order)
    np.testing.assert_allclose(vae.elbo(x[rows], eps[rows]).elbo, vae.elbo(x, eps).elbo[rows], rtol=1e-13)
    a, b = vae.loss_and_grad(x, eps)[1], vae.loss_and_grad(x[rows], eps[rows])[1]
    np.testing.assert_allclose(a.vector, b.vector, rtol=1e-11, atol=1e-14)


def test_the_sampled_elbo_converges_to_its_expectation():
    vae = model(likelihood=Gaussian(0.7), backend="numpy", activation="identity", hidden=())
    x, _ = batch(vae)
    # for a linear decoder: E log p(x|z) = log p(x|mu) - 1/(2 sigma^2) sum_k var_k |W_k|^2
    _, logvar = vae.encode(x)
    at_mean = vae.elbo(x, np.zeros((N, K))).log_likelihood
    W = vae.parameters["decoder.out.W"]
    right = at_mean - (np.exp(logvar) @ (W**2).sum(axis=1)) / (2 * 0.7**2)
    draws = standard_normal(1, 0, (20_000, N, K))
    samples = vae.engine.terms(x, draws).log_likelihood
    error = samples.std(axis=0) / np.sqrt(len(samples))
    assert (np.abs(samples.mean(axis=0) - right) < 5 * error).all()
    # the sampler with the variance for the deviation would be found out
    wrong = vae.engine.terms(x, draws * np.exp(logvar / 2)).log_likelihood
    assert (np.abs(wrong.mean(axis=0) - right) > 5 * wrong.std(axis=0) / np.sqrt(len(wrong))).any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_are_the_callers_own(backend):
    vae = model(backend=backend)
    x, eps = batch(vae)
    kept = vae.elbo(x, eps), vae.loss_and_grad(x, eps)[1].vector, *vae.encode(x), vae.decode(eps)
    copies = [np.array(a) for a in (kept[0].raw, kept[0].kl, *kept[1:])]
    vae.elbo(1 - x, -eps), vae.loss_and_grad(1 - x, -eps), vae.encode(1 - x), vae.decode(-eps)
    for a, b in zip((kept[0].raw, kept[0].kl, *kept[1:]), copies, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_saving_and_loading_are_inverse(likelihood, tmp_path):
    vae = model(likelihood=LIKELIHOODS[likelihood], dtype="float32", activation="elu", init="torch", backend="numpy")
    vae.save(tmp_path / "model.npz")
    twin = vae_np.load(tmp_path / "model.npz", backend="numpy")
    assert twin.config() == vae.config()
    assert np.array_equal(twin.parameters.vector, vae.parameters.vector)
    assert twin.likelihood == vae.likelihood
    x, eps = batch(vae)
    assert np.array_equal(twin.elbo(x, eps).elbo, vae.elbo(x, eps).elbo)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda vae: pickle.loads(pickle.dumps(vae))])
def test_a_copy_of_a_model_is_a_model(copied, backend):
    vae = model(backend=backend)
    x, eps = batch(vae)
    vae.loss_and_grad(x, eps)
    twin = copied(vae)
    assert np.shares_memory(twin.parameters["encoder.0.W"], twin.parameters.vector)
    twin.parameters.vector[...] += 0.1
    fresh = vae_np.VAE(D, hidden=(5,), latent=K, backend=backend)
    fresh.parameters.vector[...] = twin.parameters.vector
    assert np.array_equal(twin.loss_and_grad(1 - x, eps)[1].vector, fresh.loss_and_grad(1 - x, eps)[1].vector)
    assert np.array_equal(twin.elbo(x, eps).elbo, fresh.elbo(x, eps).elbo)


def test_parameters_can_be_written_to_and_not_replaced():
    vae = model(backend="numpy")
    with pytest.raises(AttributeError):
        vae.parameters = model(seed=1, backend="numpy").parameters
    with pytest.raises(AttributeError):
        vae.parameters.vector = np.zeros_like(vae.parameters.vector)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("logvar", [-20.0, -60.0, -80.0, -200.0])
def test_the_importance_weighted_bound_survives_a_narrow_posterior(logvar, backend):
    vae = vae_np.VAE(3, hidden=(), latent=2, backend=backend)
    vae.parameters["encoder.mu.b"] = [1.0, 1.0]
    vae.parameters["encoder.logvar.b"] = [logvar, logvar]
    vae.parameters["encoder.logvar.W"][...] = 0
    x, eps = np.array([[0.0, 1.0, 1.0]]), np.random.default_rng(0).standard_normal((3, 1, 2))

    def bound(shift):  # in terms of eps, with nothing divided by sigma
        mu = x @ vae.parameters["encoder.mu.W"] + vae.parameters["encoder.mu.b"] + shift
        z = mu + np.exp(logvar / 2) * eps
        raw = z @ vae.parameters["decoder.out.W"] + vae.parameters["decoder.out.b"]
        log_w = (x * raw - np.logaddexp(0, raw)).sum(-1) - 0.5 * (z**2 - eps**2 - logvar).sum(-1)
        return -(np.logaddexp.reduce(log_w) - np.log(3)).mean()

    loss, gradients = vae.loss_and_grad(x, eps, objective="iwae")
    assert loss == pytest.approx(bound(0), rel=1e-13)
    right = [vae_np.gradcheck.central_difference(bound, np.zeros(2), unit)[0] for unit in np.eye(2)]
    np.testing.assert_allclose(gradients["encoder.mu.b"], right, rtol=1e-8)


def test_the_output_bias_starts_at_the_datas_mean():
    for likelihood in LIKELIHOODS.values():
        vae = VAE(D, hidden=(4,), latent=2, likelihood=likelihood, backend="numpy")
        x = 0.1 + 0.8 * np.random.default_rng(0).random((50, D))
        vae.start_output_bias(x)
        vae.parameters["decoder.out.W"][...] = 0
        np.testing.assert_allclose(vae.decode(np.zeros((1, 2)))[0], x.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("sigma", ["learned", "per-feature"])
def test_a_learned_variance_starts_at_the_datas(sigma):
    x = np.random.default_rng(0).normal(3, [0.1, 2.0, 5.0], (500, 3))
    vae = VAE(3, hidden=(4,), latent=2, likelihood=Gaussian(sigma), backend="numpy")
    vae.start_output_bias(x)
    right = x.var(axis=0) if sigma == "per-feature" else x.var(axis=0).mean(keepdims=True)
    np.testing.assert_allclose(np.exp(vae.parameters["likelihood.logvar"]), right)


@pytest.mark.parametrize("samples", [None, 3])
def test_the_stages_of_each_sample_can_be_had(samples):
    vae = model()
    x, eps = batch(vae, samples)
    found, whole = vae.terms(x, eps), vae.elbo(x, eps)
    np.testing.assert_allclose(found.log_likelihood.mean(axis=0), whole.log_likelihood, rtol=1e-14)
    np.testing.assert_allclose(found.kl.sum(axis=1), whole.kl, rtol=1e-14)
    assert found.z.shape == (samples or 1, N, K)
    bound = np.logaddexp.reduce(found.log_likelihood + found.log_prior - found.log_posterior) - np.log(samples or 1)
    assert vae.loss_and_grad(x, eps, objective="iwae")[0] == pytest.approx(-bound.mean(), rel=1e-13)


def test_samples_have_the_likelihoods_moments():
    vae = model(backend="numpy")
    x = vae.sample(20_000, seed=3)
    z = vae_np.noise.stream(3, "prior").standard_normal((20_000, K))
    mean = vae.decode(z).mean(axis=0)
    assert set(np.unique(x)) == {0.0, 1.0}
    assert (np.abs(x.mean(axis=0) - mean) < 5 * 0.5 / np.sqrt(20_000)).all()
    assert np.array_equal(x, vae.sample(20_000, seed=3))
    assert not np.array_equal(x, vae.sample(20_000, seed=4))


WRONG_CALLS = [
    (lambda v, x, e: v.encode(x[:, :-1]), ValueError, "x must have 7 columns; it has 6"),
    (lambda v, x, e: v.encode(x[0]), ValueError, "x must have two dimensions"),
    (lambda v, x, e: v.encode(x.astype("f4")), TypeError, r"x is float32 and the model is float64; convert it"),
    (lambda v, x, e: v.encode(x + 1j), TypeError, "x must hold real numbers; it has dtype complex128"),
    (lambda v, x, e: v.encode([["a"] * 7]), TypeError, "x must hold real numbers"),
    (lambda v, x, e: v.encode(x + 1.5), ValueError, "the bernoulli likelihood; row 0, column 0 is"),
    (lambda v, x, e: v.encode(np.where(x == x[2, 1], np.nan, x)), ValueError, "row 2, column 1 is nan"),
    (lambda v, x, e: v.elbo(x, e[:-1]), ValueError, r"eps must be \(N, K\) or \(S, N, K\) with N = 5, K = 3"),
    (lambda v, x, e: v.elbo(x, e[None, None]), ValueError, "eps must be"),
    (lambda v, x, e: v.elbo(x, e[:0][None].reshape(0, 0, 3)), ValueError, "eps must be"),
    (lambda v, x, e: v.decode(e[:, :2]), ValueError, "z must have 3 columns; it has 2"),
    (lambda v, x, e: v.loss_and_grad(x, e, objective="elob"), ValueError, "objective must be one of elbo, iwae"),
    (lambda v, x, e: v.loss_and_grad(x, e, 0.5, objective="iwae"), ValueError, "has no beta; got beta=0.5"),
    (lambda v, x, e: v.elbo(x, e, -1.0), ValueError, "beta must not be negative"),
    (lambda v, x, e: v.loss_and_grad(x, e, float("nan")), ValueError, "beta must be finite"),
    (lambda v, x, e: v.loss_and_grad(x, e, 1j), TypeError, "beta must be a number"),
    (lambda v, x, e: v.loss_and_grad(x, e, objective=vae_np.ELBO), TypeError, r"an object such as ELBO\(\)"),
    (lambda v, x, e: v.encode(np.ma.masked_array(x, x > 0.5)), TypeError, "whose mask would be lost"),
    (lambda v, x, e: v.decode(e * np.nan), NonFiniteError, r"z: .* \(examples 0, 1, 2"),
    (lambda v, x, e: v.elbo(x, np.where(e == e[3, 1], np.inf, e)), NonFiniteError, r"eps: .* \(examples 3\)"),
    (lambda v, x, e: v.start_output_bias(x[:0]), ValueError, "no examples to take a mean of"),
    (lambda v, x, e: v.sample(-1, 0), ValueError, "n must not be negative"),
    (lambda v, x, e: v.sample(1, -1), ValueError, "seed must lie in"),
    (lambda v, x, e: v.sample(1, 1.5), TypeError, "seed must be an integer"),
    (lambda v, x, e: v.sample(1, True), TypeError, "seed must be an integer"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG_CALLS, ids=range(len(WRONG_CALLS)))
def test_a_wrong_argument_is_an_error_that_states_the_fact(call, error, message):
    vae = model(backend="numpy")
    with pytest.raises(error, match=message):
        call(vae, *batch(vae))


WRONG_MODELS = [
    ({"hidden": 400}, TypeError, r"hidden must be a sequence of widths, such as \(400,\)"),
    ({"hidden": (0,)}, ValueError, "hidden must be positive; got 0"),
    ({"hidden": (2.5,)}, TypeError, "hidden must be made of integers; got 2.5"),
    ({"latent": 0}, ValueError, "latent must be positive; got 0"),
    ({"latent": True}, TypeError, "latent must be made of integers"),
    ({"decoder_hidden": 3}, TypeError, "decoder_hidden must be a sequence"),
    ({"activation": "swish"}, ValueError, "activation must be one of tanh, relu, softplus, sigmoid, elu, gelu, ide"),
    ({"likelihood": "poisson"}, ValueError, "likelihood must be one of bernoulli, continuous-bernoulli, gaussian"),
    ({"likelihood": 3}, TypeError, "likelihood must be a name or a Likelihood"),
    ({"likelihood": {"name": "bernoulli", "sigma": 1}}, ValueError, "the bernoulli likelihood does not take 'sigma'"),
    ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64; got float16"),
    ({"backend": "torch"}, ValueError, "backend must be numba or numpy; got 'torch'"),
    ({"seed": -1}, ValueError, "seed must lie in"),
    ({"init": "zeros"}, ValueError, "init must be one of glorot-uniform"),
]


@pytest.mark.parametrize(("options", "error", "message"), WRONG_MODELS, ids=lambda v: str(v)[:30])
def test_a_model_that_makes_no_sense_is_an_error(options, error, message):
    with pytest.raises(error, match=message):
        VAE(**{"n_features": 7, "hidden": (5,), "latent": 3, "backend": "numpy", **options})


@pytest.mark.parametrize("sigma", ["wide", 0, -1.0, np.nan, np.inf])
def test_a_sigma_that_makes_no_sense_is_an_error(sigma):
    with pytest.raises(ValueError, match="sigma must be"):
        Gaussian(sigma)


class Laplace(vae_np.Likelihood):
    """A likelihood as a user writes one: log p = -|x - m| - log 2."""

    name = "laplace-of-a-test"
    support = (-np.inf, np.inf)

    def log_density(self, x, raw, own=None):
        return -np.sqrt((x - raw) ** 2) - np.log(2)

    def gradient(self, x, raw, own=None):
        return np.sign(x - raw), {}

    def mean(self, raw, own=None):
        return raw

    def sample(self, raw, generator, own=None):
        return generator.laplace(raw)

    def start(self, mean, variance):
        return mean


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_users_likelihood_trains_saves_loads_and_resumes(backend, tmp_path):
    def fresh():
        return model(likelihood=Laplace(), backend=backend)

    x, eps = batch(fresh())
    report = vae_np.gradcheck.check_model(fresh(), x, eps, 0.37)
    assert report.ok, report.table()
    whole = fresh()
    vae_np.fit(whole, x, epochs=4)
    vae_np.fit(fresh(), x, epochs=2, checkpoint=tmp_path / "run.npz")
    resumed = fresh()
    vae_np.fit(resumed, x, epochs=4, checkpoint=tmp_path / "run.npz", resume=True)
    assert np.array_equal(resumed.parameters.vector, whole.parameters.vector)
    assert vae_np.load(tmp_path / "run.npz", backend=backend).likelihood == Laplace()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_log_density_that_is_summed_already_is_refused(backend):
    class Summed(Laplace):
        def log_density(self, x, raw, own=None):
            return super().log_density(x, raw).sum(axis=-1)

    vae = model(likelihood=Summed(), backend=backend)
    with pytest.raises(ValueError, match=r"must have shape \(1, 5, 7\), a value a feature; it has \(1, 5\)"):
        vae.loss_and_grad(*batch(vae))


def test_the_name_of_a_likelihood_of_the_package_is_taken():
    with pytest.raises(ValueError, match=r"there is a likelihood 'bernoulli' already: vae_np\.formulas\.likelihoods"):
        type("Mine", (Laplace,), {"name": "bernoulli"})


def test_numpys_integers_are_sizes_too(tmp_path):
    vae = VAE(np.uint8(200), hidden=np.array([200], np.uint8), latent=np.int64(2), backend="numpy")
    vae.save(tmp_path / "model.npz")
    assert vae_np.load(tmp_path / "model.npz", backend="numpy").parameters.vector.size == 81804


def test_integers_and_bools_are_data_too():
    vae = model(backend="numpy")
    x = (batch(vae)[0] > 0.5).astype(int)
    assert np.array_equal(vae.encode(x)[0], vae.encode(x.astype(float))[0])
    assert np.array_equal(vae.encode(x.astype(bool))[0], vae.encode(x.astype(float))[0])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("spoil", "stage", "examples"),
    [
        (lambda v, e: e.__setitem__((2, 1), np.nan), "eps", (2,)),
        (lambda v, e: v.parameters["encoder.0.W"].__setitem__((0, 0), np.nan), "parameter encoder.0.W", ()),
        (lambda v, e: v.parameters["encoder.logvar.b"].__setitem__(0, 2000.0), "z", (0, 1, 2, 3, 4)),
        (lambda v, e: v.parameters["decoder.out.b"].__setitem__(0, 1e308), "log_likelihood", (0, 1, 2, 3, 4)),
    ],
    ids=["noise", "weight", "variance", "logit"],
)
def test_what_is_not_finite_is_reported_with_its_stage_and_examples(spoil, stage, examples, backend):
    vae = model(likelihood=Gaussian(0.1), backend=backend)
    x, eps = batch(vae)
    spoil(vae, eps)
    with pytest.raises(NonFiniteError) as caught:
        vae.loss_and_grad(x, eps)
    assert caught.value.stage == stage
    assert caught.value.examples == examples


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_finite_loss_with_an_infinite_gradient_is_reported_too(backend):
    vae = model(likelihood=Gaussian(0.1), backend=backend)
    vae.parameters["decoder.out.W"][...] = 1e160
    vae.parameters["decoder.out.b"][...] = 1e153
    x, eps = batch(vae)
    with pytest.raises(NonFiniteError):
        vae.loss_and_grad(x, eps)


def test_the_representation_tells_the_model():
    text = repr(VAE(64, hidden=(32, 16), latent=2, backend="numpy"))
    assert text == "VAE(64-32-16-2-16-32-64, tanh, Bernoulli(), float64, 5380 parameters)"
