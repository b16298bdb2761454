"""The page on compiled kernels, for a block of examples: `elbo.forward` and `elbo.backward` on buffers made once.

Matrix products go to BLAS with ``np.dot(..., out=)``; everything between two of them is one kernel. Hidden layers keep
only their output h (for gelu, its slope as well); the gradients are written straight into the views of one vector.

The backward pass comes in two parts, since the decoder's needs only the weights of log p(x|z), which for the ELBO are
known beforehand, and the encoder's needs the objective's other cotangents, which may need the whole batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.elbo import Cotangents, Terms, posterior_weights
from vae_np.kernels import activation, latent
from vae_np.kernels.adapters import likelihood_kernel
from vae_np.network import Architecture
from vae_np.parameters import Parameters

__all__ = ["Shard", "Workspace"]

Array = NDArray[Any]
KEPT_WORKSPACES = 3


class Workspace:
    """The buffers of one batch size N and number of samples S: R = S N rows pass through the decoder.

    Nothing is touched before it is needed, and memory that is never touched is never taken from the system.
    """

    def __init__(self, a: Architecture, samples: int, n: int, dtype: Any) -> None:
        def empty(*shape: int) -> Array:
            return np.empty(shape, dtype)

        rows, k, gelu = samples * n, a.latent, a.activation == "gelu"
        self.encoder_h = [empty(n, width) for width in a.hidden]
        self.encoder_dh = [empty(n, width) for width in a.hidden]
        self.encoder_kept = [empty(n, width) for width in a.hidden] if gelu else self.encoder_h
        self.dh_logvar = empty(n, a.hidden[-1] if a.hidden else 0)
        self.mu, self.logvar, self.sigma, self.kl, self.dkl, self.dmu, self.dlogvar = (empty(n, k) for _ in range(7))
        self.z, self.dz, self.eps0 = empty(samples, n, k), empty(samples, n, k), np.zeros((1, n, k), dtype)
        self.decoder_h = [empty(rows, width) for width in a.decoder_hidden]
        self.decoder_dh = [empty(rows, width) for width in a.decoder_hidden]
        self.decoder_kept = [empty(rows, width) for width in a.decoder_hidden] if gelu else self.decoder_h
        self.raw = empty(rows, a.likelihood.raw_size(a.n_features))
        self.log_likelihood, self.log_prior, self.log_posterior = (empty(samples, n) for _ in range(3))
        self.weight, self.prior, self.rest, self.direct, self.path = (empty(samples, n) for _ in range(5))


class Shard:
    """One thread's share of an engine: its buffers, and a gradient of its own."""

    def __init__(self, architecture: Architecture, parameters: Parameters) -> None:
        self.architecture, self.parameters = architecture, parameters
        self.gradients = parameters.zeros_like()
        self.kind = activation.KINDS[architecture.activation]
        self.likelihood = likelihood_kernel(architecture.likelihood, architecture.n_features, parameters.dtype)
        self.own, self.own_gradients = architecture.own(parameters), architecture.own(self.gradients)
        self.no_bias = np.zeros_like(parameters["decoder.out.b"])
        self._workspaces: dict[tuple[int, int], Workspace] = {}

    def workspace(self, samples: int, n: int) -> Workspace:
        """The buffers for these sizes; the last few sizes are kept."""
        found = self._workspaces.pop((samples, n), None)
        if found is None:
            while len(self._workspaces) >= KEPT_WORKSPACES:
                del self._workspaces[next(iter(self._workspaces))]
            found = Workspace(self.architecture, samples, n, self.parameters.dtype)
        self._workspaces[samples, n] = found
        return found

    # ---- forward, in the order of the path

    def _hidden(self, side: str, h: Array, outputs: list[Array], kept: list[Array]) -> Array:
        """The hidden stack of one side; the last h."""
        for i, out in enumerate(outputs):
            np.dot(h, self.parameters[f"{side}.{i}.W"], out=out)
            b = self.parameters[f"{side}.{i}.b"]
            if kept[i] is out:
                activation.forward(self.kind, out, b)
            else:
                activation.gelu_forward(out, b, kept[i])
            h = out
        return h

    def encode(self, w: Workspace, x: Array, eps: Array) -> None:
        """X to mu, logvar, sigma, kl and z."""
        p = self.parameters
        h = self._hidden("encoder", x, w.encoder_h, w.encoder_kept)
        np.dot(h, p["encoder.mu.W"], out=w.mu)
        np.dot(h, p["encoder.logvar.W"], out=w.logvar)
        latent.forward(w.mu, p["encoder.mu.b"], w.logvar, p["encoder.logvar.b"], eps, w.sigma, w.kl, w.z)

    def decode(self, w: Workspace, z: Array) -> Array:
        """Z (R, K) to raw (R, P), still without the output's bias."""
        h = self._hidden("decoder", z, w.decoder_h, w.decoder_kept)
        return np.dot(h, self.parameters["decoder.out.W"], out=w.raw)

    def terms(self, w: Workspace, x: Array, eps: Array) -> Terms:
        """The whole forward pass, raw with its bias."""
        self.encode(w, x, eps)
        self.decode(w, w.z.reshape(len(w.raw), -1))
        b = self.parameters["decoder.out.b"]
        self.likelihood.value(w.raw, b, x, self.own, w.log_likelihood.reshape(-1))
        latent.densities(w.z, eps, w.logvar, w.log_prior, w.log_posterior)
        return self._view(w)

    def _view(self, w: Workspace) -> Terms:
        raw = w.raw.reshape(*w.log_likelihood.shape, -1)
        return Terms(w.log_likelihood, w.log_prior, w.log_posterior, w.kl, w.mu, w.logvar, w.z, raw)

    def fused(self, w: Workspace, x: Array, eps: Array, weight: float) -> Terms:
        """Forward, and backward through the decoder, with one known weight of log p(x|z): one loop does both.

        The densities, which are not computed, are NaN; raw holds its gradient.
        """
        w.weight.fill(weight)
        self.encode(w, x, eps)
        self.decode(w, w.z.reshape(len(w.raw), -1))
        self._decode_backward(w, x, self.parameters["decoder.out.b"])
        w.log_prior.fill(np.nan)
        w.log_posterior.fill(np.nan)
        return self._view(w)

    def decode_backward(self, w: Workspace, x: Array, weight: Array) -> None:
        """The decoder's backward pass after `terms`, for any weights (S, N) of log p(x|z)."""
        np.copyto(w.weight, weight)
        self._decode_backward(w, x, self.no_bias)

    def encode_backward(self, w: Workspace, x: Array, eps: Array, cotangents: Cotangents) -> None:
        """The rest of the backward pass, after that of the decoder."""
        self._latent_backward(w, eps, cotangents)
        self._encode_backward(w, x)

    # ---- backward, in reverse order

    def _hidden_backward(
        self, side: str, dh: Array, x: Array, outputs: list[Array], kept: list[Array], dhs: list[Array]
    ) -> Array:
        """Dh of the last layer to the gradients of the stack and the first layer's da."""
        p, g = self.parameters, self.gradients
        for i in range(len(outputs) - 1, -1, -1):
            activation.backward(self.kind, dh, kept[i], g[f"{side}.{i}.b"])
            below = outputs[i - 1] if i else x
            np.dot(below.T, dh, out=g[f"{side}.{i}.W"])
            if i:
                dh = np.dot(dh, p[f"{side}.{i}.W"].T, out=dhs[i - 1])
        return dh

    def _decode_backward(self, w: Workspace, x: Array, b: Array) -> None:
        """Raw, which still lacks the bias b, to its gradient, the decoder's gradients and dz."""
        p, g, rows = self.parameters, self.gradients, len(w.raw)
        out = (w.log_likelihood.reshape(-1), g["decoder.out.b"], self.own_gradients)
        self.likelihood.gradient(w.raw, b, x, self.own, w.weight.reshape(-1), *out)
        z, dz = w.z.reshape(rows, -1), w.dz.reshape(rows, -1)
        below = w.decoder_h[-1] if w.decoder_h else z
        np.dot(below.T, w.raw, out=g["decoder.out.W"])
        dh = np.dot(w.raw, p["decoder.out.W"].T, out=w.decoder_dh[-1] if w.decoder_h else dz)
        if w.decoder_h:
            da = self._hidden_backward("decoder", dh, z, w.decoder_h, w.decoder_kept, w.decoder_dh)
            np.dot(da, p["decoder.0.W"].T, out=dz)

    def _latent_backward(self, w: Workspace, eps: Array, c: Cotangents) -> None:
        """Dz and the cotangents of the latent terms to dmu, dlogvar and the gradients of their biases."""
        head_b = (self.gradients["encoder.mu.b"], self.gradients["encoder.logvar.b"])
        if not (c.log_prior is None and c.path is None):
            np.copyto(w.prior, 0 if c.log_prior is None else c.log_prior)
            np.copyto(w.path, 1 if c.path is None else c.path)
            latent.prior_backward(w.dz, w.z, w.prior, w.path)
        np.copyto(w.dkl, 0 if c.kl is None else c.kl)
        logvar = w.dkl if c.kl is None else w.logvar  # and 0 (e^logvar - 1) where that overflows
        latent.backward(w.dz, eps, w.mu, logvar, w.sigma, w.dkl, w.dmu, w.dlogvar, *head_b)
        if posterior := posterior_weights(c):
            np.copyto(w.rest, posterior.rest)
            np.copyto(w.direct, posterior.direct)
            latent.posterior_backward(w.rest, w.direct, eps, w.sigma, w.dmu, w.dlogvar, *head_b)

    def _encode_backward(self, w: Workspace, x: Array) -> None:
        """Dmu and dlogvar to the encoder's gradients; their biases are written already."""
        p, g = self.parameters, self.gradients
        below = w.encoder_h[-1] if w.encoder_h else x
        np.dot(below.T, w.dmu, out=g["encoder.mu.W"])
        np.dot(below.T, w.dlogvar, out=g["encoder.logvar.W"])
        if w.encoder_h:
            dh = np.dot(w.dmu, p["encoder.mu.W"].T, out=w.encoder_dh[-1])
            dh += np.dot(w.dlogvar, p["encoder.logvar.W"].T, out=w.dh_logvar)
            self._hidden_backward("encoder", dh, x, w.encoder_h, w.encoder_kept, w.encoder_dh)
