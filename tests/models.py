"""Small models and batches that hide no mistake: distinct odd sizes, no zero, grey and binary values mixed."""

from __future__ import annotations

import numpy as np

import vae_np
from vae_np.formulas.activations import ACTIVATIONS, Activation

LIKELIHOODS = {
    "bernoulli": vae_np.Bernoulli(),
    "continuous-bernoulli": vae_np.ContinuousBernoulli(),
    "gaussian-fixed": vae_np.Gaussian(sigma=0.7),
    "gaussian-learned": vae_np.Gaussian(sigma="learned"),
    "gaussian-per-feature": vae_np.Gaussian(sigma="per-feature"),
    "gaussian-heteroscedastic": vae_np.Gaussian(sigma="heteroscedastic"),
    "gaussian-per-feature-floored": vae_np.Gaussian(sigma="per-feature", floor=0.8),
    "gaussian-heteroscedastic-floored": vae_np.Gaussian(sigma="heteroscedastic", floor=0.8),
    "poisson": vae_np.Poisson(),
    "laplace": vae_np.Laplace(),
    "categorical": vae_np.Categorical(),
    "multinomial": vae_np.Multinomial(length=4),
    "discretised-logistic": vae_np.DiscretisedLogistic(levels=9),
    "beta": vae_np.Beta(),
    "beta-heteroscedastic": vae_np.Beta("heteroscedastic"),
    "student-t": vae_np.StudentT(3.0, "learned"),
    "negative-binomial": vae_np.NegativeBinomial(),
    "negative-binomial-heteroscedastic": vae_np.NegativeBinomial("heteroscedastic"),
    "exposure": vae_np.Exposure("negative-binomial:dispersion=heteroscedastic"),
    "columns": vae_np.Columns(
        [
            ("gaussian:sigma=heteroscedastic", [5, 0]),
            ("categorical", "1-2"),
            ("negative-binomial", "3+6"),
            ("bernoulli", 4),
        ]
    ),
}
LATENTS = {
    "full": {"posterior": "full"},
    "planar": {"posterior": "planar:flows=2"},
    "mixture": {"prior": "mixture:components=3"},
    "vade": {"prior": "vade:components=3"},
    "full, mixture": {"posterior": "full", "prior": "mixture:components=3"},
    "planar, mixture": {"posterior": "planar:flows=2", "prior": "mixture:components=3"},
}
"""Posteriors and priors other than the paper's, which every other test has."""
ACTIVATION_NAMES = tuple(name for name, kind in ACTIVATIONS.items() if kind.__module__ == Activation.__module__)
BACKENDS = ("numpy", "numba")
D, K, N = 7, 3, 5


def model(seed: int = 0, **options) -> vae_np.VAE:
    """A small model, all of whose parameters (biases and variances too) are off zero."""
    options = {"hidden": (5,), "latent": K, **options}
    vae = vae_np.VAE(options.pop("n_features", D), **options)
    vector = vae.parameters.vector
    vector += (0.3 * np.random.default_rng(seed + 1).standard_normal(vector.size)).astype(vector.dtype)
    return vae


def batch(vae: vae_np.VAE, samples: int | None = None, n: int = N, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """x with binary, grey and (where it is admitted) wilder columns, and noise of shape (N, K) or (S, N, K)."""
    rng = np.random.default_rng(seed)
    d, k = vae.architecture.n_features, vae.architecture.latent
    x = rng.random((n, d))
    x[:, ::3] = x[:, ::3] > 0.5
    x = np.where(vae.likelihood.real(d), 3 * x - 1, vae.likelihood.examples(x))
    eps = rng.standard_normal((n, k) if samples is None else (samples, n, k))
    return x.astype(vae.dtype), eps.astype(vae.dtype)
