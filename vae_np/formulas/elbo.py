"""THE page: forward and backward of the whole model.

    x -> encoder -> heads -> z = mu + exp(logvar/2) eps -> decoder -> raw -> log p(x|z)

Letters: N examples, S samples an example, D features, K latent dimensions. The paper, Kingma & Welling (2014),
"Auto-encoding variational Bayes", writes M for N (of a minibatch), L for S, J for K, log sigma^2 for logvar:

    section 2.4, appendix B    z = mu + sigma eps and -KL: `gaussian.reparameterise`, `gaussian.kl`
    eq. 10                     the estimator of the bound: `objectives.ELBO`
    appendix C.1, C.2          Bernoulli and Gaussian decoders: `likelihoods`; the encoder: `network`

There the posterior q(z|x) is the diagonal Gaussian, whose heads are mu and logvar, and the prior p(z) is N(0, I);
others are in `posteriors` and `priors`. Of a conditional model (Sohn, Lee & Yan 2015) the rows are [x, c], and what
stands here is the bound of log p(x | c): with q(z | x, c), p(x | z, c), whose decoder is given [z, c], and p(z). The
forward pass ends in four terms,

    log_likelihood  (S, N)   log p(x | z), where x is standardised with its change of variables: see `scaling`
    log_prior       (S, N)   log p(z)
    log_posterior   (S, N)   log q(z | x)
    kl              (N, K)   KL(q(z | x) || p(z)) in K terms, analytic, where it has a closed form or the prior a bound
                             of its own (`priors.vade`); else
                    (N, 1)   its estimate at the samples, the mean over s of log q(z | x) - log p(z)

and an objective is a function of them. The backward pass takes the objective's derivative with respect to each term,
its `Cotangents` (the cotangent of t is dloss/dt, written dt in the code), and returns the gradient of every parameter;
so the ELBO, beta, free bits, importance-weighted bounds and other gradient estimators share this one backward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.network import (
    Architecture,
    DecoderCache,
    EncoderCache,
    decoder_backward,
    decoder_forward,
    decoder_input,
    encoder_backward,
    encoder_forward,
)
from vae_np.formulas.numerics import column_sums
from vae_np.formulas.parameters import Parameters
from vae_np.formulas.posteriors.base import Gradient

__all__ = ["Cache", "Cotangents", "Terms", "backward", "forward"]

Array = NDArray[Any]
NO_ARRAYS: Mapping[str, Array] = MappingProxyType({})


class Terms(NamedTuple):
    """What the forward pass ends in, and the stages on the way; shapes in the module's docstring, z (S, N, K).

    mu and logvar, (N, K), are the mean and the log-variance of q(z|x) (`Posterior.moments`), the heads themselves for
    the diagonal posterior; ``heads`` has all that the encoder put out. ``analytic`` says whether kl is.
    """

    log_likelihood: Array
    log_prior: Array
    log_posterior: Array
    kl: Array
    mu: Array
    logvar: Array
    z: Array
    raw: Array
    heads: Mapping[str, Array] = NO_ARRAYS
    analytic: bool = True

    def arrays(self) -> dict[str, Array]:
        """The arrays by name, in the order of the path: what to compare with another implementation's."""
        heads = {f"heads.{name}": head for name, head in self.heads.items()}
        order = ("mu", "logvar", "z", "raw", "log_likelihood", "log_prior", "log_posterior", "kl")
        return heads | {name: getattr(self, name) for name in order}

    def copy(self) -> Terms:
        """The same in arrays of their own."""
        copies: dict[str, Any] = {name: a.copy() for name, a in self._asdict().items() if isinstance(a, np.ndarray)}
        return self._replace(**copies, heads={name: head.copy() for name, head in self.heads.items()})


@dataclass(frozen=True)
class Cotangents:
    """The derivative of the loss with respect to each term; ``None`` stands for 0 everywhere.

    Parameters
    ----------
    log_likelihood, log_prior, log_posterior : array, shape (S, N)
    kl : array that broadcasts to (N, K)
        Of the analytic KL; there is none where it is an estimate, which is made of log_prior and log_posterior.
    log_posterior_direct : array, shape (S, N), optional
        log q(z | x) depends on the encoder through z and directly through its heads. This one is for the direct
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
    """What `Posterior.log_q_backward` takes, of these cotangents; None where log q has none."""
    if c.log_posterior is None:
        direct = c.log_posterior_direct
        return None if direct is None else PosteriorWeights(direct, direct)
    direct = c.log_posterior if c.log_posterior_direct is None else c.log_posterior_direct
    through_z = c.log_posterior if c.path is None else c.path * c.log_posterior
    return PosteriorWeights(direct - through_z, direct)


class LatentCache(NamedTuple):
    """What the backward passes of `Posterior.sample`, `Prior.forward` and `Prior.kl_forward` need."""

    posterior: Any
    prior: Any
    kl: Any = None


class Cache(NamedTuple):
    """What the backward pass needs of the forward pass."""

    x: Array
    eps: Array
    terms: Terms
    encoder: EncoderCache
    latent: LatentCache
    decoder: DecoderCache


@dataclass(frozen=True)
class OwnEncoder:
    """The model's encoder as `priors.base.Encoder`; ``gradients`` is None on the way forward."""

    parameters: Parameters
    architecture: Architecture
    gradients: Parameters | None = None

    def encode(self, x: Array) -> tuple[dict[str, Array], EncoderCache]:
        """`network.encoder_forward`."""
        return encoder_forward(x, self.parameters, self.architecture)

    def pull_back(self, dheads: Mapping[str, Array], cache: EncoderCache) -> Array:
        """`network.encoder_backward`."""
        if self.gradients is None:
            raise ValueError("pull_back belongs to the backward pass")
        return encoder_backward(dheads, cache, self.gradients, self.architecture)


