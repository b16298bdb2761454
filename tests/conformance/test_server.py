"""A Python function that answers in lines: what it is given, what it may return, and what is said if it cannot."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest

from vae_np.conformance import cases, check, ours, server
from vae_np.conformance.answers import stages_of
from vae_np.conformance.command import Program

KL = cases("kl")[0]
MODULE = """
import sys
import numpy as np

print("noise on the output")

def stages(case):
    mu, logvar = case.inputs["mu"], case.inputs["logvar"]
    assert mu.dtype == np.float64 and case.expected == {}
    return {"kl": 0.5 * (mu**2 + np.expm1(logvar) - logvar).sum(axis=1)}

def nothing(case):
    return None

def broken(case):
    return {"kl": 1 / 0}

def leaves(case):
    sys.exit("enough")

def complex_(case):
    return {"kl": [1j]}

def number(case):
    return 17

class Detached:
    def detach(self):
        return np.float32([1, np.nan, np.inf])

def tensor(case):
    return {"kl": Detached()}

class Group:
    @staticmethod
    def stages(case):
        return stages(case)

number_of_cases = 33
"""


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """answers("my_stages:stages", case) is what the server writes, line by line."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_stages.py").write_text(MODULE)
    (tmp_path / "exits.py").write_text("raise SystemExit(4)")

    def run(what, *asked):
        written = io.StringIO()
        server.serve(what, [json.dumps(case.request()) for case in asked], written)
        return [json.loads(line) for line in written.getvalue().splitlines()]

    return run


@pytest.mark.parametrize("what", ["my_stages:stages", "my_stages.py:stages", "my_stages:Group.stages"])
def test_a_function_is_given_the_case_without_its_answers(what, answers):
    (answer,) = answers(what, KL)
    assert answer["id"] == KL.id
    assert check(lambda case: stages_of(answer), [KL]).ok


def test_every_number_of_a_case_comes_and_goes_as_it_is(answers):
    """This package by itself, and through the protocol, training included."""
    found = answers("vae_np.conformance.ours:answer", *cases())
    by_id = {answer["id"]: answer["stages"] for answer in found}
    for case in cases():
        for stage, value in ours.answer(case).items():
            np.testing.assert_array_equal(np.array(by_id[case.id][stage]), value, err_msg=f"{case} {stage}")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("broken", "ZeroDivisionError: division by zero (my_stages.py, line 16)"),
        ("leaves", "SystemExit: enough (my_stages.py, line 19)"),
        ("complex_", "TypeError: kl is no array of real numbers: complex128 (server.py, line "),
        ("number", "TypeError: 'int' object is not iterable (server.py, line "),
    ],
)
def test_what_goes_wrong_in_it_is_an_error_of_this_case_and_the_next_is_asked(name, error, answers):
    first, second = answers(f"my_stages:{name}", KL, KL)
    assert first == second
    assert first["error"].startswith(error)


def test_none_is_a_skip_and_a_tensor_is_its_values(answers):
    assert answers("my_stages:nothing", KL) == [{"id": KL.id, "skip": "the function returned None"}]
    (answer,) = answers("my_stages:tensor", KL)
    np.testing.assert_array_equal(answer["stages"]["kl"], [1, np.nan, np.inf])


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("no_such:stages", "no_such: its import fails: ModuleNotFoundError"),
        ("exits:stages", "exits: its import fails: SystemExit: 4"),
        ("my_stages:stage", "my_stages: has no function stage"),
        ("my_stages:Group.stage", "my_stages: has no function Group.stage"),
        ("my_stages:number_of_cases", "my_stages: has no function number_of_cases"),
        ("my_stages.py:stage", "my_stages.py: has no stage; it has stages, nothing"),
        ("exits.py:stages", "exits.py: its import ends the program"),
        ("stages", "stages: module:function or FILE.py:NAME is needed"),
    ],
)
def test_a_function_that_is_not_there_is_told_once_and_for_all_cases(what, error, answers):
    (answer,) = answers(what, KL, KL)
    assert answer["id"] is None
    assert answer["error"].startswith(error)


@pytest.mark.usefixtures("answers")
def test_the_program_has_the_streams_to_itself():
    """What a function prints is no answer, and it cannot read the requests: in a process, as it is used."""
    with open("reads.py", "w") as file:
        file.write("def stages(case):\n    print('so far')\n    return {'kl': [len(open(0).read())] * 3}\n")
    with Program([sys.executable, "-m", "vae_np.conformance.server", "reads.py:stages"]) as program:
        assert program(KL) == {"kl": [0.0] * 3}
