"""Moments, draws and own arrays that are not finite, and sizes that no machine has: one error that names the culprit.

(Every warning is an error in these tests: none comes before the error, nor in its place.)
"""

from __future__ import annotations

import numpy as np
import pytest
from models import BACKENDS, batch, model

import vae_np
from vae_np.formulas import engine as formula_engine
from vae_np.kernels.step import engine as kernel_engine
from vae_np.support.errors import NonFiniteError


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("posterior", "array"), [("full", "encoder.lower.b"), ("planar", "encoder.mu.b")])
def test_moments_that_are_not_finite_are_called_so(posterior, array, backend):
    vae = model(posterior=posterior, backend=backend)
    vae.parameters[array][...] = np.inf
    with pytest.raises(NonFiniteError) as caught:
        vae.encode(batch(vae)[0])
    assert caught.value.stage == "moments of the posterior"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_reconstruct_needs_the_mean_alone(posterior, backend):
    vae = model(posterior=posterior, backend=backend)
    x = batch(vae)[0]
    expected = vae.reconstruct(x)
    vae.parameters["encoder.logvar.b"][...] = np.inf
    np.testing.assert_array_equal(vae.reconstruct(x), expected)
    with pytest.raises(NonFiniteError):
        vae.encode(x)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("length", [0.0, 1e-170])
def test_a_flow_without_a_direction_is_named_wherever_it_is_met(length, backend):
    vae = model(posterior="planar:flows=3", backend=backend)
    vae.parameters["posterior.w"][1] = length
    x, eps = batch(vae, 2)
    calls = {
        "elbo": lambda: vae.elbo(x, eps),
        "gradient": lambda: vae.loss_and_grad(x, eps),
        "evaluate": lambda: vae_np.evaluate(vae, x),
        "encode": lambda: vae.encode(x),
        "reconstruct": lambda: vae.reconstruct(x),
    }
    for name, call in calls.items():
        with pytest.raises(NonFiniteError, match=r"parameter posterior\.w: row 1 has the squared length 0") as caught:
            call()
        assert "\n" not in str(caught.value), name


# ---- draws of the prior


@pytest.mark.parametrize("array", ["logits", "mean", "logvar"])
def test_a_prior_that_is_not_finite_is_named_and_draws_nothing(array):
    vae = model(prior="mixture:components=3", backend="numpy")
    vae.parameters[f"prior.{array}"][0] = np.nan
    for draw in (vae.sample_prior, vae.sample):
        with pytest.raises(NonFiniteError, match=rf"^parameter prior\.{array}: [13] of [39] values are not finite$"):
            draw(1, 0)


def test_a_draw_that_is_not_finite_is_one_error():
    vae = model(prior="mixture:components=3", backend="numpy", dtype="float32")
    vae.parameters["prior.logvar"][...] = 500
    with pytest.raises(NonFiniteError, match=r"^prior: values that are not finite"):
        vae.sample(4, 0)


@pytest.mark.parametrize("n", ["3", 2.5, True, None, np.ones(2)], ids=str)
@pytest.mark.parametrize("prior", ["standard", "mixture"])
def test_the_number_of_draws_is_an_integer(prior, n):
    vae = model(prior=prior, backend="numpy")
    for draw in (vae.sample_prior, vae.sample):
        with pytest.raises(TypeError, match="n must be an integer; got"):
            draw(n, 0)
    assert vae.sample_prior(np.int64(3), 0).shape == (3, 3)
    assert vae.sample_prior(0, 0).shape == (0, 3)


# ---- memory


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("posterior", ["diagonal", "full", "planar"])
def test_encode_takes_fewer_rows_at_once_where_a_row_has_many_numbers(posterior, backend, monkeypatch):
    """With the result of all at once, but for the order in which a product is summed."""
    vae = model(posterior=posterior, backend=backend)
    x = batch(vae, n=23)[0]
    expected = vae.encode(x)
    for module in (formula_engine, kernel_engine):
        monkeypatch.setattr(module, "NUMBERS", 5 * sum(vae.posterior.heads(3).values()))
    rows = []
    moments = vae.posterior.moments
    monkeypatch.setattr(
        vae.posterior, "moments", lambda heads, own: rows.append(len(heads["mu"])) or moments(heads, own)
    )
    for found, right in zip(vae.encode(x), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-14)
    if backend == "numpy" or posterior != "diagonal":
        assert rows == [5, 5, 5, 5, 3]
