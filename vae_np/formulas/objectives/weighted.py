"""Gradients of the importance-weighted bound that do not lose their signal: DReG and reweighted wake-sleep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.numerics import log_mean_exp, normalised_weights
from vae_np.formulas.objectives.base import Loss, Objective, at_samples, log_weights

__all__ = ["RWS", "DReG", "RWSDReG"]

Array = NDArray[Any]


@dataclass(frozen=True)
class DReG(Objective):
    """The doubly reparameterised gradient of the importance-weighted bound.

        dL / dphi   = sum_s v_s^2  d log w_s / dz  dz_s / dphi,    v_s = w_s / sum_t w_t
        dL / dtheta = sum_s v_s    d log w_s / dtheta

    The same mean as the gradient of `IWAE`, whose score part is reparameterised once more. Its signal-to-noise ratio
    grows with S, where the encoder's of IWAE falls. Tucker, Lawson, Gu & Maddison (2019), "Doubly
    reparameterized gradient estimators for Monte Carlo objectives".
    """

    name = "dreg"
    analytic_kl = False
    differentiates = False

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """The loss of `IWAE`, with v on the path to the encoder."""
        self.refuse_beta(beta)
        log_w = log_weights(terms)
        v, bound = normalised_weights(log_w.real), log_mean_exp(log_w)
        return at_samples(bound, _doubly(v / v.shape[1], v))


@dataclass(frozen=True)
class RWS(Objective):
    """Reweighted wake-sleep, with the wake phase for both networks.

        theta:  dL / dtheta of `IWAE`
        phi:    ascends sum_s v_s log q(z_s | x) at fixed z_s: an estimate, by self-normalised importance sampling, of
                -d KL(p(z|x) || q(z|x)) / dphi, with a bias of order 1/S

    The encoder has thus a loss of its own; the value is that of `IWAE`. Bornschein & Bengio (2015), "Reweighted
    wake-sleep"; Le et al. (2019), "Revisiting reweighted wake-sleep for models with stochastic control flow".
    """

    name = "rws"
    analytic_kl = False
    differentiates = False

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """The loss of `IWAE`; log q with weights at fixed z."""
        self.refuse_beta(beta)
        log_w = log_weights(terms)
        weight, bound = normalised_weights(log_w.real) / log_w.shape[1], log_mean_exp(log_w)
        nothing = np.zeros_like(weight)
        cotangents = Cotangents(-weight, None, -weight, nothing, log_posterior_direct=-weight, path=nothing)
        return at_samples(bound, cotangents)


@dataclass(frozen=True)
class RWSDReG(Objective):
    """Reweighted wake-sleep whose gradient for the encoder is doubly reparameterised.

        phi:  sum_s (v_s - v_s^2)  d log w_s / dz  dz_s / dphi

    The same mean as that of `RWS`: E v_s d log q / dphi is E dv_s/dz dz_s/dphi, dv_s/dz = v_s (1 - v_s) dlog w_s/dz.
    Tucker et al. (2019).
    """

    name = "rws-dreg"
    analytic_kl = False
    differentiates = False

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """The loss of `IWAE`, with 1 - v on the path to the encoder."""
        self.refuse_beta(beta)
        log_w = log_weights(terms)
        v, bound = normalised_weights(log_w.real), log_mean_exp(log_w)
        others = (1 - np.eye(len(v), dtype=v.dtype)) @ v  # 1 - v, as a sum: the difference cancels where v is near 1
        return at_samples(bound, _doubly(v / v.shape[1], others))


def _doubly(weight: Array, path: Array) -> Cotangents:
    """The weights, a factor on the path to the encoder, and no log q at fixed z."""
    return Cotangents(-weight, None, -weight, weight, log_posterior_direct=np.zeros_like(weight), path=path)
