"""Which known mistakes put out what a candidate has put out: never a guess.

Each mistake, each dialect, and each dialect with each mistake is computed (`reference`) on the cases that went wrong
and on those that did not, and compared with every stage that was answered. What explains all of them is told; several
that do are the same numbers. Where none does, `patterns` says at which stage the answers leave the right ones, and how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.conformance.cases import Case
from vae_np.conformance.comparison import TOLERANCES, kind_of_stage
from vae_np.conformance.mistakes.catalogue import CATALOGUE
from vae_np.conformance.mistakes.mistake import Change, Form, Mistake
from vae_np.conformance.mistakes.reference import changed, stages

__all__ = ["Answered", "Explanation", "agrees", "explain"]

Array = NDArray[Any]
PHASES = (0, 1, None)
"""Steps of Adam after which a mistake is compared with what was answered: most are ruled out before the first."""
SLACK = 2
"""Tolerances within which an answer is that of a mistake: it was rounded twice."""


class Answered(NamedTuple):
    """A case, and what was answered of it."""

    case: Case
    answers: Mapping[str, ArrayLike]


class Explanation(NamedTuple):
    """Mistakes that together explain all that was answered, and how each was made."""

    mistakes: tuple[Mistake, ...]
    says: tuple[str, ...]

    @property
    def is_dialect(self) -> bool:
        """Whether nothing worse is among them."""
        return all(mistake.severity == "dialect" for mistake in self.mistakes)

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the mistakes."""
        return tuple(mistake.id for mistake in self.mistakes)


@dataclass(frozen=True, eq=False)
class _Made:
    """A mistake in one of its forms."""

    mistake: Mistake
    form: Form
    says: str

    def change(self, case: Case, answers: Mapping[str, ArrayLike]) -> Change:
        """For this case: what is to be found in its answers is its own; nothing where they do not say it."""
        if self.form.fit is None:
            return self.form.changes()
        found = self.form.fit(case, _shaped(case, answers))
        return {} if found is None else self.form.changes(found)


def explain(wrong: Sequence[Answered], right: Sequence[Answered], dtype: str = "float64") -> list[Explanation]:
    """All the smallest sets of mistakes that explain the wrong cases, and the right ones as well.

    Parameters
    ----------
    wrong, right : sequence of Answered
        Cases with a stage that is wrong, and those without one.
    dtype : str
        In which the candidate computes.

    Returns
    -------
    list of Explanation
        Of one mistake each; where there is none, of a dialect and a mistake; empty where nothing explains them.
    """
    wrong = sorted(wrong, key=lambda found: len(found.answers))  # few answers rule out most, soonest
    if not wrong or _fits((), wrong, right, dtype):  # wrong by a hair: everything that changes nothing would explain it
        return []
    made = list(_made(wrong))
    single = [(one,) for one in made if _fits((one,), wrong, right, dtype)]
    if single:
        return _distinct(single)
    return _distinct([pair for pair in _pairs(made, wrong[0], dtype) if _fits(pair, wrong, right, dtype)])


def _pairs(made: Sequence[_Made], first: Answered, dtype: str) -> Iterator[tuple[_Made, _Made]]:
    """Each dialect with each other mistake, if the two can explain the first wrong stage of this case.

    They can where both change it, or where one of them explains it and the other leaves it alone.
    """
    case, answers = first
    stage = next(name for name in case.expected if name in answers and not _right(case, name, answers[name], dtype))
    changes, explains = {}, {}
    for one in made:
        ours = _computed((one,), first, dtype, _steps_to(stage)).get(stage)
        changes[one] = ours is None or not _right(case, stage, ours, dtype)
        explains[one] = ours is not None and agrees(case, stage, ours, answers[stage], dtype)
    tried: set[frozenset[_Made]] = set()
    for dialect in made:
        if dialect.mistake.severity != "dialect":
            continue
        for other in made:
            pair = frozenset((dialect, other))
            both = changes[dialect] and changes[other]
            alone = (explains[dialect] and not changes[other]) or (explains[other] and not changes[dialect])
            if (both or alone) and other.mistake is not dialect.mistake and pair not in tried:
                tried.add(pair)
                yield dialect, other


