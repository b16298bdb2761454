"""The importance-weighted bound."""

from __future__ import annotations

from dataclasses import dataclass

from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.numerics import log_mean_exp, normalised_weights
from vae_np.formulas.objectives.base import Loss, Objective, at_samples, log_weights

__all__ = ["IWAE"]


@dataclass(frozen=True)
class IWAE(Objective):
    """The importance-weighted bound of S samples.

        L_n = log 1/S sum_s w_sn,    w = p(x | z) p(z) / q(z | x),        loss = -1/N sum_n L_n

    Its derivative with respect to log w_sn is the normalised weight w_sn / sum_s w_sn: an example's weights add up to 1
    at any size of log w (`numerics.normalised_weights`). The posterior's direct part is kept, so this is the gradient
    of the bound itself. Burda, Grosse & Salakhutdinov (2016). beta must be 1.
    """

    name = "iwae"
    analytic_kl = False  # the KL enters through the samples

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(mean over n of log-mean-exp over s of log w)."""
        self.refuse_beta(beta)
        log_w = log_weights(terms)
        bound = log_mean_exp(log_w)
        weight = normalised_weights(log_w.real) / log_w.shape[1]
        cotangents = Cotangents(-weight, log_prior=-weight, log_posterior=weight)
        return at_samples(bound, cotangents)
