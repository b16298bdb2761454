"""What wrong gradients of another implementation look like, all tensors together.

    yours = a (the reconstruction's) + b (the KL's)

The gradient of the loss, the mean over the batch of -ELBO, is a = 1 and b = beta. Where one pair of numbers explains
every tensor, the pair is the mistake: (N, N beta) a sum over the batch, (1, 2 beta) a KL without its 1/2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.objectives import Objective
from vae_np.formulas.objectives.elbo import ELBO
from vae_np.model.vae import VAE

__all__ = ["what_it_looks_like"]

Array = NDArray[Any]
CLOSE = {"float64": 1e-9, "float32": 1e-4}
"""What a fit may leave, relative to the largest entry."""


def what_it_looks_like(
    judged: Mapping[str, Array], vae: VAE, x: Array, eps: Array, beta: float, objective: Objective
) -> tuple[str, ...]:
    """Lines that say so; none where no simple thing is true."""
    close = CLOSE[str(vae.dtype)]
    _, right = vae.loss_and_grad(x, eps, beta, objective=objective)
    lines = [
        f"{name}: yours is the transpose of the right one; W is (fan_in, fan_out)"
        for name in right
        if right[name].ndim == 2 and _is_transposed(np.asarray(judged[name]), right[name], close)
    ]
    if not isinstance(objective, ELBO) or objective.free_bits or not vae.architecture.has_kl:
        return tuple(lines)
    _, rec = vae.loss_and_grad(x, eps, 0.0, objective=objective)
    _, whole = vae.loss_and_grad(x, eps, 1.0, objective=objective)
    yours, parts = _flat(judged), np.stack([_flat(rec), _flat(whole) - _flat(rec)], axis=1)
    (a, b), *_ = np.linalg.lstsq(parts, yours, rcond=None)
    off = np.abs(yours - parts @ [a, b]).max()
    if off > close * np.abs(yours).max():
        return tuple(lines)
    meant = _meaning(float(a), float(b), beta, len(x), vae.architecture.n_features, vae.architecture.latent)
    says = f"yours = {a:.10g} x the reconstruction's + {b:.10g} x the KL's, in every tensor; right is 1 and {beta:.6g}"
    return (*lines, says + (f": {meant}" if meant else ""))


def _flat(gradients: Mapping[str, Array]) -> Array:
    return np.concatenate([np.asarray(value, np.float64).ravel() for value in gradients.values()])


def _is_transposed(yours: Array, right: Array, close: float) -> bool:
    """Of a square weight, whose shape says nothing."""
    if right.shape[0] != right.shape[1] or right.shape[0] == 1:
        return False
    largest = np.abs(right).max()
    return bool(np.abs(yours - right).max() > close * largest >= np.abs(yours.T - right).max())


def _meaning(a: float, b: float, beta: float, n: int, d: int, k: int) -> str:
    """The words for a pair, by the names that `vae-np verify` has for them."""
    known = {
        "objective-batch-sum: the loss is a sum over the batch, not its mean": (n, n * beta),
        "objective-per-pixel: the whole loss is divided by the features": (1 / d, beta / d),
        "elbo-for-loss: it is the ELBO's gradient, not the loss's": (-1, -beta),
        "rec-mean-over-pixels: the reconstruction is a mean over the features": (1 / d, beta),
        "kl-missing-half: the KL has no 1/2": (1, 2 * beta),
        "kl-double-half: the KL is halved twice": (1, beta / 2),
        "kl-mean-over-latent: the KL is a mean over the latent dimensions": (1, beta / k),
        "kl-batch-sum: the KL is a sum over the batch": (1, n * beta),
        "kl-sign: the KL has the wrong sign": (1, -beta),
        "beta-ignored: the KL is not multiplied by beta": (1, 1),
        "objective-batch-sum and kl-missing-half": (n, 2 * n * beta),
        "no KL in it, or it was detached": (1, 0),
        "no reconstruction in it: the sample, or the output, was detached": (0, beta),
    }
    for words, pair in known.items():
        if np.allclose((a, b), pair, rtol=1e-5, atol=1e-7):
            return words
    return ""
