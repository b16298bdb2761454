"""From a likelihood to the kind by which its kernels are chosen."""

from __future__ import annotations

from typing import Any

from vae_np.formulas import likelihoods
from vae_np.formulas.likelihoods.student_t import log_constant
from vae_np.kernels.loops import likelihoods as kernels
from vae_np.support import portable

__all__ = ["kind_of", "own_numbers"]

_KINDS: dict[type, Any] = {
    likelihoods.Bernoulli: kernels.Bernoulli,
    likelihoods.ContinuousBernoulli: kernels.ContinuousBernoulli,
    likelihoods.Laplace: kernels.LaplaceKind,
    likelihoods.StudentT: kernels.StudentTKind,
    likelihoods.DiscretisedLogistic: kernels.DiscretisedLogisticKind,
    likelihoods.NegativeBinomial: kernels.NegativeBinomialKind,
    likelihoods.Beta: kernels.BetaKind,
    likelihoods.Poisson: kernels.Poisson,
    likelihoods.Categorical: kernels.CategoricalKind,
    likelihoods.Multinomial: kernels.Multinomial,
}
"""By their very type: a subclass may differ in anything."""


def kind_of(likelihood: likelihoods.Likelihood) -> Any:
    """The kind by which `kernels.value` and `kernels.gradient` choose their loop; `Absent` where there is none."""
    if isinstance(likelihood, likelihoods.Gaussian) and type(likelihood) is likelihoods.Gaussian:
        if likelihood.sigma != "heteroscedastic":
            return kernels.GaussianKind()
        return kernels.FlooredKind() if likelihood.floor else kernels.Heteroscedastic()
    return _KINDS.get(type(likelihood), kernels.Absent)()


def own_numbers(likelihood: likelihoods.Likelihood, features: int) -> tuple[float, ...]:
    """What its kernel takes beside arrays, with the same bits everywhere: see `kernels.StudentT` and those below it."""
    if isinstance(likelihood, likelihoods.StudentT):
        return likelihood.df, log_constant(likelihood.df), float(portable.log(likelihood.df))
    if isinstance(likelihood, likelihoods.DiscretisedLogistic):
        return likelihood.levels - 1, float(portable.log(likelihood.levels - 1))
    if isinstance(likelihood, likelihoods.Categorical):
        return (likelihood.classes or features,)
    return ()
