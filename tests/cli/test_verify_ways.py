"""vae-np verify on the conformance vectors: a program, a function, a folder; the reports; flags that contradict."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from cli.conftest import one_line
from vae_np.cli import verify_ways
from vae_np.conformance import cases

FUNCTION = """
import numpy as np

def stages(case):
    if case.kind == "kl":
        mu, logvar = case.inputs["mu"], case.inputs["logvar"]
        return {"kl": 0.5 * (mu**2 + np.expm1(logvar) - logvar).sum(axis=1)}

def halved(case):
    found = stages(case)
    return found and {"kl": found["kl"] / 2}

def single(case):
    found = stages(case)
    return found and {"kl": np.float32(found["kl"])}

def nothing(case):
    return None

def summed(case):
    from vae_np.conformance import cases
    from vae_np.conformance.ours import answer
    found = answer(next(known for known in cases() if known.id == case.id))
    return {"bound": found["bound"], "loss": 3 * found["loss"]}
"""
LOSS = """
import numpy as np

def loss(recon_x, x, mu, logvar):
    bce = -(x * np.log(recon_x) + (1 - x) * np.log(1 - recon_x))
    return bce.sum() - 0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum()

def sampler(mu, logvar):
    return mu + np.exp(logvar) * np.random.randn(*mu.shape)
