"""What has no kernels runs on its formula, on the same buffers as the compiled code around it.

Likelihood, posterior and prior do so between two passes of compiled code; an activation, which comes after each layer's
product, is called back by the pass itself.
"""

from __future__ import annotations

import functools
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas import elbo
from vae_np.formulas.activations import get_activation
from vae_np.formulas.elbo import Cotangents, OwnEncoder
from vae_np.formulas.network import Architecture
from vae_np.formulas.numerics import column_sums
from vae_np.formulas.parameters import Parameters
from vae_np.formulas.priors import Prior
from vae_np.kernels.compiler.decorators import python_stage
from vae_np.kernels.step.plan import places
from vae_np.kernels.step.plan.make import tile_of
from vae_np.kernels.step.workspace import Workspace, address

__all__ = ["ActivationFormula", "LatentFormula", "LikelihoodFormula", "by_formula"]

Array = NDArray[Any]


class ActivationFormula:
    """An activation: what the stages `activate` and `activate_backward` do on a thread's tile of one layer."""

    def __init__(self, w: Workspace, architecture: Architecture, parameters: Parameters) -> None:
        self.activation, layers = get_activation(architecture.activation), range(len(architecture.layers) - 1)
        self.plan = w.plan
        self.h, self.dh, self.kept = ([w.layer(i, where) for i in layers] for where in (w.h, w.dh, w.kept))
        self.bias = [parameters[f"{name}.b"] for name in architecture.layers]
        self.error: BaseException | None = None  # what the formula raised, until `raise_error`
        _FORMULAS[address(w.plan)] = self

    def activate(self, i: int, j: int, t: int) -> None:
        """The product in h to h = activation(a), a = product + bias, which is kept."""
        tile = tile_of(self.plan, places.FORWARD_TILE, i, t)
        a = self.kept[i][tile]
        np.add(self.h[i][tile], self.bias[i][tile[1]], out=a)
        self.h[i][tile] = self._checked(self.activation.forward(a), a)

    def activate_backward(self, i: int, j: int, t: int) -> None:
        """Dh of layer i to da, on the tile that layer j above handed down."""
        tile = tile_of(self.plan, places.INPUT_TILE, j, t)
        dh = self.dh[i][tile]
        dh[...] = self._checked(self.activation.backward(dh, self.kept[i][tile], self.h[i][tile]), dh)

    def _checked(self, found: Array, like: Array) -> Array:
        """What the formula returned, or ``ValueError`` if it has not the shape that it was given."""
        if np.shape(found) != like.shape:
            raise ValueError(f"{self.activation!r} must keep the shape {like.shape}; it returned {np.shape(found)}")
        return found

    def fail(self, i: int, error: BaseException) -> None:
        """Keep the error; NaN in the layer keeps the step from changing a parameter."""
        self.error = self.error or error
        self.h[i].fill(np.nan)
        self.dh[i].fill(np.nan)

    def raise_error(self) -> None:
        """Raise what the formula raised in the pass that has ended."""
        error, self.error = self.error, None
        if error is not None:
            raise error


_FORMULAS: weakref.WeakValueDictionary[int, ActivationFormula] = weakref.WeakValueDictionary()
"""By their plans' addresses; the workspace keeps its own."""


@functools.cache
def by_formula(name: str) -> int:
    """The address of the stage `activate` or `activate_backward` on a formula."""

    def run(plan: int, i: int, j: int, t: int) -> None:
        formula = _FORMULAS[plan]
        try:
            with np.errstate(all="ignore"):
                getattr(formula, name)(i, j, t)
        except BaseException as error:  # compiled code does not know exceptions
            formula.fail(i, error)

    return python_stage(run)


class LikelihoodFormula:
    """A likelihood: what `kernels.value` and `kernels.gradient` do."""

    def __init__(self, architecture: Architecture, parameters: Parameters, gradients: Parameters) -> None:
        self.likelihood, self.bias = architecture.likelihood, parameters["decoder.out.b"]
        self.own, self.down = architecture.own(parameters), architecture.own(gradients)

    def value(self, w: Workspace, x: Array) -> None:
        """Raw gets its bias; log_likelihood, of which the stage that follows takes a scaling's volume."""
        raw = w.raw
        raw += self.bias
        w.log_likelihood[...] = self.likelihood.checked_log_density(x, raw, self.own).sum(axis=-1)

    def gradient(self, w: Workspace, x: Array) -> None:
        """Raw, with its bias, to the weighted gradient, and the own gradients."""
        raw = w.raw
        slope, own_terms = self.likelihood.gradient(x, raw, self.own)
        np.multiply(w.weight[..., None], slope, out=raw)
        weight = w.weight.reshape(-1)
        for name, term in own_terms.items():
            view = self.down[name]
            weighted = weight[:, None] * term.reshape(len(weight), -1)
            view[...] = column_sums(weighted if view.size > 1 else weighted.reshape(-1, 1))


class LatentFormula:
    """Posterior and prior: from the heads' products to z and back to the heads' gradients."""

    def __init__(self, architecture: Architecture, parameters: Parameters, gradients: Parameters) -> None:
        self.architecture, self.parameters, self.gradients = architecture, parameters, gradients
        own = [name for name in gradients if name.startswith(("posterior.", "prior."))]
        self.own = [gradients[name] for name in own]
        # a prior that is made of the encoder hands it a share that the compiled passes would overwrite
        uses_encoder = type(architecture.prior).backward is not Prior.backward
        self.share = parameters.zeros_like() if uses_encoder else None

    def heads(self, w: Workspace) -> dict[str, Array]:
        """The heads, which get their biases."""
        for name, head in w.heads.items():
            head += self.parameters[f"encoder.{name}.b"]
        return w.heads

    def moments(self, w: Workspace) -> tuple[Array, Array]:
        """Mean and log-variance of q(z|x), of heads that have their biases."""
        a = self.architecture
        return a.posterior.checked_moments(w.heads, a.own(self.parameters, "posterior"), a.latent)

    def forward(self, w: Workspace, eps: Array) -> None:
        """z, the densities, the KL and the moments, as `elbo.forward` has them."""
        a, heads = self.architecture, self.heads(w)
        z, log_posterior, posterior = a.posterior.checked_sample(heads, eps, a.own(self.parameters, "posterior"))
        log_prior, kl, *prior = elbo.prior_terms(self.parameters, a, heads, z, log_posterior)
        w.z[...], w.log_posterior[...], w.log_prior[...], w.kl[...] = z, log_posterior, log_prior, kl
        w.mu[...], w.logvar[...] = self.moments(w)
        w.latent = elbo.LatentCache(posterior, *prior)

    def backward(self, w: Workspace, cotangents: Cotangents) -> None:
        """Dz to the heads' gradients, and the own gradients."""
        for view in self.own:
            view[...] = 0
        if self.share is not None:
            self.share.vector[...] = 0
        encoder = OwnEncoder(self.parameters, self.architecture, self.share)
        found = elbo.latent_backward(w.dz, cotangents, w.terms, w.latent, self.gradients, encoder)
        for name, dhead in w.dheads.items():
            dhead[...] = found[name]

    def add_share(self) -> None:
        """What the prior has handed to the encoder, after its own gradients are there."""
        if self.share is not None:
            self.gradients.vector[...] += self.share.vector
