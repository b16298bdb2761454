"""The engine on kernels against the engine on formulas: every activation, likelihood, objective and form of model."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from vae_np.formulas import optim
from vae_np.formulas.elbo import Cotangents
from vae_np.formulas.engine import FormulaEngine
from vae_np.formulas.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian
from vae_np.formulas.numerics import log_mean_exp
from vae_np.formulas.objectives import ELBO, IWAE, Loss
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.step.engine import KernelEngine
from vae_np.model.vae import VAE
from vae_np.support.errors import NonFiniteError

FLOATS = ["float64", "float32"]
ACTIVATIONS = ["tanh", "relu", "softplus", "sigmoid", "elu", "gelu", "identity"]
LIKELIHOODS = {
    "bernoulli": Bernoulli(),
    "continuous-bernoulli": ContinuousBernoulli(),
    **{f"gaussian {sigma}": Gaussian(sigma) for sigma in (0.7, "learned", "per-feature", "heteroscedastic")},
}


# ---- objectives that only tests have: other cotangents for the same backward pass


@dataclass(frozen=True)
class Pathwise:
    """An importance-weighted bound with the direct part of log q left out, and the encoder's gradient times ``power``
    of the normalised weights: sticking the landing for power 0, doubly reparameterised for 1."""

    power: int
    name = "pathwise"
    analytic_kl = False

    def __call__(self, terms, beta=1.0):
        log_w = terms.log_likelihood + terms.log_prior - terms.log_posterior
        bound = log_mean_exp(log_w)
        normalised = np.exp(log_w - bound) / len(log_w)
        weight = normalised / log_w.shape[1]
        none, path = np.zeros_like(weight), normalised**self.power
        c = Cotangents(-weight, log_prior=-weight, log_posterior=weight, log_posterior_direct=none, path=path)
        return Loss(-bound.mean(), c)


@dataclass(frozen=True)
class OddForms:
    """A sampled ELBO whose cotangents are float64, read-only or broadcast, and has some of the terms only."""

    posterior: bool = True
    name = "odd"
    analytic_kl = False

    def __call__(self, terms, beta=1.0):
        s, n = terms.log_likelihood.shape
        value = -(terms.log_likelihood + terms.log_prior).sum() / (s * n)
        minus = np.broadcast_to(np.float64(-1 / (s * n)), (s, n))
        if not self.posterior:
            return Loss(value, Cotangents(minus, log_prior=minus))
        return Loss(value + terms.log_posterior.sum() / (s * n), Cotangents(minus, None, minus, -minus))


@dataclass(frozen=True)
class Doubled:
    """Twice the log-likelihood: a constant weight that is not the usual one."""

    name = "doubled"
    analytic_kl = True

    def __call__(self, terms, beta=1.0):
        s, n = terms.log_likelihood.shape
        weight = np.full((s, n), -2 / (s * n), terms.mu.dtype)
        return Loss(weight[0, 0] * terms.log_likelihood.sum(), Cotangents(weight))


OBJECTIVES = {
    "beta": (ELBO(), 0.37),
    "free bits per dimension": (ELBO(0.4, "per-dimension"), 0.37),
    "free bits per entry": (ELBO(0.4, "per-entry"), 0.37),
    "free bits total": (ELBO(1.2, "total"), 0.37),
    "iwae": (IWAE(), 1.0),
}
OTHERS = [Pathwise(0), Pathwise(1), OddForms(), OddForms(posterior=False), Doubled()]


# ---- two engines with one set of parameters


def engines(dtype="float64", likelihood="bernoulli", n_features=11, seed=3, **form) -> tuple:
    """(formula, kernel), each with its own copy of parameters that are nowhere 0."""
    form = {"hidden": (7,), "latent": 3} | form
    vae = VAE(n_features, likelihood=likelihood, dtype=dtype, backend="numpy", seed=seed, **form)
    vector = vae.parameters.vector
    vector += np.asarray(0.1 * np.random.default_rng(seed).standard_normal(vector.size), dtype)
    return FormulaEngine(vae.architecture, vae.parameters), KernelEngine(vae.architecture, vae.parameters.copy())


def batch(dtype, samples=1, n=5, n_features=11, latent=3, seed=0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.choice([0.0, 1.0, 0.3, 0.9], (n, n_features)).astype(dtype)
    return x, generator.standard_normal((samples, n, latent)).astype(dtype)


def assert_close(name, got, expected, dtype, factor=1.0) -> None:
    """Within 50 eps of the largest entry, times a factor; one entry alone has no larger one if its terms cancel."""
    factor *= 10 if expected.size == 1 else 1
    assert got.shape == expected.shape, f"{name}: {got.shape} and {expected.shape}"
    assert got.dtype == expected.dtype == np.dtype(dtype), f"{name}: {got.dtype} and {expected.dtype}"
    bound = 50 * factor * np.finfo(dtype).eps * np.abs(expected).max(initial=0)
    error = np.abs(got - expected).max(initial=0)
    assert error <= bound, f"{name}: off by {error:.3g}, where {bound:.3g} is allowed"


def assert_step_agrees(pair, x, eps, objective, beta, dtype) -> None:
    formula, kernel = (engine.loss_and_grad(x, eps, objective, beta) for engine in pair)
    # a rounding of the log-weights' size is one of the normalised weights' logarithm
    size = np.abs(formula.log_likelihood).max() if not objective.analytic_kl else 1.0
    factor = max(1.0, float(size) / 5)
    assert_close("loss", np.asarray(kernel.loss, dtype), np.asarray(formula.loss, dtype), dtype)
    assert_close("log_likelihood", kernel.log_likelihood, formula.log_likelihood, dtype)
    assert_close("kl", kernel.kl, formula.kl, dtype)
    assert list(kernel.gradients) == list(formula.gradients)
    for name, expected in formula.gradients.items():
        assert_close(name, kernel.gradients[name], expected, dtype, factor)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_engines_agree_on_every_activation_likelihood_and_objective(activation, likelihood, dtype):
    pair = engines(dtype, LIKELIHOODS[likelihood], activation=activation)
    for samples in (1, 3):
        x, eps = batch(dtype, samples)
        for objective, beta in OBJECTIVES.values():
            assert_step_agrees(pair, x, eps, objective, beta, dtype)


def test_free_bits_bind_for_some_terms_and_not_for_others():
    x, eps = batch("float64")
    kl = engines()[0].terms(x, eps).kl
    for values, free in ((kl.mean(axis=0), 0.4), (kl, 0.4), (kl.sum(axis=1), 1.2)):
        assert 0 < (values > free).sum() < values.size


FORMS = [
    {"hidden": ()},
    {"hidden": (), "decoder_hidden": (4,)},
    {"hidden": (6,), "decoder_hidden": ()},
    {"hidden": (9, 5), "decoder_hidden": (4, 8, 3)},
    {"hidden": (8, 7, 6)},
    {"hidden": (1,), "latent": 1, "n_features": 1},
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_engines_agree_on_every_form_of_model(form, activation, dtype):
    for likelihood in ("bernoulli", Gaussian("per-feature"), Gaussian("heteroscedastic")):
        pair = engines(dtype, likelihood, activation=activation, **form)
        sizes = {"n_features": form.get("n_features", 11), "latent": form.get("latent", 3)}
        for samples, n in ((1, 1), (3, 4)):
            x, eps = batch(dtype, samples, n, **sizes)
            for objective in (ELBO(), IWAE(), Pathwise(1)):
                assert_step_agrees(pair, x, eps, objective, 1.0, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("objective", OTHERS, ids=repr)
def test_the_engines_agree_on_other_cotangents(objective, samples, dtype):
    for likelihood in ("bernoulli", Gaussian("learned")):
        assert_step_agrees(engines(dtype, likelihood), *batch(dtype, samples), objective, 1.0, dtype)


def test_a_term_that_is_left_out_may_overflow():
    """With sigma = 0 or e^logvar infinite, a cotangent of nothing is still nothing."""
    for shift in (-250.0, 100.0):
        pair = engines("float32")
        for engine in pair:
            engine.parameters["encoder.logvar.b"][...] = shift
            engine.parameters["encoder.mu.W"][...] *= 1e-3
        x, eps = batch("float32")
        eps *= np.float32(1e-20)
        steps = [engine.loss_and_grad(x, eps, OddForms(posterior=False), 1.0) for engine in pair]
        assert np.isfinite(steps[0].gradients.vector).all()
        assert np.isfinite(steps[1].gradients.vector).all(), shift


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_engines_agree_on_terms_encode_and_decode(likelihood, dtype):
    formula, kernel = engines(dtype, LIKELIHOODS[likelihood])
    x, eps = batch(dtype, samples=3)
    for name, got, expected in zip(
        formula.terms(x, eps)._fields[:8], kernel.terms(x, eps)[:8], formula.terms(x, eps)[:8], strict=True
    ):
        assert_close(name, got, expected, dtype, 4)
    for n in (0, 1, 5, 1024, 2051):  # blocks of 1024
        x, eps = batch(dtype, n=n)
        for got, expected in zip(kernel.encode(x), formula.encode(x), strict=True):
            assert_close("encode", got, expected, dtype)
        assert_close("decode", kernel.decode(eps), formula.decode(eps), dtype)
        assert_close("decode", kernel.decode(eps[0]), formula.decode(eps[0]), dtype)


def test_changing_batch_sizes_use_the_right_buffers():
    pair = engines(likelihood=Gaussian("learned"))
    for seed, (samples, n) in enumerate([(1, 5), (1, 2), (1, 5), (3, 5), (1, 2), (2, 7), (1, 9), (1, 5), (3, 5)]):
        x, eps = batch("float64", samples, n, seed=seed)
        assert_step_agrees(pair, x, eps, ELBO(), 1.0, "float64")
        pair[1].encode(x)
        assert_step_agrees(pair, x, eps, IWAE(), 1.0, "float64")
        assert len(pair[1]._workspaces) <= 3


class Unknown(Bernoulli):
    """A likelihood without a kernel."""

    name = "unknown"

    def log_density(self, x, raw, own=None):
        return super().log_density(x, raw) - raw * raw

    def gradient(self, x, raw, own=None):
        return super().gradient(x, raw)[0] - 2 * raw, {}


class UnknownGaussian(Gaussian):
    """Another, with arrays of its own."""

    name = "unknown-gaussian"


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "likelihood", [Unknown(), *map(UnknownGaussian, ["learned", "per-feature", "heteroscedastic"])], ids=repr
)
def test_a_likelihood_without_a_kernel_runs_on_its_formula(likelihood, dtype):
    pair = engines(dtype, likelihood)
    for samples in (1, 3):
        for objective in (ELBO(), IWAE()):
            assert_step_agrees(pair, *batch(dtype, samples), objective, 1.0, dtype)


ADAMS = [
    {},
    {"amsgrad": True},
    {"epsilon_hat": True, "epsilon": 1e-4},
    {"weight_decay": 0.1},
    {"clip_norm": 0.3},
    {"amsgrad": True, "epsilon_hat": True, "weight_decay": 0.01, "clip_norm": 0.3},
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("settings", ADAMS, ids=str)
def test_the_engines_agree_after_20_updates_with_one_gradient_each(settings, dtype):
    formula, kernel = engines(dtype)
    adam = optim.Adam(learning_rate=0.01, **settings)
    states = [optim.AdamState.zeros(engine.parameters.vector, adam) for engine in (formula, kernel)]
    for step in range(20):
        gradients = formula.loss_and_grad(*batch(dtype, seed=step), ELBO(), 1.0).gradients
        gradients.vector[:3] = 0.0
        norms = [e.update(adam, gradients, s) for e, s in zip((formula, kernel), states, strict=True)]
        assert norms[0] == pytest.approx(norms[1], rel=4 * float(np.finfo(dtype).eps))
    eps = np.finfo(dtype).eps
    theta, other = formula.parameters.vector, kernel.parameters.vector
    assert (np.abs(theta - other) <= 20 * eps * (np.abs(theta) + 0.2)).all()
    for name, expected in states[0].arrays().items():
        got = states[1].arrays()[name]
        size = np.abs(expected).max() if name == "m" else np.abs(expected)
        assert (np.abs(got - expected) <= 20 * eps * size).all(), name


# ---- known gradients


def linear_gaussian(dtype="float64"):
    """A linear model of which the encoder is the exact posterior: W's rows are orthogonal, so it is diagonal."""
    d, k, sigma = 6, 2, 0.7
    formula, kernel = engines(dtype, Gaussian(sigma), n_features=d, latent=k, hidden=())
    generator = np.random.default_rng(5)
    w = np.linalg.qr(generator.standard_normal((d, k)))[0].T * [[1.5], [0.6]]
    b = generator.standard_normal(d)
    precision = 1 + (w**2).sum(axis=1) / sigma**2
    for engine in (formula, kernel):
        p = engine.parameters
        p["decoder.out.W"][...], p["decoder.out.b"][...] = w, b
        p["encoder.mu.W"][...] = w.T / sigma**2 / precision
        p["encoder.mu.b"][...] = -b @ w.T / sigma**2 / precision
        p["encoder.logvar.W"][...], p["encoder.logvar.b"][...] = 0, -np.log(precision)
    x = (generator.standard_normal((5, k)) @ w + b + sigma * generator.standard_normal((5, d))).astype(dtype)
    return (formula, kernel), x, generator.standard_normal((3, 5, k)).astype(dtype)


