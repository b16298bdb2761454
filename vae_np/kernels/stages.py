"""The stages of the passes, compiled one by one: each a function (plan's address, i, j, thread) that `passes` calls by
its address.

So each loop is compiled once for its kind and precision and not again with every combination of them, and only when it
is first needed. A stage works on this thread's tile or range; what it is about, layer i say, is found in the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vae_np.kernels import activation, adam, gemm, latent, likelihood, places, sparse, views
from vae_np.kernels.policy import view

TINY, HUGE, CLIP, ADAM = 0, 1, 2, 3  # places in the numbers: the squares' range, clip_norm, and Adam's from there
LOG_LIKELIHOOD, KL, SQUARES, REFUSED = range(4)  # places in a thread's sums

Stage = Callable[[Any, Any, Any, Any], None]


# ---- the path forward


def look(like: Any) -> Stage:
    """The lists of x's rows, if a look at some of them finds it sparse."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        x, flags = views.data(q, like), views.flags(q)
        flags[t] = 0
        if q[places.ENCODER] > 0 and sparse.sampled_density(x) <= sparse.DENSE:
            n0, n1 = views.share(q, places.EXAMPLES, t)
            sparse.gather_rows(x, views.row_lists(q, like), n0, n1)
            flags[t] = 1

    return run


def decide(like: Any) -> Stage:
    """Whether all of x is sparse."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        flags, count = views.flags(q), views.row_lists(q, like)[2]
        if flags[t] == 1:
            total = 0
            for r in range(count.shape[0]):
                total += count[r]
            if total > sparse.DENSE * (q[places.N] * q[places.D]):
                flags[t] = 0

    return run


def product(like: Any) -> Stage:
    """Layer i's product, still without its bias; not that of a sparse x."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1, c0, c1 = views.tile(q, places.FORWARD_TILE, i, t)
        W, out = views.weight(q, places.THETA, like, i), views.output_of(q, like, i, False)
        if i > 0 or views.flags(q)[t] == 0:
            gemm.product(q[places.BLAS], views.input_of(q, like, i), W, out, r0, r1, c0, c1)

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
                sparse.gather_columns(lists, columns, r0, r1)
                lists, W, out = columns, views.hidden(q, places.DH, like, 0), views.weight(q, places.G, like, 0)
            sparse.product(lists, W, out, r0, r1, c0, c1)

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
        latent.densities(z, eps, views.per_example(q, places.LOGVAR, like), prior, posterior, n0, n1)

    return run


# ---- the likelihood


def measure(like: Any, kind: Any) -> Stage:
    """log p(x|z) of this thread's rows; raw gets its bias."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1 = views.share(q, places.ROWS, t)
        b, out = views.bias(q, places.THETA, like, q[places.LAYERS] - 1), views.per_row(q, places.LOG_LIKELIHOOD, like)
        of = likelihood.with_arrays(kind, q, like)
        likelihood.value(of, views.raw(q, like), b, views.data(q, like), out, r0, r1)

    return run


def assess(like: Any, kind: Any) -> Stage:
    """log p(x|z) and the weighted gradient in raw's place; raw still lacks its bias unless the order says that it does
    not."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1 = views.share(q, places.ROWS, t)
        last = q[places.LAYERS] - 1
        raw, b, db = views.raw(q, like), views.bias(q, places.THETA, like, last), views.partial(q, like, last, t)
        if q[places.BIASED] == 1:
            b = views.numbers(q, places.NO_BIAS, like, 0, raw.shape[1])
        out, weight = views.per_row(q, places.LOG_LIKELIHOOD, like), views.per_row(q, places.WEIGHT, like)
        of = likelihood.with_arrays(kind, q, like)
        likelihood.gradient(of, raw, b, views.data(q, like), weight, out, db, t, r0, r1)

    return run


