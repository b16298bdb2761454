"""log p(x) by annealed importance sampling, and a bracket of it on simulated data by bidirectional Monte Carlo.

    f_t(z) = q_0(z)^(1 - t) p(x, z)^t,    0 = t_0 < t_1 < ... < t_T = 1
    log w  = sum_k (t_k - t_(k-1)) (log p(x, z_(k-1)) - log q_0(z_(k-1)))

z_0 is drawn from q_0, and z_k from z_(k-1) by a transition that leaves f_(t_k) as it is. Then E w = p(x) whatever the
transitions: the log of a mean of w is a lower bound of log p(x) in expectation (Neal 2001, "Annealed importance
sampling"). The transitions are Hamiltonian, with the derivative of log p(x, z) in z by the decoder's backward pass.

From z_T drawn of p(z|x) the reverse chain has weights with E w' = 1 / p(x), and minus the log of their mean is an upper
bound in expectation. Such a z is known where x was drawn from the model: (z, x) ~ p(z) p(x|z). Grosse, Ghahramani &
Adams (2015), "Sandwiching the marginal likelihood using bidirectional Monte Carlo"; Wu et al. (2017), "On the
quantitative analysis of decoder-based generative models".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.gaussian import log_normal
from vae_np.formulas.numerics import log_mean_exp
from vae_np.model.joint import Joint
from vae_np.model.vae import VAE
from vae_np.support.checks import whole
from vae_np.support.errors import NonFiniteError
from vae_np.support.noise import standard_normal, stream, uniform

__all__ = ["Annealed", "Bracket", "annealed", "bidirectional"]

Array = NDArray[Any]
ACCEPTANCE = 0.65
"""Of the Hamiltonian proposals, which the step size is adapted to (Neal 2011)."""
STARTS = ("posterior", "prior")
FEW = 4.0
"""Effective chains below which a standard error is a guess: one weight outweighs the others."""
APART = 3.0
"""Standard errors between two starts from which on one of them has missed a part of the posterior."""
ROUNDING = 1e-12
"""Of log w, relative: weights that are all alike have no error else."""
SHARPNESS = 4.0
"""Of the sigmoid along which t goes from 0 to 1: smaller steps at both ends (Grosse et al. 2015)."""


class Annealed(NamedTuple):
    """What `annealed` returns, per example (N,), in nats.

    Attributes
    ----------
    evidence : the log of the chains' mean weight, a lower bound of log p(x) in expectation
    error : its standard error by the delta method; with both starts at least half of what they are apart by
    effective_chains : (sum w)^2 / sum w^2
    acceptance : the mean over chains and temperatures
    apart : with ``start="both"`` the difference of the two starts' evidences in its standard errors, else NaN

    Notes
    -----
    The error is that of the weights that were drawn. Where all chains started in one of several modes and none reached
    the others, all weights are alike, and the evidence is too low by far more than the error says: half of a posterior
    of two equal modes is missed as log 2 = 0.69 nats, with an error of some hundredths (held by a test).
    ``effective_chains`` does not see it; ``apart`` does where chains from the prior have reached what those from q have
    not, given enough chains and temperatures.
    """

    evidence: Array
    error: Array
    effective_chains: Array
    acceptance: Array
    apart: Array

    @property
    def doubtful(self) -> NDArray[np.bool_]:
        """Where the error is not to be believed: fewer than 4 effective chains, or starts 3 standard errors apart."""
        few: NDArray[np.bool_] = self.effective_chains < FEW
        return few | (self.apart > APART)


class Bracket(NamedTuple):
    """What `bidirectional` returns: x (N, D) drawn from the model, and the bounds of each log p(x), in nats.

    ``lower`` is below log p(x) in expectation and ``upper`` above; ``lower_error`` and ``upper_error`` are standard
    errors over the chains. Of one draw, within these errors, ``lower`` may be above ``upper``.
    """

    x: Array
    lower: Array
    upper: Array
    lower_error: Array
    upper_error: Array


def annealed(vae: VAE, x: ArrayLike, *, chains: int = 16, temperatures: int = 200, leapfrog: int = 8,
             start: str = "posterior", seed: int = 0) -> Annealed:  # fmt: skip
    """Estimate log p(x_n) by annealed importance sampling.

    A first run adapts the step size of each temperature and example until about 0.65 of the proposals are accepted; a
    second one, with other noise and these steps fixed, is the estimate, so that adaptation biases nothing.

    Parameters
    ----------
    vae : VAE
        In float64 by the formulas, whatever its dtype and backend.
    x : array, shape (N, D)
        In the model's dtype.
    chains : int
        M, independent chains an example.
    temperatures : int
        T.
    leapfrog : int
        Steps of a proposal's trajectory.
    start : str
        q_0: "posterior", the normal distribution with mean and variances of q(z|x), "prior", the model's p(z), or
        "both": a half of the chains from each, at least 2, which says where they disagree (`Annealed`).
    seed : int

    Returns
    -------
    Annealed

    Raises
    ------
    NonFiniteError
        If a weight is not finite.
    """
    starts = STARTS if start == "both" else (_known(start, (*STARTS, "both")),)
    each = whole("chains", chains, at_least=2 * len(starts)) // len(starts)
    found = []
    for run, where in enumerate(starts):
        path = _path(vae, x, temperatures, leapfrog, where)
        shape = (each, len(path.joint.x), vae.architecture.latent)
        steps = _adapted(path, shape, seed, 3 * run)
        found.append(_anneal(path, path.draw(seed, 3 * run + 1, shape), steps, _Draws(seed, 3 * run + 2, shape)))
    log_w = np.concatenate([weights for weights, _ in found])
    evidence, apart = log_mean_exp(log_w), np.full(log_w.shape[1], math.nan)
    error, spread = _error(log_w)
    if len(found) == 2:
        one, other = (log_mean_exp(weights) for weights, _ in found)
        own = np.hypot(*(_error(weights)[0] for weights, _ in found))
        apart = np.abs(one - other) / (own + ROUNDING * (1 + np.abs(evidence)))
        error = np.maximum(error, np.abs(np.exp(one - evidence) - np.exp(other - evidence)) / 2)
    acceptance = np.mean([taken for _, taken in found], axis=0)
    return Annealed(evidence, error, len(log_w) / (1 + spread), acceptance, apart)


def _known(start: str, starts: tuple[str, ...]) -> str:
    """The start, if it is one of these."""
    if start not in starts:
        raise ValueError(f"start must be one of {', '.join(starts)}; got {start!r}")
    return start


def _error(log_w: Array) -> tuple[Array, Array]:
    """The standard error (N,) of the log of the mean of w, (M, N), by the delta method, and the weights' variance."""
    spread: Array = np.square(np.exp(log_w - log_mean_exp(log_w)) - 1).mean(axis=0)
    return np.sqrt(spread / (len(log_w) - 1)), spread


