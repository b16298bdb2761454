"""From a likelihood to its kernels' kind, or to its formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas import likelihoods
from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters
from vae_np.kernels.loops import likelihoods as kernels
from vae_np.kernels.step.workspace import Workspace

__all__ = ["Formula", "kind_of", "prepare"]

Array = NDArray[Any]


def kind_of(likelihood: likelihoods.Likelihood) -> Any:
    """The kind by which `kernels.value` and `kernels.gradient` choose their loop; `Absent` where there is none."""
    exact = type(likelihood)
    if exact is likelihoods.Bernoulli:
        return kernels.Bernoulli()
    if exact is likelihoods.ContinuousBernoulli:
        return kernels.ContinuousBernoulli()
    if isinstance(likelihood, likelihoods.Gaussian) and exact is likelihoods.Gaussian:
        return kernels.Heteroscedastic() if likelihood.sigma == "heteroscedastic" else kernels.GaussianKind()
    return kernels.Absent()


def prepare(likelihood: likelihoods.Likelihood, own: Mapping[str, Array], w: Workspace) -> None:
    """Bring a Gaussian's arrays up to date with its own parameters."""
    if isinstance(likelihood, likelihoods.Gaussian):
        w.own_s[...] = own["logvar"] if likelihood.logvar is None else likelihood.logvar
        kernels.inverse_deviation(w.own_s, w.own_inverse, w.own_rest)


class Formula:
    """A likelihood without a kernel, on the buffers of a pass: what `kernels.value` and `kernels.gradient` do."""

    def __init__(self, architecture: Architecture, parameters: Parameters, gradients: Parameters) -> None:
        self.likelihood, self.bias = architecture.likelihood, parameters["decoder.out.b"]
        self.own, self.down = architecture.own(parameters), architecture.own(gradients)

    def value(self, w: Workspace, x: Array) -> None:
        """Raw gets its bias; log_likelihood."""
        raw = w.raw
        raw += self.bias
        w.log_likelihood[...] = self.likelihood.checked_log_density(x, raw, self.own).sum(axis=-1)

    def gradient(self, w: Workspace, x: Array) -> None:
        """Raw, with its bias, to the weighted gradient; its column sums, and the own gradients."""
        raw = w.raw
        slope, own_terms = self.likelihood.gradient(x, raw, self.own)
        np.multiply(w.weight[..., None], slope, out=raw)
        w.partial[:, -raw.shape[-1] :] = 0
        np.sum(raw, axis=(0, 1), out=w.partial[0, -raw.shape[-1] :])
        weight = w.weight.reshape(-1)
        for name, term in own_terms.items():
            view = self.down[name]
            weighted = weight[:, None] * term.reshape(len(weight), -1)
            view[...] = weighted.sum(axis=0 if view.size > 1 else None)
