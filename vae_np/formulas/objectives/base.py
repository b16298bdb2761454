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
from vae_np.formulas.elbo import Cotangents, Terms

__all__ = ["Loss", "Objective", "get_objective"]


class Loss(NamedTuple):
    """The loss to be minimised (a real scalar, or complex under the complex step) and its derivatives."""

    value: Any
    cotangents: Cotangents
    kl: str = "analytic"
    """Whether the KL in it is "analytic" or estimated at the "samples"."""


class Objective(Named):
    """What the model and the trainer need of an objective."""

    what = "objective"
    analytic_kl: ClassVar[bool]
    """Whether it uses log p(x|z) with a constant weight and the analytic KL where there is one, and no log p(z),
    log q(z|x). One that does not has no beta: it is trained with 1."""

    @abc.abstractmethod
    def __call__(self, terms: Terms, beta: float = 1.0) -> Loss:
        """The loss and the cotangents at these terms."""

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
