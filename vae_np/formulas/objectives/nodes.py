"""The ELBO with weights of its samples: an expectation over q by the nodes of a quadrature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.objectives.base import Loss, Objective

__all__ = ["WeightedELBO", "weighted_elbo"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class WeightedELBO:
    """The ELBO whose samples count by weights w_sn in place of 1/S.

        elbo_n = sum_s w_sn log p(x_n | z_sn) - beta KL_n sum_s w_sn,    loss = -1/N sum_n elbo_n

    A KL without a closed form is sum_s w_sn (log q - log p). The weights are numbers: nothing is differentiated through
    them. It has the form of an `Objective`, and no name that a file or a command could know it by.
    """

    weights: Array
    name = "elbo with weights"
    analytic_kl = True
    differentiates = True

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(weighted sum of the log-likelihood) + beta KL."""
        n = terms.log_likelihood.shape[1]
        each = self.weights / n
        if terms.analytic:
            share = self.weights.sum(axis=0)
            bound = (self.weights * terms.log_likelihood).sum(axis=0) - beta * share * terms.kl.sum(axis=1)
            return Loss(-bound.mean(), Cotangents(-each, kl=(beta / n) * share[:, None]), each=bound)
        difference = terms.log_posterior - terms.log_prior
        bound = (self.weights * (terms.log_likelihood - beta * difference)).sum(axis=0)
        cotangents = Cotangents(-each, log_prior=-beta * each, log_posterior=beta * each)
        return Loss(-bound.mean(), cotangents, kl="samples", each=bound)


def weighted_elbo(objective: str | Objective, weights: ArrayLike, eps: Array) -> Any:
    """The ELBO with these weights, (S,) or (S, N), of the samples of eps (S, N, K).

    Raises
    ------
    ValueError
        If the objective is another, or the weights have another shape, are not finite, or do not add up to 1.
    """
    if objective != "elbo":
        raise ValueError(f"weights are those of the samples of the ELBO; the objective is {objective!r}")
    w = np.asarray(weights, eps.dtype)
    samples, n = eps.shape[:2]
    if w.shape not in ((samples,), (samples, n)):
        raise ValueError(f"weights must have shape ({samples},) or ({samples}, {n}), those of eps; got {w.shape}")
    total = w.sum(axis=0)
    if not np.isfinite(w).all() or np.abs(total - 1).max() > 1e3 * np.finfo(eps.dtype).eps:
        raise ValueError(f"weights must be finite and add up to 1 for each example; they add up to {total}")
    return WeightedELBO(np.broadcast_to(w.reshape(samples, -1), (samples, n)))