def own_gradient(like: Any, kind: Any) -> Stage:
    """The gradient of the likelihood's own parameters, by the first thread."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        if t == 0:
            own = views.numbers(q, places.G, like, q[places.OWN], q[places.OWN] + q[places.OWN_SIZE])
            likelihood.own_gradient(likelihood.with_arrays(kind, q, like), own)

    return run


# ---- the path backward


def weight_gradient(like: Any) -> Stage:
    """The gradients of layer i's W and b; not of W for a sparse x."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        db, threads = views.bias(q, places.G, like, i), q[places.THREADS]
        for c in range(db.shape[0] * t // threads, db.shape[0] * (t + 1) // threads):
            total = views.partial(q, like, i, 0)[c]
            for other in range(1, threads):
                total += views.partial(q, like, i, other)[c]
            db[c] = total
        r0, r1, c0, c1 = views.tile(q, places.WEIGHT_TILE, i, t)
        dy, dW = views.output_of(q, like, i, True), views.weight(q, places.G, like, i)
        if i > 0 or views.flags(q)[t] == 0:
            gemm.weight_gradient(q[places.BLAS], views.input_of(q, like, i), dy, dW, r0, r1, c0, c1)

    return run


def input_gradient(like: Any) -> Stage:
    """The gradient of what layer i is given; the second head adds to the first one's."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1, c0, c1 = views.tile(q, places.INPUT_TILE, i, t)
        dy, dx = views.output_of(q, like, i, True), views.input_gradient_of(q, like, i)
        beta = 1.0 if i == q[places.ENCODER] + 1 else 0.0
        gemm.input_gradient(q[places.BLAS], dy, views.weight(q, places.THETA, like, i), dx, beta, r0, r1, c0, c1)

    return run


def activate_backward(like: Any, kind: Any) -> Stage:
    """Dh of layer i to da, and its column sums, on the tile that layer j above handed down."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1, c0, c1 = views.tile(q, places.INPUT_TILE, j, t)
        dh, kept = views.hidden(q, places.DH, like, i), views.hidden(q, places.KEPT, like, i)
        activation.backward(kind, dh, kept, views.partial(q, like, i, t), r0, r1, c0, c1)

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
        dmu_b, dlogvar_b = views.partial(q, like, first, t), views.partial(q, like, first + 1, t)
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
        dmu_b, dlogvar_b = views.partial(q, like, first, t), views.partial(q, like, first + 1, t)
        latent.posterior_backward(rest, direct, eps, sigma, dmu, dlogvar, dmu_b, dlogvar_b, n0, n1)

    return run


# ---- the update


def add(like: Any) -> Stage:
    """This thread's part of the sums, in float64."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        sums, k = views.sums(q), q[places.K]
        e0, e1 = views.share(q, places.ENTRIES, t)
        r0, r1 = views.share(q, places.ROWS, t)
        n0, n1 = views.share(q, places.EXAMPLES, t)
        sums[t, SQUARES] = adam.sum_of_squares(views.numbers(q, places.G, like, e0, e1))
        sums[t, LOG_LIKELIHOOD] = adam.plain_sum(views.numbers(q, places.LOG_LIKELIHOOD, like, r0, r1))
        sums[t, KL] = adam.plain_sum(views.numbers(q, places.KL, like, n0 * k, n1 * k))
        sums[t, REFUSED] = 0

    return run


@view
def _constants(q: Any, like: Any, t: Any) -> Any:
    """Whether Adam may take its step, and its constants."""
    sums, numbers = views.sums(q), views.numbers(q, places.NUMBERS, 0.0, 0, 16)
    squares = total = 0.0
    for other in range(q[places.THREADS]):
        squares += sums[other, SQUARES]
        total += sums[other, LOG_LIKELIHOOD] + sums[other, KL]
    good = np.isfinite(total) and numbers[TINY] < squares < numbers[HUGE]
    sums[t, REFUSED] = 0.0 if good else 1.0
    norm, clip = np.sqrt(squares), numbers[CLIP]
    return good, adam.constants_of(numbers[ADAM:], clip / norm if norm > clip else 1.0, like)


def update(like: Any) -> Stage:
    """Adam on this thread's entries of the parameters, unless the sums forbid it."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        e0, e1 = views.share(q, places.ENTRIES, t)
        theta, g = views.numbers(q, places.THETA, like, e0, e1), views.numbers(q, places.G, like, e0, e1)
        m, v = views.numbers(q, places.M, like, e0, e1), views.numbers(q, places.V, like, e0, e1)
        good, constants = _constants(q, like, t)
        if good:
            adam.step(theta, g, m, v, constants)

    return run


def amsgrad(like: Any) -> Stage:
    """The same for AMSGrad."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        e0, e1 = views.share(q, places.ENTRIES, t)
        theta, g = views.numbers(q, places.THETA, like, e0, e1), views.numbers(q, places.G, like, e0, e1)
        m, v = views.numbers(q, places.M, like, e0, e1), views.numbers(q, places.V, like, e0, e1)
        v_max = views.numbers(q, places.V_MAX, like, e0, e1)
        good, constants = _constants(q, like, t)
        if good:
            adam.amsgrad_step(theta, g, m, v, v_max, constants)

    return run
