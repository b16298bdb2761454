"""Whole models with posteriors and priors other than the paper's, and with toy ones that a user defines."""

from __future__ import annotations

import json

import numpy as np
import pytest
from models import LATENTS, LIKELIHOODS, K, N, batch, model
from sums import WHOLE_MODEL, assert_sums, assert_tensors

import vae_np
from vae_np.formulas.doors import chosen, parse
from vae_np.formulas.elbo import Cotangents
from vae_np.formulas.objectives import Loss
from vae_np.formulas.posteriors import Planar
from vae_np.formulas.priors import Mixture, Prior, Standard
from vae_np.gradcheck import check_model
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.step.engine import KernelEngine
from vae_np.support.errors import NonFiniteError

BACKENDS = ["numpy", "numba"]


# ---- gradients and values of whole models


@pytest.mark.parametrize("objective", ["elbo", "iwae"])
@pytest.mark.parametrize("backend", ["numpy", pytest.param("numba", marks=pytest.mark.slow)])
@pytest.mark.parametrize("latent", LATENTS)
def test_gradients_are_the_complex_steps_and_the_central_differences(latent, backend, objective):
    vae = model(**LATENTS[latent], backend=backend)
    x, eps = batch(vae, 2)
    beta = 0.37 if objective == "elbo" else 1.0
    exact = check_model(vae, x, eps, beta, objective=objective, methods=["complex step"], every_coordinate=True)
    assert exact.ok, exact.table()
    differences = ["central difference"]
    found = check_model(vae, x, eps, beta, objective=objective, methods=differences, every_coordinate=False)
    assert found.ok, found.table()


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_every_likelihood_goes_with_them(likelihood):
    vae = model(posterior="planar:flows=2", prior="mixture:components=3", likelihood=LIKELIHOODS[likelihood])
    report = check_model(vae, *batch(vae, 2), 0.37, methods=["complex step"])
    assert report.ok, report.table()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize("kind", ["per-dimension", "per-entry", "total"])
def test_free_bits_have_the_right_gradient_on_both_sides_of_the_bound(kind, latent, backend):
    vae = model(**LATENTS[latent], backend=backend)
    x, eps = batch(vae, 2)
    kl = vae.engine.terms(x, eps).kl
    middle = {"per-dimension": kl.mean(axis=0), "per-entry": kl, "total": kl.sum(axis=1)}[kind].ravel()
    objective = vae_np.ELBO(free_bits=float(max(0.01, np.median(middle) + 0.01)), free_bits_kind=kind)
    report = check_model(vae, x, eps, 0.7, objective=objective, methods=["complex step"])
    assert report.ok, report.table()


class DirectPartAlone:
    """A loss with the gradient of log q's direct part, and with a factor on the path."""

    name, analytic_kl = "test-direct", False

    def __init__(self, direct: float, path: float) -> None:
        self.direct, self.path = direct, path

    def __call__(self, terms, beta=1.0):
        s, n = terms.log_likelihood.shape
        one = np.full((s, n), 1 / (s * n))
        rest = {"log_posterior": one, "log_posterior_direct": self.direct * one, "path": self.path * s * n * one}
        value = (terms.log_likelihood.real - terms.log_posterior.real).mean()
        return Loss(value, Cotangents(-one, log_prior=-one, **rest))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("latent", LATENTS)
def test_sticking_the_landing_differs_by_the_score_which_has_mean_zero(latent, backend):
    """The direct part of log q's gradient has the mean 0 over q (Roeder et al. 2017): left out or not, one mean."""
    vae = model(**LATENTS[latent], backend=backend, n_features=3, hidden=(2,), latent=2)
    x, _ = batch(vae, n=1)
    blocks = 40  # whose spread tells the standard error of the mean over all of them
    draws = 1000 if COMPILED or backend == "numpy" else 50
    differences, size = [], 0.0
    for eps in np.random.default_rng(4).standard_normal((blocks, draws, 1, 2)):
        whole, left = (
            vae.engine.loss_and_grad(x, eps, DirectPartAlone(d, 1.0), 1.0).gradients.vector.copy() for d in (1.0, 0.0)
        )
        differences.append(whole - left)
        size = max(size, np.abs(whole).max())
    mean, error = np.mean(differences, axis=0), np.std(differences, axis=0, ddof=1) / np.sqrt(blocks)
    # Student's t of 39 degrees exceeds 6 once in two million; beside it the roundings of 1000 terms
    off = vae.parameters.like(np.abs(mean) - 6 * error - 1000 * np.finfo(float).eps * size)
    moved = vae.parameters.like(error)
    for name in vae.parameters:
        assert (off[name] <= 0).all(), name
        assert moved[name].any() == name.startswith(("encoder", "posterior")), name


