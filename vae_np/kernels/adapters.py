"""From a likelihood to its kernels: one small object a form, with the same two calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vae_np import likelihoods
from vae_np.kernels import likelihood as kernels

__all__ = ["LikelihoodKernel", "likelihood_kernel"]

Array = NDArray[Any]


class LikelihoodKernel(Protocol):
    """What the engine calls; raw (S N, P) comes without its bias b, weight is (S N,)."""

    def value(self, raw: Array, b: Array, x: Array, own: Mapping[str, Array], log_likelihood: Array) -> None:
        """Raw gets its bias; log_likelihood (S N,) is written."""

    def gradient(
        self,
        raw: Array,
        b: Array,
        x: Array,
        own: Mapping[str, Array],
        weight: Array,
        log_likelihood: Array,
        db: Array,
        down: Mapping[str, Array],
    ) -> None:
        """Raw is overwritten by the weighted gradient; log_likelihood, db and the own gradients are written."""


class Elementwise:
    """A likelihood of one number a feature, by its kind."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def value(self, raw: Array, b: Array, x: Array, own: Mapping[str, Array], log_likelihood: Array) -> None:
        """See `LikelihoodKernel`."""
        kernels.value(self.kind, raw, b, x, log_likelihood)

    def gradient(
        self,
        raw: Array,
        b: Array,
        x: Array,
        own: Mapping[str, Array],
        weight: Array,
        log_likelihood: Array,
        db: Array,
        down: Mapping[str, Array],
    ) -> None:
        """See `LikelihoodKernel`."""
        kernels.gradient(self.kind, raw, b, x, weight, log_likelihood, db)


class Gaussian:
    """A fixed, a learned or a per-feature deviation: s (D,) is filled in from what there is."""

    def __init__(self, likelihood: likelihoods.Gaussian, n_features: int, dtype: Any) -> None:
        self.fixed = likelihood.logvar
        self.s, self.ds = np.zeros(n_features, dtype), np.zeros(n_features, dtype)
        self.inverse, self.rest = np.zeros(n_features), np.zeros(n_features)

    def _set(self, own: Mapping[str, Array]) -> None:
        self.s[...] = self.fixed if self.fixed is not None else own["logvar"]
        kernels.inverse_deviation(self.s, self.inverse, self.rest)

    def value(self, raw: Array, b: Array, x: Array, own: Mapping[str, Array], log_likelihood: Array) -> None:
        """See `LikelihoodKernel`."""
        self._set(own)
        kernels.gaussian_value(raw, b, x, self.s, self.inverse, self.rest, log_likelihood)

    def gradient(
        self,
        raw: Array,
        b: Array,
        x: Array,
        own: Mapping[str, Array],
        weight: Array,
        log_likelihood: Array,
        db: Array,
        down: Mapping[str, Array],
    ) -> None:
        """See `LikelihoodKernel`."""
        self._set(own)
        deviation = (self.s, self.inverse, self.rest)
        kernels.gaussian_gradient(raw, b, x, *deviation, weight, log_likelihood, db, self.ds)
        if self.fixed is None:
            view = down["logvar"]
            view[...] = self.ds if view.size > 1 else self.ds.sum()


class Heteroscedastic:
    """Mean and log-variance from the decoder."""

    def value(self, raw: Array, b: Array, x: Array, own: Mapping[str, Array], log_likelihood: Array) -> None:
        """See `LikelihoodKernel`."""
        kernels.heteroscedastic_value(raw, b, x, log_likelihood)

    def gradient(
        self,
        raw: Array,
        b: Array,
        x: Array,
        own: Mapping[str, Array],
        weight: Array,
        log_likelihood: Array,
        db: Array,
        down: Mapping[str, Array],
    ) -> None:
        """See `LikelihoodKernel`."""
        kernels.heteroscedastic_gradient(raw, b, x, weight, log_likelihood, db)


class Formula:
    """Any likelihood without a kernel: its formula."""

    def __init__(self, likelihood: likelihoods.Likelihood) -> None:
        self.likelihood = likelihood

    def value(self, raw: Array, b: Array, x: Array, own: Mapping[str, Array], log_likelihood: Array) -> None:
        """See `LikelihoodKernel`."""
        raw += b
        terms = self.likelihood.checked_log_density(x, raw.reshape(-1, *x.shape[:1], raw.shape[1]), own)
        log_likelihood[...] = terms.sum(axis=-1).reshape(-1)

    def gradient(
        self,
        raw: Array,
        b: Array,
        x: Array,
        own: Mapping[str, Array],
        weight: Array,
        log_likelihood: Array,
        db: Array,
        down: Mapping[str, Array],
    ) -> None:
        """See `LikelihoodKernel`."""
        self.value(raw, b, x, own, log_likelihood)
        slope, own_terms = self.likelihood.gradient(x, raw.reshape(-1, *x.shape[:1], raw.shape[1]), own)
        np.multiply(weight[:, None], slope.reshape(raw.shape), out=raw)
        np.sum(raw, axis=0, out=db)
        for name, term in own_terms.items():
            view = down[name]
            weighted = weight[:, None] * term.reshape(len(weight), -1)
            view[...] = weighted.sum(axis=0 if view.size > 1 else None)


def likelihood_kernel(likelihood: likelihoods.Likelihood, n_features: int, dtype: Any) -> LikelihoodKernel:
    """The kernels of a likelihood, or its formula."""
    kind = type(likelihood)
    if kind is likelihoods.Bernoulli:
        return Elementwise(kernels.Bernoulli())
    if kind is likelihoods.ContinuousBernoulli:
        return Elementwise(kernels.ContinuousBernoulli())
    if isinstance(likelihood, likelihoods.Gaussian) and kind is likelihoods.Gaussian:
        return Heteroscedastic() if likelihood.sigma == "heteroscedastic" else Gaussian(likelihood, n_features, dtype)
    return Formula(likelihood)
