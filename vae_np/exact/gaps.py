"""Where log p(x) less the ELBO is lost: to the form of q, or to the encoder that does not find its best one."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from vae_np.exact.evidence import log_evidence
from vae_np.exact.nodes import MOST, agree, orders, tensor
from vae_np.exact.quadrature import elbo_and_grad
from vae_np.formulas.gaussian import kl, kl_backward
from vae_np.formulas.posteriors import Diagonal
from vae_np.formulas.priors import Standard
from vae_np.model.joint import Joint
from vae_np.model.vae import VAE

__all__ = ["Gaps", "gaps"]

Array = NDArray[Any]


class Gaps(NamedTuple):
    """What `gaps` returns, each (N,) in nats.

    Attributes
    ----------
    evidence : log p(x)
    best : the highest ELBO that any q of the family has for this example, with the decoder as it is
    elbo : that of the encoder's q
    mu, logvar : array, shape (N, K)
        The best q.
    error : the largest estimated error of the three
    converged : bool
        Whether each of them is within the tolerance, for every example.
    """

    evidence: Array
    best: Array
    elbo: Array
    mu: Array
    logvar: Array
    error: Array
    converged: bool

    @property
    def approximation(self) -> Array:
        """evidence - best = KL(q* || p(z|x)): what a diagonal Gaussian cannot."""
        return self.evidence - self.best

    @property
    def amortisation(self) -> Array:
        """best - elbo: what the encoder misses."""
        return self.best - self.elbo


def gaps(vae: VAE, x: ArrayLike, *, tolerance: float = 1e-8, most: int = MOST) -> Gaps:
    """Split log p(x) - ELBO = KL(q(z|x) || p(z|x)) of each example into approximation and amortisation gap.

    The best q = N(mu, diag e^logvar) of an example is found by L-BFGS on its exact ELBO, from the encoder's on, the
    gradient by the decoder's backward pass at Gauss-Hermite nodes. Cremer, Li & Duvenaud (2018), "Inference
    suboptimality in variational autoencoders".

    Parameters
    ----------
    vae : VAE
        With the diagonal posterior, the standard prior and K <= 3.
    x : array, shape (N, D)
    tolerance, most
        As in `log_evidence`.

    Raises
    ------
    ValueError
        If the model is another one.
    """
    architecture = vae.architecture
    if type(architecture.posterior) is not Diagonal or type(architecture.prior) is not Standard:
        raise ValueError(
            "the gaps are those of the diagonal posterior and the standard prior; log_evidence less elbo_and_grad is"
            " KL(q || p(z|x)) for any"
        )
    truth = log_evidence(vae, x, tolerance=tolerance, most=most)
    own = elbo_and_grad(vae, x, tolerance=tolerance, most=most)
    mu, logvar = (np.asarray(moment, np.float64) for moment in vae.encode(vae.check_data(x)))
    found = []
    for n in range(len(mu)):
        joint = Joint.of(vae, np.asarray(x)[n : n + 1])
        found.append(_best(joint, mu[n], logvar[n], own.order, tolerance, most))
    best, mus, logvars, errors = (np.array([one[i] for one in found]) for i in range(4))
    error = np.maximum(np.maximum(truth.error, own.error), errors)
    return Gaps(truth.value, best, own.value, mus, logvars, error, agree(tolerance, truth.value, error))


def _best(joint: Joint, mu: Array, logvar: Array, first: int, tolerance: float, most: int
          ) -> tuple[float, Array, Array, float]:  # fmt: skip
    """The highest ELBO of an example, its q, and its error; nodes are doubled until it changes no more."""
    k, before, error = len(mu), math.nan, math.inf
    at = np.concatenate([mu, logvar])
    value = math.nan
    for order in orders(k, most):
        if order < min(first, max(orders(k, most))):
            continue
        u, w = tensor(order, k)
        found = optimize.minimize(_loss, at, (joint, u, w), "L-BFGS-B", jac=True, options={"ftol": 1e-15, "gtol": 1e-9})
        at, value = found.x, -float(found.fun)
        error = math.inf if math.isnan(before) else abs(value - before)
        if agree(tolerance, value, error):
            break
        before = value
    return value, at[:k], at[k:], error


def _loss(at: Array, joint: Joint, u: Array, w: Array) -> tuple[float, Array]:
    """-ELBO at (mu, logvar) and its gradient: dmu = E dz, dlogvar = E dz (z - mu) / 2, less those of the KL."""
    mu, logvar = np.split(at, 2)
    off = u * np.exp(logvar / 2)
    value, dz = joint.log_likelihood_and_gradient((mu + off)[:, None])
    dmu, dlogvar = w @ dz[:, 0], w @ (dz[:, 0] * off) / 2
    kl_mu, kl_logvar = kl_backward(np.ones((1, len(mu))), mu[None], logvar[None])
    loss = float(kl(mu[None], logvar[None]).sum() - w @ value[:, 0])
    return loss, np.concatenate([kl_mu[0] - dmu, kl_logvar[0] - dlogvar])
