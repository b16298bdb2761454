"""Reports for machines: what a build server reads back is what was found, whatever the program has said."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from vae_np.conformance import ObjectiveReport, cases, check, check_objective
from vae_np.conformance.reports import junit, markdown, of_error, of_objective, of_vectors

KL = cases("kl")
KINDS = {case.id: case.kind for case in KL}
HOSTILE = "a\x00b\x1b[31m <b> & \"'|\\`*\ud800\ufffe\r\n]]> ü\U0001f600"


def answer(case):
    """The first case is right, the second wrong and then wrong in consequence, the third not answered."""
    stages = {stage: value.nearest for stage, value in case.expected.items()}
    if case is KL[1]:
        return stages | {"kl": stages["kl"] + 1, "d_mu": stages["d_mu"] + 1}
    return stages if case is KL[0] else None


@pytest.fixture
def summary():
    return of_vectors(check(answer, KL), KINDS, {KL[2].id: "no time"})


def test_the_junit_file_has_a_test_for_each_case_and_says_of_each_what_the_report_says(summary):
    root = ElementTree.fromstring(junit(summary))
    (suite,) = root
    counts = {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
    assert root.attrib == counts
    assert suite.attrib == counts | {"name": "vae-np verify"}
    right, wrong, skipped = suite.findall("testcase")
    assert right.attrib == {"classname": "vae_np.vectors.kl", "name": KL[0].id}
    assert len(right) == 0
    (failure,) = wrong
    assert failure.tag == "failure"
    assert failure.get("message").startswith("kl is 1.0000")
    unknown = f"H unknown: kl of {KL[1].id}: it is the right one plus 1"
    assert failure.text.splitlines()[1:] == [unknown, "and 1 stages after it, as its consequence"]
    assert [(child.tag, child.get("message")) for child in skipped] == [("skipped", "no time")]
    assert suite.find("system-out").text == "Mistaken: unknown. 1 of 3 cases go wrong; where they first do: kl (1)."


def test_the_markdown_file_is_a_table_and_the_verdict(summary):
    lines = markdown(summary).decode().splitlines()
    assert lines[0] == "## vae-np verify"
    rows = [line for line in lines if line.startswith("| kl")]
    assert rows[0] == "| kl-ordinary | 3/3 | right |  |"
    assert rows[1].startswith("| kl-near-the-prior | 3/3 | **wrong** | kl is 1.0000")
    assert rows[1].endswith("<br>and 1 stages after it, as its consequence |")
    assert rows[2] == "| kl-narrow-and-wide | 0/3 | - | no time |"
    assert lines[-1] == "Mistaken: unknown. 1 of 3 cases go wrong; where they first do: kl (1)."


def test_control_characters_marks_and_halves_of_characters_break_neither_form():
    def hostile(case):
        raise RuntimeError(HOSTILE)

    found = of_vectors(check(hostile, KL[:1]))
    root = ElementTree.fromstring(junit(found))
    expected = "a\\x00b\\x1b[31m <b> & \"'|\\`*\\ud800\\ufffe\\r\n]]> ü\U0001f600"
    assert root.find(".//failure").text == f"kl RuntimeError: {expected}"
    text = markdown(found).decode()
    (row,) = (line for line in text.splitlines() if line.startswith("| kl"))
    assert row.replace("\\|", "").count("|") == 5
    assert "\\<b\\>" in row
    assert "ü\U0001f600" in row


def test_a_loss_and_a_sampler_are_a_test_each():
    reports = {
        "sampler": check_objective(sampler=lambda mu, logvar, eps: mu + np.exp(logvar) * eps),
        "loss": ObjectiveReport((), ("1 times the KL",)),
    }
    found = of_objective(reports, ["std-is-variance"], "Mistaken: std-is-variance.")
    sampler, loss = ElementTree.fromstring(junit(found)).iter("testcase")
    assert sampler.attrib == {"classname": "vae_np.objective", "name": "sampler"}
    assert sampler[0].tag == "failure"
    assert sampler[0].get("message").startswith("H std-is-variance: ")
    assert [(child.tag, child.text) for child in loss] == [("system-out", "1 times the KL")]
    assert b"Mistaken: std-is-variance." in markdown(found)
    # a dialect fails if its id is among those that do
    found = of_objective({"sampler": reports["sampler"]}, [], "Right.")
    assert [entry.status for entry in found.entries] == ["right"]


def test_what_could_not_be_run_is_an_error():
    root = ElementTree.fromstring(junit(of_error("--cmd nope", "No such file")))
    assert root.get("errors") == "1"
    assert root.find(".//error").text == "No such file"
    assert b"| --cmd nope |  | **error** | No such file |" in markdown(of_error("--cmd nope", "No such file"))
