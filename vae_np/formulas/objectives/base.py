"""What an objective is: what is maximised, as a loss and its derivative with respect to the model's terms.

An objective takes the `Terms` of a batch and returns the loss, a scalar in nats a batch example, and the `Cotangents`
from which `elbo.backward` makes the gradient of every parameter. None has a backward pass of its own.

To add one, write one file in this folder with a subclass of `Objective` that has a ``name``: it is then known to
``fit(objective=name)``, to the command line, to checkpoints and to the gradient checks. One with settings is a
dataclass, best a frozen one: ``"elbo:free_bits=0.5"`` then gives them, and a checkpoint keeps them.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, ClassVar, NamedTuple

from vae_np.formulas.doors import Named, chosen
from vae_np.formulas.elbo import Cache, Cotangents, Terms, backward
from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters

__all__ = ["Loss", "Objective", "at_samples", "get_objective", "keep_encoder", "log_weights", "loss_backward"]


class Loss(NamedTuple):
    """The loss to be minimised (a real scalar, or complex under the complex step) and its derivatives."""

    value: Any
    cotangents: Cotangents
    kl: str = "analytic"
    """Whether the KL in it is "analytic" or estimated at the "samples"."""
    encoder: Cotangents | None = None
    """Those for the encoder and the posterior's own arrays, where decoder and encoder have losses of their own."""
    each: Any = None
    """What is maximised of each example, (N,), where the loss is minus its mean; None where examples share it."""


def loss_backward(parameters: Parameters, loss: Loss, cache: Cache, architecture: Architecture) -> Parameters:
    """The gradient of every parameter: `elbo.backward`, twice where the encoder has cotangents of its own."""
    gradients = backward(parameters, loss.cotangents, cache, architecture)
    if loss.encoder is not None:
        keep_encoder(gradients, backward(parameters, loss.encoder, cache, architecture))
    return gradients


def keep_encoder(gradients: Parameters, of_encoder: Parameters) -> None:
    """Take the encoder's and the posterior's own entries from the second gradient."""
    for name in gradients:
        if name.startswith(("encoder.", "posterior.")):
            gradients[name][...] = of_encoder[name]


def at_samples(each: Any, cotangents: Cotangents, encoder: Cotangents | None = None) -> Loss:
    """The loss of a bound that is taken at the samples, ``each`` (N,) to be maximised."""
    return Loss(-each.mean(), cotangents, "samples", encoder, each)


def log_weights(terms: Terms) -> Any:
    """log w = log p(x|z) + log p(z) - log q(z|x) of each sample, (S, N), in nats."""
    return terms.log_likelihood + terms.log_prior - terms.log_posterior


class Objective(Named):
    """What the model and the trainer need of an objective."""

    what = "objective"
    analytic_kl: ClassVar[bool]
    """Whether it uses log p(x|z) with a constant weight and the analytic KL where there is one, and no log p(z),
    log q(z|x). One that does not has no beta: it is trained with 1."""

    differentiates: ClassVar[bool] = True
    """Whether the cotangents are the derivative of the value at these samples, which gradient checks can see; those of
    other gradient estimators are right in the mean over the samples: `vae_np.estimators` holds them to that."""

    @abc.abstractmethod
    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """The loss and the cotangents at these terms."""

    def after(self, loss: float) -> Objective:
        """The objective of the next step, once a step has had this loss: itself, unless it remembers something."""
        return self

    def check_samples(self, samples: int) -> None:
        """``ValueError`` if it cannot have so many samples of each example: most can have any number."""
        return

    def refuse_beta(self, beta: float) -> None:
        """``ValueError`` unless beta is 1: for objectives without one."""
        if beta != 1:
            raise ValueError(f"the {self.name} objective has no beta; got beta={beta}")

    def tells_settings(self) -> bool:
        """Whether `config` has all that this object was made with, as far as one can see."""
        return is_dataclass(self) or type(self).config is not Objective.config or not vars(self)


def get_objective(objective: str | Objective | Mapping[str, Any]) -> Objective:
    """The objective of a name, perhaps with options, or of its `config`; an object is handed back.

    So is an object of another class that has the form of an `Objective`: ``name``, ``analytic_kl`` and the call.
    """
    given: Any = objective
    if isinstance(given, (str, Mapping)):
        return chosen(Objective, given)
    if isinstance(given, type) or not callable(given) or not (hasattr(given, "name") and hasattr(given, "analytic_kl")):
        raise TypeError(f"objective must be a name or an object such as ELBO(); got {objective!r}")
    found: Objective = given
    return found