@pytest.mark.parametrize("path", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("latent", LATENTS)
def test_both_backends_agree_on_any_cotangents(latent, path):
    vae = model(**LATENTS[latent], backend="numpy")
    x, eps = batch(vae, 3)
    kernel = KernelEngine(vae.architecture, vae.parameters, 2)
    for objective in (vae_np.ELBO(), vae_np.IWAE(), vae_np.ELBO(0.2), DirectPartAlone(0.4, path)):
        right = vae.engine.loss_and_grad(x, eps, objective, 1.0)
        found = kernel.loss_and_grad(x, eps, objective, 1.0)
        assert_tensors("loss", found.loss, right.loss, size=np.abs(right.log_likelihood).max() + np.abs(right.kl).max())
        largest = np.abs(right.gradients.vector).max()
        for name, view in right.gradients.items():  # through a posterior's layers too; some tensors' terms all cancel
            assert_tensors(name, found.gradients[name], view, 4 * WHOLE_MODEL, 0.01 * largest)
    for name, expected in vae.engine.terms(x, eps).arrays().items():
        assert_tensors(name, kernel.terms(x, eps).arrays()[name], expected)
    for got, expected in zip(kernel.encode(x), vae.engine.encode(x), strict=True):
        assert_tensors("encoded", got, expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("latent", LATENTS)
def test_the_elbo_says_which_kl_it_used_and_is_made_of_the_terms(latent, backend):
    vae = model(**LATENTS[latent], backend=backend)
    x, eps = batch(vae, 3)
    found, terms = vae.elbo(x, eps, 0.37), vae.terms(x, eps)
    analytic = latent in ("full", "vade")
    assert found.kl_is_analytic == terms.analytic == vae.architecture.has_kl == analytic
    assert vae_np.ELBO()(terms).kl == ("analytic" if analytic else "samples")
    assert terms.kl.shape == ((N, K) if analytic else (N, 1))
    kl = terms.kl.sum(axis=1) if analytic else (terms.log_posterior - terms.log_prior).mean(axis=0)
    size = (np.abs(terms.log_posterior) + np.abs(terms.log_prior) + np.abs(terms.log_likelihood)).mean(axis=0)
    assert_sums("kl", found.kl, kl, size + kl)
    assert_sums("elbo", found.elbo, terms.log_likelihood.mean(axis=0) - 0.37 * kl, size + kl)
    assert_sums("loss", vae.loss_and_grad(x, eps, 0.37)[0], -found.elbo.mean(), (size + kl).mean())
    assert_tensors("reconstruction", vae.reconstruct(x), vae.decode(vae.encode(x)[0]))


@pytest.mark.parametrize("latent", LATENTS)
def test_float32_gradients_are_the_float64_ones_rounded(latent):
    narrow, wide = (model(**LATENTS[latent], dtype=dtype) for dtype in ("float32", "float64"))
    wide.parameters.vector[...] = narrow.parameters.vector
    x, eps = batch(narrow, 2)
    right = wide.loss_and_grad(x.astype(float), eps.astype(float))[1]
    largest = np.abs(right.vector).max()
    for name, view in narrow.loss_and_grad(x, eps)[1].items():
        assert_tensors(name, view, right[name].astype(np.float32), 2 * WHOLE_MODEL, 0.01 * largest)


def test_more_flexible_posteriors_and_priors_reach_a_better_bound():
    """What they are for: with the same decoder family and steps, on data with two clusters of correlated columns."""
    rng = np.random.default_rng(0)
    centre = rng.choice([-2.0, 2.0], (400, 1))
    x = centre + rng.standard_normal((400, 1)) * [[1.0, -1.0, 0.5]] + 0.1 * rng.standard_normal((400, 3))
    bounds = {}
    for name, options in {"plain": {}, "mixture": {"prior": "mixture:components=2"}}.items():
        sigma = vae_np.Gaussian(sigma=0.3)
        vae = vae_np.VAE(3, hidden=(16,), latent=2, likelihood=sigma, backend="numpy", seed=1, **options)
        vae_np.fit(vae, x, epochs=60, batch_size=50, optimizer=vae_np.Adam(1e-2), progress=False)
        bounds[name] = vae_np.evaluate(vae, x, samples=20).evidence
    assert bounds["mixture"] > bounds["plain"] + 0.05


# ---- files, runs, errors


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("latent", LATENTS)
def test_a_resumed_run_ends_with_the_same_bits(latent, backend, tmp_path):
    def fresh():
        return model(**LATENTS[latent], backend=backend, dtype="float32")

    x = batch(fresh(), n=23)[0]
    options = {"batch_size": 7, "samples": 2, "progress": False}
    whole, resumed = fresh(), fresh()
    vae_np.fit(whole, x, epochs=4, **options)
    vae_np.fit(fresh(), x, epochs=2, checkpoint=tmp_path / "c.npz", **options)
    vae_np.fit(resumed, x, epochs=4, checkpoint=tmp_path / "c.npz", resume=True, **options)
    assert np.array_equal(resumed.parameters.vector, whole.parameters.vector)
    before = fresh().parameters
    for name in before:
        assert (whole.parameters[name] != before[name]).any(), f"{name} has not moved"


def test_a_model_file_of_the_first_version_loads_and_its_run_resumes(tmp_path):
    """0.1.0 had no posterior and prior in its config, data_bias for output_bias, and no l2."""
    x = batch(model(), n=23)[0]
    options = {"batch_size": 7, "output_bias": "data", "progress": False}
    path, whole = tmp_path / "c.npz", model(backend="numpy")
    vae_np.fit(whole, x, epochs=3, **options)
    vae_np.fit(model(backend="numpy"), x, epochs=2, checkpoint=path, **options)
    with np.load(path) as file:
        arrays = dict(file)
    config, training = json.loads(str(arrays["config"])), json.loads(str(arrays["training"]))
    assert {config.pop("posterior")["name"], config.pop("prior")["name"]} == {"diagonal", "standard"}
    assert training["settings"].pop("output_bias") == "data"
    training["settings"]["data_bias"] = True
    del training["settings"]["optimizer"]["l2"]
    arrays |= {"config": np.array(json.dumps(config)), "training": np.array(json.dumps(training))}
    np.savez(path, **arrays)
    assert vae_np.load(path, backend="numpy").config() == whole.config()
    resumed = model(backend="numpy")
    vae_np.fit(resumed, x, epochs=3, checkpoint=path, resume=True, **options)
    assert np.array_equal(resumed.parameters.vector, whole.parameters.vector)


def test_another_posterior_is_another_run(tmp_path):
    x = batch(model(), n=9)[0]
    options = {"epochs": 1, "checkpoint": tmp_path / "c.npz", "progress": False}
    vae_np.fit(model(posterior="planar:flows=2", backend="numpy"), x, **options)
    with pytest.raises(ValueError, match=r"another run: model posterior\.flows is 2 there, 3 here"):
        vae_np.fit(model(posterior="planar:flows=3", backend="numpy"), x, resume=True, **options)


def test_the_representation_tells_posterior_and_prior_where_they_are_not_the_papers():
    assert repr(model(posterior=Planar(2), prior=Mixture(3))).startswith(
        "VAE(7-5-3-5-7, tanh, Bernoulli(), Planar(flows=2), Mixture(components=3), float64, "
    )
    assert "Diagonal" not in repr(model())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("latent", "array", "value", "stage"),
    [
        ("planar", "posterior.w", 0.0, "parameter posterior.w"),
        ("planar", "posterior.w", 1e-170, "parameter posterior.w"),
        ("mixture", "prior.logvar", -1e5, "log_prior"),
        ("full", "encoder.lower.b", 1e200, "kl"),
    ],
)
def test_what_is_not_finite_is_reported_with_its_stage(latent, array, value, stage, backend):
    vae = model(**LATENTS[latent], likelihood=vae_np.Gaussian(1.0), backend=backend)
    vae.parameters[array][...] = value
    if latent == "full":  # z stays small enough for the likelihood, its KL does not
        vae.parameters["decoder.0.W"][...] = 0
    with pytest.raises(NonFiniteError) as caught:
        vae.loss_and_grad(*batch(vae))
    assert caught.value.stage == stage
    assert caught.value.examples == (() if "parameter" in stage else tuple(range(N)))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"posterior": "flow"}, ValueError, "posterior must be one of diagonal, full, planar.*; got 'flow'"),
        ({"prior": "vamp"}, ValueError, "prior must be one of mixture, standard.*; got 'vamp'"),
        ({"posterior": 3}, TypeError, "posterior must be a name or a Posterior; got 3"),
        ({"posterior": Standard()}, TypeError, r"posterior must be a name or a Posterior; got Standard\(\)"),
        ({"prior": "mixture:flows=3"}, ValueError, "the mixture prior does not take 'flows'"),
        ({"prior": "mixture:components=0"}, ValueError, "components must be at least 1; got 0"),
        ({"prior": "mixture:components"}, ValueError, "options are such as mixture:flows=8; got 'mixture:components'"),
    ],
    ids=str,
)
def test_a_choice_that_makes_no_sense_is_an_error_that_states_the_fact(options, error, message):
    with pytest.raises(error, match=message):
        model(**options)


