"""The evidence lower bound, Kingma & Welling (2014), eq. 10, with beta and free bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.numerics import column_sums
from vae_np.formulas.objectives.base import Loss, Objective
from vae_np.support.checks import non_negative

__all__ = ["ELBO"]

Array = NDArray[Any]
FREE_BITS = ("per-dimension", "per-entry", "total")


@dataclass(frozen=True)
class ELBO(Objective):
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

    name = "elbo"
    analytic_kl = True

    free_bits: float = 0.0
    free_bits_kind: str = "per-dimension"

    def __post_init__(self) -> None:
        object.__setattr__(self, "free_bits", non_negative("free_bits", self.free_bits))
        if self.free_bits_kind not in FREE_BITS:
            raise ValueError(f"free_bits_kind must be one of {', '.join(FREE_BITS)}; got {self.free_bits_kind!r}")

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(mean log-likelihood) + beta (mean of the bounded KL)."""
        s, n = terms.log_likelihood.shape
        bounded, weight, of_each = self._bounded(terms.kl)
        value = -terms.log_likelihood.sum() / (s * n) + beta * bounded / n
        dtype = terms.log_likelihood.real.dtype
        lik = np.full((s, n), -1 / (s * n), dtype)
        each = None if of_each is None else terms.log_likelihood.sum(axis=0) / s - beta * of_each
        if terms.analytic:
            return Loss(value, Cotangents(lik, kl=np.asarray(beta / n * weight, dtype)), each=each)
        share = np.empty((s, n), dtype)
        share[...] = beta / (s * n) * weight[:, 0]
        return Loss(value, Cotangents(lik, log_prior=-share, log_posterior=share), kl="samples", each=each)

    def _bounded(self, kl: Array) -> tuple[Any, Array, Array | None]:
        """The bounded KL summed over the batch, its derivative with respect to KL_nk (broadcast to (N, K)), and that of
        each example (N,), unless it is bounded by its mean over the batch."""
        free = self.free_bits
        if free == 0:
            return kl.sum(), np.ones((1, 1)), kl.sum(axis=1)
        if self.free_bits_kind == "per-dimension":
            mean = column_sums(kl) / len(kl)
            above = mean.real > free
            return np.where(above, mean, free).sum() * len(kl), above[None].astype(float), None
        total = kl if self.free_bits_kind == "per-entry" else kl.sum(axis=1, keepdims=True)
        above = total.real > free
        bounded = np.where(above, total, free)
        return bounded.sum(), above.astype(float), bounded.sum(axis=1)
