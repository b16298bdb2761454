"""A model on a data set: ELBO, log-evidence, active units, in memory that does not grow with data or samples."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.objectives import IWAE
from vae_np.model.diagnosis import diagnose
from vae_np.model.vae import VAE
from vae_np.support.checks import whole
from vae_np.support.moments import Moments
from vae_np.support.noise import TILE, standard_normal

__all__ = ["ACTIVE_VARIANCE", "Evaluation", "active_units", "evaluate"]

Array = NDArray[Any]
ROWS = 2048
"""Rows S N of the decoder that are computed at once."""
NUMBERS = 2**22
"""Numbers of a stage that are computed at once: where a row has many, fewer rows are. A row has those of the decoder's
output, of the posterior's heads (K^2 / 2 for a full covariance) and of the prior's components (M K)."""
ACTIVE_VARIANCE = 0.01
"""A latent unit is active where the variance of its posterior mean over the data exceeds this (Burda et al. 2016)."""


class Evaluation(NamedTuple):
    """Means over the examples, in nats, and what they are means of.

    ``evidence`` is the importance-weighted bound on log p(x) of all S samples, for S = 1 too (`evaluate`);
    ``standard_error`` is that of the mean ELBO over the examples; ``kl_per_dimension`` is (K,), or (1,) where the KL
    has no closed form and is estimated at the samples; ``per_example`` holds (N,) arrays elbo, log_likelihood, kl,
    evidence, evidence_error and effective_samples; ``latent`` is K; ``mean_variance``, (K,), is the variance of the
    posterior mean over the examples, by which ``active`` says which units are.

    ``evidence_error`` is the standard error of the mean evidence, by the spread of the N values, which has both its
    parts: ``evidence_error_from_samples``, by which it would vary with another seed for these examples, and
    ``evidence_error_from_examples``, by which it would vary with others and endless samples. Their squares add up to
    its own, unless chance made the first the larger one: then the second is 0. With one sample they cannot be told
    apart, and with one example there is no spread: what is not known is NaN.

    ``bits_per_dimension`` is -log2 p(x) over the features, by the bound at hand (the ELBO of one sample, the evidence
    of more), where x are levels, as those of pixels; NaN for other data.
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
    evidence_error: float
    evidence_error_from_samples: float
    evidence_error_from_examples: float
    mean_variance: Array
    bits_per_dimension: float = math.nan

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which latent units are active, (K,): see `ACTIVE_VARIANCE`."""
        return self.mean_variance > ACTIVE_VARIANCE

    def __repr__(self) -> str:
        lines = [
            f"ELBO {self.elbo:.4f} +- {self.standard_error:.4f}",
            f"log-likelihood {self.log_likelihood:.4f}, KL {self.kl:.4f}",
            f"evidence >= {self.evidence:.4f} +- {self.evidence_error:.4f}"
            f" ({self.evidence_error_from_samples:.4f} from the samples)",
            f"{self.active_units} of {self.latent} units active",
        ]
        return f"Evaluation({'; '.join(lines)}; nats, {len(self.per_example['elbo'])} examples)"


def evaluate(
    vae: VAE, x: ArrayLike, *, samples: int = 1, seed: int = 0, condition: ArrayLike | None = None
) -> Evaluation:
    """Evaluate every example with S samples of the posterior.

        elbo_n     = 1/S sum_s log p(x_n | z_sn) - KL_n
        evidence_n = log 1/S sum_s p(x_n | z_sn) p(z_sn) / q(z_sn | x_n)

    The noise depends on (seed, sample, example) alone. Both are lower bounds of log p(x) in expectation; the second
    rises to it with S (Burda et al. 2016). At S = 1 it is the ELBO with its KL estimated at the sample.

    Of a conditional model, with ``condition`` or with rows [x, c] for x, they are bounds of log p(x|c).

    With the weights w_s = p(x_n | z_s) p(z_s) / q(z_s | x_n) and their mean m, an example's

        effective_samples = (sum_s w_s)^2 / sum_s w_s^2,    between 1 and S;
        evidence_error^2  = 1/S sum_s (w_s / m - 1)^2 / (S - 1),

    the standard error of log m by the delta method, NaN at S = 1.

    Raises
    ------
    NonFiniteError
        If a term is not finite, naming stage and examples.

    Notes
    -----
    The expectation of evidence_n lies below log p(x_n) by about evidence_error^2 / 2. Both that and the error are first
    terms of series in 1/S, of weights that have a variance, and they are made of the weights that were drawn: where a
    rare large weight was not, they are too small, and where one outweighs all others, evidence_error is 1, however far
    off the evidence. Believe them where effective_samples is large (some tens), and with few samples as an order of
    magnitude (Owen 2013, "Monte Carlo theory, methods and examples", sections 2.4 and 9.3).
    """
    x = vae.check_data(x if condition is None else vae.rows(x, condition))
    if len(x) == 0:
        raise ValueError("x has no examples")
    samples = whole("samples", samples, at_least=1)
    n, k = len(x), vae.architecture.latent
    per_example = {
        name: np.empty(n)
        for name in ("elbo", "log_likelihood", "kl", "evidence", "evidence_error", "effective_samples")
    }
    mean_kl, means_of_z = np.zeros(k if vae.architecture.has_kl else 1), Moments()
    most = max(1, min(ROWS, NUMBERS // vae.architecture.row_size))
    # few examples and many samples, or the reverse; whole tiles of noise, for a part costs as much
    rows = min(most, max(TILE, most // samples // TILE * TILE))
    for begin in range(0, n, rows):
        block = slice(begin, min(begin + rows, n))
        found = _block(vae, x[block], begin, samples, seed, max(1, most // rows))
        for name in _Block._fields[:4]:
            per_example[name][block] = getattr(found, name)
        per_example["kl"][block] = found.kl.sum(axis=1, dtype=np.float64)
        mean_kl += found.kl.sum(axis=0, dtype=np.float64) / n
        means_of_z.add(found.mu)
    per_example["elbo"][:] = per_example["log_likelihood"] - per_example["kl"]
    means = {name: float(per_example[name].mean()) for name in ("elbo", "log_likelihood", "kl", "evidence")}
    error, evidence_error = (_standard_error(per_example[name]) for name in ("elbo", "evidence"))
    from_samples = float(np.sqrt(np.square(per_example["evidence_error"]).sum()) / n)
    rest = evidence_error**2 - from_samples**2
    return Evaluation(
        **means,
        standard_error=error,
        active_units=_count_active(means_of_z),
        kl_per_dimension=mean_kl,
        per_example=per_example,
        latent=k,
        evidence_error=evidence_error,
        evidence_error_from_samples=from_samples,
        evidence_error_from_examples=rest if math.isnan(rest) else math.sqrt(max(0.0, rest)),
        mean_variance=means_of_z.variance(),
        bits_per_dimension=_bits(vae, means["elbo"] if samples == 1 else means["evidence"]),
    )


def _bits(vae: VAE, nats: float) -> float:
    """-log2 p a feature, where x are levels."""
    return -nats / (vae.architecture.n_data * math.log(2)) if vae.likelihood.has_levels else math.nan


def _standard_error(values: Array) -> float:
    """Of the mean of independent values, by their spread; NaN for one."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


