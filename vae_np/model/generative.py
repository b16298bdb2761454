"""The generative half of `VAE`: from z to x."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.elbo import OwnEncoder
from vae_np.formulas.network import decoder_input
from vae_np.model.base import Model
from vae_np.model.conditional import decoder_rows
from vae_np.model.inputs import check_finite_rows, check_float
from vae_np.support import noise
from vae_np.support.checks import whole
from vae_np.support.errors import NonFiniteError

__all__ = ["Generative"]

Array = NDArray[Any]


class Generative(Model):
    """p(z) and p(x|z), or p(x|z, c) of a conditional model."""

    def decode(self, z: ArrayLike, condition: ArrayLike | None = None) -> Array:
        """E[x|z], shape (..., D), of z (..., K); `NonFiniteError` where z or it is not finite.

        ``condition``, of a conditional model, is one for all z or one for each row: see `conditional.condition_rows`.
        """
        z = check_finite_rows("z", check_float("z", z, self.architecture.latent, self.dtype))
        return self._mean(decoder_rows(self.architecture, z, condition))

    def _mean(self, given: Array) -> Array:
        """E[x|z] of the decoder's checked input."""
        mean = self.likelihood.mean(self.engine.decode(given), self.architecture.own(self.parameters))
        return check_finite_rows("decoder.out", self.outside(mean))

    def sample_prior(self, n: int, seed: int = 0) -> Array:
        """``n`` draws of z ~ p(z), shape (n, K); `NonFiniteError` where they or the prior's arrays are not finite."""
        n = whole("n", n, at_least=0)
        own = self.architecture.own(self.parameters, "prior")
        for name, array in own.items():  # a draw may be finite that comes of what is not
            if bad := int(np.sum(~np.isfinite(array))):
                raise NonFiniteError(f"{bad} of {array.size} values are not finite", f"parameter prior.{name}")
        encoder = OwnEncoder(self.parameters, self.architecture)
        latent, generator = self.architecture.latent, noise.stream(seed, "prior")
        with np.errstate(all="ignore"):  # what is not finite is named below
            z = self.prior.checked_draw(n, latent, generator, own, self.dtype, encoder)
        return check_finite_rows("prior", z)

    def sample(self, n: int, seed: int = 0, condition: ArrayLike | None = None) -> Array:
        """``n`` draws of x ~ p(x|z) with z ~ p(z), shape (n, D): the same for the same seed, 0 if left out.

        `decode` of `sample_prior` gives their means. A conditional model draws x ~ p(x|z, c) of a ``condition`` for all
        or for each of the n; the z are those of any other condition.
        """
        z, own = self.sample_prior(n, seed), self.architecture.own(self.parameters)
        raw = self.engine.decode(decoder_rows(self.architecture, z, condition))
        return self.outside(self.likelihood.sample(raw, noise.stream(seed, "sample"), own))

    def log_likelihood(self, x: ArrayLike, z: ArrayLike, condition: ArrayLike | None = None) -> Array:
        """log p(x_n | z_n), (N,), at any z (N, K), or (S, N) at z (S, N, K); nats, in x's own units."""
        x = self.given(x, condition)
        z = check_finite_rows("z", check_float("z", z, self.architecture.latent, self.dtype))
        if z.shape[-2:-1] != x.shape[:1] or z.ndim > 3:
            raise ValueError(f"z must be (N, K) or (S, N, K) with N = {len(x)}; got {z.shape}")
        raw = self.engine.decode(decoder_input(z, x, self.architecture))
        density = self.likelihood.checked_log_density(x, raw, self.architecture.own(self.parameters))
        return check_finite_rows("log_likelihood", density.sum(axis=-1) - self.architecture.log_volume)
