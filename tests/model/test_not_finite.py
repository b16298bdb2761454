"""What is not finite is reported with its stage and its examples."""

from __future__ import annotations

import numpy as np
import pytest
from models import BACKENDS, batch, model

from vae_np import Gaussian, NonFiniteError


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
    x, eps = batch(vae)
    # raw reaches some 1e150, its log-density -1e302, which is finite; its derivative, 1e152, times W is not
    vae.parameters["decoder.out.W"][...] = 1e160
    vae.parameters["decoder.0.W"][...] = 0
    vae.parameters["decoder.0.b"][...] = 1e-10
    assert np.isfinite(vae.elbo(x, eps).elbo).all()
    with pytest.raises(NonFiniteError) as caught:
        vae.loss_and_grad(x, eps)
    assert caught.value.stage.startswith("gradient ")
