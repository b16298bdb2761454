"""A posterior, a prior and an objective of one class each, which a user defines: they train, save, load and resume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from models import D, batch, model

import vae_np
from vae_np.cli import main
from vae_np.formulas.elbo import Cotangents
from vae_np.formulas.objectives import Loss, Objective
from vae_np.formulas.posteriors import Posterior
from vae_np.formulas.posteriors.base import Gradient, Sample
from vae_np.formulas.priors import Prior
from vae_np.gradcheck import check_model

BACKENDS = ["numpy", "numba"]


class Scaled(Posterior):
    """q(z|x) = N(center, exp(scale)^2 I) with one learned deviation for all x and dimensions."""

    name = "test-scaled"

    def heads(self, latent):
        return {"center": latent}

    def own_shapes(self, latent):
        return {"scale": (1,)}

    def sample(self, heads, eps, own):
        z = heads["center"] + np.exp(own["scale"]) * eps
        log_q = -0.5 * (eps**2 + np.log(2 * np.pi)).sum(axis=-1) - eps.shape[-1] * own["scale"]
        return Sample(z, log_q, (eps, own["scale"]))

    def score(self, cache):
        eps, scale = cache
        return -eps * np.exp(-scale)

    def backward(self, dz, dlog_q, cache):
        eps, scale = cache
        dscale = (dz * eps).sum() * np.exp(scale)
        if dlog_q is not None:
            dscale = dscale - eps.shape[-1] * dlog_q.sum()
        return Gradient({"center": dz.sum(axis=0)}, {"scale": dscale})

    def moments(self, heads, own):
        return heads["center"], 2 * own["scale"] + 0 * heads["center"]


class Logistic(Prior):
    """p(z) = prod_k e^-z_k / (1 + e^-z_k)^2."""

    name = "test-logistic"

    def log_density(self, z, own):
        return (-z - 2 * np.log1p(np.exp(-z))).sum(axis=-1)

    def gradient(self, dlog, z, own):
        return dlog[..., None] * (-np.tanh(z / 2)), {}

    def sample(self, n, latent, generator, own, dtype):
        return generator.logistic(size=(n, latent)).astype(dtype)


@dataclass(frozen=True)
class Sampled(Objective):
    """The bound with the KL at the samples, weighted by ``kl_weight``."""

    name = "test-sampled"
    analytic_kl = False
    kl_weight: float = 1.0

    def __call__(self, terms, beta=1.0):
        value = terms.log_likelihood + self.kl_weight * (terms.log_prior - terms.log_posterior)
        weight = np.full(value.shape, 1 / value.size, value.real.dtype)
        kl = self.kl_weight * weight
        return Loss(-value.mean(), Cotangents(-weight, log_prior=-kl, log_posterior=kl), kl="samples")


@pytest.mark.parametrize("backend", ["numpy", pytest.param("numba", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "toys",
    [{"posterior": "test-scaled"}, {"prior": "test-logistic"}, {"posterior": Scaled(), "prior": Logistic()}],
    ids=["posterior", "prior", "both"],
)
def test_a_users_posterior_and_prior_train_save_load_and_resume(toys, backend, tmp_path):
    def fresh():
        return model(**toys, backend=backend)

    x, eps = batch(fresh(), 2)
    for objective in ("elbo", "iwae"):
        report = check_model(fresh(), x, eps, objective=objective)
        assert report.ok, report.table()
    whole, resumed = fresh(), fresh()
    before = vae_np.evaluate(fresh(), x, samples=50).elbo
    vae_np.fit(whole, x, epochs=4)
    assert vae_np.evaluate(whole, x, samples=50).elbo > before
    vae_np.fit(fresh(), x, epochs=2, checkpoint=tmp_path / "run.npz")
    vae_np.fit(resumed, x, epochs=4, checkpoint=tmp_path / "run.npz", resume=True)
    assert np.array_equal(resumed.parameters.vector, whole.parameters.vector)
    again = vae_np.load(tmp_path / "run.npz", backend=backend)
    assert (again.posterior, again.prior) == (whole.posterior, whole.prior)
    assert again.sample(3, seed=0).shape == (3, D)
    assert np.isfinite(again.encode(x)[1]).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("objective", ["test-sampled", "test-sampled:kl_weight=0.5"])
def test_a_users_objective_trains_and_resumes_by_its_name(objective, backend, tmp_path):
    def fresh():
        return model(backend=backend)

    x, eps = batch(fresh(), 2)
    report = check_model(fresh(), x, eps, objective=objective)
    assert report.ok, report.table()
    whole, resumed, path = fresh(), fresh(), tmp_path / "run.npz"
    before = fresh().loss_and_grad(x, eps, objective=objective)[0]
    vae_np.fit(whole, x, epochs=4, objective=objective)
    assert whole.loss_and_grad(x, eps, objective=objective)[0] < before
    vae_np.fit(fresh(), x, epochs=2, objective=objective, checkpoint=path)
    given = Sampled(0.5 if "=" in objective else 1.0)  # the name and the object are one
    vae_np.fit(resumed, x, epochs=4, objective=given, checkpoint=path, resume=True)
    assert np.array_equal(resumed.parameters.vector, whole.parameters.vector)
    with pytest.raises(ValueError, match=r"settings objective\.kl_weight is .* there, 0\.25 here"):
        vae_np.fit(fresh(), x, epochs=4, objective=Sampled(0.25), checkpoint=path, resume=True)
    with pytest.raises(ValueError, match=r"settings objective\.kl_weight is .* there, None here"):
        vae_np.fit(fresh(), x, epochs=4, objective="iwae", checkpoint=path, resume=True)


def test_the_command_line_knows_a_users_objective(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savetxt("data.csv", batch(model())[0], delimiter=",")
    small = ["--data", "data.csv", "--hidden", "5", "--latent", "2", "--backend", "numpy", "--split", "1,0,0"]
    words = [*small, "--objective", "test-sampled:kl_weight=0.5", "--out", "run", "--no-pictures"]
    assert main(["train", *words, "--epochs", "2"]) == 0, capsys.readouterr().err
    assert main(["train", "--out", "run", "--resume", "--epochs", "3", "--no-pictures"]) == 0, capsys.readouterr().err
    assert main(["train", "--out", "run", "--resume", "--objective", "test-sampled"]) == 2
    assert "the run has --objective test-sampled:kl_weight=0.5, not test-sampled" in capsys.readouterr().err
    assert main(["gradcheck", "run", "--objective", "test-sampled"]) == 0
    assert "test-sampled, beta 1," in capsys.readouterr().out


@pytest.mark.parametrize(("door", "name"), [(Posterior, "full"), (Prior, "standard"), (Objective, "iwae")])
def test_the_names_of_the_package_are_taken(door, name):
    with pytest.raises(ValueError, match=f"there is a {door.what} '{name}' already: vae_np"):
        type("Mine", (door,), {"name": name})
