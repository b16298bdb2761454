"""Somebody's model as a `Program`, by the framework that it is of."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from vae_np.conformance.adapters import jax_models, keras_models
from vae_np.conformance.adapters.making import make
from vae_np.conformance.adapters.program import Program
from vae_np.conformance.adapters.torch_losses import WHOLE
from vae_np.conformance.adapters.torch_modules import TorchProgram, is_module

__all__ = ["Made", "made", "own_loss", "own_sampler", "program_of"]

SAMPLERS = ("reparameterize", "reparametrize", "reparameterise", "reparametrise", "sample_z", "sampling", "sample")
"""What a model's sampler is called."""
Made = tuple[Any, str]
"""A model, and how it was made."""


def made(what: Any, given: Mapping[str, Any], name: str) -> Made:
    """The model of a class, an object or a function; of JAX also a function of parameters that its file makes.

    Raises
    ------
    ValueError
        If it cannot be made, or is none.
    """
    if jax_models.is_function_of_a_tree(what):
        return jax_models.of_function(what, given, name)
    if callable(what) and (isinstance(what, type) or not _is_model(what)):
        what = jax_models.with_keys(what) if "jax" in sys.modules else what
        what = keras_models.with_parts(what) if "keras" in sys.modules else what
    with keras_models.in_float64():
        return make(what, given, name, _is_model)


def _is_model(thing: Any) -> bool:
    return keras_models.is_keras(thing) or is_module(thing) or jax_models.is_jax(thing) or jax_models.is_pair(thing)


def program_of(model: Any, name: str, loss: Any = None, beta: float = 1.0) -> Program:
    """How it is graded, by a loss that may call it itself; ``NotDense`` if it has layers of Keras that are not."""
    if keras_models.is_keras(model):
        return keras_models.keras_program(model)
    if is_module(model):
        return TorchProgram(model, loss, beta)
    from vae_np.conformance.adapters.jax_programs import JaxProgram

    return JaxProgram(jax_models.of_pair(model, name) if jax_models.is_pair(model) else model)


def own_loss(model: Any) -> Any:
    """That which a model of Keras or of Lightning has in itself, as a function; None if there is none."""
    if keras_models.is_keras(model):  # which on PyTorch is a module as well
        from vae_np.conformance.adapters.keras_losses import own_loss

        return own_loss(model)
    if is_module(model):
        return next((getattr(model, name) for name in WHOLE if callable(getattr(model, name, None))), None)
    return None


def own_sampler(model: Any, file: Any) -> Any:
    """A model's method or layer that samples, or a function of its file; None if there is none."""
    found = next((getattr(model, name) for name in SAMPLERS if callable(getattr(model, name, None))), None)
    if found is None and keras_models.is_keras(model):
        from vae_np.conformance.adapters.keras_losses import own_sampler

        found = own_sampler(model)
    return found or next((getattr(file, name) for name in SAMPLERS if callable(getattr(file, name, None))), None)
