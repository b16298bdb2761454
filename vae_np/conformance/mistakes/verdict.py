"""From wrong answers to findings: what is named, and what is called unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vae_np.conformance.cases import Case
from vae_np.conformance.comparison import Result, compare, kind_of_stage
from vae_np.conformance.mistakes.catalogue import CATALOGUE
from vae_np.conformance.mistakes.diagnosis import Answered, Explanation, explain
from vae_np.conformance.mistakes.patterns import describe

__all__ = ["UNKNOWN", "Answers", "Diagnosis", "diagnose"]

Answers = dict[str, ArrayLike] | str
"""By stage, or the candidate's exception in words."""
LEAST_SINGLE = 1e-9
"""Of the errors that a rounding to float32 makes."""
UNKNOWN = "unknown"
"""The id of what no mistake of the catalogue explains."""


class Diagnosis(NamedTuple):
    """A mistake that was made, or a wrong stage that none explains."""

    id: str
    severity: str
    says: str
    alike: tuple[str, ...] = ()
    """Mistakes that are the same numbers in what was answered."""
    cases: tuple[str, ...] = ()
    """Where it shows."""

    def __str__(self) -> str:
        also = f" (or, the same numbers here: {', '.join(self.alike)})" if self.alike else ""
        return f"{self.severity:>7}  {self.id}: {self.says}{also}"


def diagnose(
    cases: Sequence[Case], answers: Mapping[str, Answers], results: Mapping[str, Sequence[Result]], dtype: str
) -> list[Diagnosis]:
    """What explains the wrong results: all together if something does, else kind by kind, else case by case.

    Parameters
    ----------
    cases : sequence of Case
    answers, results : mapping by the cases' ids
    dtype : str
        In which the candidate computes.
    """
    wrong = {case.id for case in cases if any(result.status == "wrong" for result in results[case.id])}
    if not wrong:
        return []
    found, told = [], []
    for case in cases:
        given = answers[case.id]
        if isinstance(given, str) or not _is_readable(case, given):
            told += [_broken(result) for result in results[case.id] if result.status == "wrong"]
        else:
            found.append(Answered(case, {name: value for name, value in given.items() if value is not None}))
    return told + _together([one for one in found if one.answers], wrong, dtype, results)


def _is_readable(case: Case, given: Mapping[str, ArrayLike]) -> bool:
    """Whether each answer is an array of numbers of a stage that there is, in its shape."""
    try:
        shapes = {name: np.asarray(value, float).shape for name, value in given.items() if value is not None}
        return all(shape == case.expected[name].nearest.shape for name, shape in shapes.items())
    except (KeyError, TypeError, ValueError):
        return False


def _together(found: list[Answered], wrong: set[str], dtype: str, results: Mapping[str, Sequence[Result]]
              ) -> list[Diagnosis]:  # fmt: skip
    bad = [one for one in found if one.case.id in wrong]
    if not bad:
        return []
    for level in LEVELS:
        kept = [_kept(one, level) for one in found]
        first = {one.case.id: _first_wrong(one, results[one.case.id]) for one in kept}
        worse = [one for one in kept if first[one.case.id]]
        if not worse or any(not first[one.case.id] for one in bad):
            break  # what is wrong is wrong later than that
        right = [one for one in kept if not first[one.case.id] and one.answers]
        if explanations := explain(worse, right, dtype):
            return _named(explanations, bad, level)
    if dtype == "float64" and all(_is_single(one, results[one.case.id]) for one in bad):
        mixed = CATALOGUE["dtype-mixed"]
        return [Diagnosis(mixed.id, mixed.severity, mixed.says, cases=tuple(one.case.id for one in bad))]
    kinds = list(dict.fromkeys(one.case.kind for one in bad))
    if len(bad) == 1 and len(found) > 1:  # one slip among right cases of its kind
        return _together(bad, wrong, dtype, results)
    if len(kinds) == len(bad) == 1:
        return [_unknown(bad[0], results[bad[0].case.id], dtype)]
    if len(kinds) > 1:
        parts = [[one for one in found if one.case.kind == kind] for kind in kinds]
        return _merged([finding for part in parts for finding in _together(part, wrong, dtype, results)])
    each: list[Diagnosis] = []
    unknown: set[str] = set()
    for one in bad:
        stage = next(result.stage for result in results[one.case.id] if result.status == "wrong")
        plain = stage in unknown  # no more will be known of it in another case
        each += [_unknown(one, results[one.case.id], dtype)] if plain else _together([one], wrong, dtype, results)
        unknown |= {stage} if each[-1].id == UNKNOWN else set()
    return _merged(each)


