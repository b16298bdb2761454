"""log p(x) with one noise for all rows."""

from __future__ import annotations

import numpy as np
import pytest
from models import batch, model

from vae_np.evaluation.common_noise import common_noise
from vae_np.exact import log_evidence
from vae_np.support.errors import NonFiniteError


@pytest.fixture
def small():
    vae = model(n_features=3, hidden=(4,), latent=1, likelihood="gaussian", activation="tanh", backend="numpy")
    return vae, batch(vae, n=5)[0]


def test_it_is_the_evidence_within_an_error_that_is_right(small):
    vae, x = small
    for name in ("encoder.mu.W", "encoder.logvar.W", "encoder.mu.b", "encoder.logvar.b"):
        vae.parameters[name] = np.zeros_like(vae.parameters[name])  # q is p(z): the weights p(x|z) are bounded
    exact = log_evidence(vae, x).value
    found = [common_noise(vae, x, 200, seed=seed) for seed in range(25)]
    evidence = np.array([one.evidence for one in found])
    error = np.sqrt(np.mean([np.square(one.error) for one in found], axis=0))
    np.testing.assert_array_less(np.abs(evidence.mean(axis=0) - exact), 4 * error / 5 + error**2)
    spread = evidence.std(axis=0, ddof=1)  # of 25: a ratio of 2 is beyond 1 in 10^6
    np.testing.assert_array_less(spread, 2 * error)
    np.testing.assert_array_less(error, 2 * spread)


def test_a_row_has_the_same_value_beside_whatever_rows_and_in_blocks_of_any_size(small, monkeypatch):
    vae, x = small
    whole = common_noise(vae, x, 50)
    for at in (slice(2, 3), slice(None, None, -1)):
        part = common_noise(vae, np.ascontiguousarray(x[at]), 50)
        for name in whole._fields:
            np.testing.assert_allclose(getattr(part, name), getattr(whole, name)[at], rtol=1e-10, atol=1e-12)
    monkeypatch.setattr("vae_np.evaluation.common_noise.ROWS", 1)
    np.testing.assert_allclose(common_noise(vae, x, 50).evidence, whole.evidence, rtol=1e-12)


def test_the_terms_add_up_to_the_weighted_log_likelihood(small):
    vae, x = small
    found = common_noise(vae, x, 1)  # of one sample the weight is 1
    assert np.isnan(found.error).all()
    eps = np.broadcast_to(np.zeros(1), (len(x), 1))
    vae.parameters["encoder.logvar.W"] = np.zeros_like(vae.parameters["encoder.logvar.W"])
    vae.parameters["encoder.logvar.b"] = np.full(1, -60.0)  # z is mu, whatever the noise
    found = common_noise(vae, x, 3)
    expected = vae.terms(x, np.ascontiguousarray(eps)).log_likelihood[0]
    np.testing.assert_allclose(found.terms.sum(axis=1), expected, rtol=1e-9)


def test_what_is_not_finite_is_told_by_its_rows(small):
    vae, x = small
    x = x.copy()
    x[3] = 1e200
    with pytest.raises(NonFiniteError, match=r"a weight .* is not finite \(example 3\)"):
        common_noise(vae, x, 4)
