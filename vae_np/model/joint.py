"""log p(x | z) and log p(z) at any z, and their gradients in z: what integrals over z and chains in it are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.elbo import OwnEncoder
from vae_np.formulas.network import Architecture, decoder_backward, decoder_forward, decoder_input
from vae_np.formulas.parameters import Parameters
from vae_np.model.vae import VAE

__all__ = ["Joint", "in_float64"]

Array = NDArray[Any]


def in_float64(vae: VAE, x: ArrayLike) -> tuple[Parameters, Array]:
    """The parameters, and the data as the networks see them, in float64; ``ValueError`` where there are no examples."""
    inside = np.asarray(vae.inside(vae.check_data(x)), np.float64)
    if len(inside) == 0:
        raise ValueError("x has no examples")
    return vae.parameters.like(vae.parameters.vector.astype(np.float64)), inside


class Joint:
    """The generative half of a model at some examples, by the formulas, whatever the backend.

        log p(x, z) = log p(x | z) + log p(z),    in nats, with the change of variables of a standardised x

    Parameters
    ----------
    parameters : Parameters
    architecture : Architecture
    x : array, shape (N, D)
        As the networks see it.
    """

    def __init__(self, parameters: Parameters, architecture: Architecture, x: Array) -> None:
        self.architecture, self.parameters, self.x = architecture, parameters, x
        self._gradients = self.parameters.zeros_like()  # of the decoder, which nobody asks for here
        self.encoder = OwnEncoder(self.parameters, self.architecture, self._gradients)

    @classmethod
    def of(cls, vae: VAE, x: ArrayLike) -> Joint:
        """Of a model and data in their own units, (N, D)."""
        parameters, inside = in_float64(vae, x)
        return cls(parameters, vae.architecture, inside)

    def log_likelihood(self, z: Array) -> Array:
        """log p(x_n | z_sn), (S, N), at z (S, N, K)."""
        raw, _ = decoder_forward(decoder_input(z, self.x, self.architecture), self.parameters, self.architecture)
        return self._log_density(raw)

    def log_prior(self, z: Array) -> Array:
        """log p(z_sn), (S, N)."""
        return self._prior(z)[0]

    def draw_prior(self, n: int, generator: np.random.Generator) -> Array:
        """``n`` draws of z ~ p(z), (n, K)."""
        a, own = self.architecture, self.architecture.own(self.parameters, "prior")
        return a.prior.checked_draw(n, a.latent, generator, own, self.parameters.vector.dtype, self.encoder)

    def log_likelihood_and_gradient(self, z: Array) -> tuple[Array, Array]:
        """log p(x_n | z_sn), (S, N), and its derivative with respect to z, (S, N, K)."""
        a = self.architecture
        raw, cache = decoder_forward(decoder_input(z, self.x, a), self.parameters, a)
        draw, _ = a.likelihood.gradient(self.x, raw, a.own(self.parameters))
        return self._log_density(raw), decoder_backward(draw, cache, self._gradients, a)

    def log_prior_and_gradient(self, z: Array) -> tuple[Array, Array]:
        """log p(z_sn), (S, N), and its derivative with respect to z, (S, N, K)."""
        value, cache = self._prior(z)
        own, ones = self.architecture.own(self.parameters, "prior"), np.ones(z.shape[:-1])
        dz, _ = self.architecture.prior.checked_backward(ones, z, own, self.encoder, cache)
        return value, dz

    def _log_density(self, raw: Array) -> Array:
        a = self.architecture
        density = a.likelihood.checked_log_density(self.x, raw, a.own(self.parameters))
        found: Array = density.sum(axis=-1) - a.log_volume
        return found

    def _prior(self, z: Array) -> tuple[Array, Any]:
        own = self.architecture.own(self.parameters, "prior")
        return self.architecture.prior.checked_forward(z, own, self.encoder, np.result_type(z, self.parameters.vector))
