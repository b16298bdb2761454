"""The kernels that go over arrays once, at the sizes of 784-400-20 with a batch of 128."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from roofline.cases import Array, Case, as_in_a_step, elementwise, refill
from vae_np import Adam, data
from vae_np.data.binarisation import binarisation_seed
from vae_np.formulas import gaussian
from vae_np.formulas import likelihoods as formulas
from vae_np.formulas.activations import get_activation
from vae_np.formulas.optim import AdamState, adam_step
from vae_np.kernels.loops import activation, adam, latent, minibatch
from vae_np.kernels.loops import likelihoods as kernels
from vae_np.kernels.loops.sums import BLOCK, Columns, column_sums

__all__ = ["loops"]

N, D, H = 128, 784, 400
EXAMPLES, K = 1000, 50
"""Of the latent kernels: at 128 and 20 they take a microsecond, no more than the call from Python."""
PARAMETERS = 652_824
GREY = 200
"""Pixels in the middle of an image that are not black, of `D`."""

Normal = Callable[..., Array]


def loops(dtype: Any) -> Iterator[Case]:
    """All of them."""
    draw = np.random.default_rng(0)

    def normal(*shape: int) -> Array:
        return as_in_a_step(draw.standard_normal(shape).astype(dtype))

    for name in activation.KINDS:
        yield from _activation(name, normal)
    yield from _latent(normal)
    yield from _latent_weights(normal)
    binary, grey = (as_in_a_step(x.astype(dtype)) for x in (draw.random((N, D)) < 0.13, draw.random((N, D))))
    for name, formula, x in (
        ("bernoulli", formulas.Bernoulli(), binary),
        ("continuous", formulas.ContinuousBernoulli(), grey),
        ("gaussian", formulas.Gaussian("per-feature"), normal(N, D)),
        ("heteroscedastic", formulas.Gaussian("heteroscedastic"), normal(N, D)),
    ):
        yield from _likelihood(name, formula, x, normal)
    dy, room = normal(N, H), _columns(H, normal(1).dtype)
    yield elementwise("column_sums", dy.shape, [dy], partial(column_sums, dy, room, 0, H), lambda: dy.sum(axis=0))
    yield from _adam(normal)
    yield from _gather(grey, draw.permutation(N))


def _columns(shape: Any, dtype: Any) -> Columns:
    """Room for column sums."""
    return Columns(np.zeros(shape, dtype), np.zeros(shape), np.zeros(shape))


def _activation(name: str, normal: Normal) -> Iterator[Case]:
    kind, formula = activation.KINDS[name], get_activation(name)
    a, b, dh = normal(N, H), normal(H), normal(N, H)
    start, cotangent, before = a.copy(), dh.copy(), refill(a)
    kept = np.empty_like(a) if name == "gelu" else a  # which identity and the others leave alone
    yield elementwise(
        f"activation.forward {name}", a.shape, [a, *([kept] if name == "gelu" else [])],
        partial(activation.forward, kind, a, b, kept, 0, N, 0, H), lambda: formula.forward(start + b), before,
    )  # fmt: skip
    h = normal(N, H)
    activation.forward(kind, h, b, slope := np.empty_like(h), 0, N, 0, H)
    below = slope if name == "gelu" else h
    yield elementwise(
        f"activation.backward {name}", dh.shape, [dh, *([] if name == "identity" else [below])],
        partial(activation.backward, kind, dh, below, 0, N, 0, H),
        lambda: formula.backward(cotangent, start, h), refill(dh),
    )  # fmt: skip


def _latent(normal: Normal) -> Iterator[Case]:
    """The sampler, the KL and the densities, with one sample."""
    shape, end = (EXAMPLES, K), EXAMPLES
    mu, logvar, sigma, kl = (normal(*shape) for _ in range(4))
    eps, z, dz = (normal(1, *shape) for _ in range(3))
    dkl, dmu, dlogvar = (normal(*shape) for _ in range(3))
    mu_b, logvar_b = (normal(K) for _ in range(2))
    room, terms = _columns(2 * K, mu.dtype), np.empty(BLOCK, mu.dtype)
    prior, posterior = np.empty((2, 1, EXAMPLES), mu.dtype)
    start = mu.copy(), logvar.copy()

    def forward() -> None:
        m, s = start[0] + mu_b, start[1] + logvar_b
        gaussian.kl_terms(m, s)
        gaussian.reparameterise(m, s, eps)

    def backward() -> None:
        by_z, by_kl = gaussian.reparameterise_backward(dz, logvar, eps), gaussian.kl_backward(dkl, mu, logvar)
        for one, other in zip(by_z, by_kl, strict=True):
            np.add(one, other)

    yield elementwise(
        "latent.forward", shape, [mu, logvar, eps, sigma, kl, z],
        partial(latent.forward, mu, mu_b, logvar, logvar_b, eps, sigma, kl, z, 0, end), forward,
        refill(mu, logvar),
    )  # fmt: skip
    yield elementwise(
        "latent.backward", shape, [dz, eps, mu, logvar, sigma, dkl, dmu, dlogvar],
        partial(latent.backward, dz, eps, mu, logvar, sigma, dkl, dmu, dlogvar, room, 0, end), backward,
    )  # fmt: skip
    yield elementwise(
        "latent.densities", shape, [z, eps, logvar],
        partial(latent.densities, z, eps, logvar, prior, posterior, terms, 0, end),
        lambda: (gaussian.log_standard_normal(z), gaussian.log_normal_at_noise(eps, logvar)),
    )  # fmt: skip


def _latent_weights(normal: Normal) -> Iterator[Case]:
    """What objectives with weights a sample need beside these."""
    shape, end = (EXAMPLES, K), EXAMPLES
    logvar, dmu, dlogvar = (normal(*shape) for _ in range(3))
    room = _columns(2 * K, logvar.dtype)
    sigma = np.exp(logvar / 2)
    eps, z, dz = (normal(1, *shape) for _ in range(3))
    one, other = (normal(1, EXAMPLES) for _ in range(2))
    cotangent = dz.copy()
    yield elementwise(
        "latent.prior_backward", shape, [dz, z],
        partial(latent.prior_backward, dz, z, one, other, 0, end),
        lambda: (cotangent + gaussian.log_standard_normal_backward(one, z)) * other[..., None], refill(dz),
    )  # fmt: skip
    yield elementwise(
        "latent.posterior_backward", shape, [eps, sigma, dmu, dlogvar],
        partial(latent.posterior_backward, one, other, eps, sigma, dmu, dlogvar, room, 0, end),
        lambda: gaussian.log_normal_at_noise_backward(one, other, eps, logvar),
        refill(dmu, dlogvar),
    )  # fmt: skip


def _likelihood(name: str, formula: formulas.Likelihood, x: Array, normal: Normal) -> Iterator[Case]:
    width = formula.raw_size(D)
    raw, b, log_p, weight = normal(N, width), normal(width), normal(N), normal(N)
    terms = np.empty(BLOCK, raw.dtype)
    kind: Any = {
        "bernoulli": kernels.Bernoulli, "continuous": kernels.ContinuousBernoulli,
        "heteroscedastic": kernels.Heteroscedastic,
    }.get(name, lambda: kernels.Gaussian(s, *np.empty((2, D)), np.empty((N, D), x.dtype), np.ones(D)))  # fmt: skip
    s, own, start, before = normal(D), {}, raw.copy(), refill(raw)
    kind = kind()
    if name == "gaussian":
        own = {"logvar": s}
        kernels.inverse_deviation(kind.s, kind.inverse, kind.rest)

    def gradient() -> None:
        a = start + b
        formula.log_density(x, a, own).sum(axis=1)
        da, down = formula.gradient(x, a, own)
        for part in (da, *down.values()):
            np.multiply(weight[:, None], part)

    yield elementwise(
        f"likelihood.value {name}", x.shape, [raw, x],
        partial(kernels.value, kind, raw, b, x, log_p, terms, 0, N),
        lambda: formula.log_density(x, start + b, own).sum(axis=1), before,
    )  # fmt: skip
    yield elementwise(
        f"likelihood.gradient {name}", x.shape, [raw, x, *([kind.ds] if name == "gaussian" else [])],
        partial(kernels.gradient, kind, raw, b, x, weight, log_p, terms, 0, N), gradient, before,
    )  # fmt: skip


def _adam(normal: Normal) -> Iterator[Case]:
    theta, g, m = (normal(PARAMETERS) for _ in range(3))
    v, largest = m * m, 2 * m * m
    for name, amsgrad in (("adam.step", False), ("adam.amsgrad_step", True)):
        settings = Adam(amsgrad=amsgrad)
        numbers = np.array([*adam.settings_of(settings), 10, settings.rate(10)])
        # Python makes them floats on their way here, and the kernel would compute in float64
        constants = tuple(map(theta.dtype.type, adam.constants_of(numbers, 1.0, theta.dtype.type(0))))
        arrays = [theta, g, m, v, *([largest] if amsgrad else [])]
        theta_, g_, *moments = (array.copy() for array in arrays)
        kernel = partial(adam.amsgrad_step if amsgrad else adam.step, *arrays, constants)
        state = AdamState(moments[0], moments[1], moments[2] if amsgrad else None, 9)
        yield elementwise(name, theta.shape, arrays, kernel, partial(adam_step, theta_, g_, state, settings))
    yield elementwise(
        "adam.sum_of_squares", g.shape, [g], partial(adam.sum_of_squares, g, 0, len(g)),
        lambda: np.square(g, dtype=float).sum(),
    )  # fmt: skip


def _gather(grey: Array, rows: Array) -> Iterator[Case]:
    """A batch from memory as large as itself, whose cache is then the batch's: as they are, in part grey, all grey."""
    like, out, rows = grey.dtype.type(0), np.empty_like(grey), rows.astype(np.int64)
    key = np.array([binarisation_seed(0), int.from_bytes(b"uniform", "little")], np.uint64)
    framed = np.zeros_like(grey)
    begin = (D - GREY) // 2
    framed[:, begin : begin + GREY] = grey[:, :GREY]

    def case(name: str, about: str, x: Array, key: Array, formula: Callable[[Array], object]) -> Case:
        call = partial(minibatch.gather, x.ctypes.data, like, N, rows, out, key, 1)
        found = elementwise(name, x.shape, [x, out], call, lambda: formula(np.take(x, rows, axis=0)))
        return Case(name + about, *(getattr(found, field) for field in ("size", "work", "call", "formula")))

    def binarise(x: Array) -> Array:
        return data.binarise(x, "dynamic", seed=0, step=1)

    yield case("batch.gather", "", grey, key[:0], lambda x: x)
    yield case("batch.gather, binarised", f" ({GREY / D:.0%} grey)", framed, key, binarise)
    yield case("batch.gather, binarised", " (all grey)", grey, key, binarise)
