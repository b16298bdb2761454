"""What a loss is made of: its arguments are told by trial, and it may be asked at few features, many, or 0 and 1."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from vae_np.conformance.objective.fitting import Loss, explain, tolerance
from vae_np.conformance.objective.frameworks import Framework, framework_of
from vae_np.conformance.objective.probes import ROLES, D, K, Probe, orders, probe

__all__ = ["explain_loss"]


def explain_loss(f: Callable[..., Any], arguments: tuple[str, ...] | None = None, features: int | None = None,
                 latent: int = K) -> tuple[Loss, Probe]:  # fmt: skip
    """What a loss is made of, and where it was asked: at the features that are given, else at 7, or 28 x 28.

    Raises
    ------
    ValueError
        If it cannot be called there, or its arguments cannot be told.
    """
    framework = framework_of(f)
    at = probe(features=D if features is None else features, latent=latent)
    try:
        return _grey_or_not(f, arguments, at, framework)
    except _NotCallable:
        if features is not None:
            raise
        with contextlib.suppress(_NotCallable):
            return _grey_or_not(f, arguments, probe(features=784, latent=latent), framework)
        raise


def _grey_or_not(f: Callable[..., Any], arguments: tuple[str, ...] | None, at: Probe, framework: Framework
                 ) -> tuple[Loss, Probe]:  # fmt: skip
    """At a grey x, or at one of 0 and 1, where it takes no other, as a Bernoulli's log_prob, or rounds it."""
    binary = at._replace(x=np.round(at.x))
    try:
        found = _first_explained(f, arguments, at, framework)
    except _NotCallable:
        with contextlib.suppress(_NotCallable):
            return _first_explained(f, arguments, binary, framework), binary
        raise
    if not found.explained(tolerance(framework)):
        with contextlib.suppress(_NotCallable):
            again = _first_explained(f, arguments, binary, framework)
            right = again.explained(tolerance(framework)) and _is_right(again)
            if right or _rounds(f, found.order, at, binary, framework):
                return again, binary
    return found, at


def _rounds(f: Callable[..., Any], order: tuple[str, ...], at: Probe, binary: Probe, framework: Framework) -> bool:
    """Whether grey values are to it what 0 and 1 are that are nearest."""
    grey, black = (framework.call(f, one.of(order))[0] for one in (at, binary))
    return "x" in order and bool(np.array_equal(grey, black))


class _NotCallable(ValueError):
    """A loss that fails in every order of its arguments."""


def _first_explained(f: Callable[..., Any], arguments: tuple[str, ...] | None, at: Probe, framework: Framework) -> Loss:
    """By the first order of the arguments that explains both derivatives by right forms, or by any, or leaves least."""
    candidates, problem = [], None
    for order in orders(f, arguments):
        try:
            found = explain(f, order, at, framework)
        except Exception as error:  # shapes that do not fit: another order may
            problem = problem or error
            continue
        candidates.append(found)
        if found.explained(tolerance(framework)) and _is_right(found):
            return found
    explained = [found for found in candidates if found.explained(tolerance(framework))]
    if explained:
        return explained[0]
    if not candidates:
        raise _NotCallable(f"the loss could not be called with {', '.join(ROLES)}: {type(problem).__name__}: {problem}")
    return min(candidates, key=lambda loss: max(loss.reconstruction.off, loss.kl.off))


def _is_right(found: Loss) -> bool:
    forms = (found.reconstruction.form, found.kl.form)
    return all(form is None or form.severity == "right" for form in forms)
