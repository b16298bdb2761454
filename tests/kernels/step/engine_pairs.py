"""Two engines with one set of parameters, on formulas and on kernels, and when a step of theirs agrees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_np.formulas.elbo import Cotangents
from vae_np.formulas.engine import FormulaEngine
from vae_np.formulas.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian
from vae_np.formulas.numerics import log_mean_exp
from vae_np.formulas.objectives import Loss
from vae_np.kernels.step.engine import KernelEngine
from vae_np.model.vae import VAE

FLOATS = ["float64", "float32"]
ACTIVATIONS = ["tanh", "relu", "softplus", "sigmoid", "elu", "gelu", "identity"]
LIKELIHOODS = {
    "bernoulli": Bernoulli(),
    "continuous-bernoulli": ContinuousBernoulli(),
    **{f"gaussian {sigma}": Gaussian(sigma) for sigma in (0.7, "learned", "per-feature", "heteroscedastic")},
}


class Unknown(Bernoulli):
    """A likelihood without a kernel."""

    name = "unknown"

    def log_density(self, x, raw, own=None):
        return super().log_density(x, raw) - raw * raw

    def gradient(self, x, raw, own=None):
        return super().gradient(x, raw)[0] - 2 * raw, {}


# ---- an objective that only tests have: other cotangents for the same backward pass ----


@dataclass(frozen=True)
class Pathwise:
    """An importance-weighted bound with the direct part of log q left out, and the encoder's gradient times ``power``
    of the normalised weights: sticking the landing for power 0, doubly reparameterised for 1."""

    power: int
    name = "pathwise"
    analytic_kl = False

    def __call__(self, terms, beta=1.0):
        log_w = terms.log_likelihood + terms.log_prior - terms.log_posterior
        bound = log_mean_exp(log_w)
        normalised = np.exp(log_w - bound) / len(log_w)
        weight = normalised / log_w.shape[1]
        none, path = np.zeros_like(weight), normalised**self.power
        c = Cotangents(-weight, log_prior=-weight, log_posterior=weight, log_posterior_direct=none, path=path)
        return Loss(-bound.mean(), c)


# ---- the engines, their data, and their agreement ----


def engines(dtype="float64", likelihood="bernoulli", n_features=11, seed=3, **form) -> tuple:
    """(formula, kernel), each with its own copy of parameters that are nowhere 0."""
    form = {"hidden": (7,), "latent": 3} | form
    vae = VAE(n_features, likelihood=likelihood, dtype=dtype, backend="numpy", seed=seed, **form)
    vector = vae.parameters.vector
    vector += np.asarray(0.1 * np.random.default_rng(seed).standard_normal(vector.size), dtype)
    return FormulaEngine(vae.architecture, vae.parameters), KernelEngine(vae.architecture, vae.parameters.copy())


def batch(dtype, samples=1, n=5, n_features=11, latent=3, seed=0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.choice([0.0, 1.0, 0.3, 0.9], (n, n_features)).astype(dtype)
    return x, generator.standard_normal((samples, n, latent)).astype(dtype)


def assert_close(name, got, expected, dtype, factor=1.0) -> None:
    """Within 50 eps of the largest entry, times a factor; one entry alone has no larger one if its terms cancel."""
    factor *= 10 if expected.size == 1 else 1
    assert got.shape == expected.shape, f"{name}: {got.shape} and {expected.shape}"
    assert got.dtype == expected.dtype == np.dtype(dtype), f"{name}: {got.dtype} and {expected.dtype}"
    bound = 50 * factor * np.finfo(dtype).eps * np.abs(expected).max(initial=0)
    error = np.abs(got - expected).max(initial=0)
    assert error <= bound, f"{name}: off by {error:.3g}, where {bound:.3g} is allowed"


def assert_step_agrees(pair, x, eps, objective, beta, dtype) -> None:
    formula, kernel = (engine.loss_and_grad(x, eps, objective, beta) for engine in pair)
    # a rounding of the log-weights' size is one of the normalised weights' logarithm
    size = np.abs(formula.log_likelihood).max() if not objective.analytic_kl else 1.0
    factor = max(1.0, float(size) / 5)
    assert_close("loss", np.asarray(kernel.loss, dtype), np.asarray(formula.loss, dtype), dtype)
    assert_close("log_likelihood", kernel.log_likelihood, formula.log_likelihood, dtype)
    assert_close("kl", kernel.kl, formula.kl, dtype)
    names = list(kernel.gradients), list(formula.gradients)
    assert names[0] == names[1], f"gradients of {names[0]} and {names[1]}"
    for name, expected in formula.gradients.items():
        assert_close(name, kernel.gradients[name], expected, dtype, factor)