def _steps_to(stage: str) -> int:
    """How many steps the stage needs: of "step 4: ..." four."""
    return int(stage.removeprefix("step ").partition(":")[0]) if stage.startswith("step ") else 0


def _right(case: Case, stage: str, value: ArrayLike, dtype: str) -> bool:
    return agrees(case, stage, case.expected[stage].nearest, value, dtype)


def _made(wrong: Sequence[Answered]) -> Iterator[_Made]:
    """Every form of every mistake, if the answers to some case have what it is to find there."""
    for mistake in CATALOGUE.values():
        for form in mistake.forms:
            if form.fit is None:
                yield _Made(mistake, form, form.says)
                continue
            everywhere = (form.fit(case, _shaped(case, answers)) for case, answers in wrong)
            if (found := next((one for one in everywhere if one is not None), None)) is not None:
                yield _Made(mistake, form, _said(form.says, found))


def _shaped(case: Case, answers: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """The answers as arrays."""
    return {name: np.asarray(value, float) for name, value in answers.items()}


def _said(says: str, found: Any) -> str:
    return says.format(", ".join(found) if isinstance(found, tuple) else found) if "{" in says else says


def _fits(made: tuple[_Made, ...], wrong: Sequence[Answered], right: Sequence[Answered], dtype: str) -> bool:
    """Whether they put out every answer."""
    for one in (*wrong, *right):
        case, answers = one
        for steps in PHASES:
            if steps != 0 and not any(name.startswith("step ") for name in answers):
                continue
            ours = _computed(made, one, dtype, steps)
            if not ours:
                return False
            asked = [name for name in answers if name in ours and name in case.expected]
            if not all(agrees(case, name, ours[name], answers[name], dtype) for name in asked):
                return False
    return True


def _computed(made: tuple[_Made, ...], of: Answered, dtype: str, steps: int | None) -> dict[str, Array]:
    """The case's stages with these mistakes; empty where they make no sense there."""
    rules = changed(*(one.change(*of) for one in reversed(made)))  # the dialect, which is first, is over the mistake
    try:
        return stages(of.case, rules, dtype if any(one.form.own_dtype for one in made) else "float64", steps)
    except (ValueError, TypeError, KeyError, IndexError):
        return {}


def agrees(case: Case, stage: str, ours: Array, given: ArrayLike, dtype: str) -> bool:
    """Whether an answer is this value to within rounding; NaN and infinity by their kind."""
    a, e = np.asarray(given, float), np.asarray(ours, float)
    if a.shape != e.shape:
        return False
    finite = np.isfinite(e)
    if not (np.array_equal(finite, np.isfinite(a)) and np.array_equal(a[~finite], e[~finite], equal_nan=True)):
        return False
    size = np.maximum(case.sizes.get(stage, np.zeros(())), np.abs(np.where(finite, e, 0)).max(initial=0.0))
    allowed = SLACK * (TOLERANCES[dtype][kind_of_stage(stage)] * size + 4 * np.spacing(np.abs(e).astype(dtype)))
    with np.errstate(invalid="ignore"):
        return bool((np.abs(a - e)[finite] <= np.broadcast_to(allowed, e.shape)[finite]).all())


def _distinct(found: Sequence[tuple[_Made, ...]]) -> list[Explanation]:
    """A set of mistakes once, in its first form."""
    by_ids: dict[tuple[str, ...], Explanation] = {}
    for made in found:
        explanation = Explanation(tuple(one.mistake for one in made), tuple(one.says for one in made))
        by_ids.setdefault(explanation.ids, explanation)
    return list(by_ids.values())
