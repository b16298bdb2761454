"""A program that answers in lines: what it does wrong is said of its case, and the other cases go on."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import time

import numpy as np
import pytest
from patience import HANGS

from vae_np.conformance import cases, check
from vae_np.conformance import command as command_module
from vae_np.conformance.answers import NoAnswer, parsed, stages_of
from vae_np.conformance.command import Program
from vae_np.conformance.process import LONGEST_LINE

KL = cases("kl")
FIRST, SECOND, THIRD = (case.id for case in KL)
HEAD = """
import json, os, sys, time
right = json.load(open({answers!r}))
def say(answer):
    print(json.dumps(answer) if isinstance(answer, dict) else answer, flush=True)
for line in sys.stdin:
    request = json.loads(line)
    name = request["id"]
    answer = {{"id": name, "stages": right[name]}}
    with open({log!r}, "a") as log:
        print(os.getpid(), name, file=log)
"""


@pytest.fixture
def program(tmp_path):
    """program("say(answer)") is a program that does this with each request, and a list of (process, case) asked."""

    def write(body):
        log, answers, script = tmp_path / "log", tmp_path / "right.json", tmp_path / "program.py"
        log.write_text("")
        stages = {case.id: {stage: e.nearest.tolist() for stage, e in case.expected.items()} for case in KL}
        answers.write_text(json.dumps(stages))
        lines = [f"    {line}" for line in body.splitlines()]
        script.write_text("\n".join([HEAD.format(answers=str(answers), log=str(log)), *lines]))
        return [sys.executable, "-S", str(script)], lambda: [line.split() for line in log.read_text().splitlines()]

    return write


def verified(command, timeout=HANGS, among=KL):
    """The report and the program after it."""
    with Program(command, timeout) as candidate:
        return check(candidate, among), candidate


def facts(report):
    """What is wrong, by case."""
    return {result.case: result.fact for result in report.results if result.status == "wrong"}


def test_a_program_that_is_right_is_one_process_and_is_asked_each_case_once(program):
    command, asked = program("say(answer)")
    report, candidate = verified(command)
    assert report.ok
    assert {result.status for result in report.results} == {"right"}
    assert [name for _, name in asked()] == [FIRST, SECOND, THIRD]
    assert len({process for process, _ in asked()}) == 1
    assert (candidate.answered, candidate.failures) == (3, [])


@pytest.mark.parametrize(
    ("instead", "fact"),
    [
        ("os._exit(3)", "the program ended with exit code 3: without a word"),
        ("sys.exit('no memory\\n\\n')", "the program ended with exit code 1: no memory"),
        ("sys.exit(0)", "the program ended with exit code 0: without a word"),
        ("os.kill(os.getpid(), 9)", "the program was ended by SIGKILL"),
        ("os.kill(os.getpid(), 40)", "the program was ended by signal 40"),
        ("os.close(1); time.sleep(3600)", "the program closed its standard output"),
        ("say('Epoch 1: 0.5')", "no JSON: 'Epoch 1: 0.5'"),
        ("say('x' * 1000)", f"no JSON: '{'x' * 57}...'"),
        ("sys.stdout.buffer.write(b'\\xff\\x00'); say('')", "no JSON: '\ufffd\\x00'"),
        (f"say('x' * {2 * LONGEST_LINE})", f"the program wrote a line of more than {LONGEST_LINE} bytes"),
        ("say('[' * 100000)", "no JSON: '[[["),
        ("say('[1, 2]')", "no JSON object: '[1, 2]'"),
        ("say(answer | {'id': 'kl'})", "an answer to 'kl', which was not the question"),
        ("say(answer | {'id': ['kl']})", "an answer to ['kl'], which was not the question"),
        ("say({'stages': {}})", "an answer to None, which was not the question"),
        (f"say(answer | {{'id': {FIRST!r}}})", f"an answer to {FIRST!r}, which was not the question"),
        ("say({'id': name, 'stage': 1})", "its answer has no object of stages; it has id, stage"),
        ("say({'id': name, 'stages': [1]})", "its answer has no object of stages"),
        ("say({'id': name, 'error': 'singular\\nmatrix'})", "it says: singular matrix"),
        ("say({'id': name, 'error': '\\x1b[2J\\ud800'})", "it says: \\x1b[2J\\ud800"),
        ("say({'id': name, 'error': 'x' * 1000})", f"it says: {'x' * 488}..."),
        ("right[name]['\\ud800'] = 1; say(answer)", "there is no such stage"),
        ("right[name]['kl'][1] = float('nan'); say(answer)", "is nan at [1]"),
        ("right[name]['kl'][1] = None; say(answer)", "is nan at [1]"),
        ("right[name]['kl'][1] = '-inf'; say(answer)", "is -inf at [1]"),
        ("right[name]['kl'] = 'much'; say(answer)", "no array of numbers"),
        ("right[name]['kl'] = {'0': 1}; say(answer)", "no array of numbers"),
        ("right[name]['kl'] = [right[name]['kl']]; say(answer)", "has the shape (1, 3), not (3,)"),
        ("right[name]['kl'] = [right[name]['kl'], 1]; say(answer)", "no array of numbers"),
        ("right[name]['kl'][2] = 10**400; say(answer)", "is inf at [2]"),
        ("right[name]['KL'] = 1; say(answer)", "there is no such stage; those of this case are kl, d_mu, d_logvar"),
    ],
)
def test_what_it_does_instead_of_answering_is_said_of_this_case_and_the_others_are_right(instead, fact, program):
    report, candidate = verified(program(f"if name == {SECOND!r}:\n    {instead}\nelse:\n    say(answer)")[0])
    assert list(facts(report)) == [SECOND]
    assert fact in facts(report)[SECOND]
    assert {result.status for result in report.results if result.case != SECOND} == {"right"}
    assert candidate.answered in (2, 3)
    assert all(failure.startswith(f"{SECOND}: ") for failure in candidate.failures)


@pytest.mark.slow
def test_a_program_that_hangs_is_ended_with_what_it_has_started_and_started_again(program, tmp_path):
    body = f"""
