"""Somebody's model as a `Program`, by the framework that it is of."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from vae_np.conformance.adapters import jax_models
from vae_np.conformance.adapters.making import make
from vae_np.conformance.adapters.program import Program
from vae_np.conformance.adapters.torch_modules import TorchProgram, is_module

__all__ = ["Made", "made", "program_of"]

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
    if "jax" in sys.modules and callable(what) and (isinstance(what, type) or not _is_model(what)):
        what = jax_models.with_keys(what)
    return make(what, given, name, _is_model)


def _is_model(thing: Any) -> bool:
    return is_module(thing) or jax_models.is_jax(thing) or jax_models.is_pair(thing)


def program_of(model: Any, name: str) -> Program:
    """How it is graded."""
    if is_module(model):
        return TorchProgram(model)
    from vae_np.conformance.adapters.jax_programs import JaxProgram

    return JaxProgram(jax_models.of_pair(model, name) if jax_models.is_pair(model) else model)
