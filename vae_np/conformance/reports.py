"""What was found, for machines and for pages: JUnit's XML, which build servers read, and a Markdown table."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

from vae_np.conformance.checking import Report
from vae_np.conformance.objective import ObjectiveReport

__all__ = ["Entry", "Summary", "junit", "markdown", "of_error", "of_objective", "of_vectors"]

NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What an XML document cannot hold, not even escaped; and the carriage return, which comes back as a line feed."""
MARKS = re.compile(r"([\\`*_\[\]<>|~])")
"""What Markdown would take for a mark."""


class Entry(NamedTuple):
    """A case, or a loss or a sampler."""

    group: str
    name: str
    status: str
    """``"right"``, ``"wrong"``, ``"skipped"`` if nothing was answered, or ``"error"`` if it could not be run."""
    says: tuple[str, ...] = ()
    """A line for each thing that is to be told."""
    share: str = ""
    """How much was answered."""


class Summary(NamedTuple):
    """All entries, and a sentence."""

    entries: tuple[Entry, ...]
    verdict: str


def of_vectors(report: Report, kinds: Mapping[str, str] | None = None, why: Mapping[str, str] | None = None,
               wrong: Collection[str] | None = None) -> Summary:  # fmt: skip
    """An entry for each case.

    Parameters
    ----------
    report : Report
    kinds : mapping, optional
        The kind of each case by its id, which becomes its group.
    why : mapping, optional
        Why a case was skipped, by its id.
    wrong : collection of str, optional
        The ids of the findings that fail; those of mistakes if left out.
    """
    failing = {one.id for one in report.mistakes} if wrong is None else set(wrong)
    entries = []
    for case in dict.fromkeys(result.case for result in report.results):
        found = [result for result in report.results if result.case == case]
        given = [result for result in found if result.status != "missing"]
        explained = [finding for finding in report.findings if case in finding.cases]
        says = [f"{result.stage} {result.fact}" for result in found if result.status == "wrong"]
        fails = bool(says) and not (explained and all(one.id not in failing for one in explained))
        status = "wrong" if fails else "right" if given else "skipped"
        says += [
            f"{finding.severity} {finding.id}: {finding.says}" for finding in explained if finding.id != "no-answer"
        ]
        if after := sum(result.status == "consequence" for result in found):
            says.append(f"and {after} stages after it, as its consequence")
        if not given:
            says.append((why or {}).get(case, "not answered"))
        share = f"{len(given)}/{len(found)}"
        entries.append(Entry(f"vectors.{(kinds or {}).get(case, 'case')}", case, status, tuple(says), share))
    return Summary(tuple(entries), report.verdict)


def of_objective(reports: Mapping[str, ObjectiveReport], wrong: Collection[str], verdict: str,
                 stages: Sequence[Mapping[str, Any]] = ()) -> Summary:  # fmt: skip
    """An entry for each function that was graded, and for each stage of a model.

    Parameters
    ----------
    reports : mapping
        ``"loss"`` and ``"sampler"``, or one of them.
    wrong : collection of str
        The ids of the findings that fail.
    verdict : str
        The sentence at the end.
    stages : sequence of mapping, optional
        The results of a model's stages, as `child.grade` has them. A wrong one fails if any finding does: in a dialect
        it is right.
    """
    entries = []
    if stages:
        entries += [_of_stage(stage, bool(wrong)) for stage in stages]
    for name, report in reports.items():
        lines = [f"{finding.severity} {finding.id}: {finding.says}" for finding in report.findings]
        fails = any(finding.id in wrong for finding in report.findings)
        entries.append(Entry("objective", name, "wrong" if fails else "right", (*lines, *report.facts)))
    return Summary(tuple(entries), verdict)


def _of_stage(stage: Mapping[str, Any], fails: bool) -> Entry:
    """A consequence is skipped: it says nothing that the first wrong stage does not."""
    status = {"missing": "skipped", "consequence": "skipped", "wrong": "wrong" if fails else "right"}
    says = {"missing": "not answered", "consequence": "a consequence of the first stage that is wrong"}
    told = says.get(stage["status"], stage["fact"])
    found = status.get(stage["status"], "right")
    return Entry("model", stage["stage"], found, (told,) if told else ())


def of_error(what: str, error: str) -> Summary:
    """One entry, for what could not be run."""
    return Summary((Entry("verify", what, "error", (error,)),), f"It could not be run: {error}")


def junit(summary: Summary) -> bytes:
    """A test suite with a test for each entry; characters that XML does not have are written as Python does."""
    tags = {"wrong": "failure", "skipped": "skipped", "error": "error"}
    count = {f"{tag}s": 0 for tag in ("failure", "error")} | {"skipped": 0}
    suite = ElementTree.Element("testsuite", name="vae-np verify", tests=str(len(summary.entries)))
    for entry in summary.entries:
        test = ElementTree.SubElement(suite, "testcase", classname=f"vae_np.{entry.group}", name=_xml(entry.name))
        text = _xml("\n".join(entry.says))
        if tag := tags.get(entry.status):
            count[tag if tag == "skipped" else f"{tag}s"] += 1
            child = ElementTree.SubElement(test, tag, message=text.partition("\n")[0])
            if tag != "skipped":
                child.text = text
        elif text:
            ElementTree.SubElement(test, "system-out").text = text
    ElementTree.SubElement(suite, "system-out").text = _xml(summary.verdict)
    numbers = {name: str(number) for name, number in count.items()}
    suite.attrib |= numbers
    suites = ElementTree.Element("testsuites", {"tests": str(len(summary.entries))} | numbers)
    suites.append(suite)
    ElementTree.indent(suites)
    found: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def markdown(summary: Summary) -> bytes:
    """A table with a line for each entry, and the verdict."""
    marks = {"right": "right", "wrong": "**wrong**", "skipped": "-", "error": "**error**"}
    lines = ["## vae-np verify", "", "| what | stages | | |", "|---|---|---|---|"]
    for entry in summary.entries:
        says = "<br>".join(map(_cell, entry.says))
        lines.append(f"| {_cell(entry.name)} | {entry.share} | {marks[entry.status]} | {says} |")
    text = "\n".join([*lines, "", _cell(summary.verdict), ""])
    return text.encode("utf-8", "backslashreplace")


def _xml(text: str) -> str:
    return NOT_XML.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def _cell(text: str) -> str:
    """On one line, with every mark as it stands."""
    return MARKS.sub(r"\\\1", " ".join(NOT_XML.sub("\ufffd", text).split()))
