"""Answers in files: JSON and arrays are read, what is damaged is told, and the rest goes on."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from vae_np.conformance import cases, check
from vae_np.conformance.outputs import Outputs

KL = cases("kl")
FIRST, SECOND, THIRD = (case.id for case in KL)


@pytest.fixture
def folder(tmp_path):
    """Right answers: two in JSON, one as arrays."""
    for case in KL[:2]:
        stages = {stage: value.nearest.tolist() for stage, value in case.expected.items()}
        (tmp_path / f"{case.id}.json").write_text(json.dumps({"id": case.id, "stages": stages}))
    np.savez(tmp_path / f"{THIRD}.npz", **{stage: value.nearest for stage, value in KL[2].expected.items()})
    return tmp_path


def test_both_forms_are_read_and_a_case_without_a_file_is_not_answered(folder):
    outputs = Outputs(folder)
    report = check(outputs)
    assert report.ok
    assert {result.case for result in report.results if result.status == "right"} == {FIRST, SECOND, THIRD}
    assert (outputs.answered, outputs.failures, outputs.strangers) == (3, [], [])


def test_the_id_may_be_left_out_and_a_skip_is_kept(folder):
    (folder / f"{FIRST}.json").write_text('{"stages": {}}')
    (folder / f"{SECOND}.json").write_text('{"skip": "no KL"}')
    outputs = Outputs(folder)
    assert check(outputs, KL).ok
    assert outputs.skipped == {SECOND: "no KL"}


def a_pickle(file):
    np.savez(file, kl=np.array([{"a": 1}, "text", None], dtype=object))


def an_npy(file):
    with file.open("wb") as stream:
        np.save(stream, np.ones(3))


def half(file):
    np.savez(file, kl=np.arange(1000.0))
    file.write_bytes(file.read_bytes()[:4000])


def flipped(file):
    np.savez_compressed(file, kl=np.arange(1000.0))
    content = bytearray(file.read_bytes())
    content[200] ^= 255
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "write", "fact"),
    [
        (".npz", a_pickle, "kl-near-the-prior.npz: cannot be read: Object arrays cannot be loaded"),
        (".npz", lambda file: file.write_bytes(pickle.dumps({"kl": [1, 2]})), "cannot be read: File is not a zip file"),
        (".npz", an_npy, "cannot be read: File is not a zip file"),
        (".npz", half, "cannot be read: File is not a zip file"),
        (".npz", flipped, "cannot be read: "),
        (".npz", lambda file: np.savez(file, kl=np.array(["a"])), "no array of numbers"),
        (".npz", lambda file: np.savez(file, kl=np.ones(5)), "has the shape (5,), not (3,)"),
        (".npz", lambda file: np.savez(file, KL=np.ones(5)), "there is no such stage"),
        (".npz", lambda file: file.mkdir(), "cannot be read: Is a directory"),
        (".json", lambda file: file.write_bytes(b""), "kl-near-the-prior.json: no JSON: ''"),
        (".json", lambda file: file.write_bytes(b"\xff\xfe"), "kl-near-the-prior.json: 'utf-8' codec can't decode"),
        (".json", lambda file: file.write_text("[]"), "no JSON object: '[]'"),
        (".json", lambda file: file.write_text("{}"), "its answer has no object of stages; it has nothing"),
        (".json", lambda file: file.write_text('{"id": "kl"}'), "is an answer to 'kl'"),
        (".json", lambda file: file.write_text('{"error": "overflow"}'), "it says: overflow"),
        (".json", lambda file: file.write_text('{"stages": {"kl": [1, NaN, 2]}}'), "is nan at [1]"),
        (".json", lambda file: file.mkdir(), "Is a directory"),
    ],
)
def test_a_damaged_file_is_a_wrong_case_and_the_others_are_read(name, write, fact, folder):
    (folder / f"{SECOND}.json").unlink()
    write(folder / f"{SECOND}{name}")
    report = check(Outputs(folder), KL)
    (wrong,) = (result for result in report.results if result.status == "wrong")
    assert wrong.case == SECOND
    assert fact in wrong.fact
    assert {result.status for result in report.results if result.case != SECOND} == {"right"}


def test_two_answers_to_one_case_are_told(folder):
    a_pickle(folder / f"{FIRST}.npz")
    outputs = Outputs(folder)
    assert not check(outputs, KL).ok
    assert outputs.failures == [f"{FIRST}.json and {FIRST}.npz: two answers; which is meant?"]


def test_files_that_are_named_after_no_case_are_listed(folder):
    (folder / "kl-ordinry.json").write_text("{}")
    (folder / "notes.txt").write_text("")
    assert Outputs(folder).strangers == ["kl-ordinry.json"]


def test_a_folder_without_any_answer_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no answer; one is a file named after its case"):
        Outputs(tmp_path)
    with pytest.raises(ValueError, match="no such folder"):
        Outputs(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is no folder"):
        Outputs(tmp_path / "file")