"""


@pytest.fixture(autouse=True)
def files(here):
    Path("mine.py").write_text(FUNCTION)
    Path("loss.py").write_text(LOSS)


@pytest.fixture
def verify(vae_np):
    """verify("--cmd ...") in words of a shell."""
    return lambda words: vae_np("verify", *shlex.split(words))


def junit(file="report.xml"):
    """The tests of a report, by name: right, failure, skipped or error."""
    return {
        test.get("name"): next((child.tag for child in test if child.tag != "system-out"), "right")
        for test in ElementTree.parse(file).iter("testcase")
    }


@pytest.mark.slow
def test_a_function_is_graded_by_module_and_by_file(verify):
    for what in ("mine:stages", "mine.py:stages"):
        done = verify(f"--python {what}")
        assert (done.code, done.err) == (0, "")
        assert f"All 3 stages that were answered, in 3 of {len(cases())} cases, are right in float64.\n" in done.out
        assert done.out.endswith("cases were skipped: the function returned None\n")


def test_a_mistake_is_exit_1_in_every_report(verify):
    done = verify("--python mine:halved --kind kl --kind reparameterise --json --junit report.xml --markdown report.md")
    assert done.code == 1
    assert done.json["ok"] is False
    assert [r["stage"] for r in done.json["results"] if r["status"] == "wrong"] == ["kl"] * 3
    assert done.json["skipped"] == {case.id: "the function returned None" for case in cases("reparameterise")}
    kl = {case.id: "failure" for case in cases("kl")}
    assert junit() == kl | {case.id: "skipped" for case in cases("reparameterise")}
    assert [(f["id"], f["cases"]) for f in done.json["findings"]] == [("kl-double-half", [c.id for c in cases("kl")])]
    verdict = "Mistaken: kl-double-half. 3 of 5 cases go wrong; where they first do: kl (3)."
    assert verdict in Path("report.md").read_text()
    assert "H kl-double-half: the KL is half of what it should be" in Path("report.md").read_text()


@pytest.mark.slow
def test_a_dialect_fails_if_that_is_asked_for_and_it_is_not_allowed(verify):
    words = "--python mine:summed --case model-bernoulli-tanh"
    done = verify(words)
    assert (done.code, "but for this dialect: objective-batch-sum." in done.out) == (0, True)
    done = verify(f"{words} --strict --junit report.xml")
    assert (done.code, done.out.splitlines()[-1]) == (1, "--strict: objective-batch-sum")
    assert verify(f"{words} --strict --allow objective-batch-sum").code == 0
    done = verify(f"{words} --allow objective-batch-sun")
    assert done.code == 2
    assert "--allow objective-batch-sun: there is no such dialect or mistake; objective-batch-sum is one" in done.err


def test_the_catalogue_is_printed_whole_or_an_entry(verify):
    done = verify("--list-mistakes")
    assert (done.code, "std-is-variance" in done.out) == (0, True)
    done = verify("--explain std-is-variance")
    assert "wrong  z = mu + exp(s) * eps" in done.out
    one = verify("--explain std-is-variance --json").json
    assert (one["id"], one["severity"], one["group"]) == ("std-is-variance", "H", "Sampler")
    assert one["wrong"] == "z = mu + exp(s) * eps"
    every = verify("--list-mistakes --json").json
    assert one in every["mistakes"]
    assert {entry["severity"] for entry in every["mistakes"]} == set(every["severities"])
    done = verify("--explain std-is-varianc")
    assert (done.code, "no known mistake is called std-is-varianc; std-is-variance is one" in done.err) == (2, True)


def test_a_command_is_split_into_words_and_needs_no_shell(verify):
    words = shlex.join([sys.executable, "-m", "vae_np.conformance.server", "mine:stages"])
    done = verify(f"--cmd {shlex.quote(words)} --case kl-ordinary --case kl-near-the-prior --junit report.xml")
    assert done.code == 0
    assert junit() == {"kl-ordinary": "right", "kl-near-the-prior": "right"}


@pytest.mark.slow
def test_a_crash_and_a_hang_are_told_while_the_rest_goes_on(verify):
    Path("program.py").write_text(
        "import json, sys, time\n"
        "for line in sys.stdin:\n"
        "    name = json.loads(line)['id']\n"
        "    if name == 'kl-ordinary': sys.exit('out of memory')\n"
        "    if name == 'kl-near-the-prior': time.sleep(3600)\n"
        "    print(json.dumps({'id': name, 'stages': {}}), flush=True)\n"
    )
    done = verify(f"--cmd '{sys.executable} -S program.py' --kind kl --timeout 3")
    assert done.code == 1
    assert done.err == "vae-np: kl-near-the-prior: no answer within 3 seconds\n"
    assert "WRONG: kl NoAnswer: the program ended with exit code 1: out of memory" in done.out
    assert "WRONG: kl NoAnswer: no answer within 3 seconds" in done.out
    assert "2 of 3 cases go wrong" in done.out


def test_a_folder_of_answers_is_read_and_its_strangers_are_told(verify):
    Path("answers").mkdir()
    kl = {case.id: case.expected["kl"].nearest for case in cases("kl")}
    Path("answers/kl-ordinary.json").write_text(json.dumps({"stages": {"kl": kl["kl-ordinary"].tolist()}}))
    np.savez("answers/kl-near-the-prior.npz", kl=kl["kl-near-the-prior"])
    Path("answers/kl.json").write_text("{}")
    done = verify("--outputs answers")
    assert done.code == 0
    assert done.err == "vae-np: answers/kl.json is named after no case\n"
    assert "All 2 stages that were answered, in 2 of" in done.out
    np.savez("answers/kl-near-the-prior.npz", kl=np.array([None, "x"]))
    done = verify("--outputs answers")
    assert done.code == 1
    assert "kl-near-the-prior.npz: cannot be read: Object arrays" in done.out


@pytest.mark.slow
def test_the_tolerances_are_those_of_the_dtype(verify):
    assert verify("--python mine:single --case kl-ordinary").code == 1
    assert verify("--python mine:single --case kl-ordinary --dtype float32").code == 0


def test_a_case_may_be_added_to_a_kind(verify):
    done = verify("--python mine:stages --case reparameterise --kind kl --json")
    assert {r["case"] for r in done.json["results"]} == {"reparameterise", *(case.id for case in cases("kl"))}


@pytest.mark.slow
def test_a_loss_and_a_sampler_have_the_same_reports(verify):
    done = verify("--loss loss.py:loss --sampler loss.py:sampler --junit report.xml --markdown report.md")
    assert done.code == 1
    assert done.out.endswith("Mistaken: std-is-variance.\n")
    assert junit() == {"sampler": "failure", "loss": "right"}
    assert "| sampler |  | **wrong** | H std-is-variance: " in Path("report.md").read_text()
    assert "Mistaken: std-is-variance." in Path("report.md").read_text()
    assert verify("--loss loss.py:loss --strict --junit report.xml").code == 1
    assert junit() == {"loss": "failure"}
    assert verify("--loss loss.py:loss --junit report.xml").code == 0
    assert junit() == {"loss": "right"}


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ("--cmd a --python b:c", "--cmd and --python are two ways in: give one of them"),
        ("--cmd a --loss b.py:c", "--loss and --cmd are two ways in"),
        ("--loss a.py:b --sampler a.py:b --outputs c", "--loss and --sampler are two ways in"),
        ("--cmd a --beta 2", "--beta goes with --loss or --sampler, not with --cmd"),
        ("--python a:b --beta 2", "--beta goes with --loss or --sampler, not with --python"),
        ("--loss loss.py:loss --kind kl", "--kind goes with --cmd or --python or --outputs, not with --loss"),
        ("--outputs . --timeout 3", "--timeout goes with --loss or --sampler or --cmd or --python, not with --outputs"),
        ("--cmd no-such-program", "no-such-program: No such file or directory"),
        ("--cmd ./mine.py", "./mine.py: Permission denied"),
        ("--cmd ''", "--cmd is empty"),
        ('--cmd "\'"', "--cmd ': No closing quotation"),
        ("--cmd a --timeout 0", "--timeout must be positive"),
        ("--cmd false", "false: nothing was answered; model-bernoulli-tanh: the program ended with exit code 1"),
        ("--cmd 'echo hello' --kind kl", "echo hello: nothing was answered; kl-ordinary: no JSON: 'hello'"),
        ("--cmd cat --kind kl", "cat: nothing was answered; kl-ordinary: its answer has no object of stages"),
        ("--python mine", "mine: module:function or FILE.py:NAME is needed"),
        ("--python mine:stage", "vae-np: error: mine: has no function stage"),
        (
            "--python mine:nothing",
            f"mine:nothing: nothing was answered, of {len(cases())} cases: the function returned None",
        ),
        ("--outputs .", ".: holds no answer"),
        ("--outputs nowhere", "nowhere: no such folder"),
        ("--python mine:stages --kind k", "kind must be one of model, kl, "),
        ("--python mine:stages --case kl-ordinry", "there is no case kl-ordinry; kl-ordinary is one"),
        ("--python mine:stages --case 0", "there is no case 0\n"),
        ("--python mine:stages --junit no/report.xml", "--junit no/report.xml: no such folder"),
        ("--python mine:stages --junit a --markdown a", "--junit and --markdown are one file: a"),
    ],
)
def test_what_contradicts_itself_or_cannot_be_run_is_told_in_one_line(words, fact, verify):
    one_line(verify(words), fact)


def test_a_report_of_what_could_not_be_run_takes_the_place_of_an_older_one(verify):
    verify("--python mine:stages --kind kl --junit report.xml")
    assert set(junit().values()) == {"right"}
    one_line(verify("--cmd no-such-program --junit report.xml --markdown report.md"), "No such file")
    assert junit() == {"--cmd no-such-program": "error"}
    assert "It could not be run" in Path("report.md").read_text()


def test_an_outputs_folder_without_answers_to_the_chosen_cases_is_no_success(verify):
    Path("answers").mkdir()
    Path("answers/kl-ordinary.json").write_text('{"stages": {}}')
    one_line(verify("--outputs answers --kind adam"), "answers: nothing was answered, of 5 cases")
    one_line(verify("--outputs answers --case kl-ordinary"), "answers: nothing was answered, of 1 cases")


def test_who_waits_is_told_how_far_it_is(verify, monkeypatch):
    monkeypatch.setattr(verify_ways, "QUIET", 0.0)
    done = verify("--python mine:stages --kind kl")
    assert done.err.splitlines() == [f"vae-np: {n} of 3 cases" for n in (1, 2, 3)]


CLAMPED = """
import numpy as np

