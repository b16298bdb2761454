"""What an estimator is after: the exact gradient of its bound, and for wake-sleep's encoder that of -KL(p || q)."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from vae_np.exact import expected, log_evidence
from vae_np.exact.evidence import forward_kl_gradient
from vae_np.formulas.objectives import Objective, get_objective, keep_encoder
from vae_np.formulas.parameters import Parameters
from vae_np.model.vae import VAE
from vae_np.support.errors import NotConvergedWarning

__all__ = ["target"]

BOUNDS = {"stl": "elbo-sampled", "reinforce": "elbo-sampled", "dreg": "iwae", "vimco": "iwae", "rws": "iwae",
          "rws-dreg": "iwae"}  # fmt: skip
"""The objective whose derivative another estimator estimates."""
WAKE = ("rws", "rws-dreg")
MATERIAL = 1e-4
"""The share of the largest entry by which an integral that has not converged may be off without a word."""


def what_of(name: str) -> str:
    """The objective, by name, that has the same target: what several estimators are after can be taken once."""
    goal = get_objective(name)
    return WAKE[0] if goal.name in WAKE else BOUNDS.get(goal.name, name)


def target(vae: VAE, x: ArrayLike, objective: str | Objective, samples: int = 1, **options: float) -> Parameters:
    """The gradient of the mean bound over the examples that an estimator is after, by quadrature.

    Of the ELBO or of a bound it is the expectation of a gradient that differentiates (`exact.expected`), for PIWAE the
    decoder's of `IWAE` and the encoder's of `MIWAE`. Reweighted wake-sleep is after the gradient of
    -KL(p(z|x) || q(z|x)) for its encoder, and reaches it in the limit of many samples: at S samples it is biased, and
    `exact.expected` of the estimator itself says by how much.

    Parameters
    ----------
    vae : VAE
    x : array, shape (N, D)
    objective : str or Objective
    samples : int
        S.
    **options
        ``tolerance`` and ``most`` of `exact.expected`.

    Returns
    -------
    Parameters
        In the direction of ascent: minus it is the gradient of the loss.

    Warns
    -----
    NotConvergedWarning
        If an integral has not converged and may be off by more than `MATERIAL`: what is held to it may seem biased.

    Raises
    ------
    ValueError
        If quadrature is not to be had: more than 4 noises S K, of the ELBO more than 3 latent dimensions.
    """
    goal = get_objective(objective)
    if goal.name in ("elbo", "elbo-sampled", "stl", "reinforce"):  # one sample has the mean of many
        samples = 1
    if goal.name == "piwae":
        found = _expected(vae, x, get_objective("iwae"), samples, options)
        groups = {"name": "miwae", "groups": goal.config()["groups"]}
        keep_encoder(found, _expected(vae, x, get_objective(groups), samples, options))
        return found
    found = _expected(vae, x, get_objective(BOUNDS.get(goal.name, goal)), samples, options)
    if goal.name in WAKE:
        evidence = log_evidence(vae, x, **options)  # type: ignore[arg-type]
        wake = forward_kl_gradient(vae, x, evidence)
        _warn("log p(x)", evidence.gradients, 0.0 if evidence.converged else evidence.gradient_error)
        keep_encoder(found, wake)
    if not np.isfinite(found.vector).all():
        raise ValueError(f"the exact gradient of {goal!r} is not finite")
    return found


def _expected(vae: VAE, x: ArrayLike, objective: Objective, samples: int, options: dict[str, float]) -> Parameters:
    found = expected(vae, x, objective, samples, **options)  # type: ignore[arg-type]
    _warn(f"the exact gradient of {objective.name}", found.gradients, 0.0 if found.converged else found.gradient_error)
    return found.gradients


def _warn(what: str, gradients: Parameters, error: float) -> None:
    if error > MATERIAL * max(1.0, float(np.abs(gradients.vector).max(initial=0.0))):
        words = f"{what} has not converged: an entry may be off by {error:.2g}; give more nodes (most=), fewer samples"
        told = NotConvergedWarning(f"{words}, or a smoother decoder than one of ReLUs", error)
        warnings.warn(told, stacklevel=3)