if name == {SECOND!r}:
    import subprocess
    held = os.open({str(tmp_path / "held")!r}, os.O_WRONLY)
    subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(3600)'], pass_fds=[held])
    time.sleep(3600)
say(answer)"""
    command, asked = program(body)
    os.mkfifo(tmp_path / "held")
    held = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    told = []
    with Program(command, 3, told.append) as candidate:
        report = check(candidate, KL)
    assert told == [f"{SECOND}: no answer within 3 seconds"]
    assert facts(report) == {SECOND: "NoAnswer: no answer within 3 seconds"}
    processes = [process for process, _ in asked()]
    assert processes[0] == processes[1] != processes[2]
    assert nobody_writes(held)
    os.close(held)


def nobody_writes(pipe):
    """Whether all who have a pipe open for writing end, and soon, for they were killed."""
    until = time.monotonic() + HANGS
    while time.monotonic() < until:
        try:
            return os.read(pipe, 1) == b""
        except BlockingIOError:
            time.sleep(0.01)
    return False


def test_after_three_hangs_in_a_row_no_more_is_asked():
    report, candidate = verified([sys.executable, "-S", "-c", "import time; time.sleep(3600)"], 0.2, cases()[:5])
    found = list(facts(report).values())
    assert found[:3] == ["NoAnswer: no answer within 0.2 seconds"] * 3
    assert found[3:] == ["NoAnswer: not asked: 3 cases in a row had no answer within 0.2 seconds"] * 2
    assert candidate.answered == 0


@pytest.mark.slow  # it waits
def test_a_line_between_two_hangs_shows_that_the_program_is_alive(program, monkeypatch):
    monkeypatch.setattr(command_module, "HANGS", 2)
    command, _ = program(f"time.sleep(3600 * (name != {SECOND!r}))\nsay('alive')")
    report, _ = verified(command, 3, [*KL, KL[1]])
    assert [fact.split()[1:3] for fact in facts(report).values()] == [
        ["no", "answer"],
        ["no", "JSON:"],
        ["no", "answer"],
    ]


@pytest.mark.slow
def test_a_program_that_never_reads_or_never_stops_writing_hangs_nothing():
    """More than a pipe holds goes in, or comes out, and nobody is at the other end."""
    large = dataclasses.replace(KL[0], inputs={"mu": np.zeros((500, 500))})
    assert len(json.dumps(large.request())) > 1 << 20
    for body in ("import time; time.sleep(3600)", "while True: print('x' * 1000)", "while True: print()"):
        report, _ = verified([sys.executable, "-S", "-c", body], 0.5, [large, KL[1]])
        assert list(facts(report)) == [FIRST, SECOND]


def test_an_answer_that_comes_after_a_line_of_something_else_is_not_taken_for_the_next_case(program):
    report, _ = verified(program(f"if name == {FIRST!r}:\n    say('loading')\nsay(answer)")[0])
    assert list(facts(report)) == [FIRST]
    assert "no JSON: 'loading'" in facts(report)[FIRST]
    report, _ = verified(program("say('loading')\nsay(answer)")[0])
    assert list(facts(report)) == [FIRST, SECOND, THIRD]


def test_a_program_that_ends_after_each_answer_is_started_for_each(program):
    command, asked = program("say(answer)\nsys.exit(0)")
    report, _ = verified(command)
    assert report.ok
    assert len({process for process, _ in asked()}) == 3
    report, _ = verified(program("say(answer)\nos._exit(4)")[0])  # that is no good order
    assert facts(report) == {SECOND: "NoAnswer: the program ended with exit code 4: without a word"}


def test_skips_and_the_reason_why_no_case_can_be_done_are_kept(program):
    report, candidate = verified(program(f"say({{'id': name, 'skip': 'no KL'}} if name == {SECOND!r} else answer)")[0])
    assert report.ok
    assert candidate.skipped == {SECOND: "no KL"}
    command, asked = program("say({'id': None, 'error': 'no GPU'})")
    report, candidate = verified(command)
    assert candidate.unable == "no GPU"
    assert set(facts(report).values()) == {"NoAnswer: it can do no case: no GPU"}
    assert len(asked()) == 1


def test_blank_lines_are_nothing(program):
    report, _ = verified(program("say('')\nsay('\\r')\nsay(answer)\nsay('')")[0])
    assert report.ok


def test_what_it_prints_on_standard_error_is_not_in_the_way(program):
    report, _ = verified(program("print('y' * 100000, file=sys.stderr)\nsay(answer)")[0])
    assert report.ok


def test_any_number_of_seconds_may_be_waited(program):
    assert verified(program("say(answer)")[0], 1e300)[0].ok


def test_an_error_of_our_own_ends_the_program_at_once():
    """As an interrupt does: it is not asked to end first."""
    candidate = Program([sys.executable, "-S", "-c", "import sys; sys.stdin.read()"])
    process = candidate.__enter__()._process._process
    with pytest.raises(KeyboardInterrupt), candidate:
        raise KeyboardInterrupt
    assert process.returncode == -signal.SIGKILL
    with candidate:
        process = candidate._process._process
    assert process.returncode == 0


def test_a_program_that_is_not_there_is_no_wrong_case():
    with pytest.raises(FileNotFoundError, match="no-such-program"), Program(["no-such-program"]):
        pass


def test_numbers_are_read_as_other_languages_write_them():
    answer = parsed('\ufeff{"stages": {"kl": [1, 1e400, NaN, -Infinity, "nan", "inf", null, 0.1]}}')
    found = np.asarray(stages_of(answer)["kl"], dtype=np.float64)
    np.testing.assert_array_equal(found, [1, np.inf, np.nan, -np.inf, np.nan, np.inf, np.nan, 0.1])
    assert stages_of({"skip": "why"}) is None
    with pytest.raises(NoAnswer, match="it has nothing"):
        stages_of({})
