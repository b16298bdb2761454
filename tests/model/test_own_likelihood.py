"""A likelihood as a user writes one."""

from __future__ import annotations

import numpy as np
import pytest
from models import BACKENDS, batch, model

import vae_np


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
