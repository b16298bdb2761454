"""The ELBO with its KL at the samples: as it stands, and without the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.objectives.base import Loss, Objective, at_samples, log_weights

__all__ = ["SampledELBO", "StickingTheLanding"]


@dataclass(frozen=True)
class SampledELBO(Objective):
    """The ELBO whose KL is log q - log p at the samples, also where a closed form is known.

        elbo_n = 1/S sum_s log w_sn,    log w = log p(x | z) + log p(z) - log q(z | x),    loss = -1/N sum_n elbo_n

    Kingma & Welling (2014), eq. 6, the first of its two estimators. The gradient is that of the value, log q with
    both its parts. Its variance has a part that does not vanish at q = p(z|x): the score, whose mean is 0.
    """

    name = "elbo-sampled"
    analytic_kl = False

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(mean of log w)."""
        self.refuse_beta(beta)
        bound, share = _mean(terms)
        cotangents = Cotangents(-share, log_prior=-share, log_posterior=share)
        return at_samples(bound, cotangents)


@dataclass(frozen=True)
class StickingTheLanding(Objective):
    """The same value; in the gradient log q(z | x) counts through z alone.

        d elbo / d phi = 1/S sum_s  d log w / dz  dz / dphi,    without  d log q(z | x) / dphi at fixed z

    What is left out is the score, with mean 0 under q. Where q is the true posterior log w is constant in z: each
    sample's gradient is 0 there, not only their mean. Roeder, Wu & Duvenaud (2017), "Sticking the landing".
    """

    name = "stl"
    analytic_kl = False
    differentiates = False

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(mean of log w), and the gradient's path alone."""
        self.refuse_beta(beta)
        bound, share = _mean(terms)
        cotangents = Cotangents(-share, None, -share, share, log_posterior_direct=np.zeros_like(share))
        return at_samples(bound, cotangents)


def _mean(terms: Terms) -> tuple[Any, Any]:
    """The mean of log w over the samples, (N,), and 1/(S N) for each sample."""
    log_w = log_weights(terms)
    return log_w.mean(axis=0), np.full(log_w.shape, 1 / log_w.size, log_w.real.dtype)
