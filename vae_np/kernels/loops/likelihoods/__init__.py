"""The likelihoods' kernels: bias, log p(x | raw) and its gradient in one loop over the decoder's output.

Rows r = s N + n of raw (S N, P) belong to the example n = r mod N of x (N, D). Each likelihood comes twice, for rows
[r0, r1): ``value`` keeps raw and gives the log-likelihood alone; ``gradient`` overwrites raw by weight_r times the
gradient, and where the likelihood has parameters of its own keeps theirs, which `own_gradient` adds. ``terms`` is room
for a block of a row's terms and then for a row of raw, (`sums.BLOCK` + P,). A likelihood without a kernel here is
`Absent`: it runs on its formula.
"""

from __future__ import annotations

from typing import Any

from vae_np.kernels.compiler.by_type import loop_by_kind
from vae_np.kernels.compiler.decorators import kernel
from vae_np.kernels.loops.likelihoods import bernoulli, dispersed, gaussian, softmax
from vae_np.kernels.loops.likelihoods.gaussian import floored, inverse_deviation, reciprocal
from vae_np.kernels.loops.likelihoods.kinds import (
    Absent,
    Bernoulli,
    Beta,
    BetaKind,
    Categorical,
    CategoricalKind,
    ContinuousBernoulli,
    DiscretisedLogistic,
    DiscretisedLogisticKind,
    FlooredHeteroscedastic,
    FlooredKind,
    Gaussian,
    GaussianKind,
    Heteroscedastic,
    Laplace,
    LaplaceKind,
    Multinomial,
    NegativeBinomial,
    NegativeBinomialKind,
    Poisson,
    StudentT,
    StudentTKind,
)

__all__ = [
    "Absent",
    "Bernoulli",
    "Beta",
    "BetaKind",
    "Categorical",
    "CategoricalKind",
    "ContinuousBernoulli",
    "DiscretisedLogistic",
    "DiscretisedLogisticKind",
    "FlooredHeteroscedastic",
    "FlooredKind",
    "Gaussian",
    "GaussianKind",
    "Heteroscedastic",
    "Laplace",
    "LaplaceKind",
    "Multinomial",
    "NegativeBinomial",
    "NegativeBinomialKind",
    "Poisson",
    "StudentT",
    "StudentTKind",
    "floored",
    "gradient",
    "inverse_deviation",
    "own_gradient",
    "reciprocal",
    "value",
]


@kernel
def _absent_value(kind: Any, raw: Any, b: Any, x: Any, log_likelihood: Any, terms: Any, r0: Any, r1: Any) -> None:
    return


@kernel
def _absent_gradient(kind: Any, raw: Any, b: Any, x: Any, weight: Any, log_likelihood: Any, terms: Any,
                     r0: Any, r1: Any) -> None:  # fmt: skip
    return


@kernel
def _no_own_gradient(kind: Any, out: Any, sums: Any) -> None:
    return


DISPERSED = (Laplace, StudentT, DiscretisedLogistic, NegativeBinomial, Beta)
"""A location and a dispersion: `dispersed`."""
value = loop_by_kind(
    {
        Bernoulli: bernoulli.value,
        ContinuousBernoulli: bernoulli.value,
        Poisson: bernoulli.value,
        Gaussian: gaussian.value,
        Heteroscedastic: gaussian.heteroscedastic_value,
        FlooredHeteroscedastic: gaussian.heteroscedastic_value,
        **dict.fromkeys(DISPERSED, dispersed.value),
        Categorical: softmax.categorical_value,
        Multinomial: softmax.multinomial_value,
        Absent: _absent_value,
    }
)
"""Raw gets its bias b (P,); log_likelihood (S N,) = sum over the features."""


gradient = loop_by_kind(
    {
        Bernoulli: bernoulli.gradient,
        ContinuousBernoulli: bernoulli.gradient,
        Poisson: bernoulli.gradient,
        Gaussian: gaussian.gradient,
        Heteroscedastic: gaussian.heteroscedastic_gradient,
        FlooredHeteroscedastic: gaussian.heteroscedastic_gradient,
        **dict.fromkeys(DISPERSED, dispersed.gradient),
        Categorical: softmax.categorical_gradient,
        Multinomial: softmax.multinomial_gradient,
        Absent: _absent_gradient,
    }
)
"""``value``, with raw overwritten by weight_r d log p / d raw; weight (S N,)."""


own_gradient = loop_by_kind(
    {
        **dict.fromkeys([Gaussian, *DISPERSED], gaussian.own_gradient),
        **dict.fromkeys([Bernoulli, ContinuousBernoulli, Heteroscedastic, FlooredHeteroscedastic], _no_own_gradient),
        **dict.fromkeys([Poisson, Categorical, Multinomial, Absent], _no_own_gradient),
    }
)
"""The gradient of the likelihood's own parameters, from what ``gradient`` kept; ``sums`` are `sums.Columns`, (D,)."""
