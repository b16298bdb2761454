"""A model that standardises its data: densities in the data's units, files, refusals."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from models import BACKENDS, LATENTS, LIKELIHOODS, D, batch, model
from scipy import stats

import vae_np
from vae_np.formulas.scaling import Scaling
from vae_np.model.archive import write_archive

REAL = [name for name, likelihood in LIKELIHOODS.items() if likelihood.real(D).all()]


def scaled(**options) -> vae_np.VAE:
    """A small model with a scaling of seven different scales."""
    vae = model(**{"likelihood": vae_np.Gaussian(sigma="learned"), "scale": "standard", **options})
    vae.scaling = Scaling(np.linspace(-3, 40, 7), np.geomspace(1e-3, 50, 7))
    return vae


def twins(**options) -> tuple[vae_np.VAE, vae_np.VAE, np.ndarray, np.ndarray, np.ndarray]:
    """A model with a scaling, the same without, x for the one, u for the other, and noise."""
    vae, plain = scaled(**options), model(**{"likelihood": vae_np.Gaussian(sigma="learned"), **options})
    u, eps = batch(plain, samples=3)
    x = vae.scaling.outside(u)
    return vae, plain, x, vae.scaling.inside(x), eps


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("likelihood", REAL)
def test_the_density_of_x_is_that_of_u_less_the_volume(likelihood, backend):
    vae, plain, x, u, eps = twins(likelihood=LIKELIHOODS[likelihood], backend=backend)
    ours, theirs = vae.terms(x, eps), plain.terms(u, eps)
    volume = np.log(vae.scaling.scale).sum()
    assert abs(volume) > 1
    size = np.abs(theirs.log_likelihood).max() + abs(volume)
    np.testing.assert_allclose(ours.log_likelihood, theirs.log_likelihood - volume, rtol=0, atol=8 * 2**-53 * size)
    for name in ("log_prior", "log_posterior", "kl", "mu", "logvar", "z", "raw"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize("backend", BACKENDS)
def test_log_p_is_the_normal_density_in_the_units_of_x(backend):
    vae = scaled(likelihood=vae_np.Gaussian(sigma=0.7), backend=backend)
    x, eps = vae.scaling.outside(batch(vae)[0]), batch(vae)[1]
    found = vae.elbo(x, eps)
    mean, deviation = vae.decode(found.z), 0.7 * vae.scaling.scale
    expected = stats.norm.logpdf(x, mean, deviation).sum(axis=1)
    np.testing.assert_allclose(found.log_likelihood, expected, rtol=1e-12)


@pytest.mark.parametrize("objective", ["elbo", "iwae"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_loss_and_elbo_agree_and_the_gradient_is_right(backend, objective):
    vae = scaled(backend=backend)
    x, eps = vae.scaling.outside(batch(vae)[0]), batch(vae, samples=3)[1]
    report = vae_np.gradcheck.check_model(vae, x, eps, objective=objective)
    assert report.ok, report
    if objective == "elbo":
        assert report.loss == pytest.approx(-vae.elbo(x, eps).elbo.mean(), rel=1e-13)


@pytest.mark.parametrize("latents", LATENTS)
def test_the_other_posteriors_and_priors_see_it_too(latents):
    vae, plain, x, u, eps = twins(**LATENTS[latents])
    volume = vae.scaling.log_volume
    assert vae.loss_and_grad(x, eps)[0] == pytest.approx(plain.loss_and_grad(u, eps)[0] + volume, rel=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("sigma", ["learned", "heteroscedastic"])
def test_data_in_other_units_train_the_same_model(sigma, backend):
    """Powers of two are exact: the same bits, and an ELBO that differs by log 1024 a feature."""
    x = np.random.default_rng(0).normal(size=(40, 7))
    runs = []
    for data in (x, 1024 * x):
        vae = vae_np.VAE(
            7, hidden=(5,), latent=2, likelihood=vae_np.Gaussian(sigma=sigma), scale="standard", backend=backend
        )
        history = vae_np.fit(vae, data, epochs=3, batch_size=16, output_bias="data", validation=data)
        runs.append((vae, history, vae_np.evaluate(vae, data, samples=20).evidence))
    (one, history, evidence), (other, scaled_history, scaled_evidence) = runs
    np.testing.assert_array_equal(one.parameters.vector, other.parameters.vector)
    np.testing.assert_array_equal(1024 * one.reconstruct(x), other.reconstruct(1024 * x))
    np.testing.assert_array_equal(1024 * one.sample(9, 0), other.sample(9, 0))
    units = 7 * np.log(1024)
    for column in ("elbo", "validation_elbo"):
        np.testing.assert_allclose(np.subtract(history[column], scaled_history[column]), units, rtol=1e-12)
    assert evidence - scaled_evidence == pytest.approx(units, rel=1e-12)


def test_float32_is_within_its_rounding_of_float64():
    vae, x = scaled(), scaled().scaling.outside(batch(scaled())[0]).astype(np.float32)
    eps = batch(vae)[1].astype(np.float32)
    small = scaled(dtype="float32")
    small.parameters.vector[...] = vae.parameters.vector
    ours = small.elbo(x, eps).elbo
    assert ours.dtype == np.float32
    exact = vae.elbo(x.astype(np.float64), eps.astype(np.float64))
    bound = 64 * 2.0**-24 * (np.abs(exact.log_likelihood) + abs(vae.scaling.log_volume)).max()
    np.testing.assert_allclose(ours, exact.elbo, rtol=0, atol=bound)


def test_a_likelihood_without_a_kernel_is_scaled_by_its_formula():
    class Broad(vae_np.Gaussian):
        """No kernel is known for a subclass."""

        name = "broad-for-the-scaling"

    vae, plain, x, u, eps = twins(likelihood=Broad(sigma=2.0))
    volume = vae.scaling.log_volume
    for objective in ("elbo", "iwae"):
        ours, theirs = (m.loss_and_grad(d, eps, objective=objective) for m, d in ((vae, x), (plain, u)))
        assert ours[0] == pytest.approx(theirs[0] + volume, rel=1e-13)
        largest = np.abs(theirs[1].vector).max()  # log w and the bound, of other sizes, round differently
        np.testing.assert_allclose(ours[1].vector, theirs[1].vector, rtol=0, atol=1e-13 * largest)


def test_files_copies_and_pickles_keep_it(tmp_path):
    vae, _, x, _, _ = twins()
    vae.save(tmp_path / "model.npz")
    for other in (vae_np.load(tmp_path / "model.npz"), copy.deepcopy(vae), pickle.loads(pickle.dumps(vae))):
        np.testing.assert_array_equal(other.reconstruct(x), vae.reconstruct(x))
        np.testing.assert_array_equal(other.scaling.scale, vae.scaling.scale)


def test_a_run_that_is_resumed_has_the_scaling_it_began_with(tmp_path):
    x = np.exp(np.random.default_rng(0).normal(size=(40, 7)))

    def fresh() -> vae_np.VAE:
        return vae_np.VAE(7, hidden=(5,), latent=2, likelihood="gaussian", scale="standard")

    whole = fresh()
    vae_np.fit(whole, x, epochs=4)
    vae_np.fit(fresh(), x, epochs=2, checkpoint=tmp_path / "checkpoint.npz")
    resumed = fresh()
    vae_np.fit(resumed, x, epochs=4, checkpoint=tmp_path / "checkpoint.npz", resume=True)
    np.testing.assert_array_equal(resumed.parameters.vector, whole.parameters.vector)
    np.testing.assert_array_equal(resumed.encode(x), whole.encode(x))


def test_training_on_keeps_the_scaling_of_the_first_data():
    x = np.random.default_rng(0).normal(size=(40, 7))
    vae = vae_np.VAE(7, hidden=(5,), latent=2, likelihood="gaussian", scale="standard")
    vae_np.fit(vae, x, epochs=1)
    before = vae.scaling
    vae_np.fit(vae, 5 * x, epochs=1)
    assert vae.scaling is before


@pytest.mark.parametrize(
    "damage", [np.zeros((2, 7)), np.ones((2, 6)), np.full((2, 7), np.nan), np.ones(7), np.ones((3, 7))]
)
def test_a_file_with_a_damaged_scaling_is_refused(tmp_path, damage):
    vae, path = scaled(), tmp_path / "model.npz"
    write_archive(path, vae.config(), vae.parameters.vector, more={"scaling": damage})
    with pytest.raises(ValueError, match=r"model\.npz: the scaling in it makes no sense"):
        vae_np.load(path)


def test_a_scaling_in_the_file_of_a_model_without_one_is_refused(tmp_path):
    vae, path = model(likelihood="gaussian"), tmp_path / "model.npz"
    write_archive(path, vae.config(), vae.parameters.vector, scaled().scaling)
    with pytest.raises(ValueError, match='scale="none"'):
        vae_np.load(path)


def test_a_constant_feature_is_named_and_keeps_its_scale():
    x = np.random.default_rng(0).normal(size=(40, 7))
    x[:, [2, 5]] = 3
    vae = vae_np.VAE(7, hidden=(5,), latent=2, likelihood="gaussian", scale="standard")
    with pytest.warns(UserWarning, match="2 of 7 features are constant: 2, 5"):
        vae.start_scaling(x)
    np.testing.assert_array_equal(vae.scaling.scale[[2, 5]], 1)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match=r"needs a likelihood of all real numbers.*bernoulli has.*\[0, 1\]"):
        vae_np.VAE(7, scale="standard")
    with pytest.raises(ValueError, match="scale must be one of none, standard; got 'minmax'"):
        vae_np.VAE(7, likelihood="gaussian", scale="minmax")
    vae = vae_np.VAE(7, hidden=(5,), latent=3, likelihood="gaussian", scale="standard")
    with pytest.raises(ValueError, match="not known yet: fit finds it"):
        vae.encode(np.zeros((2, 7)))
    with pytest.raises(ValueError, match="no examples"):
        vae.start_scaling(np.zeros((0, 7)))
    with pytest.raises(ValueError, match="has 3 features, the model 7"):
        vae.scaling = Scaling(np.zeros(3), np.ones(3))
