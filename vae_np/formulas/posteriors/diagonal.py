"""The diagonal Gaussian posterior, Kingma & Welling's: the methods that a model calls; the equations are in `gaussian`.

    forward     `sample` is `gaussian.reparameterise`, z = mu + exp(logvar / 2) eps, and `gaussian.log_normal_at_noise`
    backward    `backward` is `gaussian.reparameterise_backward`, dmu = sum_s dz, dlogvar = sum_s dz eps sigma / 2,
                `log_q_backward` is `gaussian.log_normal_at_noise_backward`
    KL          `kl_terms` and `kl_backward` are those of `gaussian`

The compiled twins are in ``kernels.loops.latent``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.gaussian import (
    kl_backward,
    kl_terms,
    log_normal_at_noise,
    log_normal_at_noise_backward,
    reparameterise,
    reparameterise_backward,
)
from vae_np.formulas.numerics import column_sums
from vae_np.formulas.posteriors.base import Arrays, Gradient, Posterior, Sample
from vae_np.formulas.priors.base import Prior
from vae_np.formulas.priors.standard import Standard

__all__ = ["Diagonal"]

Array = NDArray[Any]


class Cache(NamedTuple):
    """What the backward pass needs."""

    eps: Array
    logvar: Array


class Diagonal(Posterior):
    """q(z|x) = N(mu, diag exp(logvar)), z = mu + exp(logvar / 2) eps.

    Kingma & Welling (2014), section 2.4 and appendix B. The equations are functions of `gaussian`.
    """

    name = "diagonal"

    def heads(self, latent: int) -> dict[str, int]:
        """Mu and logvar."""
        return {"mu": latent, "logvar": latent}

    def sample(self, heads: Arrays, eps: Array, own: Arrays) -> Sample:
        """`gaussian.reparameterise` and `gaussian.log_normal_at_noise`."""
        mu, logvar = heads["mu"], heads["logvar"]
        return Sample(reparameterise(mu, logvar, eps), log_normal_at_noise(eps, logvar), Cache(eps, logvar))

    def score(self, cache: Cache) -> Array:
        """-(z - mu) / sigma^2 = -eps / sigma."""
        return -cache.eps * np.exp(-cache.logvar / 2)

    def backward(self, dz: Array, dlog_q: Array | None, cache: Cache) -> Gradient:
        """`gaussian.reparameterise_backward`; log q at the noise has -1/2 logvar alone of phi."""
        dmu, dlogvar = reparameterise_backward(dz, cache.logvar, cache.eps)
        if dlog_q is not None:
            dlogvar = dlogvar - 0.5 * column_sums(dlog_q)[:, None]
        return Gradient({"mu": dmu, "logvar": dlogvar}, {})

    def log_q_backward(self, rest: Array, direct: Array, cache: Cache) -> Gradient:
        """`gaussian.log_normal_at_noise_backward`, which stays exact where sigma vanishes."""
        dmu, dlogvar = log_normal_at_noise_backward(rest, direct, cache.eps, cache.logvar)
        return Gradient({"mu": dmu, "logvar": dlogvar}, {})

    def moments(self, heads: Arrays, own: Arrays) -> tuple[Array, Array]:
        """Mu and logvar."""
        return heads["mu"], heads["logvar"]

    def has_kl(self, prior: Prior) -> bool:
        """To the standard normal."""
        return type(prior) is Standard

    def kl_terms(self, heads: Arrays, own: Arrays, prior: Prior, prior_own: Arrays) -> Array:
        """`gaussian.kl_terms`."""
        return kl_terms(heads["mu"], heads["logvar"])

    def kl_backward(
        self, dkl: Array, heads: Arrays, own: Arrays, prior: Prior, prior_own: Arrays
    ) -> tuple[Gradient, dict[str, Array]]:
        """`gaussian.kl_backward`."""
        dmu, dlogvar = kl_backward(dkl, heads["mu"], heads["logvar"])
        return Gradient({"mu": dmu, "logvar": dlogvar}, {}), {}
