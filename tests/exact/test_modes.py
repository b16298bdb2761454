"""log p(x) where the posterior has modes that q does not see, or lies far from q; and how far what is returned goes."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from models import model

import vae_np
from vae_np.estimators import target
from vae_np.exact import LinearVAE, evidence, gaps, log_evidence, modes, posterior_on_grid
from vae_np.model.joint import Joint
from vae_np.support.errors import NotConvergedWarning

Z = np.linspace(-12, 12, 48_001)


def dense(vae, x) -> np.ndarray:
    """log p(x) of one latent dimension by a sum over 48,001 points."""
    found = []
    for row in x:
        joint = Joint.of(vae, row[None])
        log_p = (joint.log_likelihood(Z[:, None, None]) + joint.log_prior(Z[:, None, None]))[:, 0]
        found.append(log_p.max() + np.log(np.exp(log_p - log_p.max()).sum() * (Z[1] - Z[0])))
    return np.array(found)


def two_modes():
    """x = 2 + tanh(3 z - 3) - tanh(3 z + 3) is 0 but about z = +-1, where it is 1 and x is; q sees z = 1 alone."""
    vae = vae_np.VAE(1, hidden=(2,), latent=1, likelihood=vae_np.Gaussian(0.1), activation="tanh", backend="numpy")
    for name, value in {
        "decoder.0.W": [[3.0, 3.0]], "decoder.0.b": [-3.0, 3.0], "decoder.out.W": [[1.0], [-1.0]],
        "decoder.out.b": [2.0], "encoder.mu.W": np.zeros((2, 1)), "encoder.mu.b": [1.0],
        "encoder.logvar.W": np.zeros((2, 1)), "encoder.logvar.b": [-4.0],
    }.items():  # fmt: skip
        vae.parameters[name] = np.array(value)
    return vae, np.array([[1.0]])


def test_a_mode_that_q_does_not_see_is_found():
    vae, x = two_modes()
    found = log_evidence(vae, x)
    np.testing.assert_allclose(found.value, dense(vae, x), atol=1e-9)
    assert found.converged
    assert len(found.modes[0].mean) == 2
    np.testing.assert_allclose(found.mean, 0, atol=1e-9)
    assert found.covariance[0, 0, 0] == pytest.approx(1, abs=0.01)


def test_the_gap_to_the_best_q_is_that_of_the_mode_it_leaves_out():
    """A Gaussian about one of two equal modes loses log 2."""
    vae, x = two_modes()
    found = gaps(vae, x)
    assert found.converged
    assert found.approximation[0] == pytest.approx(math.log(2), abs=2e-3)
    (grid,) = posterior_on_grid(vae, x, points=401)
    assert grid.mass == pytest.approx(1, abs=0.01)
    peaks = grid.axes[0][grid.posterior > 0.9 * grid.posterior.max()]
    assert peaks.min() < -0.9 and peaks.max() > 0.9  # noqa: PT018


def test_random_models_agree_with_a_dense_sum():
    worst, converged = 0.0, 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        vae = model(n_features=4, hidden=(6,), latent=1, likelihood=vae_np.Gaussian(0.2), activation="tanh",
                    backend="numpy")  # fmt: skip
        vae.parameters.vector[...] = rng.normal(size=vae.parameters.vector.size) * 1.5
        x = vae.sample(3, seed)
        found = log_evidence(vae, x)
        converged += found.converged
        worst = max(worst, float(np.abs(found.value - dense(vae, x)).max()))
    assert worst < 1e-8
    assert converged >= 10


@pytest.mark.parametrize(
    ("sigma", "latent", "size"), [(0.1, 1, 1), (1, 1, 10), (0.01, 1, 30), (0.1, 2, 30), (0.1, 3, 30)]
)
def test_a_posterior_that_lies_far_from_q_is_reached(sigma, latent, size):
    """Hundreds of its deviations away, as those of models that are not trained yet are."""
    vae = vae_np.VAE(3, hidden=(), latent=latent, likelihood=vae_np.Gaussian(sigma), seed=1, backend="numpy")
    x = size * np.array([[1, -2, 0.5]])
    right = LinearVAE.of(vae).log_evidence(x)
    found = log_evidence(vae, x)
    np.testing.assert_allclose(found.value, right, rtol=1e-10)
    assert found.converged


def test_what_the_first_look_misses_is_taken_in_and_else_nothing_is_believed(monkeypatch):
    vae, x = two_modes()
    whole = modes.find

    def one_mode(*given):
        found = whole(*given)
        at = [int(np.argmax(found.mean[:, 0]))]
        return modes.Mixture(np.zeros(1), found.mean[at], found.covariance[at])

    monkeypatch.setattr(evidence, "find", one_mode)
    found = log_evidence(vae, x)
    np.testing.assert_allclose(found.value, dense(vae, x), atol=1e-9)
    monkeypatch.setattr(evidence, "LOOKS", 1)
    found = log_evidence(vae, x)
    assert found.value[0] == pytest.approx(dense(vae, x)[0] - math.log(2), abs=1e-3)
    assert not found.converged
    assert found.error[0] == math.inf


def test_a_narrow_posterior_is_resolved_by_its_grid():
    vae = vae_np.VAE(3, hidden=(), latent=1, likelihood=vae_np.Gaussian(0.02), seed=1, backend="numpy")
    (grid,) = posterior_on_grid(vae, 0.05 * np.array([[1, -2, 0.5]]))
    assert grid.mass == pytest.approx(1, abs=1e-3)
    with pytest.raises(ValueError, match="width"):
        posterior_on_grid(vae, np.zeros((1, 3)), width=0)


def test_a_target_that_has_not_converged_warns_with_its_error():
    vae = model(
        n_features=3, hidden=(6,), latent=2, activation="relu", likelihood=vae_np.Gaussian(0.3), backend="numpy"
    )
    x = np.random.default_rng(0).normal(size=(3, 3))
    with pytest.warns(
        NotConvergedWarning, match=r"the exact gradient of iwae has not converged: an entry may be off by "
    ):
        target(vae, x, "dreg", 2, tolerance=1e-9, most=8**4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        target(
            model(n_features=3, hidden=(2,), latent=1, activation="tanh", backend="numpy"), np.full((1, 3), 0.5), "stl"
        )
