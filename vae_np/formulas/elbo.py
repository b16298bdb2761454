"""THE page: forward and backward of the whole model.

    x -> encoder -> (mu, logvar) -> z = mu + exp(logvar/2) eps -> decoder -> raw -> log p(x|z)

Letters: N examples, S samples an example, D features, K latent dimensions. The paper, Kingma & Welling (2014),
"Auto-encoding variational Bayes", writes M for N (of a minibatch), L for S, J for K, log sigma^2 for logvar:

    section 2.4, appendix B    z = mu + sigma eps and -KL: `gaussian.reparameterise`, `gaussian.kl`
    eq. 10                     the estimator of the bound: `objectives.ELBO`
    appendix C.1, C.2          Bernoulli and Gaussian decoders: `likelihoods`; the encoder: `network`

The forward pass ends in four terms,

    log_likelihood  (S, N)   log p(x | z)
    log_prior       (S, N)   log p(z),   z ~ N(0, I)
    log_posterior   (S, N)   log q(z | x)
    kl              (N, K)   KL(q(z_k | x) || p(z_k)), analytic

and an objective is a function of them. The backward pass takes the objective's derivative with respect to each term,
its `Cotangents` (the cotangent of t is dloss/dt, written dt in the code), and returns the gradient of every parameter;
so the ELBO, beta, free bits, importance-weighted bounds and other gradient estimators share this one backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.gaussian import (
    kl_backward,
    kl_terms,
    log_normal_at_noise,
    log_normal_at_noise_backward,
    log_standard_normal,
    log_standard_normal_backward,
    reparameterise,
    reparameterise_backward,
)
from vae_np.formulas.network import (
    Architecture,
    DecoderCache,
    EncoderCache,
    decoder_backward,
    decoder_forward,
    encoder_backward,
    encoder_forward,
)
from vae_np.formulas.parameters import Parameters

__all__ = ["Cache", "Cotangents", "Terms", "backward", "forward"]

Array = NDArray[Any]


class Terms(NamedTuple):
    """What the forward pass ends in, and the stages on the way; shapes in the module's docstring, z (S, N, K)."""

    log_likelihood: Array
    log_prior: Array
    log_posterior: Array
    kl: Array
    mu: Array
    logvar: Array
    z: Array
    raw: Array


@dataclass(frozen=True)
class Cotangents:
    """The derivative of the loss with respect to each term; ``None`` stands for 0 everywhere.

    Parameters
    ----------
    log_likelihood, log_prior, log_posterior : array, shape (S, N)
    kl : array that broadcasts to (N, K)
    log_posterior_direct : array, shape (S, N), optional
        log q(z | x) depends on the encoder through z and directly through mu and logvar. This one is for the direct
        part, ``log_posterior`` if left out. Zeros give "sticking the landing" (Roeder et al. 2017).
    path : array, shape (S, N), optional
        A factor on the gradient that reaches z before it goes on into the encoder; 1 if left out. Normalised weights
        here, with zeros above, give the doubly reparameterised gradient (Tucker et al. 2019).
    """

    log_likelihood: Array
    kl: Array | None = None
    log_prior: Array | None = None
    log_posterior: Array | None = None
    log_posterior_direct: Array | None = None
    path: Array | None = None


class PosteriorWeights(NamedTuple):
    """The cotangent of log q's direct part, and that less the cotangent of its part through z, each (S, N)."""

    rest: Array
    direct: Array


def posterior_weights(c: Cotangents) -> PosteriorWeights | None:
    """What `gaussian.log_normal_at_noise_backward` takes, of these cotangents; None where log q has none."""
    if c.log_posterior is None:
        direct = c.log_posterior_direct
        return None if direct is None else PosteriorWeights(direct, direct)
    direct = c.log_posterior if c.log_posterior_direct is None else c.log_posterior_direct
    through_z = c.log_posterior if c.path is None else c.path * c.log_posterior
    return PosteriorWeights(direct - through_z, direct)


class Cache(NamedTuple):
    """What the backward pass needs of the forward pass."""

    x: Array
    eps: Array
    terms: Terms
    encoder: EncoderCache
    decoder: DecoderCache


def forward(parameters: Parameters, x: Array, eps: Array, architecture: Architecture) -> tuple[Terms, Cache]:
    """The terms of x (N, D) for the noise eps (S, N, K), and what `backward` needs."""
    likelihood = architecture.likelihood
    mu, logvar, encoder = encoder_forward(x, parameters, architecture)
    z = reparameterise(mu, logvar, eps)
    raw, decoder = decoder_forward(z, parameters, architecture)
    log_likelihood = likelihood.checked_log_density(x, raw, architecture.own(parameters)).sum(axis=-1)
    log_prior = log_standard_normal(z)
    log_posterior = log_normal_at_noise(eps, logvar)
    kl = kl_terms(mu, logvar)
    terms = Terms(log_likelihood, log_prior, log_posterior, kl, mu, logvar, z, raw)
    return terms, Cache(x, eps, terms, encoder, decoder)


def backward(parameters: Parameters, cotangents: Cotangents, cache: Cache, architecture: Architecture) -> Parameters:
    """The gradient of every parameter, from the derivative with respect to each term: `forward` in reverse order."""
    gradients = parameters.zeros_like()
    x, eps, terms, encoder, decoder = cache
    mu, logvar, z = terms.mu, terms.logvar, terms.z
    c = cotangents

    dmu, dlogvar = np.zeros_like(mu), np.zeros_like(logvar)
    dz = np.zeros_like(z)
    if c.kl is not None:
        dmu, dlogvar = kl_backward(c.kl, mu, logvar)
    if posterior := posterior_weights(c):
        dmu_q, dlogvar_q = log_normal_at_noise_backward(posterior.rest, posterior.direct, eps, logvar)
        dmu, dlogvar = dmu + dmu_q, dlogvar + dlogvar_q
    if c.log_prior is not None:
        dz = dz + log_standard_normal_backward(c.log_prior, z)

    draw, own = architecture.likelihood.gradient(x, terms.raw, architecture.own(parameters))
    weight = c.log_likelihood[..., None]
    for name, term in own.items():
        view = gradients[f"likelihood.{name}"]
        view[...] = (weight * term).sum(axis=(0, 1) if view.size > 1 else None)
    dz = dz + decoder_backward(weight * draw, decoder, gradients, architecture)

    if c.path is not None:
        dz = c.path[..., None] * dz
    dmu_path, dlogvar_path = reparameterise_backward(dz, logvar, eps)
    encoder_backward(dmu + dmu_path, dlogvar + dlogvar_path, encoder, gradients, architecture)
    return gradients