class _Block(NamedTuple):
    """Of a few examples: four values each; the KL (N, K) or, averaged over the samples too, (N, 1); and mu."""

    log_likelihood: Array
    evidence: Array
    evidence_error: Array
    effective_samples: Array
    kl: Array
    mu: Array


def _block(vae: VAE, x: Array, first: int, samples: int, seed: int, step: int) -> _Block:
    """A few examples, ``step`` samples at once."""
    u, total, sampled_kl = vae.inside(x), np.zeros(len(x)), np.zeros(len(x))
    largest, weight, weights = np.full(len(x), -np.inf), np.zeros(len(x)), Moments()
    for begin in range(0, samples, step):
        shape = (min(step, samples - begin), len(x), vae.architecture.latent)
        eps = standard_normal(seed, 0, shape, vae.dtype, first=first, first_sample=begin, purpose="evaluate")
        with np.errstate(all="ignore"):  # what is not finite is named below
            terms = vae.engine.terms(u, eps)
        if not all(np.isfinite(term).all() for term in terms[:4]):  # log p(x|z), log p(z), log q(z|x), KL
            fault = diagnose(vae.parameters, u, eps, vae.architecture, IWAE(), 1.0)
            fault.examples = tuple(first + n for n in fault.examples)
            raise fault
        total += terms.log_likelihood.sum(axis=0, dtype=np.float64)
        sampled_kl += (terms.log_posterior - terms.log_prior).sum(axis=0, dtype=np.float64)
        # log-sum-exp in one pass: the sum so far is held relative to the largest log w so far
        log_w = terms.log_likelihood.astype(np.float64) + terms.log_prior - terms.log_posterior
        higher = np.maximum(largest, log_w.max(axis=0))
        shrink, w = np.exp(largest - higher), np.exp(log_w - higher)
        weight = weight * shrink + w.sum(axis=0)
        weights.scale(shrink)
        weights.add(w)
        largest = higher
    mean = weight / samples
    spread = weights.variance() / np.square(mean)  # of w / mean(w), over S
    deviation = np.sqrt(spread / (samples - 1)) if samples > 1 else np.full(len(x), np.nan)
    kl = terms.kl if terms.analytic else sampled_kl[:, None] / samples
    return _Block(total / samples, largest + np.log(mean), deviation, samples / (1 + spread), kl, terms.mu)


def active_units(vae: VAE, x: Array) -> int:
    """How many latent units have a posterior mean whose variance over x exceeds `ACTIVE_VARIANCE`."""
    means_of_z = Moments()
    means_of_z.add(vae.encode(x)[0])
    return _count_active(means_of_z)


def _count_active(means_of_z: Moments) -> int:
    return int((means_of_z.variance() > ACTIVE_VARIANCE).sum())
