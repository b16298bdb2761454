"""The path backward: the gradients of biases, of the activations and of the latent stage."""

from __future__ import annotations

from typing import Any

from vae_np.kernels.loops import activation, latent
from vae_np.kernels.loops.sums import column_sums, column_sums_of_blocks, rounded
from vae_np.kernels.step.plan import places, views
from vae_np.kernels.step.stages.form import Stage

__all__ = [
    "activate_backward",
    "bias_gradient",
    "latent_backward",
    "posterior_backward",
    "prior_backward",
]


def bias_gradient(like: Any) -> Stage:
    """The gradient of layer i's b: the sums over all rows of its columns, of which each thread has some; if j = 1 those
    of its blocks are there."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        db, threads = views.bias(q, places.G, like, i), q[places.THREADS]
        c0, c1 = db.shape[0] * t // threads, db.shape[0] * (t + 1) // threads
        found = views.columns(q, like, t)
        if j == 1 and q[places.BLOCKS] > 0:
            column_sums_of_blocks(views.block_sums(q, like), found, c0, c1)
        else:
            column_sums(views.output_of(q, like, i, True), found, c0, c1)
        for c in range(c0, c1):
            db[c] = rounded(found.total[c], found.lost[c], like)

    return run


def activate_backward(like: Any, kind: Any) -> Stage:
    """Dh of layer i to da, on the tile that layer j above handed down."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1, c0, c1 = views.tile(q, places.INPUT_TILE, j, t)
        dh, kept = views.hidden(q, places.DH, like, i), views.hidden(q, places.KEPT, like, i)
        activation.backward(kind, dh, kept, r0, r1, c0, c1)

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
        latent.backward(dz, eps, mu, logvar, sigma, dkl, dmu, dlogvar, views.columns(q, like, t), n0, n1)

    return run


def posterior_backward(like: Any) -> Stage:
    """The part of log q(z|x) in dmu and dlogvar."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        n0, n1 = views.share(q, places.EXAMPLES, t)
        rest, direct = views.per_sample(q, places.REST, like), views.per_sample(q, places.DIRECT, like)
        eps, sigma = views.latents(q, places.EPS, like), views.per_example(q, places.SIGMA, like)
        dmu, dlogvar = views.per_example(q, places.DMU, like), views.per_example(q, places.DLOGVAR, like)
        latent.posterior_backward(rest, direct, eps, sigma, dmu, dlogvar, views.columns(q, like, t), n0, n1)

    return run
