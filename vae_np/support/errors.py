"""The package's own exceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["CollapseWarning", "ConstantFeaturesWarning", "NonFiniteError", "NotConvergedWarning"]

_SHOWN = 8  # examples, or features, that the message lists


class CollapseWarning(UserWarning):
    """A run has ended with no active latent dimension: the decoder ignores z."""


class ConstantFeaturesWarning(UserWarning):
    """Features of the training data do not vary, and keep the scale 1.

    Parameters
    ----------
    columns : sequence of int
        Which, counted from 0.
    of : int
        How many features there are.
    names : sequence of str, optional
        Of the features.

    Attributes
    ----------
    columns : tuple of int
    of : int
    """

    def __init__(self, columns: Iterable[int], of: int, names: Sequence[str] | None = None) -> None:
        self.columns, self.of = tuple(map(int, columns)), int(of)
        super().__init__(self.line(names))

    def line(self, names: Sequence[str] | None = None) -> str:
        """``2 of 7 features are constant: 2, 5``, or their names where there are any."""
        shown = [str(j) if names is None else names[j] for j in self.columns[:_SHOWN]]
        more = ["..."] * (len(self.columns) > _SHOWN)
        return f"{len(self.columns)} of {self.of} features are constant: {', '.join(shown + more)}"


class NotConvergedWarning(UserWarning):
    """An integral was taken as exact that has not converged; ``error`` is by what it may be off."""

    def __init__(self, message: str, error: float) -> None:
        super().__init__(message)
        self.error = error


class NonFiniteError(FloatingPointError):
    """A value that is infinite or not a number stopped a step, which changed nothing.

    Parameters
    ----------
    message : str
        The fact, in one line.
    stage : str
        The first stage of the path where it appeared.
    examples : iterable of int, optional
        The examples of the batch concerned, if the stage knows them.
    part : str
        What these are rows of: x, or validation.

    Attributes
    ----------
    message, stage, part : str
    examples : tuple of int
    """

    def __init__(self, message: str, stage: str, examples: Iterable[int] = (), part: str = "x") -> None:
        super().__init__(message)
        self.part = part
        self.message = " ".join(message.split())
        self.stage = stage
        self.examples = tuple(int(n) for n in examples)

    def __str__(self) -> str:
        """``stage: message (examples 3, 17)``, one line."""
        return self.line("example" + "s" * (len(self.examples) > 1))

    def line(self, what: str, called: Callable[[int], str] = str, of: str = "") -> str:
        """The same with a word for the examples, such as the rows of a file."""
        text = f"{self.stage}: {self.message}"
        if not self.examples:
            return text
        shown = ", ".join(called(n) for n in self.examples[:_SHOWN])
        more = len(self.examples) - _SHOWN
        return f"{text} ({what} {shown}{f' and {more} more' if more > 0 else ''}{of})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way from a worker process: all arguments, not the message alone."""
        return type(self), (self.message, self.stage, self.examples, self.part)