def bidirectional(vae: VAE, n: int = 8, *, chains: int = 16, temperatures: int = 200, leapfrog: int = 8,
                  start: str = "posterior", seed: int = 0) -> Bracket:  # fmt: skip
    """Bracket log p(x) of n examples drawn from the model, between both directions of `annealed`.

    Parameters
    ----------
    vae : VAE
    n : int
    chains, temperatures, leapfrog, start, seed
        As in `annealed`, but for a start from both.

    Returns
    -------
    Bracket
        The gap between ``upper`` and ``lower`` bounds the error of either, in expectation.
    """
    z = vae.sample_prior(whole("n", n, at_least=1), seed)
    x = vae.sample(n, seed)  # of this very z
    path = _path(vae, x, temperatures, leapfrog, _known(start, STARTS))
    shape = (whole("chains", chains, at_least=2), n, vae.architecture.latent)
    steps = _adapted(path, shape, seed, 0)
    forward, _ = _anneal(path, path.draw(seed, 1, shape), steps, _Draws(seed, 2, shape))
    exact = np.broadcast_to(np.asarray(z, np.float64), shape).copy()
    backward, _ = _anneal(path, exact, steps, _Draws(seed, 3, shape), reverse=True)
    lower, upper = log_mean_exp(forward), -log_mean_exp(backward)
    return Bracket(x, lower, upper, _error(forward)[0], _error(backward)[0])


# ---- the path of densities


class _Path(NamedTuple):
    """log f_t = (1 - t) log q_0 + t log p(x, z), its gradient, and draws of q_0: N(mu, e^logvar), or the prior."""

    joint: Joint
    mu: Array
    logvar: Array
    t: Array
    leapfrog: int
    from_prior: bool

    def draw(self, seed: int, run: int, shape: tuple[int, ...]) -> Array:
        if not self.from_prior:
            return self.mu + np.exp(self.logvar / 2) * standard_normal(seed, run, shape, purpose="ais")
        chains, n, _ = shape  # a stream an example: its draws do not depend on the others
        return np.stack([self.joint.draw_prior(chains, stream(seed, "ais-z", run, i)) for i in range(n)], axis=1)

    def both(self, z: Array) -> tuple[Array, Array, Array, Array]:
        """log q_0 and log p(x, z), (M, N), and their gradients, (M, N, K)."""
        likelihood, of_likelihood = self.joint.log_likelihood_and_gradient(z)
        prior, of_prior = self.joint.log_prior_and_gradient(z)
        if self.from_prior:
            return prior, likelihood + prior, of_prior, of_likelihood + of_prior
        q, of_q = log_normal(z, self.mu, self.logvar), -(z - self.mu) * np.exp(-self.logvar)
        return q, likelihood + prior, of_q, of_likelihood + of_prior


