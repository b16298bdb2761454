"""Whether the latent dimensions are used: rate, mutual information, the aggregated posterior, and a verdict."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.evaluation.bounds import ACTIVE_VARIANCE, evaluate
from vae_np.formulas.gaussian import log_normal
from vae_np.formulas.numerics import log_mean_exp
from vae_np.formulas.posteriors import Diagonal
from vae_np.model.joint import Joint
from vae_np.model.vae import VAE
from vae_np.support.noise import standard_normal

__all__ = ["LatentUse", "latent_use", "why_unused"]

Array = NDArray[Any]
MOST = 5000
"""Examples at most: the aggregated posterior is a mixture of as many, at a point for each."""
ROWS = 2**20
"""Entries of the table of densities that are computed at once."""
BARELY = 0.1
"""Nats of KL below which a model is as good as collapsed, whatever its units do."""


def why_unused(kl: float, varies: bool = True) -> str:
    """What a KL says where no latent dimension is active; ``varies`` is whether the data do."""
    fact = f"no latent dimension is active (KL {kl:.3g})"
    if not varies:
        return f"{fact}: all training examples are one, and z has nothing to tell"
    # a KL with a mean that does not vary is the same for all x: it costs nats and tells nothing
    return (
        f"{fact}: {'the decoder ignores z' if kl < BARELY else 'q(z|x) is not p(z), but its mean hardly varies with x'}"
    )


class LatentUse(NamedTuple):
    """What `latent_use` returns; nats an example.

    Attributes
    ----------
    rate : mean KL(q(z|x) || p(z)), split into the next two (Hoffman & Johnson 2016, "ELBO surgery")
    mutual_information : I(x; z) under q, at most log N
    aggregated_kl : KL(q(z) || p(z)) of the aggregated posterior q(z) = 1/N sum_n q(z|x_n)
    distortion : minus the mean log p(x|z)
    error : mean squared error of the reconstruction, an entry
    kl_per_dimension : array, shape (K,)
    mean_variance : array, shape (K,): variance of the posterior mean over the examples
    active_units : how many of these exceed 0.01
    examples : N
    """

    rate: float
    mutual_information: float
    aggregated_kl: float
    distortion: float
    error: float
    kl_per_dimension: Array
    mean_variance: Array
    active_units: int
    examples: int

    @property
    def verdict(self) -> str:
        """Whether the posterior has collapsed, in a sentence with the numbers that say so."""
        k = len(self.mean_variance)
        facts = (
            f"{self.active_units} of {k} units active (variance of the posterior mean above {ACTIVE_VARIANCE:g}),"
            f" KL {self.rate:.2f} nats, I(x; z) {self.mutual_information:.2f} nats"
        )
        if self.active_units == 0 or self.rate < BARELY:
            return f"collapsed: {facts}"
        if self.active_units < k:
            return f"not collapsed, {k - self.active_units} idle: {facts}"
        return f"not collapsed: {facts}"


def latent_use(vae: VAE, x: ArrayLike, *, seed: int = 0) -> LatentUse:
    """Rate, distortion, mutual information and aggregated posterior of a model on data.

        rate               = 1/N sum_n KL(q(z|x_n) || p(z))
        mutual_information = 1/N sum_n (log q(z_n|x_n) - log 1/N sum_m q(z_n|x_m)),    z_n ~ q(z|x_n)
        aggregated_kl      = 1/N sum_n (log 1/N sum_m q(z_n|x_m) - log p(z_n))

    of the first 5000 examples, with one z of each. Hoffman & Johnson (2016); Burda et al. (2016) for active units.

    Parameters
    ----------
    vae : VAE
        With the diagonal posterior, whose density at any z is known.
    x : array, shape (N, D)
    seed : int

    Raises
    ------
    ValueError
        If the posterior is another, or there are fewer than 2 examples.
    """
    if type(vae.posterior) is not Diagonal:
        raise ValueError(f"q(z|x) at any z is known for the diagonal posterior; the model's is {vae.posterior!r}")
    x = vae.check_data(x)[:MOST]
    if len(x) < 2:
        raise ValueError(f"the aggregated posterior needs at least 2 examples; got {len(x)}")
    found = evaluate(vae, x, seed=seed)
    mu, logvar = (np.asarray(moment, np.float64) for moment in vae.encode(x))
    z = mu + np.exp(logvar / 2) * standard_normal(seed, 0, mu.shape, purpose="use")
    aggregated = np.empty(len(x))
    step = max(1, ROWS // len(x))
    for first in range(0, len(x), step):
        rows = slice(first, first + step)
        aggregated[rows] = log_mean_exp(log_normal(z[rows, None], mu, logvar), axis=1)
    own, prior = log_normal(z, mu, logvar), Joint.of(vae, x).log_prior(z[None])[0]
    squares = np.square(np.asarray(vae.reconstruct(x), np.float64) - x)
    return LatentUse(
        found.kl, float((own - aggregated).mean()), float((aggregated - prior).mean()), -found.log_likelihood,
        float(squares.mean()), found.kl_per_dimension, found.mean_variance, found.active_units, len(x),
    )  # fmt: skip
