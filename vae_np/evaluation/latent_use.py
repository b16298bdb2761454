"""Whether the latent dimensions are used: rate, mutual information, the aggregated posterior, and a verdict."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.evaluation.bounds import ACTIVE_VARIANCE, NUMBERS, evaluate
from vae_np.formulas.gaussian import log_normal, log_normal_at_noise
from vae_np.formulas.numerics import log_mean_exp
from vae_np.formulas.posteriors import Diagonal
from vae_np.model.joint import Joint
from vae_np.model.vae import VAE
from vae_np.support.checks import whole
from vae_np.support.noise import standard_normal

__all__ = ["LatentUse", "latent_use", "why_unused"]

Array = NDArray[Any]
MOST = 5000
"""Examples at most: the aggregated posterior is a mixture of as many, at every z."""
DRAWS = 10_000
"""z of all examples together, if nobody says how many of each: standard errors of some hundredths of a nat."""
ROWS = 2**17
"""Entries of the table of densities that are computed at once: as many as stay in a cache."""
BARELY = 0.1
"""Nats of information below which a model is as good as collapsed, or a unit idle."""


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

    ``mutual_information``, ``aggregated_kl`` and ``distortion`` are estimates at the z drawn, and what ends in
    ``_error`` is a standard error: by how much they would vary with another seed, these examples and this model. All
    else is exact, but for the rate and its parts of a prior to which the KL has no closed form.

    Attributes
    ----------
    rate : mean KL(q(z|x) || p(z)), which is the sum of the next two (Hoffman & Johnson 2016, "ELBO surgery")
    mutual_information : I(x; z) under q of these N examples, at most log N
    aggregated_kl : KL(q(z) || p(z)) of the aggregated posterior q(z) = 1/N sum_n q(z|x_n)
    distortion : minus the mean log p(x|z)
    error : mean squared error of the reconstruction, an entry
    kl_per_dimension : array, shape (K,), or (1,) where the KL has no closed form
    mean_variance : array, shape (K,): variance of the posterior mean over the examples
    information_bound : array, shape (K,): 1/2 log of the aggregated posterior's variance over the geometric mean of
        those of q(z|x); I(x; z_k) is at most that, and it is 0 where neither mean nor variance depends on x
    active_units : how many of ``mean_variance`` exceed 0.01
    examples : N
    samples : z of each example
    rate_error : 0 where the KL has a closed form
    mutual_information_error, aggregated_kl_error, distortion_error
    """

    rate: float
    mutual_information: float
    aggregated_kl: float
    distortion: float
    error: float
    kl_per_dimension: Array
    mean_variance: Array
    information_bound: Array
    active_units: int
    examples: int
    samples: int
    rate_error: float
    mutual_information_error: float
    aggregated_kl_error: float
    distortion_error: float

    @property
    def verdict(self) -> str:
        """Whether the posterior has collapsed, in a sentence with the numbers that say so.

        It has where z tells less than 0.1 nats of x, whatever its KL. A unit is idle where neither its mean varies nor
        its variance tells so much.
        """
        by_mean = self.mean_variance > ACTIVE_VARIANCE
        by_variance = int((~by_mean & (self.information_bound > BARELY)).sum())
        k, idle = len(by_mean), len(by_mean) - self.active_units - by_variance
        facts = (
            f"{self.active_units} of {k} units active (variance of the posterior mean above {ACTIVE_VARIANCE:g}),"
            f" KL {self.rate:.2f} nats, I(x; z) {self.mutual_information:.2f} nats"
        )
        if min(self.rate, self.mutual_information) < BARELY:
            return f"collapsed: {facts}"
        notes = [f"{idle} idle"] * (idle > 0) + [f"{by_variance} used by q's variance alone"] * (by_variance > 0)
        return f"{', '.join(['not collapsed', *notes])}: {facts}"


def latent_use(vae: VAE, x: ArrayLike, *, samples: int | None = None, seed: int = 0) -> LatentUse:
    """Rate, distortion, mutual information and aggregated posterior of a model on data.

        rate               = 1/N sum_n KL(q(z|x_n) || p(z)) = mutual_information + aggregated_kl
        mutual_information = 1/N sum_n E (log q(z_n|x_n) - log 1/N sum_m q(z_n|x_m)),    z_n ~ q(z|x_n)
        aggregated_kl      = 1/N sum_n E (log 1/N sum_m q(z_n|x_m) - log p(z_n))

    of the first 5000 examples; E is a mean over S draws. Hoffman & Johnson (2016); Burda et al. (2016) for active
    units.

    Parameters
    ----------
    vae : VAE
        With the diagonal posterior, whose density at any z is known.
    x : array, shape (N, D)
    samples : int, optional
        S, at least 2. By default as many as make 10,000 z in all.
    seed : int

    Raises
    ------
    ValueError
        If the posterior is another, or there are fewer than 2 examples.
    """
    if type(vae.posterior) is not Diagonal:
        raise ValueError(f"q(z|x) at any z is known for the diagonal posterior; the model's is {vae.posterior!r}")
    x = vae.check_data(x)[:MOST]
    n = len(x)
    if n < 2:
        raise ValueError(f"the aggregated posterior needs at least 2 examples; got {n}")
    samples = max(2, -(-DRAWS // n)) if samples is None else whole("samples", samples, at_least=2)
    found = evaluate(vae, x, seed=seed)
    mu, logvar = (np.asarray(moment, np.float64) for moment in vae.encode(x))
    own, aggregated, prior, likelihood = _log_densities(vae, x, mu, logvar, samples, seed)
    information, further = _mean(own - aggregated), _mean(aggregated - prior)
    distortion = _mean(-likelihood)
    rate = (found.kl, 0.0) if vae.posterior.has_kl(vae.prior) else _mean(own - prior)
    squares = np.square(np.asarray(vae.reconstruct(x), np.float64) - x)
    bound = np.log(mu.var(axis=0) + np.exp(logvar).mean(axis=0)) / 2 - logvar.mean(axis=0) / 2
    return LatentUse(
        rate[0], information[0], further[0], distortion[0], float(squares.mean()), found.kl_per_dimension,
        found.mean_variance, bound, found.active_units, n, samples, rate[1], information[1], further[1], distortion[1],
    )  # fmt: skip


def _log_densities(vae: VAE, x: Array, mu: Array, logvar: Array, samples: int, seed: int) -> tuple[Array, ...]:
    """log of q(z|x_n), of the aggregated posterior, of p(z) and of p(x_n|z), each (S, N)."""
    n = len(x)
    found = np.empty((4, samples, n))
    step = max(1, min(ROWS // n, NUMBERS // vae.architecture.row_size) // samples)
    for first in range(0, n, step):
        rows = slice(first, first + step)
        eps = standard_normal(seed, 0, (samples, *mu[rows].shape), first=first, purpose="use")
        z = mu[rows] + np.exp(logvar[rows] / 2) * eps
        own = log_normal_at_noise(eps, logvar[rows])
        table = log_normal(z[:, :, None], mu, logvar)
        each = np.arange(own.shape[1])
        table[:, each, first + each] = own  # of a q so narrow that z - mu has lost the noise, too
        joint = Joint.of(vae, x[rows])
        found[:, :, rows] = own, log_mean_exp(table, axis=2), joint.log_prior(z), joint.log_likelihood(z)
    return tuple(found)


def _mean(values: Array) -> tuple[float, float]:
    """Of (S, N), and its standard error over the S draws: the examples are what they are."""
    samples, n = values.shape
    return float(values.mean()), float(np.sqrt((values.var(axis=0, ddof=1) / samples).sum()) / n)
