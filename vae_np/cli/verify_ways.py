"""The ways in to `vae-np verify`: which of them is meant, and what each does with the options that it knows."""

from __future__ import annotations

import difflib
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_np.cli import output

if TYPE_CHECKING:
    from vae_np.conformance import Case, Report
    from vae_np.conformance.command import Program
    from vae_np.conformance.outputs import Outputs
    from vae_np.conformance.reports import Summary

__all__ = ["catalogue", "check_files", "verify", "way_of", "write_files"]

OBJECTIVE = ("output", "beta", "arguments", "timeout")
VECTORS = ("kind", "case", "dtype")
WAYS = {
    "model": (*OBJECTIVE, "init", "optimizer"),
    "loss": OBJECTIVE,
    "sampler": OBJECTIVE,
    "cmd": (*VECTORS, "timeout"),
    "python": (*VECTORS, "timeout"),
    "outputs": VECTORS,
}
"""What is verified, and the options that go with it."""
FILES = ("junit", "markdown")
QUIET = 30.0
"""Seconds without a word, at most, between two cases."""


def way_of(given: dict[str, Any]) -> str:
    """Which one of `WAYS`; a model, a loss and a sampler go together.

    Raises
    ------
    ValueError
        If there is none, if there are two, or an option belongs to another.
    """
    ways = [way for way in WAYS if given.get(way) is not None]
    if not ways:
        raise ValueError(
            "nothing to verify: give --loss FILE.py:NAME, --sampler FILE.py:NAME, or both; or a model, FILE.py:VAE; or"
            " --cmd COMMAND, --python module:function or --outputs DIR, for the conformance vectors"
        )
    alone = [way for way in ways if way not in ("model", "loss", "sampler")]
    if alone and len(ways) > 1:
        raise ValueError(f"{_flag(ways[0])} and {_flag(ways[1])} are two ways in: give one of them")
    options = dict.fromkeys(option for known in WAYS.values() for option in known)
    for option in options:
        if option in given and option not in WAYS[ways[0]]:
            others = [way for way, known in WAYS.items() if option in known]
            if others == ["model"]:
                raise ValueError(f"--{option} goes with a model: vae-np verify FILE.py:VAE --{option} ...")
            other = " or ".join(f"--{way}" for way in others if way != "model")
            raise ValueError(f"--{option} goes with {other}, not with {_flag(ways[0])}")
    return ways[0]


def called(way: str, given: dict[str, Any]) -> str:
    """What is verified, as it was given on the command line."""
    return shlex.join([given[way]] if way == "model" else [f"--{way}", given[way]])


def _flag(way: str) -> str:
    return "a model" if way == "model" else f"--{way}"


def catalogue(given: dict[str, Any]) -> None:
    """Print all of it, or one entry.

    Raises
    ------
    ValueError
        If there is no such entry, or both are asked for.
    """
    from vae_np.conformance.mistakes.catalogue import CATALOGUE, find
    from vae_np.conformance.mistakes.page import SEVERITIES, entry, explanation, listing

    if "explain" in given and "list_mistakes" in given:
        raise ValueError("--list-mistakes prints all and --explain one: give one of them")
    one = find(given["explain"]) if "explain" in given else None
    if "json" in given:
        whole = {"severities": SEVERITIES, "mistakes": [entry(mistake) for mistake in CATALOGUE.values()]}
        output.print_json(whole if one is None else entry(one))
    else:
        print(listing() if one is None else explanation(one))


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; {near[0]} is one" if near else "; --list-mistakes names them all"


def _failing(findings: Iterable[Any], given: dict[str, Any]) -> list[str]:
    """The ids of the findings that fail: mistakes, and with --strict dialects, but for those that are allowed.

    What makes the objective or its gradient wrong, severity H, cannot be allowed.
    """
    allowed, strict = given.get("allow", []), "strict" in given
    bad = [one for one in findings if strict or one.severity != "dialect"]
    return [one.id for one in bad if one.severity == "H" or one.id not in allowed]


