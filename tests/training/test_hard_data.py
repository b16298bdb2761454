"""Data as people have them: what stops training in its first step says what helps, and that helps."""

from __future__ import annotations

import contextlib
import re
import warnings

import numpy as np
import pytest

import vae_np
from vae_np.cli import choice

RNG = np.random.default_rng(0)
TRAFFIC = np.exp(1.5 * RNG.normal(size=(10_240, 42)) + RNG.uniform(0, 10, 42)).astype(np.float32)
"""Log-normal of log-deviation 1.5, as network traffic is, in units of their own."""
IMAGES = (100 * RNG.normal(size=(50, 20_000))).astype(np.float32)
"""More features than examples, as brain images have."""
PIXELS = (vae_np.data.load_digits().x[:600] * 255).round().astype(np.float32)
ROWS = {
    **{f"traffic, {sigma}": (TRAFFIC, sigma) for sigma in (1.0, "learned", "per-feature", "heteroscedastic")},
    **{f"images, {sigma}": (IMAGES, sigma) for sigma in (1.0, "learned")},
    "pixels to 255": (PIXELS, 1.0),
}


def fit(x: np.ndarray, sigma: float | str, scale: str, **options) -> vae_np.History:
    """Float32, ReLU, Adam 1e-3."""
    floor = 0.0 if isinstance(sigma, float) else 0.01
    likelihood = vae_np.Gaussian(sigma, floor=floor)
    vae = vae_np.VAE(
        x.shape[1], hidden=(64,), latent=4, activation="relu", likelihood=likelihood, dtype="float32",
        backend="numpy", scale=scale,
    )  # fmt: skip
    return vae_np.fit(vae, x, epochs=2, batch_size=64, progress=False, **options)


@contextlib.contextmanager
def warnings_ignored():
    """Constant pixels are named by a warning, which another test holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


TELLING = ("traffic, learned", "images, 1.0", "pixels to 255")
"""Of each kind of data one; the others are of the same kinds with another deviation."""


@pytest.mark.parametrize(
    "name", [*TELLING, *(pytest.param(name, marks=pytest.mark.slow) for name in ROWS if name not in TELLING)]
)
def test_what_stops_names_the_columns_and_the_remedy_and_the_remedy_trains(name):
    x, sigma = ROWS[name]
    unscaled = -np.inf
    with contextlib.suppress(vae_np.NonFiniteError), warnings_ignored():
        unscaled = fit(x, sigma, "none")["elbo"][-1]
    with warnings_ignored():
        first, last = fit(x, sigma, "standard", output_bias="data")["elbo"]
    assert np.isfinite(last)
    assert last > unscaled  # in one unit: nats of x
    if x is not IMAGES:  # which are noise, and one step an epoch
        assert last > first


@pytest.mark.parametrize("name", [name for name in ROWS if "traffic" in name])
def test_the_message_names_the_largest_columns_and_what_helps(name):
    x, sigma = ROWS[name]
    with pytest.raises(vae_np.NonFiniteError, match=r'scale="standard" \(--scale standard\) may help') as caught:
        fit(x, sigma, "none")
    largest = int(re.search(r"largest columns of the data are (\d+) ", str(caught.value))[1])
    size = np.abs(x.mean(axis=0, dtype=np.float64)) + x.std(axis=0, dtype=np.float64)
    assert size[largest] == pytest.approx(size.max())


def test_constant_columns_do_not_drown_the_others():
    """Digits, three of whose columns are constant: sigma per-feature, Adam 1e-2, the command line's floor."""
    digits = vae_np.data.load_digits(dtype="float32")

    def elbo(floor: float) -> list[float]:
        likelihood = vae_np.Gaussian("per-feature", floor=floor)
        vae = vae_np.VAE(
            64, hidden=(64,), latent=8, activation="relu", likelihood=likelihood, dtype="float32", backend="numpy"
        )
        optimizer = vae_np.Adam(1e-2)
        return vae_np.fit(vae, digits.x, epochs=10, optimizer=optimizer, output_bias="data", progress=False)["elbo"]

    options = {"likelihood": "gaussian", "sigma": "per-feature", "floor": None, "scale": "auto"}
    floor = choice.floor_of(options, digits.x)["floor"]
    assert 0.01 < floor < 0.02
    bare, held = elbo(0.0), elbo(floor)
    assert held[0] > bare[0] + 500
    assert np.mean(held) > np.mean(bare) + 50


def test_where_the_data_are_small_the_steps_are_named():
    x = RNG.normal(size=(64, 5))
    vae = vae_np.VAE(5, hidden=(4,), latent=2, likelihood="gaussian", backend="numpy")
    with pytest.raises(vae_np.NonFiniteError, match="a smaller learning rate or clip_norm"):
        vae_np.fit(vae, x, epochs=1, batch_size=16, optimizer=vae_np.Adam(1e300), progress=False)