def encoder_gradient(engine, x, eps, objective):
    gradients = engine.loss_and_grad(x, eps, objective, 1.0).gradients
    return np.concatenate([gradients[name].ravel() for name in gradients if name.startswith("encoder")])


@pytest.mark.parametrize("which", [0, 1], ids=["formula", "kernel"])
def test_sticking_the_landing_has_no_gradient_at_the_exact_posterior_for_any_noise(which):
    pair, x, eps = linear_gaussian()
    for scale in (1.0, 3.0):
        for objective in (Pathwise(0), Pathwise(1)):
            assert np.abs(encoder_gradient(pair[which], x, scale * eps, objective)).max() < 1e-13
    assert np.abs(encoder_gradient(pair[which], x, eps, IWAE())).max() > 1e-2  # the bound's own gradient has noise
    log_w = pair[which].terms(x, eps)
    evidence = log_w.log_likelihood + log_w.log_prior - log_w.log_posterior
    np.testing.assert_allclose(evidence, np.broadcast_to(evidence[0], evidence.shape), rtol=1e-13)


def test_the_doubly_reparameterised_gradient_of_one_sample_is_sticking_the_landing():
    for engine in engines():
        x, eps = batch("float64")
        one, other = (encoder_gradient(engine, x, eps, Pathwise(power)) for power in (0, 1))
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_the_doubly_reparameterised_gradient_is_unbiased_and_sticking_the_landing_is_not():
    _, engine = engines(likelihood=Gaussian(0.7), n_features=3, latent=2, hidden=(3,))
    draws, n = 300, 32 if COMPILED else 4
    x = np.repeat(batch("float64", n=1, n_features=3)[0], n, axis=0)
    generator = np.random.default_rng(0)
    eps = generator.standard_normal((draws, 3, n, 2))
    bound, landing, double = (
        np.array([encoder_gradient(engine, x, e, objective) for e in eps])
        for objective in (IWAE(), Pathwise(0), Pathwise(1))
    )

    def largest_z(a, b):
        difference = (a - b)[:, np.ptp(a, axis=0) > 1e-12]
        return np.abs(difference.mean(axis=0) / difference.std(axis=0) * np.sqrt(draws)).max()

    assert largest_z(bound, double) < 4.5
    assert largest_z(bound, landing) > (8 if COMPILED else 4)
    assert double.var(axis=0).sum() < bound.var(axis=0).sum()


