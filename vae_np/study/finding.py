"""What a topic returns, and a small trained model to look at."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vae_np.formulas.likelihoods import Likelihood
from vae_np.formulas.optim import Adam
from vae_np.model.vae import VAE
from vae_np.plots.canvas import PathLike
from vae_np.support.errors import CollapseWarning
from vae_np.training.fitting import fit

__all__ = ["Finding", "in_float64", "small_model"]


class Finding(NamedTuple):
    """What was found: ``lines`` to print, ``values`` by name, JSON-able, and ``draw``, which writes the picture."""

    lines: list[str]
    values: dict[str, Any]
    draw: Callable[[PathLike], Path]


def small_model(x: ArrayLike, likelihood: str | Likelihood = "bernoulli", *, latent: int = 2,
                hidden: tuple[int, ...] = (16,), epochs: int = 20, seed: int = 0, scale: str = "none",
                **training: Any) -> VAE:  # fmt: skip
    """A tanh model in float64 on the formulas, trained on x (N, D) from the data's output bias on.

    ``training`` goes to `fit`. Some seconds for a few thousand rows.
    """
    x = np.asarray(x, np.float64)
    sizes: dict[str, Any] = {"hidden": hidden, "latent": latent, "activation": "tanh", "seed": seed}
    vae = VAE(x.shape[1], likelihood=likelihood, scale=scale, backend="numpy", **sizes)
    how: dict[str, Any] = {"optimizer": Adam(5e-3), "output_bias": "data", "progress": False} | training
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)  # what a study shows is its own matter
        fit(vae, x, epochs=epochs, seed=seed, **how)
    return vae


def in_float64(vae: VAE) -> VAE:
    """The same model in float64 on the formulas; a float64 model on the formulas is handed back."""
    if vae.dtype == np.float64 and type(vae.engine).__name__ == "FormulaEngine":
        return vae
    other = VAE(**(vae.config() | {"dtype": "float64"}), backend="numpy")
    other.parameters.vector[...] = vae.parameters.vector
    if vae.scaling is not None:
        other.scaling = vae.scaling
    return other