def test_a_word_with_options_is_a_config():
    assert parse("planar") == {"name": "planar"}
    assert parse("planar:flows=8") == {"name": "planar", "flows": 8}
    assert parse("x:a=1,b=0.5,c=word,d=1e3") == {"name": "x", "a": 1, "b": 0.5, "c": "word", "d": 1000.0}
    assert chosen(Prior, "mixture:components=4") == Mixture(4) == chosen(Prior, Mixture(4).config())
    assert Mixture(4) != Mixture(5)
    for wrong in ("x:", "x:=1", "x:a", "x:a=", "x:a=1,a=2", "x:1=2"):
        with pytest.raises(ValueError, match="options are such as"):
            parse(wrong)


@pytest.mark.skipif(not COMPILED, reason="seconds of plain Python")
def test_what_the_kernels_do_not_know_is_still_a_compiled_step():
    """The passes around the latent stage are compiled; nothing of it needs the formulas' engine."""
    vae = model(posterior="planar", dtype="float32")
    assert isinstance(vae.engine, KernelEngine)
    state = vae_np.AdamState.zeros(vae.parameters.vector, adam := vae_np.Adam())
    x, eps = batch(vae, 2)
    first = vae.train_step(x, eps, adam, state)
    for _ in range(200):
        last = vae.train_step(x, eps, adam, state)
    assert last.loss < first.loss