def _of_options(findings: Iterable[Any], wrong: list[str]) -> str:
    """What --strict makes of dialects, or --allow of mistakes, in a line; "" where the report has said it."""
    mistakes = [one.id for one in findings if one.severity != "dialect"]
    if set(mistakes) & set(wrong):
        return ""  # the report ends with them
    groups = mistakes, [w for w in wrong if w not in mistakes]
    allowed, strict = (", ".join(dict.fromkeys(some)) for some in groups)
    if strict:
        return f"Allowed: {allowed}; --strict: {strict}" if allowed else f"--strict: {strict}"
    return f"Allowed: {allowed}." if allowed else ""


def _check_allowed(given: dict[str, Any]) -> None:
    from vae_np.conformance.mistakes.catalogue import CATALOGUE

    known = [name for name, mistake in CATALOGUE.items() if mistake.severity != "H"]
    for name in given.get("allow", []):
        if name in CATALOGUE and name not in known:
            raise ValueError(f"--allow {name}: it makes the objective or its gradient wrong, and cannot be allowed")
        if name not in known:
            raise ValueError(f"--allow {name}: there is no such dialect or mistake{_near(name, known)}")


def check_files(given: dict[str, Any]) -> None:
    """That the reports have a folder to go to, before anything takes time."""
    for name in FILES:
        if name in given and not Path(given[name]).absolute().parent.is_dir():
            raise ValueError(f"--{name} {given[name]}: no such folder")
    if "junit" in given and given["junit"] == given.get("markdown"):
        raise ValueError(f"--junit and --markdown are one file: {given['junit']}")


def write_files(given: dict[str, Any], summary: Callable[[], Summary]) -> None:
    """The reports that are asked for, each atomically."""
    if not any(name in given for name in FILES):
        return
    from vae_np.conformance import reports
    from vae_np.support.files import write_atomic

    found = summary()
    for name, form in zip(FILES, (reports.junit, reports.markdown), strict=True):
        if name in given:
            write_atomic(given[name], form(found))


def verify(way: str, given: dict[str, Any]) -> int:
    """Grade, print, write; the exit code."""
    _check_allowed(given)
    return _program(given) if way in ("model", "loss", "sampler") else _vectors(way, given)


# ---- a model, a loss and a sampler


def _program(given: dict[str, Any]) -> int:
    """In a process of its own; each in one of its own if the reports are to have an entry for each."""
    from vae_np.conformance import ObjectiveReport
    from vae_np.conformance.child import grade
    from vae_np.conformance.objective.naming import Finding
    from vae_np.conformance.programs import split
    from vae_np.conformance.reports import of_objective

    asked: dict[str, Any] = {name: given[name] for name in ("sampler", "loss", "model") if given.get(name)}
    for what in [*asked.values(), *([given["optimizer"]] if "optimizer" in given else [])]:
        split(what)
    of_program = ("output", "beta", "arguments", "init", "optimizer")
    options: dict[str, Any] = {name: given[name] for name in of_program if name in given}
    apart = any(name in given for name in FILES) and "model" not in asked
    parts, answer = {}, {}
    for group in [{name: what} for name, what in asked.items()] if apart else [asked]:
        answer = grade(group | options, _timeout(given))
        findings = tuple(Finding(**finding) for finding in answer["findings"])
        parts[" and ".join(group)] = ObjectiveReport(findings, tuple(answer["facts"]))
    found = tuple(finding for part in parts.values() for finding in part.findings)
    report = ObjectiveReport(found, tuple(fact for part in parts.values() for fact in part.facts))
    wrong = _failing(report.findings, given)
    more = _of_options(report.findings, wrong)
    stages = answer.get("stages", [])
    last = more or (answer["text"] if "model" in asked else str(report)).splitlines()[-1]
    write_files(given, lambda: of_objective(parts, wrong, last, stages))
    if "json" in given:
        told = {"findings": [finding._asdict() for finding in report.findings], "facts": list(report.facts)}
        of_model = {"stages": stages} if "stages" in answer else {}
        output.print_json(told | of_model | {"ok": not wrong})
    else:
        print(answer["text"] if "model" in asked else report, *[more] * bool(more), sep="\n")
    return 1 if wrong else 0


