"""The page on compiled kernels: `elbo.forward` and `elbo.backward` line by line, on buffers that are made once.

Matrix products go to BLAS with ``np.dot(..., out=)``; everything between two of them is one kernel. Hidden layers keep
only their output h (for gelu, its slope as well); the gradients are written straight into the views of one vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.elbo import Cotangents, Terms
from vae_np.engines import Step
from vae_np.kernels import activation, adam, latent
from vae_np.kernels.adapters import likelihood_kernel
from vae_np.network import Architecture
from vae_np.objectives import Loss, Objective
from vae_np.optim import Adam, AdamState
from vae_np.parameters import Parameters

__all__ = ["KernelEngine"]

Array = NDArray[Any]
BLOCK = 1024
"""Rows that `encode` and `decode` take at once, so that their memory does not grow with the data."""
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
        self.no_sigma = np.ones((n, k), dtype)
        self.decoder_h = [empty(rows, width) for width in a.decoder_hidden]
        self.decoder_dh = [empty(rows, width) for width in a.decoder_hidden]
        self.decoder_kept = [empty(rows, width) for width in a.decoder_hidden] if gelu else self.decoder_h
        self.raw = empty(rows, a.likelihood.raw_size(a.n_features))
        self.log_likelihood, self.log_prior, self.log_posterior = (empty(samples, n) for _ in range(3))
        self.uniform, self.unknown = (np.full((samples, n), value, dtype) for value in (-1 / rows, np.nan))
        self.weight, self.prior, self.posterior, self.direct, self.path = (empty(samples, n) for _ in range(5))


class KernelEngine:
    """The engine behind ``backend="numba"``; its buffers make it unfit for two threads at once."""

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

    def _encode(self, w: Workspace, x: Array, eps: Array) -> None:
        """X to mu, logvar, sigma, kl and z."""
        p = self.parameters
        h = self._hidden("encoder", x, w.encoder_h, w.encoder_kept)
        np.dot(h, p["encoder.mu.W"], out=w.mu)
        np.dot(h, p["encoder.logvar.W"], out=w.logvar)
        latent.forward(w.mu, p["encoder.mu.b"], w.logvar, p["encoder.logvar.b"], eps, w.sigma, w.kl, w.z)

    def _decode(self, w: Workspace, z: Array) -> Array:
        """Z (R, K) to raw (R, P), still without the output's bias."""
        h = self._hidden("decoder", z, w.decoder_h, w.decoder_kept)
        return np.dot(h, self.parameters["decoder.out.W"], out=w.raw)

    def _terms(self, w: Workspace, x: Array, eps: Array) -> Terms:
        """The whole forward pass, raw with its bias."""
        self._encode(w, x, eps)
        self._decode(w, w.z.reshape(len(w.raw), -1))
        b = self.parameters["decoder.out.b"]
        self.likelihood.value(w.raw, b, x, self.own, w.log_likelihood.reshape(-1))
        latent.densities(w.z, eps, w.logvar, w.log_prior, w.log_posterior)
        return self._view(w)

    def _view(self, w: Workspace) -> Terms:
        raw = w.raw.reshape(*w.log_likelihood.shape, -1)
        return Terms(w.log_likelihood, w.log_prior, w.log_posterior, w.kl, w.mu, w.logvar, w.z, raw)

    def _objective(self, w: Workspace, x: Array, eps: Array, objective: Objective, beta: float) -> Loss:
        """The forward pass and the objective, with the weighted gradient of log p(x|z) in raw's place."""
        b, log_likelihood = self.parameters["decoder.out.b"], w.log_likelihood.reshape(-1)
        out = (log_likelihood, self.gradients["decoder.out.b"], self.own_gradients)
        if objective.analytic_kl:  # the weight of log p(x|z) is known before it is: one loop does both
            self._encode(w, x, eps)
            self._decode(w, w.z.reshape(len(w.raw), -1))
            self.likelihood.gradient(w.raw, b, x, self.own, w.uniform.reshape(-1), *out)
            loss = objective(self._view(w)._replace(log_prior=w.unknown, log_posterior=w.unknown), beta)
            if np.array_equal(loss.cotangents.log_likelihood, w.uniform):
                return loss
        loss = objective(self._terms(w, x, eps), beta)
        np.copyto(w.weight, loss.cotangents.log_likelihood)
        self.likelihood.gradient(w.raw, self.no_bias, x, self.own, w.weight.reshape(-1), *out)
        return loss

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

    def _decode_backward(self, w: Workspace) -> None:
        """Draw, in raw's place, to the decoder's gradients and dz."""
        p, g, rows = self.parameters, self.gradients, len(w.raw)
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
        if not (c.log_prior is None and c.log_posterior is None and c.path is None):
            np.copyto(w.prior, 0 if c.log_prior is None else c.log_prior)
            np.copyto(w.posterior, 0 if c.log_posterior is None else c.log_posterior)
            np.copyto(w.path, 1 if c.path is None else c.path)
            sigma = w.no_sigma if c.log_posterior is None else w.sigma  # 0 eps / sigma is NaN where sigma underflows
            latent.densities_backward(w.dz, w.z, eps, sigma, w.prior, w.posterior, w.path)
        np.copyto(w.dkl, 0 if c.kl is None else c.kl)
        logvar = w.dkl if c.kl is None else w.logvar  # and 0 (e^logvar - 1) where that overflows
        latent.backward(w.dz, eps, w.mu, logvar, w.sigma, w.dkl, w.dmu, w.dlogvar, *head_b)
        direct = c.log_posterior if c.log_posterior_direct is None else c.log_posterior_direct
        if direct is not None:
            np.copyto(w.direct, direct)
            latent.direct_backward(w.direct, eps, w.sigma, w.dmu, w.dlogvar, *head_b)

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

    # ---- what the model calls

    def loss_and_grad(self, x: Array, eps: Array, objective: Objective, beta: float) -> Step:
        """The objective's loss and its gradient; what is not finite passes through, for the caller to judge."""
        x, eps = _plain(x), _plain(eps)
        w = self.workspace(*eps.shape[:2])
        with np.errstate(all="ignore"):
            loss, cotangents = self._objective(w, x, eps, objective, beta)
            self._decode_backward(w)
            self._latent_backward(w, eps, cotangents)
            self._encode_backward(w, x)
        return Step(float(loss), w.log_likelihood, w.kl, self.gradients)

    def terms(self, x: Array, eps: Array) -> Terms:
        """The forward pass, in arrays of its own."""
        x, eps = _plain(x), _plain(eps)
        with np.errstate(all="ignore"):
            return Terms(*(a.copy() for a in self._terms(self.workspace(*eps.shape[:2]), x, eps)))

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Mu and logvar, (N, K), of q(z|x)."""
        mu, logvar = (np.empty((len(x), self.architecture.latent), x.dtype) for _ in range(2))
        for begin in range(0, len(x), BLOCK):
            rows = slice(begin, min(begin + BLOCK, len(x)))
            w = self.workspace(1, rows.stop - begin)
            self._encode(w, x[rows], w.eps0)
            mu[rows], logvar[rows] = w.mu, w.logvar
        return mu, logvar

    def decode(self, z: Array) -> Array:
        """The decoder's raw output."""
        flat = z.reshape(-1, z.shape[-1])
        b = self.parameters["decoder.out.b"]
        raw = np.empty((len(flat), len(b)), z.dtype)
        for begin in range(0, len(flat), BLOCK):
            rows = slice(begin, min(begin + BLOCK, len(flat)))
            np.add(self._decode(self.workspace(1, rows.stop - begin), flat[rows]), b, out=raw[rows])
        return raw.reshape(*z.shape[:-1], len(b))

    def update(self, optimizer: Adam, gradients: Parameters, state: AdamState) -> float:
        """One step of Adam in place; the norm of the gradient."""
        return adam.update(optimizer, self.parameters.vector, gradients.vector, state)


def _plain(a: Array) -> Array:
    """The array, or a copy where it is read-only, not contiguous, or a subclass: kernels are compiled for one form."""
    return a if type(a) is np.ndarray and a.flags.carray else np.array(a, order="C")