LEVELS = {"": ("forward", "gradient", "step"), "the steps": ("forward", "gradient"), "the gradients": ("forward",)}
"""What is not explained, and which stages then are: a backward pass by hand may belong to another forward pass."""


def _kept(one: Answered, level: str) -> Answered:
    """The answers that are to be explained; log q is on no path of the ELBO, and may come from z or from the noise."""
    aside = {"log_posterior"} if level and one.case.settings.get("objective") == "elbo" else set()
    kinds = LEVELS[level]
    kept = {name: value for name, value in one.answers.items() if kind_of_stage(name) in kinds and name not in aside}
    return one._replace(answers=kept)


def _first_wrong(one: Answered, results: Sequence[Result]) -> bool:
    """Whether the first wrong stage is among the answers that are kept."""
    return any(result.status == "wrong" and result.stage in one.answers for result in results)


def _named(explanations: list[Explanation], bad: list[Answered], level: str) -> list[Diagnosis]:
    """The mildest explanation; the others beside it. What it does not explain is said."""
    rest = f"; {level} are not those of this forward pass" if level else ""
    best = min(explanations, key=lambda one: (not one.is_dialect, len(one.mistakes)))
    where = tuple(one.case.id for one in bad)
    alike = tuple(" and ".join(one.ids) for one in explanations if one is not best)
    return [
        Diagnosis(m.id, m.severity, f"{m.says}{f' ({says})' if says else ''}{rest}", alike, where)
        for m, says in zip(best.mistakes, best.says, strict=True)
    ]


def _is_single(one: Answered, results: Sequence[Result]) -> bool:
    """Whether what is wrong would be right in float32, off by far more than float64 is, and as roundings are.

    A factor or an offset that is the same everywhere is no rounding.
    """
    first = next(result for result in results if result.status == "wrong")
    if first.relative < LEAST_SINGLE:
        return False
    a, e = np.asarray(one.answers[first.stage], float), one.case.expected[first.stage].nearest
    rest = a - e
    factor = float(np.sum(rest * e) / np.sum(e * e)) if e.any() else 0.0
    if e.size > 1 and min(np.ptp(rest), np.abs(rest - factor * e).max()) <= 1e-3 * np.abs(rest).max():
        return False
    return all(compare(one.case, name, value, "float32").status == "right" for name, value in one.answers.items())


def _broken(result: Result) -> Diagnosis:
    return Diagnosis("no-answer", "H", f"{result.case}: {result.fact}", cases=(result.case,))


def _unknown(one: Answered, results: Sequence[Result], dtype: str) -> Diagnosis:
    """The first wrong stage, and what it looks like."""
    first = next(result for result in results if result.status == "wrong")
    words = describe(one.case, first.stage, one.answers[first.stage], dtype) or first.fact
    return Diagnosis(UNKNOWN, "H", f"{first.stage} of {one.case.id}: {words}", cases=(one.case.id,))


def _merged(findings: list[Diagnosis]) -> list[Diagnosis]:
    """What was found in several cases, once; of an unknown one its first case, by its stage."""
    by_key: dict[tuple[str, str], Diagnosis] = {}
    for finding in findings:
        key = (finding.id, finding.says.split(" of ")[0] if finding.id == UNKNOWN else finding.says)
        before = by_key.get(key)
        by_key[key] = finding if before is None else before._replace(cases=before.cases + finding.cases)
    return [
        found._replace(says=f"{found.says}, and {len(found.cases) - 1} other cases")
        if found.id == UNKNOWN and len(found.cases) > 1 and " other cases" not in found.says
        else found
        for found in by_key.values()
    ]
