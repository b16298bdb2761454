"""The diagonal Gaussian sent through planar flows."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.numerics import column_sums, log_sum_exp, sigmoid, softplus
from vae_np.formulas.posteriors.base import Arrays, Gradient, Posterior, Sample
from vae_np.formulas.posteriors.diagonal import Cache as Base
from vae_np.formulas.posteriors.diagonal import Diagonal
from vae_np.support.checks import whole
from vae_np.support.noise import normal_numbers

__all__ = ["Planar", "layer_backward", "layer_forward"]

Array = NDArray[Any]
_BASE = Diagonal()


class Layer(NamedTuple):
    """What the backward pass of one layer needs: its input z, tanh a, sech^2 a (S, N), u^, c, det (S, N), w, u."""

    z: Array
    t: Array
    g: Array
    u_hat: Array
    c: Array
    det: Array
    w: Array
    u: Array


class Cache(NamedTuple):
    """The diagonal's cache, and one of each layer."""

    base: Base
    layers: list[Layer]


class Planar(Posterior):
    """z_0 ~ N(mu, diag exp(logvar)), then T layers that push and pull along a direction each.

        z_t   = z_{t-1} + u^_t tanh(a_t),    a_t = w_t . z_{t-1} + b_t
        log q = log N(z_0; mu, exp(logvar)) - sum_t log(1 + w_t . u^_t sech^2(a_t))
        u^    = u + (m(w . u) - w . u) w / |w|^2,    m(r) = -1 + log(1 + e^r)

    w, u (T, K) and b (T,) are own arrays, the same for every x. u^ is u with w . u^ = m(w . u) > -1, without which a
    layer would not be invertible.

    Parameters
    ----------
    flows : int
        T.

    Notes
    -----
    Rezende & Mohamed (2015), "Variational inference with normalizing flows", section 4.1 and appendix A.1. There the
    encoder puts the flows' parameters out for each x; here they are learned for all x at once.

    The determinant 1 + c sech^2 a with c = m(r) is also tanh^2 a + softplus(r) sech^2 a, where nothing cancels as c
    approaches -1. There is no closed-form KL: the ELBO takes log q - log p at the samples. `moments` are those of the
    flow made linear at mu (the delta method): mean f(mu), variance diag(J diag(exp(logvar)) J^T).
    """

    name = "planar"

    def __init__(self, flows: int = 4) -> None:
        self.flows = whole("flows", flows, at_least=1)

    def config(self) -> dict[str, Any]:
        """The name and the number of flows."""
        return {"name": self.name, "flows": self.flows}

    def heads(self, latent: int) -> dict[str, int]:
        """Mu and logvar of z_0."""
        return _BASE.heads(latent)

    def own_shapes(self, latent: int) -> dict[str, tuple[int, ...]]:
        """The layers' u, w and b."""
        return {"u": (self.flows, latent), "w": (self.flows, latent), "b": (self.flows,)}

    def own_start(self, latent: int, generator: np.random.Generator) -> dict[str, Array]:
        """u and w at random, of lengths about 0.1 and 1: near the identity, where u = w = 0 would stay for ever."""
        u, w = normal_numbers(generator, (2, self.flows, latent)) / math.sqrt(latent)
        return {"u": 0.1 * u, "w": w}

    def sample(self, heads: Arrays, eps: Array, own: Arrays) -> Sample:
        """The diagonal's sample, and the layers in turn."""
        z, log_q, base = _BASE.sample(heads, eps, own)
        layers = []
        for u, w, b in zip(own["u"], own["w"], own["b"], strict=True):
            z, log_det, layer = layer_forward(z, u, w, b)
            log_q = log_q - log_det
            layers.append(layer)
        return Sample(z, log_q, Cache(base, layers))

    def fault(self, own: Arrays) -> tuple[str, str] | None:
        """A layer without a direction: w / |w|^2 is not defined where |w|^2 is 0, also by underflow."""
        flat = np.flatnonzero((own["w"] * own["w"]).sum(axis=-1) == 0)
        return ("w", f"row {flat[0]} has the squared length 0, and the flow divides by it") if len(flat) else None

    def score(self, cache: Cache) -> Array:
        """J^-T (score - d log det / dz), layer by layer; J^T = I + g w u^T, by Sherman & Morrison."""
        score = _BASE.score(cache.base)
        for layer in cache.layers:
            v = score - _dlog_det_da(layer)[..., None] * layer.w
            score = v - (layer.g * (v @ layer.u_hat) / layer.det)[..., None] * layer.w
        return score

    def backward(self, dz: Array, dlog_q: Array | None, cache: Cache) -> Gradient:
        """The layers in reverse, then the diagonal."""
        dlog_det = None if dlog_q is None else -dlog_q
        steps = []
        for layer in reversed(cache.layers):
            dz, *step = layer_backward(dz, dlog_det, layer)
            steps.append(step)
        own = {name: np.array(values) for name, values in zip("uwb", zip(*steps[::-1], strict=True), strict=True)}
        return Gradient(_BASE.backward(dz, dlog_q, cache.base).heads, own)

    def moments(self, heads: Arrays, own: Arrays) -> tuple[Array, Array]:
        """f(mu), and log diag(J diag(exp(logvar)) J^T) with J = df/dz at mu: over j, the log-sum-exp of
        2 log |J_kj| + logvar_j."""
        z = heads["mu"]
        J = np.broadcast_to(np.eye(z.shape[-1], dtype=z.dtype), (len(z), z.shape[-1], z.shape[-1]))
        for u, w, b in zip(own["u"], own["w"], own["b"], strict=True):
            z, _, layer = layer_forward(z, u, w, b)
            J = J + layer.u_hat[:, None] * (layer.g[:, None] * (w @ J))[:, None, :]
        J = np.where(J.real < 0, -J, J)
        with np.errstate(divide="ignore"):  # log 0 = -inf adds nothing
            return z, log_sum_exp(2 * np.log(J) + heads["logvar"][:, None, :], axis=-1)


