"""This package as a candidate, as a reader of the vectors would write one: a function of a case for each kind it has.

The vectors share no code with it, so they judge both of its backends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.cases import Case
from vae_np.conformance.objective.as_likelihood import OfForm
from vae_np.data.binarisation import binarise
from vae_np.formulas import gaussian
from vae_np.formulas.likelihoods import (
    Bernoulli,
    Beta,
    Categorical,
    ContinuousBernoulli,
    DiscretisedLogistic,
    Gaussian,
    Laplace,
    Likelihood,
    Multinomial,
    NegativeBinomial,
    Poisson,
    StudentT,
)
from vae_np.formulas.numerics import log_mean_exp, normalised_exp
from vae_np.formulas.objectives import ELBO
from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.schedules import LinearWarmup
from vae_np.model.initialisers import INITIALISERS
from vae_np.model.vae import VAE

__all__ = ["LIKELIHOODS", "TABLES", "answer"]

Array = NDArray[Any]
LIKELIHOODS: dict[str, Callable[[], Likelihood]] = {
    "bernoulli": Bernoulli,
    "continuous-bernoulli": ContinuousBernoulli,
    "gaussian-fixed": lambda: Gaussian(0.75),
    "gaussian-learned": lambda: Gaussian("learned"),
    "gaussian-per-feature": lambda: Gaussian("per-feature"),
    "gaussian-heteroscedastic": lambda: Gaussian("heteroscedastic"),
}
"""Of models, and alone."""
OWN = "heteroscedastic"
TABLES: dict[str, Callable[[Mapping[str, Any]], Likelihood]] = {
    "poisson": lambda s: Poisson(),
    "negative-binomial": lambda s: NegativeBinomial(OWN),
    "laplace": lambda s: Laplace(OWN),
    "student-t": lambda s: StudentT(float(s["df"]), OWN),
    "beta": lambda s: Beta(OWN),
    "discretised-logistic": lambda s: DiscretisedLogistic(OWN, s["levels"]),
    "categorical": lambda s: Categorical(s["classes"]),
    "multinomial": lambda s: Multinomial(),
}
"""Alone, with the settings that they have."""


def likelihood_of(settings: Mapping[str, Any]) -> Likelihood:
    """That of a case's settings; ``sigma``, ``form`` and ``link`` are those of a program's own case."""
    if "form" in settings:
        return OfForm(settings["form"], settings["link"])
    if "sigma" in settings:
        return Gaussian(float(settings["sigma"]))
    name = settings["likelihood"]
    return TABLES[name](settings) if name in TABLES else LIKELIHOODS[name]()


def answer(case: Case, backend: str = "numpy", dtype: str = "float64") -> dict[str, Array]:
    """All stages that this package can tell; the single functions are the formulas, whatever the backend."""
    if case.kind == "model":
        return _model(case, backend, dtype)
    inputs = case.of(dtype)
    return _FUNCTIONS[case.kind](inputs, case.settings) if case.kind in _FUNCTIONS else {}


def model_of(case: Case, backend: str, dtype: str) -> VAE:
    """The case's model, with its parameters."""
    s = case.settings
    vae = VAE(
        s["features"],
        hidden=s["hidden"],
        latent=s["latent"],
        decoder_hidden=s["decoder_hidden"],
        activation=s["activation"],
        likelihood=likelihood_of(s),
        dtype=dtype,
        backend=backend,
    )
    for name in vae.parameters:
        vae.parameters[name] = case.inputs[name].astype(dtype)
    return vae


def goal_of(case: Case) -> str | ELBO:
    """The objective, with its free bits if there are any."""
    s = case.settings
    return ELBO(float(s["free_bits"]), s["free_bits_kind"]) if "free_bits" in s else str(s["objective"])


