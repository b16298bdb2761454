"""The memory of the engine on kernels: buffers of each batch's size, results that stay, steps that allocate nothing."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from engine_pairs import assert_step_agrees, batch, engines

from vae_np.formulas import optim
from vae_np.formulas.likelihoods import Gaussian
from vae_np.formulas.objectives import ELBO, IWAE
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.model.vae import VAE


def test_changing_batch_sizes_use_the_right_buffers():
    pair = engines(likelihood=Gaussian("learned"))
    for seed, (samples, n) in enumerate([(1, 5), (1, 2), (1, 5), (3, 5), (1, 2), (2, 7), (1, 9), (1, 5), (3, 5)]):
        x, eps = batch("float64", samples, n, seed=seed)
        assert_step_agrees(pair, x, eps, ELBO(), 1.0, "float64")
        pair[1].encode(x)
        assert_step_agrees(pair, x, eps, IWAE(), 1.0, "float64")
        assert len(pair[1]._workspaces) <= 3


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