def _timeout(given: dict[str, Any]) -> float:
    from vae_np.support.checks import positive

    return positive("--timeout", given.get("timeout", 300.0 if given.get("model") else 60.0))


# ---- the vectors


def _vectors(way: str, given: dict[str, Any]) -> int:
    """Ask the cases that are chosen; exit 2, as an error, if none was answered."""
    from vae_np.conformance import check
    from vae_np.conformance.reports import of_vectors

    chosen = _chosen(given)
    with _candidate(way, given) as candidate:
        report = check(_aloud(candidate, len(chosen)), chosen, given.get("dtype", "float64"))
    problem = getattr(candidate, "unable", "")
    if not candidate.answered and candidate.failures:
        problem = problem or f"{given[way]}: nothing was answered; {candidate.failures[0]}"
    elif all(result.status == "missing" for result in report.results):
        problem = f"{given[way]}: nothing was answered, of {len(chosen)} cases{_whys(candidate)}"
    if problem:
        raise ValueError(problem)
    wrong = _failing(report.findings, given)
    kinds = {case.id: case.kind for case in chosen}
    write_files(given, lambda: of_vectors(report, kinds, candidate.skipped, wrong))
    _show(report, candidate, given)
    if (more := _of_options(report.findings, wrong)) and "json" not in given:
        print(more)
    return 1 if wrong else 0


def _show(report: Report, candidate: Program | Outputs, given: dict[str, Any]) -> None:
    if "json" in given:
        wrong = _failing(report.findings, given)
        output.print_json(report.to_dict() | {"ok": not wrong, "skipped": dict(candidate.skipped)})
    else:
        print(report)
        if candidate.skipped:
            print(f"{len(candidate.skipped)} cases were skipped{_whys(candidate)}")
    for name in getattr(candidate, "strangers", []):
        print(f"vae-np: {Path(given['outputs']) / name} is named after no case", file=sys.stderr)


def _whys(candidate: Program | Outputs) -> str:
    """Why cases were skipped, each reason once."""
    reasons = "; ".join(dict.fromkeys(candidate.skipped.values()))
    return f": {reasons}" if reasons else ""


def _chosen(given: dict[str, Any]) -> list[Case]:
    """All cases, or those of the kinds and of the ids that are given."""
    from vae_np.conformance import cases

    if "kind" not in given and "case" not in given:
        return cases()
    known = {case.id: case for case in cases()}
    for name in given.get("case", []):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise ValueError(f"there is no case {name}" + (f"; {near[0]} is one" if near else ""))
    wanted = {*given.get("case", []), *(case.id for kind in given.get("kind", []) for case in cases(kind))}
    return [case for case in known.values() if case.id in wanted]


@contextmanager
def _candidate(way: str, given: dict[str, Any]) -> Iterator[Program | Outputs]:
    """What answers the cases."""
    from vae_np.conformance.command import Program
    from vae_np.conformance.outputs import Outputs
    from vae_np.conformance.server import check_name

    if way == "outputs":
        yield Outputs(given["outputs"])
        return
    if way == "python":
        check_name(given["python"])
        command = [sys.executable, "-m", "vae_np.conformance.server", given["python"]]
    else:
        try:
            command = shlex.split(given["cmd"])
        except ValueError as error:
            raise ValueError(f"--cmd {given['cmd']}: {error}") from None
        if not command:
            raise ValueError("--cmd is empty; give the program and its arguments, --cmd 'node vae.js' say")
    with Program(command, _timeout(given), _say) as program:
        yield program


def _say(text: str) -> None:
    print(f"vae-np: {text}", file=sys.stderr, flush=True)


def _aloud(candidate: Program | Outputs, count: int) -> Callable[[Case], Any]:
    """The candidate, which says how far it is if it takes long."""
    last, done = time.monotonic(), 0

    def ask(case: Case) -> Any:
        nonlocal last, done
        try:
            return candidate(case)
        finally:
            done += 1
            if time.monotonic() - last > QUIET:
                _say(f"{done} of {count} cases")
                last = time.monotonic()

    return ask
