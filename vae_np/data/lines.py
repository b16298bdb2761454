"""Lines of text as rows of one-hot groups, the form that the categorical likelihood takes, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from vae_np.support.checks import float_dtype, whole

__all__ = ["Lines"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Lines:
    """How lines of at most L characters over an alphabet are rows of L C columns, C = len(alphabet) + 1.

    Each place of a line is a group of C columns of which one is 1: the first of them after the line's end, else that of
    its character. ``Categorical(classes=lines.classes)`` is the likelihood of such rows.

    Attributes
    ----------
    alphabet : str
        Each character once.
    length : int
        L.

    Examples
    --------
    >>> lines = Lines.of(["ab", "b"])
    >>> lines.encode(["b"])
    array([[0., 0., 1., 1., 0., 0.]])
    >>> lines.decode(lines.encode(["ab", "b", ""]))
    ['ab', 'b', '']
    """

    alphabet: str
    length: int

    def __post_init__(self) -> None:
        """Check that each character is there once."""
        whole("length", self.length, at_least=1)
        if not self.alphabet or len(set(self.alphabet)) != len(self.alphabet):
            raise ValueError(f"alphabet must have each of its characters once, and one at least; got {self.alphabet!r}")
        if "\n" in self.alphabet:
            raise ValueError("no line has a line's end in it: leave '\\n' out of the alphabet")

    @classmethod
    def of(cls, texts: Iterable[str]) -> Lines:
        """The alphabet, sorted, and the length that these texts take; ``TypeError`` for one text, or what is none."""
        texts = _texts(texts)
        return cls("".join(sorted(set("".join(texts)))), max(map(len, texts), default=0))

    @property
    def classes(self) -> int:
        """C, of which the first is the end of a line."""
        return len(self.alphabet) + 1

    @property
    def columns(self) -> int:
        """L C, the features of a row."""
        return self.length * self.classes

    def numbers(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The class of each place, (N, L): 0 after the end, 1 + the place in the alphabet.

        Raises
        ------
        ValueError
            If a text is too long, or has a character that is not in the alphabet: it names the first.
        """
        texts = _texts(texts)
        place = {letter: 1 + c for c, letter in enumerate(self.alphabet)}
        found = np.zeros((len(texts), self.length), np.int64)
        for n, text in enumerate(texts):
            if len(text) > self.length:
                raise ValueError(f"lines have at most {self.length} characters; line {n}, {text!r}, has {len(text)}")
            for place_in_line, letter in enumerate(text):
                if letter not in place:
                    raise ValueError(f"{letter!r} of line {n}, {text!r}, is not in the alphabet {self.alphabet!r}")
                found[n, place_in_line] = place[letter]
        return found

    def encode(self, texts: Sequence[str], dtype: DTypeLike = "float64") -> Array:
        """One-hot rows (N, L C)."""
        numbers = self.numbers(texts)
        return np.eye(self.classes, dtype=float_dtype(dtype))[numbers].reshape(len(numbers), self.columns)

    def decode(self, x: ArrayLike) -> list[str]:
        """The lines of rows (N, L C): in each group the class of the largest value, up to the first end.

        Rows may be one-hot, as `VAE.sample` draws them, or probabilities, as `VAE.decode` gives them: then each place
        has its likeliest character.
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.columns:
            raise ValueError(
                f"rows must have {self.length} * {self.classes} = {self.columns} columns; the shape is {x.shape}"
            )
        best = x.reshape(len(x), self.length, self.classes).argmax(axis=-1)
        letters = np.array(["\n", *self.alphabet])  # no line has a line's end in it
        return ["".join(row).split("\n", 1)[0] for row in letters[best]]


def _texts(texts: Iterable[str]) -> list[str]:
    """A list of them; one text alone would be taken for as many lines as it has characters."""
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"texts must be a sequence of lines, not one line; got {texts!r}")
    found = list(texts)
    for n, text in enumerate(found):
        if not isinstance(text, str):
            raise TypeError(f"lines must be texts; line {n} is {type(text).__name__}, {text!r}")
    return found
