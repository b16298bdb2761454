"""The likelihood: its value, or its value and gradient, and the gradient of its own parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.compiler.by_type import loop_by_kind
from vae_np.kernels.compiler.decorators import inner, scalar
from vae_np.kernels.compiler.intrinsics import matrix_at
from vae_np.kernels.loops import likelihoods
from vae_np.kernels.loops.likelihoods import kinds
from vae_np.kernels.loops.sums import ROWS, add_rows
from vae_np.kernels.math import elementary
from vae_np.kernels.step.plan import places, views
from vae_np.kernels.step.stages.form import Stage
from vae_np.kernels.step.stages.update import FLOOR, LOG_VOLUME, OWN_NUMBERS

__all__ = ["assess", "measure", "own_gradient"]

NEAR = 1 << 14
"""Bytes of rows of a likelihood's gradient after which their columns are added."""
FEWEST = 4
"""Rows, whatever their bytes."""
_ZERO = np.float64(0)


@scalar
def _as_it_is(kind: Any, q: Any, like: Any) -> Any:
    return kind


@scalar
def _own_terms(q: Any, like: Any) -> Any:
    """Room for the weighted gradients of what is learned, (S N, D), or of no rows."""
    rows = q[places.SAMPLES] * q[places.N] if q[places.OWN_SIZE] > 0 else 0
    return matrix_at(q[places.OWN_DS], 0, like, (rows, q[places.D]))


@scalar
def _gaussian_arrays(kind: Any, q: Any, like: Any) -> Any:
    inverse, rest = views.per_feature(q, places.OWN_INVERSE, _ZERO), views.per_feature(q, places.OWN_REST, _ZERO)
    slope = views.per_feature(q, places.OWN_SLOPE, _ZERO)
    return kinds.Gaussian(views.per_feature(q, places.OWN_S, like), inverse, rest, _own_terms(q, like), slope)


@scalar
def _with_floor(kind: Any, q: Any, like: Any) -> Any:
    floor = views.numbers(q, places.NUMBERS, 0.0, 0, 16)[FLOOR]
    return kinds.FlooredHeteroscedastic(floor, elementary.log(floor * floor))


@scalar
def _dispersed_arrays(q: Any, like: Any) -> Any:
    """What a `kinds.Laplace` and its like have, in their order; no s where raw is (m, s)."""
    last = views.row(q[places.LAYERS] - 1)
    d = q[places.D] if q[last + places.FAN_OUT] == q[places.D] else 0
    own = views.numbers(q, places.NUMBERS, 0.0, OWN_NUMBERS, OWN_NUMBERS + 3)
    s, inverse = views.numbers(q, places.OWN_S, like, 0, d), views.numbers(q, places.OWN_INVERSE, _ZERO, 0, d)
    slope = views.per_feature(q, places.OWN_SLOPE, _ZERO)
    return s, inverse, _own_terms(q, like), slope, own[0], own[1], own[2]


def _with_dispersed_arrays(dispersed: Any) -> Any:
    """The function that makes such a kind."""

    def made(kind: Any, q: Any, like: Any) -> Any:
        return dispersed(*_dispersed_arrays(q, like))

    return scalar(made)


@scalar
def _categorical(kind: Any, q: Any, like: Any) -> Any:
    return kinds.Categorical(np.int64(views.numbers(q, places.NUMBERS, 0.0, 0, 24)[OWN_NUMBERS]))


_PLAIN = [kinds.Bernoulli, kinds.ContinuousBernoulli, kinds.Heteroscedastic, kinds.Poisson, kinds.Multinomial]
with_arrays = loop_by_kind(
    {
        **dict.fromkeys([*_PLAIN, kinds.Absent], _as_it_is),
        kinds.GaussianKind: _gaussian_arrays,
        kinds.FlooredKind: _with_floor,
        kinds.LaplaceKind: _with_dispersed_arrays(kinds.Laplace),
        kinds.StudentTKind: _with_dispersed_arrays(kinds.StudentT),
        kinds.DiscretisedLogisticKind: _with_dispersed_arrays(kinds.DiscretisedLogistic),
        kinds.NegativeBinomialKind: _with_dispersed_arrays(kinds.NegativeBinomial),
        kinds.BetaKind: _with_dispersed_arrays(kinds.Beta),
        kinds.CategoricalKind: _categorical,
    }
)
"""The kind that `likelihoods.value` and `likelihoods.gradient` take, from the plan that has its arrays."""


@inner
def _less_volume(q: Any, log_likelihood: Any, r0: Any, r1: Any) -> None:
    """What a scaling of x takes off log p(x|z)."""
    volume = views.numbers(q, places.NUMBERS, 0.0, 0, 16)[LOG_VOLUME]
    if volume != 0.0:
        for r in range(r0, r1):
            log_likelihood[r] -= volume


def measure(like: Any, kind: Any) -> Stage:
    """log p(x|z) of this thread's rows; raw gets its bias."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1 = views.share(q, places.ROWS, t)
        b, out = views.bias(q, places.THETA, like, q[places.LAYERS] - 1), views.per_row(q, places.LOG_LIKELIHOOD, like)
        of = with_arrays(kind, q, like)
        likelihoods.value(of, views.raw(q, like), b, views.data(q, like), out, views.columns(q, like, t).part, r0, r1)
        _less_volume(q, out, r0, r1)

    return run


def assess(like: Any, kind: Any) -> Stage:
    """log p(x|z) and the weighted gradient in raw's place; raw still lacks its bias unless the order says that it does
    not. A few rows at a time, so that their columns are added while they are in the nearest cache."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        r0, r1 = views.share(q, places.ROWS, t)
        last = q[places.LAYERS] - 1
        raw, b, terms = views.raw(q, like), views.bias(q, places.THETA, like, last), views.columns(q, like, t).part
        if q[places.BIASED] == 1:
            b = views.numbers(q, places.NO_BIAS, like, 0, raw.shape[1])
        out, weight = views.per_row(q, places.LOG_LIKELIHOOD, like), views.per_row(q, places.WEIGHT, like)
        of = with_arrays(kind, q, like)
        x, blocks = views.data(q, like), views.block_sums(q, like)
        if blocks.shape[0] == 0:
            likelihoods.gradient(of, raw, b, x, weight, out, terms, r0, r1)
        else:
            step = ROWS
            while step > FEWEST and step * raw.shape[1] * raw.itemsize > NEAR:
                step //= 2
            for r in range(r0, r1, step):
                end, part = min(r1, r + step), blocks[r // ROWS]
                if r % ROWS == 0:
                    part[:] = 0
                likelihoods.gradient(of, raw, b, x, weight, out, terms, r, end)
                add_rows(raw, r, end, part, 0, raw.shape[1])
        _less_volume(q, out, r0, r1)

    return run


def own_gradient(like: Any, kind: Any) -> Stage:
    """The gradient of the likelihood's own parameters, by the first thread."""

    def run(address: Any, i: Any, j: Any, t: Any) -> None:
        q = views.plan_at(address)
        if t == 0:
            own = views.numbers(q, places.G, like, q[places.OWN], q[places.OWN] + q[places.OWN_SIZE])
            likelihoods.own_gradient(with_arrays(kind, q, like), own, views.columns(q, like, t))

    return run
