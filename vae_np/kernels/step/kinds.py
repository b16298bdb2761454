"""From a likelihood to the kind by which its kernels are chosen."""

from __future__ import annotations

from typing import Any

from vae_np.formulas import likelihoods
from vae_np.kernels.loops import likelihoods as kernels

__all__ = ["kind_of"]


def kind_of(likelihood: likelihoods.Likelihood) -> Any:
    """The kind by which `kernels.value` and `kernels.gradient` choose their loop; `Absent` where there is none."""
    exact = type(likelihood)
    if exact is likelihoods.Bernoulli:
        return kernels.Bernoulli()
    if exact is likelihoods.ContinuousBernoulli:
        return kernels.ContinuousBernoulli()
    if isinstance(likelihood, likelihoods.Gaussian) and exact is likelihoods.Gaussian:
        if likelihood.sigma != "heteroscedastic":
            return kernels.GaussianKind()
        return kernels.FlooredKind() if likelihood.floor else kernels.Heteroscedastic()
    return kernels.Absent()
