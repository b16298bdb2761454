"""vae-np tune taken up again: other data, another number, two searches at once, and what a killed one has left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from cli.conftest import one_line
from vae_np.cli import run_folder, trials
from vae_np.cli.trials import Book

GRID = ["tune", "--data", "data.csv", "--method", "grid", "--over", "latent", "2", "5", "9"]
RESUME = ["tune", "--resume", "--out", "search"]


class Fake:
    """A run without a process."""

    made: list[dict[str, str]]
    wrong: frozenset[str]

    def __init__(self, folder, options, words):
        type(self).made.append(dict(options))
        self.folder, self.begun = folder, time.monotonic()
        failed = options["latent"] in self.wrong
        self.process = type("Process", (), {"returncode": 2 if failed else 0})()
        folder.mkdir(exist_ok=True)
        if not failed:
            (folder / "result.json").write_text(json.dumps({"validation_elbo": -float(options["latent"])}))

    def is_over(self):
        return True

    def error(self):
        return "no such thing"

    def interrupt(self):
        pass

    end = close = interrupt


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(Fake, "made", [], raising=False)
    monkeypatch.setattr(Fake, "wrong", frozenset(), raising=False)
    monkeypatch.setattr(trials, "_Run", Fake)
    monkeypatch.setattr(trials, "POLL", 0.0)
    return Fake


def test_other_data_under_the_same_name_are_refused(vae_np, fake, here):
    assert vae_np(*GRID, "--out", "search", "--trials", "1").code == 0
    before = (here / "search" / "trials.json").read_bytes()
    x = np.loadtxt("data.csv", delimiter=",")
    x[17, 3] += 0.25
    np.savetxt("data.csv", x, delimiter=",")
    says = "search/trials.json: data.csv: the data have changed since the search began"
    one_line(vae_np(*RESUME, "--trials", "3"), says)
    assert (here / "search" / "trials.json").read_bytes() == before
    x[17, 3] -= 0.25
    np.savetxt("data.csv", x, delimiter=",")
    assert vae_np(*RESUME, "--trials", "3").code == 0
    assert len(fake.made) == 3


def test_labels_are_data_as_well(vae_np, fake, here):
    x = np.random.default_rng(0).random((40, 4))
    words = [*GRID, "--labels", "last", "--out", "search", "--trials", "1"]
    for n, label in enumerate("ab"):
        lines = [f"{','.join(map(repr, row))},{i % 2}" for i, row in enumerate(x.tolist())]
        lines[8] = f"{lines[8][:-1]}{n}"
        (here / "data.csv").write_text("\n".join(lines) + "\n")
        assert vae_np(*(words if label == "a" else RESUME)).code == (0 if label == "a" else 2)


def test_the_searchs_own_number_stays_and_a_new_one_is_kept(vae_np, fake):
    assert vae_np(*GRID, "--out", "search", "--trials", "1").code == 0
    assert vae_np(*RESUME).code == 0
    assert len(fake.made) == 1
    assert vae_np(*RESUME, "--trials", "2").code == 0
    assert vae_np(*RESUME).code == 0
    assert len(fake.made) == 2


def test_the_number_of_a_bayesian_search_stays(vae_np, fake):
    pytest.importorskip("optuna")
    words = ["tune", "--data", "data.csv", "--over", "latent", "2..40", "--trials", "2", "--out", "search"]
    assert vae_np(*words).code == 0
    assert vae_np(*RESUME).code == 0
    assert len(fake.made) == 2


def test_a_second_search_in_one_folder_is_refused(vae_np, fake, here):
    pytest.importorskip("fcntl")
    assert vae_np(*GRID, "--out", "search", "--trials", "1").code == 0
    fake.made.clear()
    for words in (RESUME, [*GRID, "--out", "search"]):
        run_folder.lock(here / "search")  # which the end of the command undoes, for it is in this process
        one_line(vae_np(*words), "search: another search is running there")
    assert not fake.made
    assert vae_np(*RESUME, "--trials", "2").code == 0


@pytest.mark.parametrize("data", ["nofile.csv", "words.csv"])
def test_data_that_cannot_be_read_are_told_before_any_run(data, vae_np, fake, here):
    (here / "words.csv").write_text("a,b\n1,2\n3,four\n")
    one_line(vae_np("tune", "--data", data, "--method", "grid", "--over", "latent", "2", "--out", "search"), data)
    assert not fake.made
    assert not (here / "search").exists()


def test_what_has_failed_is_run_once_more(vae_np, fake, monkeypatch, here):
    monkeypatch.setattr(Fake, "wrong", frozenset("29"))
    assert vae_np(*GRID, "--out", "search").code == 0
    assert [trial.state for trial in Book.read(here / "search").trials] == ["failed", "done", "failed"]
    fake.made.clear()
    monkeypatch.setattr(Fake, "wrong", frozenset("9"))
    assert vae_np(*RESUME).code == 0
    assert [options["latent"] for options in fake.made] == ["2", "9"]
    found = Book.read(here / "search").trials
    assert [trial.state for trial in found] == ["done", "done", "failed"]
    assert [bool(trial.error) for trial in found] == [False, False, True]


def test_results_that_are_there_are_taken(vae_np, fake, here):
    assert vae_np(*GRID, "--out", "search").code == 0
    book = json.loads((here / "search" / "trials.json").read_text())
    for trial, state in zip(book["trials"], ("running", "failed", "done"), strict=True):
        trial |= {"state": state, "value": None if state != "done" else trial["value"], "error": "exit 2: x"}
    (here / "search" / "trials.json").write_text(json.dumps(book))
    fake.made.clear()
    assert vae_np(*RESUME).code == 0
    assert not fake.made
    assert [trial.value for trial in Book.read(here / "search").trials] == [-2.0, -5.0, -9.0]


def test_where_no_run_came_to_an_end_the_table_is_there(vae_np, fake, monkeypatch, here):
    monkeypatch.setattr(Fake, "wrong", frozenset("259"))
    done = vae_np(*GRID, "--out", "search")
    assert "no run came to an end: exit 2: no such thing" in done.err
    assert (here / "search" / "trials.csv").read_text().count("failed") == 3


def test_a_run_that_goes_on_by_itself_is_waited_for_and_then_its_result_is_taken(fake, tmp_path, monkeypatch):
    trial = trials.Trial(0, {"latent": "2"}, "running")
    folder = tmp_path / trial.folder
    folder.mkdir()
    looks, told, said = iter([True, True, True, False]), [], []

    def is_locked(path):
        if path == folder and next(looks, False):
            return True
        (folder / "result.json").write_text(json.dumps({"validation_elbo": -7.0}))  # it has ended
        return False

    monkeypatch.setattr(trials, "is_locked", is_locked)
    trials.run_all(Book(tmp_path, {}, [trial]), lambda: None, [], 1, told.append, said.append)
    assert said == ["trial 0: its run goes on without the search that began it, and is waited for"]
    assert [(trial.state, trial.value) for trial in told] == [("done", -7.0)]
    assert not fake.made


def test_a_folder_is_locked_as_long_as_another_is_at_work_there(tmp_path):
    pytest.importorskip("fcntl")
    assert not run_folder.is_locked(tmp_path)
    assert not run_folder.is_locked(tmp_path / "none")
    run_folder.lock(tmp_path)
    assert run_folder.is_locked(tmp_path)
    run_folder.unlock()
    assert not run_folder.is_locked(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_after_a_kill_the_runs_that_go_on_are_waited_for(here):
    fixed = "hidden 5, backend numpy, patience none, epochs 400, checkpoint-seconds 0"
    over = [word for option in f"latent 1 2 3, {fixed}".split(", ") for word in ("--over", *option.split())]
    words = [sys.executable, "-m", "vae_np", "tune", "--data", "data.csv", "--method", "grid", *over]
    kept = [here / "search" / f"trial-{n:03d}" / "checkpoint.npz" for n in (0, 1)]
    with subprocess.Popen([*words, "--out", "search", "--jobs", "2"], stderr=subprocess.DEVNULL) as process:
        while not all(path.exists() for path in kept):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    done = subprocess.run([*words[:4], *RESUME[1:], "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["trials"]
    assert [(trial["state"], trial["epochs"]) for trial in found] == [("done", 400)] * 3
