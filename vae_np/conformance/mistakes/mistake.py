"""A known mistake: what it is for people, and for the computer a change of a few rules of the reference computation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from vae_np.conformance.cases import Case

__all__ = ["Change", "Form", "Mistake", "instead", "then", "times"]

Array = NDArray[Any]
Rule = Callable[..., Any]
Change = Mapping[str, Callable[[Rule], Rule]]
"""By the name of a rule, what makes the wrong rule of the one before."""
Fit = Callable[[Case, Mapping[str, Array]], Any]
Severity = Literal["H", "M", "L", "dialect"]


@dataclass(frozen=True, eq=False)
class Form:
    """One way to make the mistake.

    Attributes
    ----------
    change : Change, or a callable of what ``fit`` found
    says : str
        Which of the ways it is, where there are several; may have {} for what ``fit`` found.
    fit : callable, optional
        Of a case and the answers to it: what the answers say is in the place of the right thing (the noise, a factor),
        or None where they do not say it.
    example : object
        What ``fit`` might find, for planting the mistake.
    own_dtype : bool
        It shows only in the precision that the program computes in: what overflows in float32.
    """

    change: Change | Callable[[Any], Change]
    says: str = ""
    fit: Fit | None = None
    example: Any = None
    own_dtype: bool = False

    def changes(self, found: Any = None) -> Change:
        """For what ``fit`` found, or the example of it."""
        return self.change(self.example if found is None else found) if callable(self.change) else self.change


@dataclass(frozen=True, eq=False)
class Mistake:
    """An entry of the catalogue.

    Attributes
    ----------
    id : str
        Never given to another mistake.
    severity : str
        ``"H"``: a wrong objective or gradient. ``"M"``: a wrong value, or wrong under some conditions only. ``"L"``:
        cosmetic. ``"dialect"``: a consistent convention, which is named and does not fail.
    says : str
        What is wrong, in words.
    right, wrong : str
        The two lines side by side.
    why : str
        The derivation, and what the mistake does.
    forms : tuple of Form
        None for what shows only in a program that is called: see `check_objective`.
    seen : tuple of str
        Where: projects and issues, or papers.
    """

    id: str
    severity: Severity
    says: str
    right: str
    wrong: str
    why: str
    forms: tuple[Form, ...] = ()
    seen: tuple[str, ...] = ()


def instead(f: Rule) -> Callable[[Rule], Rule]:
    """The rule becomes f."""
    return lambda right: f


def then(f: Callable[[Any, Any], Any]) -> Callable[[Rule], Rule]:
    """What the rule gives becomes f(context, that)."""
    return lambda right: lambda c, *given: f(c, right(c, *given))


def times(factor: float) -> Callable[[Rule], Rule]:
    """What the rule gives, times this."""
    return then(lambda c, value: factor * value)