def layer_forward(z: Array, u: Array, w: Array, b: Array) -> tuple[Array, Array, Layer]:
    """z + u^ tanh(a), log det of it, and what the backward pass needs; z (..., K), u and w (K,), b ()."""
    r = w @ u
    c = softplus(r) - 1
    u_hat = u + ((softplus(-r) - 1) / (w @ w)) * w  # m(r) - r, where nothing cancels for a large r
    a = z @ w + b
    t, g = np.tanh(a), _sech_squared(a)
    x = c * g
    near = np.abs(x.real) < 0.5
    det = np.where(near, 1 + x, t * t + softplus(r) * g)
    log_det = np.where(near, np.log1p(np.where(near, x, 0)), np.log(det))
    return z + u_hat * t[..., None], log_det, Layer(z, t, g, u_hat, c, det, w, u)


def layer_backward(dz: Array, dlog_det: Array | None, layer: Layer) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the input z, of u, w and b, for those of the output and of log det.

    da  = (dz . u^) g + dlog_det dlog det/da,    dz_in = dz + da w,    dw = sum da z,    db = sum da,
    du^ = sum dz tanh a,    dc = sum dlog_det g / det,

    and of u^ = u + (c - r) w / |w|^2, c = m(r), r = w . u, with q = du^ . w / |w|^2:

    dr = -q + (q + dc) sigmoid(r),    du = du^ + dr w,    dw += (c - r) (du^ - 2 q w) / |w|^2 + dr u
    """
    z, t, g, u_hat, _, det, w, u = layer
    da = (dz @ u_hat) * g
    dc = np.zeros((), t.dtype)
    if dlog_det is not None:
        da = da + dlog_det * _dlog_det_da(layer)
        dc = (dlog_det * g / det).sum()
    du_hat = _total(dz * t[..., None])
    r, length = w @ u, w @ w
    q = (du_hat @ w) / length
    dr = (q + dc) * sigmoid(r) - q
    dw = _total(da[..., None] * z) + (softplus(-r) - 1) * (du_hat - 2 * q * w) / length + dr * u
    return dz + da[..., None] * w, du_hat + dr * w, dw, da.sum()


def _total(rows: Array) -> Array:
    """The sum over samples and examples of (..., K)."""
    return column_sums(rows.reshape(-1, rows.shape[-1]))


def _sech_squared(a: Array) -> Array:
    """1 - tanh^2 a = 4 e / (1 + e)^2 with e = exp(-2 |a|), which keeps its digits in the tails."""
    e = np.exp(np.where(a.real > 0, -2 * a, 2 * a))
    return 4 * e / ((1 + e) * (1 + e))


def _dlog_det_da(layer: Layer) -> Array:
    """d log(1 + c sech^2 a) / da = -2 c tanh(a) sech^2(a) / det, (S, N)."""
    return -2 * layer.c * layer.t * layer.g / layer.det