def loss(recon_x, x, mu, logvar):
    p = np.clip(recon_x, 1e-4, 1 - 1e-4)
    bce = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1)
    return bce - {half} * (1 + logvar - mu**2 - np.exp(logvar)).sum(axis=1)
"""


def test_a_mistake_of_less_severity_can_be_allowed_and_one_of_the_objective_cannot(verify):
    words = "--loss clamped.py:loss --allow probability-clamp --junit report.xml"
    Path("clamped.py").write_text(CLAMPED.format(half=0.5))
    done = verify(words)
    assert (done.code, done.out.splitlines()[-1]) == (0, "Allowed: probability-clamp.")
    assert set(junit().values()) == {"right"}
    total = "\ndef total(a, b, mu, logvar):\n    return loss(a, b, mu, logvar).sum()\n"
    Path("clamped.py").write_text(CLAMPED.format(half=0.5) + total)
    done = verify("--loss clamped.py:total --allow probability-clamp --strict")
    assert (done.code, done.out.splitlines()[-1]) == (1, "Allowed: probability-clamp; --strict: objective-batch-sum")
    Path("clamped.py").write_text(CLAMPED.format(half=1))
    done = verify(words)
    assert (done.code, done.out.splitlines()[-1]) == (1, "Mistaken: probability-clamp, kl-missing-half.")
    assert set(junit().values()) == {"failure"}
    done = verify(f"{words} --allow kl-missing-half")
    one_line(done, "--allow kl-missing-half: it makes the objective or its gradient wrong, and cannot be allowed")


def test_what_cannot_be_run_is_json_where_that_is_asked_for(verify):
    for words in ("--loss none.py:loss --json", "--kind kl --json", "--list-mistakes --explain kl-sign --json"):
        done = verify(words)
        assert done.code == 2
        assert done.json["ok"] is False
        assert done.err == f"vae-np: error: {done.json['error']}\n"


def test_what_a_program_says_does_not_steer_the_terminal(verify):
    Path("loss.py").write_text("def loss(recon, x, mu, logvar):\n    raise RuntimeError('\\x1b[2Jgone \\x07')\n")
    done = verify("--loss loss.py:loss")
    assert done.code == 2
    assert "\\x1b[2Jgone \\x07" in done.err
    assert done.err.rstrip("\n").isprintable()
