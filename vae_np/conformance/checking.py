"""A candidate on the conformance vectors, in the order of the path: the first stage that is wrong, and the rest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from vae_np.conformance.cases import Case, cases
from vae_np.conformance.comparison import TOLERANCES, Result, compare, kind_of_stage
from vae_np.conformance.mistakes.verdict import Answers, Diagnosis, diagnose

__all__ = ["Candidate", "Report", "check", "check_case"]

Candidate = Callable[[Case], "Mapping[str, ArrayLike] | None"]
"""Answers some or all of a case's stages by name; None or nothing where it does not do such cases."""


@dataclass(frozen=True)
class Report:
    """What a check found, a `Result` for each stage of each case; ``print(report)`` shows it.

    Attributes
    ----------
    results : tuple of Result
    dtype : str
        Whose tolerances were taken.
    findings : tuple of Diagnosis
        What explains the wrong stages, or what they look like.
    """

    results: tuple[Result, ...]
    dtype: str
    findings: tuple[Diagnosis, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether something was answered, and nothing wrong but in a dialect."""
        return any(result.status != "missing" for result in self.results) and not self.mistakes

    @property
    def mistakes(self) -> list[Diagnosis]:
        """The findings that are worse than a dialect."""
        return [finding for finding in self.findings if finding.severity != "dialect"]

    @property
    def first_wrong(self) -> list[Result]:
        """The first wrong stage of each case that has one."""
        return [result for result in self.results if result.status == "wrong"]

    @property
    def verdict(self) -> str:
        """One sentence."""
        return _verdict(self)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity: an error of 0's last place is None."""
        results = [
            result._asdict() | {"at": list(result.at), "ulp": result.ulp if math.isfinite(result.ulp) else None}
            for result in self.results
        ]
        findings = [finding._asdict() for finding in self.findings]
        return {"ok": self.ok, "dtype": self.dtype, "findings": findings, "results": results}

    def __str__(self) -> str:
        return "\n".join([*_table(self.results), "", *map(str, self.findings), self.verdict])


def check(candidate: Candidate, among: Iterable[Case] | None = None, dtype: str = "float64") -> Report:
    """Ask the candidate every case, and compare what it answers stage by stage.

    Parameters
    ----------
    candidate : callable
        Of a `Case`; returns a mapping of the names of stages to arrays, any subset of ``case.expected``.
    among : iterable of Case, optional
        `cases()` if left out.
    dtype : str
        ``"float64"`` or ``"float32"``, in which the candidate computes: whose tolerances are taken.

    Returns
    -------
    Report
        An exception of the candidate is a wrong case, not an end of the check.
    """
    if dtype not in TOLERANCES:
        raise ValueError(f"dtype must be one of {', '.join(TOLERANCES)}; got {dtype!r}")
    asked = cases() if among is None else list(among)
    answers = {case.id: _asked(candidate, case) for case in asked}
    results = {case.id: _results(case, answers[case.id], dtype) for case in asked}
    findings = diagnose(asked, answers, results, dtype)
    return Report(tuple(result for found in results.values() for result in found), dtype, tuple(findings))


def check_case(candidate: Candidate, case: Case, dtype: str = "float64") -> list[Result]:
    """One case: a stage after the first wrong one is right, missing, or a consequence."""
    return _results(case, _asked(candidate, case), dtype)


def _asked(candidate: Candidate, case: Case) -> Answers:
    """What it answers, or its exception in words."""
    try:
        return dict(candidate(case) or {})
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _results(case: Case, answers: Answers, dtype: str) -> list[Result]:
    if isinstance(answers, str):
        return [Result(case.id, next(iter(case.expected)), "wrong", answers)]
    unknown = [name for name in answers if name not in case.expected]
    if unknown:
        known = ", ".join(name for name in case.expected if not name.startswith("step "))
        return [Result(case.id, unknown[0], "wrong", f"there is no such stage; those of this case are {known}")]
    results, wrong = [], False
    for stage in case.expected:
        if answers.get(stage) is None:
            results.append(Result(case.id, stage, "missing"))
            continue
        result = compare(case, stage, answers[stage], dtype)
        if result.status == "wrong" and wrong:
            result = result._replace(status="consequence")
        wrong = wrong or result.status == "wrong"
        results.append(result)
    return results


def _table(results: Iterable[Result]) -> list[str]:
    """A line for each case: how many stages, the worst errors of values, gradients and steps; then what is wrong."""
    by_case: dict[str, list[Result]] = {}
    for result in results:
        by_case.setdefault(result.case, []).append(result)
    width = max((len(name) for name in by_case), default=0)
    lines = [f"{'case':<{width}}  {'stages':>9}  {'forward':>9}  {'gradient':>9}  {'step':>9}  {'ULP':>9}"]
    for name, found in by_case.items():
        given = [result for result in found if result.status != "missing"]
        worst = [max((r.relative for r in given if kind_of_stage(r.stage) == kind), default=None) for kind in _KINDS]
        cells = ["-" if value is None else f"{value:.1e}" for value in worst]
        ulp = f"{max((r.ulp for r in given), default=0.0):.3g}" if given else "-"
        row = f"{f'{len(given)}/{len(found)}':>9}  " + "  ".join(f"{cell:>9}" for cell in [*cells, ulp])
        lines.append(f"{name:<{width}}  {row}")
        for result in found:
            if result.status == "wrong":
                lines.append(f"{'':<{width}}  WRONG: {result.stage} {result.fact}")
        after = sum(result.status == "consequence" for result in found)
        if after:
            lines.append(f"{'':<{width}}  and {after} stages after it, as its consequence")
    return lines


_KINDS = ("forward", "gradient", "step")


def _verdict(report: Report) -> str:
    """One sentence."""
    counts = Counter(result.status for result in report.results)
    asked = len({result.case for result in report.results})
    if not counts["right"] and not counts["wrong"]:
        return f"Nothing was answered, of {asked} cases."
    answered = len({result.case for result in report.results if result.status != "missing"})
    stages = sum(counts.values()) - counts["missing"]
    said = f"All {stages} stages that were answered, in {answered} of {asked} cases, are right in {report.dtype}"
    if report.ok:
        names = ", ".join(dict.fromkeys(finding.id for finding in report.findings))
        return f"{said}, but for this dialect: {names}." if names else f"{said}."
    wrong = Counter(result.stage for result in report.first_wrong)
    names = ", ".join(f"{stage} ({count})" for stage, count in wrong.most_common(5))
    mistakes = ", ".join(dict.fromkeys(finding.id for finding in report.mistakes))
    return f"Mistaken: {mistakes}. {len(report.first_wrong)} of {asked} cases go wrong; where they first do: {names}."
