"""What a workspace must hold before compiled code runs: a Gaussian's arrays, the terms' cotangents, Adam's numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas import likelihoods
from vae_np.formulas.elbo import Cotangents, posterior_weights
from vae_np.formulas.likelihoods.dispersed import Dispersed
from vae_np.formulas.optim import Adam, AdamState
from vae_np.formulas.parameters import Parameters
from vae_np.kernels.loops import adam
from vae_np.kernels.loops.likelihoods import floored, inverse_deviation, reciprocal
from vae_np.kernels.step import sequence, stages
from vae_np.kernels.step.plan import places
from vae_np.kernels.step.workspace import Workspace, address
from vae_np.support import portable

__all__ = ["adam_step", "cotangents", "elbo", "gaussian", "likelihood"]

Array = NDArray[Any]


def likelihood(w: Workspace, likelihood: likelihoods.Likelihood, own: Mapping[str, Array]) -> None:
    """Bring a likelihood's arrays up to date with its own parameters, or with the numbers that it was given."""
    if isinstance(likelihood, likelihoods.Gaussian):
        if likelihood.sigma != "heteroscedastic":
            gaussian(w, likelihood, own)
    elif isinstance(likelihood, Dispersed):
        w.own_s[...] = next(iter(own.values())) if likelihood.fixed is None and own else likelihood.fixed or 0.0
        w.own_inverse[...] = portable.exp(-w.own_s.astype(np.float64))


def gaussian(w: Workspace, likelihood: likelihoods.Gaussian, own: Mapping[str, Array]) -> None:
    """A Gaussian's."""
    if isinstance(likelihood.sigma, float):
        w.own_s[...] = likelihood.logvar
        w.own_inverse[...], w.own_rest[...] = reciprocal(likelihood.sigma)
    elif likelihood.floor:
        w.own_s[...] = own["logvar"]
        floored(w.own_s, likelihood.floor, w.own_s, w.own_inverse, w.own_rest, w.own_slope)
    else:
        w.own_s[...] = own["logvar"]
        inverse_deviation(w.own_s, w.own_inverse, w.own_rest)


def elbo(w: Workspace, beta: float) -> None:
    """The cotangents of the ELBO; log p(z) and log q(z|x), which it does not need, are NaN."""
    w.plan[places.BIASED] = 0
    if w.elbo_beta == beta:
        return
    w.elbo_beta = beta
    w.weight.fill(-1 / w.weight.size)
    w.dkl.fill(beta / len(w.dkl))
    w.plan[places.LEFT_OUT] = sequence.NO_PRIOR | sequence.NO_POSTERIOR
    w.log_prior.fill(np.nan)
    w.log_posterior.fill(np.nan)


def cotangents(w: Workspace, c: Cotangents) -> None:
    """Those of the latent stage, whose backward pass has kernels."""
    w.elbo_beta = None
    left_out = 0
    if c.log_prior is None and c.path is None:
        left_out |= sequence.NO_PRIOR
    else:
        np.copyto(w.prior, 0 if c.log_prior is None else c.log_prior)
        np.copyto(w.path, 1 if c.path is None else c.path)
    np.copyto(w.dkl, 0 if c.kl is None else c.kl)
    if c.kl is None:
        left_out |= sequence.NO_KL
    if posterior := posterior_weights(c):
        np.copyto(w.rest, posterior.rest)
        np.copyto(w.direct, posterior.direct)
    else:
        left_out |= sequence.NO_POSTERIOR
    w.plan[places.LEFT_OUT] = left_out


def adam_step(w: Workspace, optimizer: Adam, state: AdamState, parameters: Parameters, gradients: Parameters) -> bool:
    """The numbers and the moments of the next step; whether compiled code may have them."""
    q, numbers, known = w.plan, w.numbers, w.moments
    m, v, v_max = state.m, state.v, state.v_max
    if not known or not (known[0] is optimizer and known[1] is m and known[2] is v and known[3] is v_max):
        w.moments = None
        if not adam.is_plain(optimizer, parameters.vector, gradients.vector, state):
            return False
        clip = math.inf if optimizer.clip_norm is None else optimizer.clip_norm
        settings = (*adam.limits(parameters.dtype), clip, *adam.settings_of(optimizer))
        numbers[: len(settings)] = settings
        q[places.M], q[places.V] = address(m), address(v)
        q[places.V_MAX] = 0 if v_max is None else address(v_max)
        w.moments = optimizer, m, v, v_max
    t = state.step + 1
    numbers[stages.ADAM + adam.STEP], numbers[stages.ADAM + adam.RATE] = t, optimizer.rate(t)
    return True
