"""The path forward: the look at x, the products (backward too), the activations, the sampler and the densities."""

from __future__ import annotations

from typing import Any

from vae_np.kernels.loops import activation, dense_products, latent, sparse_products
from vae_np.kernels.loops.dense_products import FORWARD, INPUT, WEIGHT
from vae_np.kernels.step.plan import places, views
from vae_np.kernels.step.stages.form import Stage

__all__ = ["activate", "decide", "densities", "look", "product", "sample", "sparse_product"]


def look(like: Any) -> Stage:
    """The lists of x's rows, if a look at some of them finds it sparse."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        x, flags = views.data(q, like), views.flags(q)
        flags[t] = 0
        if q[places.ENCODER] > 0 and sparse_products.sampled_density(x) <= sparse_products.DENSE:
            n0, n1 = views.share(q, places.EXAMPLES, t)
            sparse_products.gather_rows(x, views.row_lists(q, like), n0, n1)
            flags[t] = 1

    return run


def decide(like: Any) -> Stage:
    """Whether all of x is sparse."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        flags, count = views.flags(q), views.row_lists(q, like).count
        if flags[t] == 1:
            total = 0
            for r in range(count.shape[0]):
                total += count[r]
            if total > sparse_products.DENSE * (q[places.N] * q[places.D]):
                flags[t] = 0

    return run


def product(like: Any) -> Stage:
    """Of layer i what j asks for, see `dense_products`: its product, still without its bias, the gradient of its W, or
    that of its input, to which heads after the first one add theirs; the first and the second not of a sparse x."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1, c0, c1 = views.tile(q, j, i, t)
        x, y = views.input_of(q, like, i), views.output_of(q, like, i, j != FORWARD)
        W, goes_on = views.weight(q, places.G if j == WEIGHT else places.THETA, like, i), 0
        if j == INPUT:
            x, first = views.input_gradient_of(q, like, i), q[places.ENCODER]
            goes_on = 1 if i > first and i < first + q[places.HEADS] else 0
        if i > 0 or j == INPUT or views.flags(q)[t] == 0:
            dense_products.product(views.panel(q, like, t), j, x, W, y, goes_on, r0, r1, c0, c1)

    return run


def sparse_product(like: Any) -> Stage:
    """The first layer's product, or if j = 1 its weight's gradient, for a sparse x."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        if views.flags(q)[t] == 1:
            lists, W, out = (
                views.row_lists(q, like),
                views.weight(q, places.THETA, like, 0),
                views.hidden(q, places.H, like, 0),
            )
            r0, r1, c0, c1 = views.tile(q, places.WEIGHT_TILE if j == 1 else places.FORWARD_TILE, 0, t)
            if j == 1:  # a tile is whole rows of dW, so it needs the lists of as many columns of x
                columns = views.column_lists(q, like)
                sparse_products.gather_columns(lists, columns, r0, r1)
                lists, W, out = columns, views.hidden(q, places.DH, like, 0), views.weight(q, places.G, like, 0)
            sparse_products.product(views.panel(q, like, t), views.begin(q, t), lists, W, out, r0, r1, c0, c1)

    return run


def activate(like: Any, kind: Any) -> Stage:
    """Layer i's bias and activation."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1, c0, c1 = views.tile(q, places.FORWARD_TILE, i, t)
        h, kept = views.hidden(q, places.H, like, i), views.hidden(q, places.KEPT, like, i)
        activation.forward(kind, h, views.bias(q, places.THETA, like, i), kept, r0, r1, c0, c1)

    return run


def sample(like: Any) -> Stage:
    """Mu and logvar to sigma, kl and z, of this thread's examples."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        n0, n1 = views.share(q, places.EXAMPLES, t)
        mu, logvar = views.per_example(q, places.MU, like), views.per_example(q, places.LOGVAR, like)
        sigma, kl = views.per_example(q, places.SIGMA, like), views.per_example(q, places.KL, like)
        mu_b = views.bias(q, places.THETA, like, q[places.ENCODER])
        logvar_b = views.bias(q, places.THETA, like, q[places.ENCODER] + 1)
        eps, z = views.latents(q, places.EPS, like), views.latents(q, places.Z, like)
        latent.forward(mu, mu_b, logvar, logvar_b, eps, sigma, kl, z, n0, n1)

    return run


def densities(like: Any) -> Stage:
    """log p(z) and log q(z|x)."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        n0, n1 = views.share(q, places.EXAMPLES, t)
        z, eps = views.latents(q, places.Z, like), views.latents(q, places.EPS, like)
        prior, posterior = views.per_sample(q, places.LOG_PRIOR, like), views.per_sample(q, places.LOG_POSTERIOR, like)
        logvar, terms = views.per_example(q, places.LOGVAR, like), views.columns(q, like, t).part
        latent.densities(z, eps, logvar, prior, posterior, terms, n0, n1)

    return run
