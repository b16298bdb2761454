"""Two engines with one set of parameters, on formulas and on kernels, and when a step of theirs agrees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sums import WHOLE_MODEL, assert_tensors

from vae_np.formulas.activations import Activation
from vae_np.formulas.elbo import Cotangents
from vae_np.formulas.engine import FormulaEngine
from vae_np.formulas.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian
from vae_np.formulas.numerics import log_mean_exp
from vae_np.formulas.objectives import Loss
from vae_np.kernels.step.engine import KernelEngine
from vae_np.model.vae import VAE

FLOATS = ["float64", "float32"]
ACTIVATIONS = ["tanh", "relu", "softplus", "sigmoid", "elu", "gelu", "identity", "unknown"]
"""The last has no kernel."""
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


class UnknownActivation(Activation):
    """h = a tanh(a), without a kernel; its derivative needs both a and h."""

    name = "unknown"

    def forward(self, a):
        return a * np.tanh(a)

    def backward(self, dh, a, h):
        tanh = np.tanh(a)
        return dh * (tanh + a - h * tanh)


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


def assert_step_agrees(pair, x, eps, objective, beta, dtype) -> None:
    formula, kernel = (engine.loss_and_grad(x, eps, objective, beta) for engine in pair)
    # a rounding of the log-weights' size is one of the normalised weights' logarithm
    size = np.abs(formula.log_likelihood).max() if not objective.analytic_kl else 1.0
    roundings = WHOLE_MODEL * max(1.0, float(size) / 5)
    terms = float(np.abs(formula.log_likelihood).max() + np.abs(formula.kl).max())
    assert_tensors("loss", np.asarray(kernel.loss, dtype), np.asarray(formula.loss, dtype), size=terms)
    assert_tensors("log_likelihood", kernel.log_likelihood, formula.log_likelihood)
    assert_tensors("kl", kernel.kl, formula.kl)
    names = list(kernel.gradients), list(formula.gradients)
    assert names[0] == names[1], f"gradients of {names[0]} and {names[1]}"
    largest = float(np.abs(formula.gradients.vector).max())
    for name, expected in formula.gradients.items():
        # one entry alone may cancel: then its terms are as large as the others'
        assert_tensors(name, kernel.gradients[name], expected, roundings, largest if expected.size == 1 else 0)