def _model(case: Case, backend: str, dtype: str) -> dict[str, Array]:
    """The forward pass, the loss and every gradient, and the steps of Adam where the case has some."""
    vae, beta, goal = model_of(case, backend, dtype), float(case.settings["beta"]), goal_of(case)
    inputs = case.of(dtype)
    x, eps = inputs["x"], inputs["eps"]
    terms = vae.terms(x, eps)
    found: dict[str, Array] = {name: getattr(terms, name) for name in ("mu", "logvar", "z", "raw", "log_likelihood")}
    found |= {"kl": terms.kl.sum(axis=1), "log_prior": terms.log_prior, "log_posterior": terms.log_posterior}
    if isinstance(goal, ELBO):
        pass  # the package has no bound of each example with free bits: one kind is a minimum of the batch's mean
    elif goal == "elbo":
        found["bound"] = vae.elbo(x, eps, beta).elbo
    else:
        found["bound"] = log_mean_exp(terms.log_likelihood + terms.log_prior - terms.log_posterior)
    loss, gradients = vae.loss_and_grad(x, eps, beta, objective=goal)
    found["loss"] = np.asarray(loss)
    found |= {f"d_{name}": gradients[name] for name in gradients}
    if (training := case.training) is not None:
        adam = _rule(training.settings)
        state = AdamState.zeros(vae.parameters.vector, adam)
        for t, (rows, noise) in enumerate(zip(training.rows, training.eps, strict=True), start=1):
            batch = training.x[list(rows)].astype(dtype)
            vae.train_step(batch, noise.astype(dtype), adam, state, beta, objective=goal)
            found |= {f"step {t}: {name}": vae.parameters[name].copy() for name in vae.parameters}
    return found


def _kl(inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Array]:
    mu, logvar = inputs["mu"], inputs["logvar"]
    d_mu, d_logvar = gaussian.kl_backward(np.ones_like(mu), mu, logvar)
    return {"kl": gaussian.kl(mu, logvar), "d_mu": d_mu, "d_logvar": d_logvar}


def _reparameterise(inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Array]:
    mu, logvar, eps = inputs["mu"], inputs["logvar"], inputs["eps"][None]
    d_mu, d_logvar = gaussian.reparameterise_backward(inputs["d_z"][None], logvar, eps)
    return {"z": gaussian.reparameterise(mu, logvar, eps)[0], "d_mu": d_mu, "d_logvar": d_logvar}


def _likelihood(inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Array]:
    p_x, x, raw = likelihood_of(settings), inputs["x"], inputs["raw"]
    own = {"logvar": inputs["likelihood.logvar"]} if "likelihood.logvar" in inputs else {}
    d_raw, d_own = p_x.gradient(x, raw, own)
    density = p_x.log_density(x, raw, own)
    if isinstance(p_x, Multinomial):  # whose constant is that of all features together
        density = density.sum(axis=1)
    found = {"log_density": density, "d_raw": d_raw}
    for name, value in d_own.items():
        found[f"d_likelihood.{name}"] = value.sum(axis=0) if own[name].size > 1 else value.sum(keepdims=True)[0]
    return found


def _log_mean_exp(inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Array]:
    return {"bound": log_mean_exp(inputs["log_w"]), "weights": normalised_exp(inputs["log_w"])}


def _rule(settings: Mapping[str, Any]) -> Adam:
    """Numbers are texts in the vectors, words are not."""
    how: dict[str, Any] = {name: float(value) if isinstance(value, str) else value for name, value in settings.items()}
    return Adam(**how)


def _adam(inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Array]:
    adam = _rule(settings)
    theta = inputs["theta"].copy()
    state, after = AdamState.zeros(theta, adam), []
    for gradient in inputs["gradients"]:
        adam.update(theta, gradient, state)
        after.append(theta.copy())
    return {"theta": np.stack(after)}


def _warm_up(inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Array]:
    beta = LinearWarmup(settings["warm_up"])
    return {"beta": np.array([beta(t) for t in range(1, settings["steps"] + 1)])}


class _Given:
    """`initialisers.Draws` whose next numbers are these."""

    def __init__(self, inputs: Mapping[str, Array]) -> None:
        self.inputs = inputs

    def uniform(self, bound: float, shape: tuple[int, int]) -> Array:
        """Up to this bound."""
        return 2 * bound * self.inputs["u"].reshape(shape) - bound

    def normal(self, deviation: float, shape: tuple[int, int]) -> Array:
        """With this deviation."""
        return deviation * self.inputs["eps"].reshape(shape)


def _initialise(inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Array]:
    given: Any = _Given(inputs)
    return {"W": INITIALISERS[settings["scheme"]](given, (settings["fan_in"], settings["fan_out"]))}


def _binarise(inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> dict[str, Array]:
    return {"binary": binarise(inputs["x"], "threshold")} if settings["mode"] == "threshold" else {}


_FUNCTIONS: dict[str, Callable[[Mapping[str, Array], Mapping[str, Any]], dict[str, Array]]] = {
    "kl": _kl,
    "reparameterise": _reparameterise,
    "likelihood": _likelihood,
    "log-mean-exp": _log_mean_exp,
    "adam": _adam,
    "warm-up": _warm_up,
    "initialise": _initialise,
    "binarise": _binarise,
}
"""It has no function of the numbers of the others: means over a data set and noise are parts of larger ones."""
