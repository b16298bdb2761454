"""Inputs of awkward sizes for kernels."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
from columns import columns
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_np.formulas import likelihoods
from vae_np.formulas.likelihoods.dispersed import Dispersed
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.loops import likelihoods as kernels
from vae_np.kernels.loops.sums import BLOCK
from vae_np.kernels.step import prepare
from vae_np.kernels.step.kinds import kind_of, own_numbers

FLOATS = [np.float64, np.float32]
SIZES = st.sampled_from([1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 37] if COMPILED else [1, 2, 3, 7])


def search(test):
    """Hypothesis, with fewer examples in plain Python."""
    examples = 25 if COMPILED else 8
    test = given(n=SIZES, d=SIZES, samples=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))(test)
    return settings(max_examples=examples, deadline=None)(test)


def normal(seed: int, dtype, *shapes: tuple[int, ...], size: float = 1.0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [np.asarray(size * generator.standard_normal(shape), dtype) for shape in shapes]


def halves(n: int) -> list[tuple[int, int]]:
    """[0, n) in two ranges, the first perhaps empty."""
    return [(0, n // 2), (n // 2, n)]


# ---- likelihoods ----

DISPERSED = {
    kernels.LaplaceKind: kernels.Laplace,
    kernels.StudentTKind: kernels.StudentT,
    kernels.DiscretisedLogisticKind: kernels.DiscretisedLogistic,
    kernels.NegativeBinomialKind: kernels.NegativeBinomial,
    kernels.BetaKind: kernels.Beta,
}

LIKELIHOODS = [
    likelihoods.Bernoulli(),
    likelihoods.ContinuousBernoulli(),
    *(likelihoods.Gaussian(sigma) for sigma in (0.7, "learned", "per-feature", "heteroscedastic")),
    *(likelihoods.Gaussian(sigma, floor=0.5) for sigma in ("learned", "per-feature", "heteroscedastic")),
    *(likelihoods.Laplace(scale) for scale in (0.7, "per-feature", "heteroscedastic")),
    *(likelihoods.StudentT(3.0, scale) for scale in (0.7, "learned", "heteroscedastic")),
    *(likelihoods.DiscretisedLogistic(scale, levels=5) for scale in (0.1, "learned", "heteroscedastic")),
    *(likelihoods.NegativeBinomial(alpha) for alpha in (0.7, "per-feature", "heteroscedastic")),
    *(likelihoods.Beta(precision) for precision in (3.0, "learned", "heteroscedastic")),
    likelihoods.Poisson(),
    likelihoods.Categorical(),
    likelihoods.Multinomial(),
]


def likelihood_case(likelihood, dtype, n, d, samples, seed) -> SimpleNamespace:
    """Inputs and empty outputs of a likelihood's kernels."""
    d = max(2, d)  # a single class or word has no logits
    p = likelihood.raw_size(d)
    raw, b, weight = normal(seed, dtype, (samples * n, p), (p,), (samples * n,), size=2)
    x = likelihood.examples(np.random.default_rng(seed).choice([0.0, 0.99, 0.3, 0.9], (n, d))).astype(dtype)
    own = {name: normal(seed + 2, dtype, shape)[0] for name, shape in likelihood.own_shapes(d).items()}
    down = {name: np.full_like(a, np.nan) for name, a in own.items()}
    out = np.full(samples * n, np.nan, dtype)
    return SimpleNamespace(raw=raw, b=b, x=x, own=own, weight=weight, out=out, down=down)


def kernel_of(likelihood, case) -> tuple:
    """A likelihood's kernels as functions of a case: log p, and its gradient, the rows in two parts."""
    kind, d = kind_of(likelihood), case.x.shape[1]
    terms, rows = np.empty(BLOCK + case.b.size, case.x.dtype), len(case.raw) if case.down else 0
    if isinstance(kind, kernels.GaussianKind):
        w = SimpleNamespace(own_s=np.empty(d, case.x.dtype), own_slope=np.ones(d))
        w.own_inverse, w.own_rest = np.empty((2, d))
        prepare.likelihood(w, likelihood, case.own)
        ds = np.full((rows, d), np.nan, case.x.dtype)
        kind = kernels.Gaussian(w.own_s, w.own_inverse, w.own_rest, ds, w.own_slope)
    elif isinstance(kind, kernels.FlooredKind):
        kind = kernels.FlooredHeteroscedastic(likelihood.floor, 2 * math.log(likelihood.floor))
    elif isinstance(kind, kernels.CategoricalKind):
        kind = kernels.Categorical(d)
    elif isinstance(likelihood, Dispersed):
        width = d if case.b.size == d else 0
        w = SimpleNamespace(own_s=np.empty(width, case.x.dtype), own_inverse=np.empty(width))
        prepare.likelihood(w, likelihood, case.own)
        numbers = (*own_numbers(likelihood, d), 0.0, 0.0, 0.0)[:3]
        kind = DISPERSED[type(kind)](
            w.own_s, w.own_inverse, np.full((rows, d), np.nan, case.x.dtype), np.ones(d), *numbers
        )

    def value(b):
        for part in halves(len(case.raw)):
            kernels.value(kind, case.raw, b, case.x, case.out, terms, *part)

    def gradient(b):
        for part in halves(len(case.raw)):
            kernels.gradient(kind, case.raw, b, case.x, case.weight, case.out, terms, *part)
        for view in case.down.values():
            kernels.own_gradient(kind, view.reshape(-1), columns(d, dtype=case.x.dtype))

    return value, gradient
