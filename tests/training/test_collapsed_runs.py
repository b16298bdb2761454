"""A run in Python that ends with a model that ignores z says so, with the remedies; others say nothing."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import vae_np
from vae_np.support.errors import CollapseWarning
from vae_np.training.fitting import collapsed
from vae_np.training.history import COLUMNS

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(200, 1))
X = Z @ RNG.normal(size=(1, 6)) + 0.1 * RNG.normal(size=(200, 6))
"""One direction and a little noise."""


def run(likelihood="gaussian", beta=1.0, epochs=60, **options):
    vae = vae_np.VAE(6, hidden=(), latent=1, likelihood=likelihood, activation="tanh", backend="numpy")
    how = {"epochs": epochs, "beta": beta, "batch_size": 16, "optimizer": vae_np.Adam(1e-2), "progress": False}
    return vae_np.fit(vae, X, **how, **options)


@pytest.mark.parametrize(
    ("likelihood", "first"),
    [
        (vae_np.Gaussian(sigma=1.0), r"Gaussian\(sigma='learned'\), a beta"),
        (vae_np.Gaussian(sigma="learned"), "a beta"),
    ],
)
def test_a_model_that_ignores_z_is_told_with_what_may_help(likelihood, first):
    why = r"\): (the decoder ignores z|q.* hardly varies with x)"
    words = rf"^no latent dimension is active \(KL .*{why}; {first} that .* or more epochs may help$"
    with pytest.warns(CollapseWarning, match=words) as caught:
        history = run(likelihood, beta=10.0)
    assert history["active_units"][-1] == 0
    assert caught[0].filename == __file__, "it is the caller's line that is shown"


@pytest.mark.parametrize("options", [{}, {"epochs": 0}])
def test_one_that_uses_it_and_a_run_without_epochs_say_nothing(options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = run(vae_np.Gaussian(sigma="learned"), **options)
    assert not history.rows or history["active_units"][-1] == 1


@pytest.mark.parametrize(("patience", "of"), [(2, 1), (None, 2)])
def test_with_patience_it_is_the_best_epoch_that_counts(patience, of):
    """The model that is left is that epoch's, whatever the last one was."""
    vae = vae_np.VAE(6, hidden=(), latent=1, activation="tanh", backend="numpy")
    for ignoring in range(3):
        history = vae_np.History()
        for i, elbo in enumerate([-3.0, -1.0, -2.0]):
            row = dict.fromkeys(COLUMNS, 0.0) | {"epoch": i + 1, "validation_elbo": elbo}
            history.append(row | {"kl": 0.001 * i, "active_units": float(i != ignoring)})
        found = collapsed(SimpleNamespace(x=X, history=history, settings=SimpleNamespace(patience=patience), vae=vae))
        assert bool(found) == (ignoring == of)
        assert ignoring != of or found.startswith(f"no latent dimension is active (KL {0.001 * of:.3g})")


def test_a_run_that_is_not_over_is_not_judged(tmp_path):
    def stop(history):
        raise KeyboardInterrupt

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyboardInterrupt):
            run(vae_np.Gaussian(sigma=1.0), beta=10.0, on_epoch=stop, checkpoint=tmp_path / "a.npz")


def test_constant_data_have_nothing_to_encode_and_get_no_advice():
    with pytest.warns(CollapseWarning, match=r"all training examples are one, and z has nothing to tell$"):
        vae_np.fit(vae_np.VAE(6, hidden=(), latent=1, backend="numpy"), np.full((9, 6), 0.5), epochs=1, progress=False)
