"""A fit succeeds, or the estimator stays what it was."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

__all__ = ["all_or_nothing"]

E = TypeVar("E")
P = ParamSpec("P")
R = TypeVar("R")


def all_or_nothing(fit: Callable[Concatenate[E, P], R]) -> Callable[Concatenate[E, P], R]:
    """The method, which where it raises leaves the estimator as it was: unfitted, or with its old model whole.

    Attributes are put back, and the parameters of a ``model_`` that is trained on.
    """

    @functools.wraps(fit)
    def attempt(self: E, /, *args: P.args, **kwargs: P.kwargs) -> R:
        before = dict(vars(self))
        model = before.get("model_")
        held = None if model is None else model.parameters.vector.copy()
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            if model is not None:
                model.parameters.vector[...] = held
            raise

    return attempt
