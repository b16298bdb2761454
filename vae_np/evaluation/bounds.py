"""A model on a data set: ELBO, log-evidence, active units, in memory that does not grow with data or samples."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.evaluation.moments import Moments
from vae_np.formulas.objectives import IWAE
from vae_np.model.diagnosis import diagnose
from vae_np.model.vae import VAE
from vae_np.support.checks import whole
from vae_np.support.noise import TILE, standard_normal

__all__ = ["ACTIVE_VARIANCE", "Evaluation", "active_units", "evaluate"]

Array = NDArray[Any]
ROWS = 2048
"""Rows S N of the decoder that are computed at once."""
NUMBERS = 2**22
"""Numbers of the decoder's output that are computed at once: where an example has many, fewer rows are."""
ACTIVE_VARIANCE = 0.01
"""A latent unit is active where the variance of its posterior mean over the data exceeds this (Burda et al. 2016)."""


class Evaluation(NamedTuple):
    """Means over the examples, in nats, and what they are means of.

    ``evidence`` is the importance-weighted bound on log p(x) of all S samples, the ELBO itself where S is 1;
    ``standard_error`` is that of the mean ELBO over the examples; ``kl_per_dimension`` is (K,), or (1,) where the KL
    has no closed form and is estimated at the samples; ``per_example`` holds (N,) arrays elbo, log_likelihood, kl and
    evidence; ``latent`` is K.
    """

    elbo: float
    log_likelihood: float
    kl: float
    evidence: float
    standard_error: float
    active_units: int
    kl_per_dimension: Array
    per_example: dict[str, Array]
    latent: int

    def __repr__(self) -> str:
        lines = [
            f"ELBO {self.elbo:.4f} +- {self.standard_error:.4f}",
            f"log-likelihood {self.log_likelihood:.4f}, KL {self.kl:.4f}",
            f"evidence >= {self.evidence:.4f}, {self.active_units} of {self.latent} units active",
        ]
        return f"Evaluation({'; '.join(lines)}; nats, {len(self.per_example['elbo'])} examples)"


def evaluate(vae: VAE, x: ArrayLike, *, samples: int = 1, seed: int = 0) -> Evaluation:
    """Evaluate every example with S samples of the posterior.

        elbo_n     = 1/S sum_s log p(x_n | z_sn) - KL_n
        evidence_n = log 1/S sum_s p(x_n | z_sn) p(z_sn) / q(z_sn | x_n)

    The noise depends on (seed, sample, example) alone. Both are lower bounds of log p(x) in expectation; the second
    rises to it with S (Burda et al. 2016).

    Raises
    ------
    NonFiniteError
        If a term is not finite, naming stage and examples.
    """
    x = vae.check_data(x)
    if len(x) == 0:
        raise ValueError("x has no examples")
    samples = whole("samples", samples, at_least=1)
    n, k = len(x), vae.architecture.latent
    per_example = {name: np.empty(n) for name in ("elbo", "log_likelihood", "kl", "evidence")}
    mean_kl, means_of_z = np.zeros(k if vae.architecture.has_kl else 1), Moments()
    most = max(1, min(ROWS, NUMBERS // vae.likelihood.raw_size(vae.architecture.n_features)))
    # few examples and many samples, or the reverse; whole tiles of noise, for a part costs as much
    rows = min(most, max(TILE, most // samples // TILE * TILE))
    for begin in range(0, n, rows):
        block = slice(begin, min(begin + rows, n))
        log_likelihood, evidence, kl, mu = _block(vae, x[block], begin, samples, seed, max(1, most // rows))
        per_example["log_likelihood"][block] = log_likelihood
        per_example["kl"][block] = kl.sum(axis=1, dtype=np.float64)
        per_example["evidence"][block] = evidence
        mean_kl += kl.sum(axis=0, dtype=np.float64) / n
        means_of_z.add(mu)
    per_example["elbo"][:] = per_example["log_likelihood"] - per_example["kl"]
    if samples == 1:
        per_example["evidence"][:] = per_example["elbo"]
    means = {name: float(values.mean()) for name, values in per_example.items()}
    error = float(per_example["elbo"].std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    active = _count_active(means_of_z)
    return Evaluation(
        **means, standard_error=error, active_units=active, kl_per_dimension=mean_kl, per_example=per_example, latent=k
    )


def _block(vae: VAE, x: Array, first: int, samples: int, seed: int, step: int) -> tuple[Array, Array, Array, Array]:
    """log p(x|z) averaged over the samples, the bound, KL (N, K) and mu of a few examples, ``step`` samples at once."""
    u, total = vae.inside(x), np.zeros(len(x))
    largest, weight = np.full(len(x), -np.inf), np.zeros(len(x))
    for begin in range(0, samples, step):
        shape = (min(step, samples - begin), len(x), vae.architecture.latent)
        eps = standard_normal(seed, 0, shape, vae.dtype, first=first, first_sample=begin, purpose="evaluate")
        with np.errstate(all="ignore"):  # what is not finite is named below
            terms = vae.engine.terms(u, eps)
        if not all(np.isfinite(term).all() for term in terms[:4]):  # log p(x|z), log p(z), log q(z|x), KL
            error = diagnose(vae.parameters, u, eps, vae.architecture, IWAE(), 1.0)
            error.examples = tuple(first + n for n in error.examples)
            raise error
        total += terms.log_likelihood.sum(axis=0, dtype=np.float64)
        # log-sum-exp in one pass: the sum so far is held relative to the largest log w so far
        log_w = terms.log_likelihood.astype(np.float64) + terms.log_prior - terms.log_posterior
        higher = np.maximum(largest, log_w.max(axis=0))
        weight = weight * np.exp(largest - higher) + np.exp(log_w - higher).sum(axis=0)
        largest = higher
    return total / samples, largest + np.log(weight / samples), terms.kl, terms.mu


def active_units(vae: VAE, x: Array) -> int:
    """How many latent units have a posterior mean whose variance over x exceeds `ACTIVE_VARIANCE`."""
    means_of_z = Moments()
    means_of_z.add(vae.encode(x)[0])
    return _count_active(means_of_z)


def _count_active(means_of_z: Moments) -> int:
    return int((means_of_z.variance() > ACTIVE_VARIANCE).sum())