def _path(vae: VAE, x: ArrayLike, temperatures: int, leapfrog: int, start: str) -> _Path:
    joint = Joint.of(vae, x)
    mu, logvar = (np.asarray(moment, np.float64) for moment in vae.encode(vae.check_data(x)))
    if start == "prior":  # and masses of 1
        mu, logvar = np.zeros_like(mu), np.zeros_like(logvar)
    k = np.linspace(-SHARPNESS, SHARPNESS, whole("temperatures", temperatures, at_least=2) + 1)
    sigmoid = 1 / (1 + np.exp(-k))
    t = (sigmoid - sigmoid[0]) / (sigmoid[-1] - sigmoid[0])
    return _Path(joint, mu, logvar, t, whole("leapfrog", leapfrog, at_least=1), start == "prior")


class _Draws(NamedTuple):
    """Momenta and uniform numbers of each temperature, from the seed."""

    seed: int
    run: int
    shape: tuple[int, ...]

    def momentum(self, k: int) -> Array:
        return standard_normal(self.seed, k, self.shape, purpose=f"ais-p{self.run}")

    def uniform(self, k: int) -> Array:
        chains, n, _ = self.shape
        return uniform(self.seed, self.run * 2**32 + k, (n, chains)).T


def _anneal(path: _Path, z: Array, steps: Array | Callable[[int, Array], Array], draws: _Draws, *,
            reverse: bool = False) -> tuple[Array, Array]:  # fmt: skip
    """log w (M, N) of the chains from z, and the acceptance (N,); ``steps`` (T + 1, N), or what adapts them."""
    log_w, accepted = np.zeros(z.shape[:-1]), np.zeros(z.shape[1])
    order = range(len(path.t) - 1, 0, -1) if reverse else range(1, len(path.t))
    for k in order:
        if not reverse:
            q, p, *_ = path.both(z)
            log_w += (path.t[k] - path.t[k - 1]) * (p - q)
        size = steps[k] if isinstance(steps, np.ndarray) else steps(k, accepted)
        z, taken = _transition(path, z, path.t[k], size, draws.momentum(k), draws.uniform(k))
        accepted = taken.mean(axis=0) if callable(steps) else accepted + taken.mean(axis=0)
        if reverse:
            q, p, *_ = path.both(z)
            log_w -= (path.t[k] - path.t[k - 1]) * (p - q)
    if not np.isfinite(log_w).all():
        bad = tuple(map(int, np.flatnonzero(~np.isfinite(log_w).all(axis=0))))
        raise NonFiniteError("a weight of the annealed chains is not finite", "annealing", bad)
    return log_w, accepted / (len(path.t) - 1)


def _transition(path: _Path, z: Array, t: float, size: Array, momentum: Array, u: Array) -> tuple[Array, Array]:
    """A Hamiltonian proposal of f_t and its Metropolis test; z and whether each was accepted, (M, N)."""
    scale = size[:, None] * np.exp(path.logvar / 2)  # the masses: q_0's precisions
    q, p, of_q, of_p = path.both(z)
    before = (1 - t) * q + t * p - np.square(momentum).sum(axis=-1) / 2
    at, v = z, momentum
    with np.errstate(over="ignore", invalid="ignore"):  # a trajectory that leaves the range is not accepted
        for _ in range(path.leapfrog):
            v = v + scale / 2 * ((1 - t) * of_q + t * of_p)
            at = at + scale * v
            q, p, of_q, of_p = path.both(at)
            v = v + scale / 2 * ((1 - t) * of_q + t * of_p)
        after = (1 - t) * q + t * p - np.square(v).sum(axis=-1) / 2
        taken = np.log(u) < np.where(np.isfinite(after), after - before, -math.inf)
    return np.where(taken[..., None], at, z), taken


def _adapted(path: _Path, shape: tuple[int, ...], seed: int, run: int) -> Array:
    """Step sizes (T + 1, N) at which about `ACCEPTANCE` of the proposals are accepted, by a run that is thrown away."""
    sizes = np.full((len(path.t), shape[1]), 0.2)
    current = sizes[0].copy()

    def next_size(k: int, accepted: Array) -> Array:
        if k > 1:
            current[...] = np.clip(current * np.exp(0.2 * (accepted - ACCEPTANCE)), 1e-4, 1.5)
        sizes[k] = current
        return current

    _anneal(path, path.draw(seed, run, shape), next_size, _Draws(seed, run + 1, shape))
    return sizes
