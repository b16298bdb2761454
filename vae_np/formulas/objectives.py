"""Objectives: what is maximised, as a loss and its derivative with respect to the model's terms.

An objective takes the `Terms` of a batch and returns the loss, a scalar in nats a batch example, and the `Cotangents`
from which `elbo.backward` makes the gradient of every parameter. None has a backward pass of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.numerics import log_mean_exp, normalised_exp
from vae_np.support.checks import non_negative

__all__ = ["ELBO", "IWAE", "OBJECTIVES", "Loss", "Objective", "get_objective"]

Array = NDArray[Any]
FREE_BITS = ("per-dimension", "per-entry", "total")


class Loss(NamedTuple):
    """The loss to be minimised (a real scalar, or complex under the complex step) and its derivatives."""

    value: Any
    cotangents: Cotangents
    kl: str = "analytic"
    """Whether the KL in it is "analytic" or estimated at the "samples"."""


class Objective(Protocol):
    """What the model and the trainer need of an objective."""

    @property
    def name(self) -> str:
        """Its name for configurations and the command line."""

    @property
    def analytic_kl(self) -> bool:
        """Whether it uses log p(x|z) with a constant weight and the analytic KL where there is one, and no log p(z),
        log q(z|x)."""

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """The loss and the cotangents at these terms."""


@dataclass(frozen=True)
class ELBO:
    """The evidence lower bound, with beta and free bits.

        elbo_n = 1/S sum_s log p(x_n | z_sn) - beta KL_n,        loss = -1/N sum_n elbo_n

    KL_n is the closed form where posterior and prior have one, and else 1/S sum_s (log q(z_sn | x_n) - log p(z_sn)),
    which has KL_n as its mean: `Loss.kl` says which it was.

    Parameters
    ----------
    free_bits : float
        lambda, in nats; 0 switches it off. KL below lambda is not rewarded further: it enters as the constant lambda.
    free_bits_kind : str
        Three dialects are in use:

        - ``"per-dimension"``: sum_k max(lambda, mean over the batch of KL_nk), Kingma et al. (2016), eq. 15;
        - ``"per-entry"``: sum_k max(lambda, KL_nk) for each example;
        - ``"total"``: max(lambda, sum_k KL_nk) for each example.

    At equality the derivative is that of the constant, 0. beta multiplies the bounded KL. A KL at the samples has no
    terms by dimension: it counts as one dimension, and may lie below 0.
    Kingma & Welling (2014), eq. 10; beta: Higgins et al. (2017).
    """

    free_bits: float = 0.0
    free_bits_kind: str = "per-dimension"

    def __post_init__(self) -> None:
        object.__setattr__(self, "free_bits", non_negative("free_bits", self.free_bits))
        if self.free_bits_kind not in FREE_BITS:
            raise ValueError(f"free_bits_kind must be one of {', '.join(FREE_BITS)}; got {self.free_bits_kind!r}")

    @property
    def name(self) -> str:
        """ "elbo"."""
        return "elbo"

    @property
    def analytic_kl(self) -> bool:
        """True."""
        return True

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(mean log-likelihood) + beta (mean of the bounded KL)."""
        s, n = terms.log_likelihood.shape
        bounded, weight = self._bounded(terms.kl)
        value = -terms.log_likelihood.sum() / (s * n) + beta * bounded / n
        dtype = terms.log_likelihood.real.dtype
        lik = np.full((s, n), -1 / (s * n), dtype)
        if terms.analytic:
            return Loss(value, Cotangents(lik, kl=np.asarray(beta / n * weight, dtype)))
        share = np.empty((s, n), dtype)
        share[...] = beta / (s * n) * weight[:, 0]
        return Loss(value, Cotangents(lik, log_prior=-share, log_posterior=share), kl="samples")

    def _bounded(self, kl: Array) -> tuple[Any, Array]:
        """The bounded KL summed over the batch, and its derivative with respect to KL_nk (broadcast to (N, K))."""
        free = self.free_bits
        if free == 0:
            return kl.sum(), np.ones((1, 1))
        if self.free_bits_kind == "per-dimension":
            mean = kl.mean(axis=0)
            above = mean.real > free
            return np.where(above, mean, free).sum() * len(kl), above[None].astype(float)
        total = kl if self.free_bits_kind == "per-entry" else kl.sum(axis=1, keepdims=True)
        above = total.real > free
        return np.where(above, total, free).sum(), above.astype(float)


@dataclass(frozen=True)
class IWAE:
    """The importance-weighted bound of S samples.

        L_n = log 1/S sum_s w_sn,    w = p(x | z) p(z) / q(z | x),        loss = -1/N sum_n L_n

    Its derivative with respect to log w_sn is the normalised weight w_sn / sum_s w_sn: an example's weights add up to 1
    at any size of log w (`numerics.normalised_exp`). The posterior's direct part is kept, so this is the gradient of
    the bound itself. Burda, Grosse & Salakhutdinov (2016). beta must be 1.
    """

    @property
    def name(self) -> str:
        """ "iwae"."""
        return "iwae"

    @property
    def analytic_kl(self) -> bool:
        """False: the KL enters through the samples."""
        return False

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(mean over n of log-mean-exp over s of log w)."""
        if beta != 1:
            raise ValueError(f"the importance-weighted bound has no beta; got beta={beta}")
        log_w = terms.log_likelihood + terms.log_prior - terms.log_posterior
        bound = log_mean_exp(log_w)
        weight = normalised_exp(log_w.real) / log_w.shape[1]
        return Loss(-bound.mean(), Cotangents(-weight, log_prior=-weight, log_posterior=weight), kl="samples")


OBJECTIVES: dict[str, type[ELBO] | type[IWAE]] = {"elbo": ELBO, "iwae": IWAE}


def get_objective(objective: str | Objective) -> Objective:
    """The objective of a name with its defaults; an object is handed back."""
    if not isinstance(objective, str):
        if isinstance(objective, type) or not callable(objective) or not hasattr(objective, "analytic_kl"):
            raise TypeError(f"objective must be a name or an object such as ELBO(); got {objective!r}")
        return objective
    if objective not in OBJECTIVES:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}; got {objective!r}")
    return OBJECTIVES[objective]()
