"""The package's own exceptions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["NonFiniteError"]

_SHOWN = 8  # examples that the message lists


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

    Attributes
    ----------
    message, stage : str
    examples : tuple of int
    """

    def __init__(self, message: str, stage: str, examples: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.message = " ".join(message.split())
        self.stage = stage
        self.examples = tuple(int(n) for n in examples)

    def __str__(self) -> str:
        """``stage: message (examples 3, 17)``, one line."""
        text = f"{self.stage}: {self.message}"
        if not self.examples:
            return text
        shown = ", ".join(str(n) for n in self.examples[:_SHOWN])
        more = len(self.examples) - _SHOWN
        return f"{text} (examples {shown}{f' and {more} more' if more > 0 else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way from a worker process: all three arguments, not the message alone."""
        return type(self), (self.message, self.stage, self.examples)
