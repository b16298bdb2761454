"""Bounds between the ELBO and the importance-weighted one: MIWAE, PIWAE, CIWAE, and Renyi's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.numerics import log_mean_exp, normalised_weights
from vae_np.formulas.objectives.base import Loss, Objective, at_samples, log_weights
from vae_np.support.checks import whole

__all__ = ["CIWAE", "MIWAE", "PIWAE", "Renyi"]

Array = NDArray[Any]


@dataclass(frozen=True)
class MIWAE(Objective):
    """The mean of M importance-weighted bounds, each of S / M of the samples.

        L_n = 1/M sum_m log M/S sum_(s in group m) w_sn,    loss = -1/N sum_n L_n

    M = 1 is `IWAE`, M = S the sampled ELBO. ``groups`` is M; the first S / M samples are the first group. Rainforth
    et al. (2018), "Tighter variational bounds are not necessarily better", section 5.
    """

    name = "miwae"
    analytic_kl = False

    groups: int = 2

    def __post_init__(self) -> None:
        whole("groups", self.groups, at_least=1)

    def check_samples(self, samples: int) -> None:
        """Whole groups of them."""
        _check_groups(samples, self.groups, self.name)

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(mean over groups and examples of log-mean-exp of log w)."""
        self.refuse_beta(beta)
        bounds, weight = _grouped(log_weights(terms), self.groups, self.name)
        bound = bounds.mean(axis=0)
        return at_samples(bound, _weighted(weight))


@dataclass(frozen=True)
class PIWAE(Objective):
    """Partially importance-weighted: the decoder has `IWAE` with all S samples, the encoder `MIWAE` with M groups.

    The value is the decoder's. ``groups`` is M. Rainforth et al. (2018), section 5.
    """

    name = "piwae"
    analytic_kl = False
    differentiates = False

    groups: int = 2

    def __post_init__(self) -> None:
        whole("groups", self.groups, at_least=1)

    def check_samples(self, samples: int) -> None:
        """Whole groups of them."""
        _check_groups(samples, self.groups, self.name)

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """The loss of `IWAE`, and both networks' cotangents."""
        self.refuse_beta(beta)
        log_w = log_weights(terms)
        (bound,), weight = _grouped(log_w, 1, self.name)
        _, of_encoder = _grouped(log_w, self.groups, self.name)
        return at_samples(bound, _weighted(weight), _weighted(of_encoder))


@dataclass(frozen=True)
class CIWAE(Objective):
    """A share of the ELBO and the rest of the importance-weighted bound.

        L = share 1/S sum_s log w_s + (1 - share) log 1/S sum_s w_s

    ``share`` is beta in Rainforth et al. (2018), section 5.
    """

    name = "ciwae"
    analytic_kl = False

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must lie in [0, 1]; got {self.share!r}")

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(the mean of both)."""
        self.refuse_beta(beta)
        log_w = log_weights(terms)
        (bound,), weight = _grouped(log_w, 1, self.name)
        each = self.share * log_w.mean(axis=0) + (1 - self.share) * bound
        cotangents = _weighted(self.share / log_w.size + (1 - self.share) * weight)
        return at_samples(each, cotangents)


@dataclass(frozen=True)
class Renyi(Objective):
    """The variational Renyi bound.

        L_n = 1 / (1 - alpha) log 1/S sum_s w_sn^(1 - alpha),    loss = -1/N sum_n L_n

    alpha = 0 is `IWAE`; alpha -> 1 is the ELBO (and alpha = 1 is taken as it); negative ones lie above log p(x) as S
    grows. With finite S it is biased towards the ELBO. Li & Turner (2016), "Renyi divergence variational inference".
    """

    name = "renyi"
    analytic_kl = False

    alpha: float = 0.5

    def __post_init__(self) -> None:
        if not math.isfinite(self.alpha):
            raise ValueError(f"alpha must be a finite number; got {self.alpha!r}")

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(mean of the bound)."""
        self.refuse_beta(beta)
        log_w, power = log_weights(terms), 1 - self.alpha
        bound = log_mean_exp(power * log_w) / power if power else log_w.mean(axis=0)
        weight = normalised_weights(power * log_w.real) / log_w.shape[1]
        return at_samples(bound, _weighted(weight))


def _grouped(log_w: Array, groups: int, name: str) -> tuple[Array, Array]:
    """The bounds of the groups, (M, N), and the derivative of their mean with respect to log w, (S, N)."""
    s, n = log_w.shape
    _check_groups(s, groups, name)
    grouped = log_w.reshape(groups, s // groups, n)
    weight = normalised_weights(grouped.real, axis=1) / (groups * n)
    return log_mean_exp(grouped, axis=1), weight.reshape(s, n)


def _check_groups(samples: int, groups: int, name: str) -> None:
    """That they can be divided."""
    if samples % groups:
        raise ValueError(f"{name} divides the samples into {groups} groups of one size; got {samples} samples")


def _weighted(weight: Any) -> Cotangents:
    """log w with these weights."""
    weight = np.asarray(weight)
    return Cotangents(-weight, log_prior=-weight, log_posterior=weight)
