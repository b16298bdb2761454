"""Checks of estimators' parameters before anything is trained; what they raise names the parameter."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from vae_np.support.checks import non_negative, whole

__all__ = ["check_held", "goes_on_with_model", "made_of"]

MODEL = (
    "latent", "hidden", "decoder_hidden", "activation", "likelihood", "posterior", "prior", "scale", "condition",
)  # fmt: skip
"""The parameters that a model is made of."""


def goes_on_with_model(estimator: Any, wanted: bool) -> bool:
    """Whether a `VariationalAutoencoder` trains the model that is there, where it is ``wanted``; errors beforehand."""
    check_training(estimator)
    if goes_on := wanted and hasattr(estimator, "model_"):
        check_same_model(estimator, estimator._made_of)
    return goes_on


def check_training(estimator: Any) -> None:
    """What neither the model nor Adam checks by this name."""
    whole("evidence_samples", estimator.evidence_samples, at_least=1)
    if isinstance(estimator.beta, Real):
        non_negative("beta", estimator.beta)


def check_held(estimator: Any, autoencoder: type, **least: int) -> None:
    """That the autoencoder an estimator is given is one, and whole numbers, each with the least that it may be."""
    given = estimator.autoencoder
    if given is not None and not isinstance(given, autoencoder):
        raise TypeError(f"autoencoder must be a {autoencoder.__name__}; got {given!r}")
    for name, at_least in least.items():
        whole(name, getattr(estimator, name), at_least=at_least)


def made_of(estimator: Any) -> dict[str, Any]:
    """The parameters that its model is made of, as they are now."""
    return {name: _plain(getattr(estimator, name)) for name in MODEL}


def check_same_model(estimator: Any, made: dict[str, Any]) -> None:
    """``ValueError`` where fitting is to go on with a model that other parameters made."""
    for name, value in made_of(estimator).items():
        if value != made[name] and repr(value) != repr(made[name]):
            raise ValueError(
                f"the model that is there was made with {name}={made[name]!r}, and fitting goes on with it;"
                f" {name}={value!r} needs a new one: fit with warm_start=False"
            )


def _plain(value: Any) -> Any:
    """Lists and arrays as tuples, so that they can be compared."""
    return tuple(np.asarray(value).tolist()) if isinstance(value, (list, tuple, np.ndarray)) else value