# ---- NaN and infinity


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_anywhere_makes_the_loss_or_the_gradient_nan(activation, dtype):
    _, engine = engines(dtype, Gaussian("learned"), activation=activation)
    x, eps = batch(dtype)
    for name, array in [("x", x), ("eps", eps), *engine.parameters.items()]:
        saved = array.copy()
        array.flat[array.size // 2] = np.nan
        for objective in (ELBO(), IWAE()):
            step = engine.loss_and_grad(x, eps, objective, 1.0)
            assert np.isnan(step.loss), f"NaN in {name} vanished"
        array[...] = saved
        assert np.isfinite(engine.loss_and_grad(x, eps, ELBO(), 1.0).gradients.vector).all()


# ---- memory


def test_results_are_not_changed_by_later_calls():
    vae = VAE(11, hidden=(7,), latent=3)
    x, eps = batch("float64", samples=2)
    calls = [
        lambda x, eps: list(vae.loss_and_grad(x, eps)[1].values()),
        lambda x, eps: list(vae.loss_and_grad(x, eps, objective="iwae")[1].values()),
        lambda x, eps: vae.elbo(x, eps),
        lambda x, eps: vae.encode(x),
        lambda x, eps: [vae.decode(eps), vae.decode(eps[0]), vae.reconstruct(x)],
        lambda x, eps: vae.engine.terms(x, eps),
    ]
    results = [call(x, eps) for call in calls]
    copies = [[np.copy(a) for a in result] for result in results]
    for call in calls:
        call(1 - x, -eps)
        call(1 - x[:2], -eps[:, :2])
    for result, copied in zip(results, copies, strict=True):
        for got, expected in zip(result, copied, strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("form", ["features", "latent", "dtype", "examples"])
def test_compiled_code_is_not_given_arrays_of_another_form(form):
    _, kernel = engines()
    x, eps = batch("float64")
    wrong = {
        "features": (x[:, :-1], eps),
        "latent": (x, eps[..., :-1]),
        "dtype": (x.astype(np.float32), eps),
        "examples": (x[:-1], eps),
    }[form]
    with pytest.raises(ValueError, match="must be float64 of shape"):
        kernel.loss_and_grad(*wrong, ELBO(), 1.0)


def test_minibatches_are_those_of_the_formula_to_the_bit():
    for dtype in FLOATS:
        formula, kernel = engines(dtype)
        grey = np.random.default_rng(0).random((300, 11)).astype(dtype)
        grey[::3] = 0
        for n in (1, 64, 65, 150):
            rows = np.random.default_rng(n).permutation(300)[:n]
            for draw in (None, (7, 0), (7, 123), (2**64 - 1, 5)):
                a, b = (engine.batch(grey, rows, draw) for engine in (formula, kernel))
                assert a.dtype == b.dtype
                assert np.array_equal(a, b), (dtype, n, draw)
        assert not np.array_equal(kernel.batch(grey, rows, (7, 1)).copy(), kernel.batch(grey, rows, (7, 2)))
        for wrong in ([300], [-1]):
            with pytest.raises(IndexError, match="rows must lie"):
                kernel.batch(grey, np.array(wrong))
        with pytest.raises(ValueError, match="in C order"):
            kernel.batch(np.asfortranarray(grey), rows)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", FLOATS)
def test_sparse_data_take_another_way_to_the_same_gradients(dtype, threads):
    """Widths on both sides of what registers hold (4 to 192 columns); then the dense way."""
    for width, density in ((9, 0.1), (110, 0.05), (200 if COMPILED else 20, 0.2)):
        formula, kernel = engines(dtype, n_features=40, hidden=(width,))
        kernel.threads = threads
        generator = np.random.default_rng(width)
        x = np.where(generator.random((12, 40)) < density, generator.random((12, 40)), 0).astype(dtype)
        x[3], x[:, 5] = 0, 0  # an example and a feature without anything
        eps = generator.standard_normal((1, 12, 3)).astype(dtype)
        assert_step_agrees((formula, kernel), x, eps, ELBO(), 1.0, dtype)
        (workspace,) = kernel._workspaces.values()
        assert workspace.sparse.all(), "this was to be the sparse way"
        assert_step_agrees((formula, kernel), 1 - x, eps, ELBO(), 1.0, dtype)
        assert not workspace.sparse.any()


def test_training_is_loss_and_gradient_and_adam():
    for objective, likelihood in ((ELBO(), "bernoulli"), (ELBO(0.2), Gaussian("learned")), (IWAE(), Unknown())):
        formula, kernel = engines(likelihood=likelihood)
        adam = optim.Adam(0.01, clip_norm=0.5, amsgrad=objective == IWAE())
        states = [optim.AdamState.zeros(e.parameters.vector, adam) for e in (formula, kernel)]
        for step in range(5):
            x, eps = batch("float64", 2, seed=step)
            a, b = (
                e.train(x, eps, objective, 1.0, adam, state) for e, state in zip((formula, kernel), states, strict=True)
            )
            np.testing.assert_allclose(a, b, rtol=1e-10)
        np.testing.assert_allclose(formula.parameters.vector, kernel.parameters.vector, rtol=1e-9, atol=1e-12)
        assert [state.step for state in states] == [5, 5]


def test_a_step_that_is_not_finite_changes_nothing():
    _, kernel = engines()
    adam = optim.Adam()
    state = optim.AdamState.zeros(kernel.parameters.vector, adam)
    x, eps = batch("float64")
    kernel.train(x, eps, ELBO(), 1.0, adam, state)
    before = [a.copy() for a in (kernel.parameters.vector, state.m, state.v)]
    bad = eps.copy()
    bad[0, 0, 0] = np.inf
    with pytest.raises(NonFiniteError):
        kernel.train(x, bad, ELBO(), 1.0, adam, state)
    for a, b in zip(before, (kernel.parameters.vector, state.m, state.v), strict=True):
        np.testing.assert_array_equal(a, b)
    assert state.step == 1


def test_inputs_are_not_changed():
    pair = engines(likelihood=Gaussian("heteroscedastic"))
    x, eps = batch("float64", samples=2)
    x.flags.writeable = eps.flags.writeable = False
    assert_step_agrees(pair, x, eps, ELBO(), 1.0, "float64")
    assert_step_agrees(pair, x, eps, IWAE(), 1.0, "float64")
    formula, kernel = (engine.terms(x, eps) for engine in pair)
    assert_close("raw", kernel.raw, formula.raw, "float64")


@pytest.mark.parametrize("objective", [ELBO(), ELBO(0.1), IWAE()], ids=repr)
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_a_step_allocates_next_to_nothing(activation, objective):
    sizes = {"n_features": 784, "latent": 20}
    _, engine = engines("float32", "bernoulli", activation=activation, hidden=(100,), **sizes)
    adam = optim.Adam(clip_norm=1.0)
    state = optim.AdamState.zeros(engine.parameters.vector, adam)
    x, eps = batch("float32", 2, 128, **sizes)

    def step():
        return engine.update(adam, engine.loss_and_grad(x, eps, objective, 1.0).gradients, state)

    for _ in range(2 if COMPILED else 0):
        step()
    if not COMPILED:
        pytest.skip("plain Python allocates scalars")
    tracemalloc.start()
    try:
        step()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024, f"{peak} bytes"  # one (N, D) array is 401,408
