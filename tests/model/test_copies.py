"""Copies of models are the same models."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from models import BACKENDS, D, K, batch, model

import vae_np


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
