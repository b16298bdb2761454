"""What an estimator is after: the exact gradient of its bound, and for wake-sleep's encoder that of -KL(p || q)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vae_np.exact import expected, log_evidence
from vae_np.exact.evidence import forward_kl_gradient
from vae_np.formulas.objectives import Objective, get_objective, keep_encoder
from vae_np.formulas.parameters import Parameters
from vae_np.model.vae import VAE

__all__ = ["target"]

BOUNDS = {"stl": "elbo-sampled", "reinforce": "elbo-sampled", "dreg": "iwae", "vimco": "iwae", "rws": "iwae",
          "rws-dreg": "iwae"}  # fmt: skip
"""The objective whose derivative another estimator estimates."""
WAKE = ("rws", "rws-dreg")


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

    Raises
    ------
    ValueError
        If quadrature is not to be had: more than 4 noises S K, of the ELBO more than 3 latent dimensions.
    """
    goal = get_objective(objective)
    if goal.name in ("elbo", "elbo-sampled", "stl", "reinforce"):  # one sample has the mean of many
        samples = 1
    if goal.name == "piwae":
        found = expected(vae, x, "iwae", samples, **options).gradients  # type: ignore[arg-type]
        groups = {"name": "miwae", "groups": goal.config()["groups"]}
        keep_encoder(found, expected(vae, x, get_objective(groups), samples, **options).gradients)  # type: ignore[arg-type]
        return found
    found = expected(vae, x, BOUNDS.get(goal.name, goal), samples, **options).gradients  # type: ignore[arg-type]
    if goal.name in WAKE:
        keep_encoder(found, forward_kl_gradient(vae, x, log_evidence(vae, x, **options)))  # type: ignore[arg-type]
    if not np.isfinite(found.vector).all():
        raise ValueError(f"the exact gradient of {goal!r} is not finite")
    return found