def forward(parameters: Parameters, x: Array, eps: Array, architecture: Architecture) -> tuple[Terms, Cache]:
    """The terms of x (N, D), standardised where the model does that, for the noise eps (S, N, K), and what `backward`
    needs."""
    heads, encoder = encoder_forward(x, parameters, architecture)
    own_q = architecture.own(parameters, "posterior")
    z, log_posterior, posterior = architecture.posterior.checked_sample(heads, eps, own_q)
    raw, decoder = decoder_forward(decoder_input(z, x, architecture), parameters, architecture)
    own = architecture.own(parameters)
    log_likelihood = architecture.likelihood.checked_log_density(x, raw, own).sum(axis=-1) - architecture.log_volume
    log_prior, kl, *prior = prior_terms(parameters, architecture, heads, z, log_posterior)
    mu, logvar = architecture.posterior.checked_moments(heads, own_q, architecture.latent)
    analytic = architecture.has_kl
    terms = Terms(log_likelihood, log_prior, log_posterior, kl, mu, logvar, z, raw, heads, analytic)
    return terms, Cache(x, eps, terms, encoder, LatentCache(posterior, *prior), decoder)


def prior_terms(
    parameters: Parameters, architecture: Architecture, heads: Mapping[str, Array], z: Array, log_posterior: Array
) -> tuple[Array, Array, Any, Any]:
    """log p(z), the KL in closed form or at the samples, and what the prior's two backward passes need."""
    posterior, prior = architecture.posterior, architecture.prior
    own = architecture.own(parameters, "prior")
    log_prior, cache = prior.checked_forward(z, own, OwnEncoder(parameters, architecture), parameters.dtype)
    if architecture.prior_has_kl:
        kl, of_kl = prior.checked_kl_forward(heads, z, own)
        return log_prior, kl, cache, of_kl
    if architecture.has_kl:
        own_q = architecture.own(parameters, "posterior")
        return log_prior, posterior.checked_kl_terms(heads, own_q, prior, own, architecture.latent), cache, None
    return log_prior, column_sums(log_posterior - log_prior)[:, None] / len(z), cache, None


def backward(parameters: Parameters, cotangents: Cotangents, cache: Cache, architecture: Architecture) -> Parameters:
    """The gradient of every parameter, from the derivative with respect to each term: `forward` in reverse order."""
    gradients = parameters.zeros_like()
    x, _, terms, encoder, latent, decoder = cache
    cotangents = _in_dtype(cotangents, terms.z.dtype)

    draw, own = architecture.likelihood.gradient(x, terms.raw, architecture.own(parameters))
    weight = cotangents.log_likelihood[..., None]
    for name, term in own.items():
        view = gradients[f"likelihood.{name}"]
        weighted = weight * term
        view[...] = column_sums(weighted.reshape(-1, *weighted.shape[2:])) if view.size > 1 else weighted.sum()
    dz = decoder_backward(weight * draw, decoder, gradients, architecture)

    own_encoder = OwnEncoder(parameters, architecture, gradients)
    dheads = latent_backward(dz, cotangents, terms, latent, gradients, own_encoder)
    encoder_backward(dheads, encoder, gradients, architecture)
    return gradients


def latent_backward(
    dz: Array, c: Cotangents, terms: Terms, cache: LatentCache, gradients: Parameters, encoder: OwnEncoder
) -> dict[str, Array]:
    """From the decoder's dz (S, N, K) to the heads' cotangents; own gradients of posterior and prior are added.

    What a prior hands to the encoder goes to the gradients that ``encoder`` has.
    """
    architecture, c = encoder.architecture, _in_dtype(c, terms.z.dtype)
    posterior, prior = architecture.posterior, architecture.prior
    q_own, p_own = (architecture.own(encoder.parameters, part) for part in ("posterior", "prior"))
    heads, found = terms.heads, list[Gradient]()
    if c.kl is not None and architecture.prior_has_kl:
        of_kl = prior.checked_kl_backward(c.kl, cache.kl, heads, terms.z, p_own)
        found.append(Gradient(of_kl.heads, {}))
        dz = dz if of_kl.dz is None else of_kl.dz + dz
        _add_own(gradients, "prior", of_kl.own)
    elif c.kl is not None:
        gradient, down = posterior.checked_kl_backward(c.kl, heads, q_own, prior, p_own)
        found.append(gradient)
        _add_own(gradients, "prior", down)
    if weights := posterior_weights(c):
        rest, direct = weights
        found.append(posterior.checked_log_q_backward(rest, direct, cache.posterior, terms.z, heads, q_own))
    if c.log_prior is not None:
        dz_prior, down = prior.checked_backward(c.log_prior, terms.z, p_own, encoder, cache.prior)
        dz = dz_prior + dz
        _add_own(gradients, "prior", down)
    if c.path is not None:
        dz = c.path[..., None] * dz
    found.append(posterior.checked_backward(dz, cache.posterior, heads, q_own))

    dheads = {name: np.zeros_like(head) for name, head in heads.items()}
    for gradient in found:
        for name, term in gradient.heads.items():
            dheads[name] = dheads[name] + term
        _add_own(gradients, "posterior", gradient.own)
    return dheads


def _in_dtype(c: Cotangents, dtype: np.dtype[Any]) -> Cotangents:
    """The cotangents in the model's dtype: an objective may give them in another, or as numbers."""
    arrays = {name: value for name, value in vars(c).items() if value is not None}
    return replace(c, **{name: np.asarray(value, dtype) for name, value in arrays.items()})


def _add_own(gradients: Parameters, part: str, own: Mapping[str, Array]) -> None:
    """Add the cotangents of own arrays to their views."""
    for name, term in own.items():
        view = gradients[f"{part}.{name}"]
        view += term
