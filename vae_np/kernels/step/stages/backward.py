"""The path backward: the gradients of weights, of inputs, of the activations and of the latent stage."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.loops import activation, dense_products, latent
from vae_np.kernels.loops.sums import add, rounded
from vae_np.kernels.step.plan import places, views
from vae_np.kernels.step.stages.form import Stage

__all__ = [
    "activate_backward",
    "input_gradient",
    "latent_backward",
    "posterior_backward",
    "prior_backward",
    "weight_gradient",
]

_ZERO = np.float64(0)


def weight_gradient(like: Any) -> Stage:
    """The gradients of layer i's W and b; not of W for a sparse x."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        db, threads = views.bias(q, places.G, like, i), q[places.THREADS]
        for c in range(db.shape[0] * t // threads, db.shape[0] * (t + 1) // threads):
            total = lost = _ZERO
            for other in range(threads):
                theirs = views.columns(q, like, i, other)
                total, lost = add(total, lost, theirs.total[c])
                lost += theirs.lost[c]
            db[c] = rounded(total, lost, like)
        r0, r1, c0, c1 = views.tile(q, places.WEIGHT_TILE, i, t)
        dy, dW = views.output_of(q, like, i, True), views.weight(q, places.G, like, i)
        if i > 0 or views.flags(q)[t] == 0:
            dense_products.weight_gradient(q[places.BLAS], views.input_of(q, like, i), dy, dW, r0, r1, c0, c1)

    return run


def input_gradient(like: Any) -> Stage:
    """The gradient of what layer i is given; a head after the first one adds to the others'."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1, c0, c1 = views.tile(q, places.INPUT_TILE, i, t)
        dy, dx = views.output_of(q, like, i, True), views.input_gradient_of(q, like, i)
        first = q[places.ENCODER]
        beta = 1.0 if i > first and i < first + q[places.HEADS] else 0.0
        dense_products.input_gradient(
            q[places.BLAS], dy, views.weight(q, places.THETA, like, i), dx, beta, r0, r1, c0, c1
        )

    return run


def activate_backward(like: Any, kind: Any) -> Stage:
    """Dh of layer i to da, and its column sums, on the tile that layer j above handed down."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1, c0, c1 = views.tile(q, places.INPUT_TILE, j, t)
        dh, kept = views.hidden(q, places.DH, like, i), views.hidden(q, places.KEPT, like, i)
        activation.backward(kind, dh, kept, views.columns(q, like, i, t), r0, r1, c0, c1)

    return run


def prior_backward(like: Any) -> Stage:
    """The part of log p(z) in dz, and the factor on the path."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        n0, n1 = views.share(q, places.EXAMPLES, t)
        dz, z = views.latents(q, places.DZ, like), views.latents(q, places.Z, like)
        prior, path = views.per_sample(q, places.PRIOR, like), views.per_sample(q, places.PATH, like)
        latent.prior_backward(dz, z, prior, path, n0, n1)

    return run


def latent_backward(like: Any) -> Stage:
    """Dz and dkl to dmu and dlogvar; j = 1 where KL has no weight."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        n0, n1 = views.share(q, places.EXAMPLES, t)
        dz, eps = views.latents(q, places.DZ, like), views.latents(q, places.EPS, like)
        mu, sigma = views.per_example(q, places.MU, like), views.per_example(q, places.SIGMA, like)
        dkl, dmu = views.per_example(q, places.DKL, like), views.per_example(q, places.DMU, like)
        logvar, dlogvar = views.per_example(q, places.LOGVAR, like), views.per_example(q, places.DLOGVAR, like)
        if j == 1:  # no 0 (e^logvar - 1) where that overflows
            logvar = dkl
        first = q[places.ENCODER]
        dmu_b, dlogvar_b = views.columns(q, like, first, t), views.columns(q, like, first + 1, t)
        latent.backward(dz, eps, mu, logvar, sigma, dkl, dmu, dlogvar, dmu_b, dlogvar_b, n0, n1)

    return run


def posterior_backward(like: Any) -> Stage:
    """The part of log q(z|x) in dmu and dlogvar."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        n0, n1 = views.share(q, places.EXAMPLES, t)
        rest, direct = views.per_sample(q, places.REST, like), views.per_sample(q, places.DIRECT, like)
        eps, sigma = views.latents(q, places.EPS, like), views.per_example(q, places.SIGMA, like)
        dmu, dlogvar = views.per_example(q, places.DMU, like), views.per_example(q, places.DLOGVAR, like)
        first = q[places.ENCODER]
        dmu_b, dlogvar_b = views.columns(q, like, first, t), views.columns(q, like, first + 1, t)
        latent.posterior_backward(rest, direct, eps, sigma, dmu, dlogvar, dmu_b, dlogvar_b, n0, n1)

    return run
