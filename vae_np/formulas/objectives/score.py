"""Score-function estimators: gradients without a derivative of z."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.elbo import Cotangents, Terms
from vae_np.formulas.numerics import log_mean_exp, normalised_weights
from vae_np.formulas.objectives.base import Loss, Objective, at_samples, log_weights

__all__ = ["VIMCO", "Reinforce"]

Array = NDArray[Any]
BASELINES = ("none", "running", "leave-one-out")


@dataclass(frozen=True)
class Reinforce(Objective):
    """The ELBO by the score function, REINFORCE, with a baseline b.

        d elbo / d phi   = 1/S sum_s (log w_s - b_s)  d log q(z_s | x) / dphi  at fixed z_s
        d elbo / d theta = 1/S sum_s d (log p(x | z_s) + log p(z_s)) / dtheta

    No derivative goes through z: it serves discrete z as well, and pays with its variance. A baseline that does not
    depend on z_s leaves the mean as it is, as the score's is 0.

    Parameters
    ----------
    baseline : str
        - ``"none"``: b = 0, Williams (1992);
        - ``"running"``: one number, the moving average of the losses of earlier steps: after each,
          b <- decay b + (1 - decay)(-loss), and b = -loss after the first;
        - ``"leave-one-out"``: b_s, the mean of log w over the other samples of the example, S >= 2 (Kool et al. 2019).
    decay : float
        Of the running baseline, in [0, 1).
    running : float, optional
        The running baseline as it stands: `after` gives the objective with the next one.

    Williams (1992), "Simple statistical gradient-following algorithms"; Mnih & Gregor (2014), "Neural variational
    inference and learning in belief networks", for the running baseline.
    """

    name = "reinforce"
    analytic_kl = False
    differentiates = False

    baseline: str = "none"
    decay: float = 0.9
    running: float | None = None

    def __post_init__(self) -> None:
        if self.baseline not in BASELINES:
            raise ValueError(f"baseline must be one of {', '.join(BASELINES)}; got {self.baseline!r}")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1; got {self.decay!r}")
        if self.running is not None and not math.isfinite(self.running):
            raise ValueError(f"running must be a finite number; got {self.running!r}")

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """-(mean of log w), and the score's cotangents."""
        self.refuse_beta(beta)
        log_w = log_weights(terms)
        share = np.full(log_w.shape, 1 / log_w.size, log_w.real.dtype)
        signal = log_w.real - self._baseline(log_w.real)
        return at_samples(log_w.mean(axis=0), _score(share, -signal * share))

    def check_samples(self, samples: int) -> None:
        """The leave-one-out baseline needs 2."""
        if self.baseline == "leave-one-out":
            _check_others(samples, self.name)

    def after(self, loss: float) -> Reinforce:
        """With the running baseline that this step's loss has moved."""
        if self.baseline != "running":
            return self
        before = -loss if self.running is None else self.running
        return replace(self, running=self.decay * before - (1 - self.decay) * loss)

    def _baseline(self, log_w: Array) -> Array | float:
        if self.baseline == "leave-one-out":
            return _of_others(log_w, self.name)
        return 0.0 if self.running is None else self.running


@dataclass(frozen=True)
class VIMCO(Objective):
    """The importance-weighted bound by the score function, each sample's baseline made of the others.

        dL / dphi = sum_s (L - L_s) d log q(z_s | x) / dphi  +  sum_s w_s / sum_t w_t  d log w_s / dphi,  at fixed z
        L_s       = L with w_s replaced by the geometric mean of the other weights,    S >= 2

    and for theta the gradient of `IWAE`. Mnih & Rezende (2016), "Variational inference for Monte Carlo objectives".
    """

    name = "vimco"
    analytic_kl = False
    differentiates = False

    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """The loss of `IWAE`, and the score's cotangents."""
        self.refuse_beta(beta)
        log_w = log_weights(terms)
        bound = log_mean_exp(log_w)
        others = _of_others(log_w.real, self.name)
        without = np.stack([_with(log_w.real, s, others[s]) for s in range(len(log_w))])
        n = log_w.shape[1]
        weight = normalised_weights(log_w.real) / n
        cotangents = _score(weight, weight - (bound.real - without) / n)
        return at_samples(bound, cotangents)

    def check_samples(self, samples: int) -> None:
        """It needs 2."""
        _check_others(samples, self.name)


def _score(weight: Array, direct: Array) -> Cotangents:
    """log p(x, z) with these weights, nothing through z, and log q at fixed z with the other ones."""
    nothing = np.zeros_like(weight)
    return Cotangents(-weight, None, -weight, nothing, log_posterior_direct=direct, path=nothing)


def _of_others(log_w: Array, name: str) -> Array:
    """The mean of log w over the other samples of the example."""
    s = len(log_w)
    _check_others(s, name)
    others: Array = (log_w.sum(axis=0) - log_w) / (s - 1)
    return others


def _check_others(samples: int, name: str) -> None:
    """That there are any."""
    if samples < 2:
        raise ValueError(f"{name} learns of each sample from the others: it needs at least 2 samples; got {samples}")


def _with(log_w: Array, s: int, value: Array) -> Array:
    """The bound with another log w of sample s, (N,)."""
    changed = log_w.copy()
    changed[s] = value
    return log_mean_exp(changed)
