"""vae-np train: a run's folder is written by one process, and what is in it is not lost."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import tempfile
from pathlib import Path

import pytest
from patience import HANGS

import vae_np as package
from cli.conftest import one_line
from vae_np.cli import train as train_command


def test_a_run_is_not_overwritten(train, run):
    before = Path("run/checkpoint.npz").read_bytes()
    one_line(train("--out", "run"), "run holds a run already", "--resume")
    assert Path("run/checkpoint.npz").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_told(train, monkeypatch):
    assert train("--out", "run", "--epochs", "1").code == 0
    package.load("run")  # whatever is to be imported is
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to others
        shutil.copytree("run", f"{folder}/run")
        shutil.copy("data.csv", folder)
        for path, mode in ((folder, 0o755), (f"{folder}/run", 0o555)):
            os.chmod(path, mode)
        monkeypatch.chdir(folder)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            one_line(train("--out", "new"), "new: Permission denied")
            one_line(train("--out", "run", "--resume", "--epochs", "3"), "run/config.json: Permission denied")
        finally:
            if root:
                os.seteuid(0)
            os.chmod(f"{folder}/run", 0o755)
        assert sorted(os.listdir(folder)) == ["data.csv", "run"]
        assert train("--out", "run", "--resume", "--epochs", "3").code == 0
        monkeypatch.undo()


def test_a_disk_that_is_full_stops_the_run_and_leaves_the_checkpoint(train, start):
    words = ["--out", "run", "--checkpoint-seconds", "0"]
    assert train(*words, "--epochs", "1").code == 0
    before = Path("run/checkpoint.npz").read_bytes()

    def tiny_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, len(before) // 2))

    process = start("train", "--out", "run", "--resume", "--epochs", "5", before=tiny_files)
    _, err = process.communicate(timeout=HANGS)
    assert process.returncode == 2
    assert err.splitlines()[-1] == "vae-np: error: run/checkpoint.npz: File too large"
    assert "Traceback" not in err
    assert Path("run/checkpoint.npz").read_bytes() == before
    assert not list(Path("run").glob(".*"))
    assert train(*words, "--resume", "--epochs", "5").code == 0


def test_two_processes_do_not_train_in_one_folder(train, run):
    handle = os.open("run", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        one_line(train("--out", "run", "--resume"), "run: another process is training there")
    finally:
        os.close(handle)
    assert train("--out", "run", "--resume").code == 0


def test_of_two_that_start_together_in_a_new_folder_one_trains(train, monkeypatch):
    prepare = train_command._prepare

    def meanwhile(*how):
        os.mkdir("run")
        handles.append(os.open("run", os.O_RDONLY))
        fcntl.flock(handles[0], fcntl.LOCK_EX)
        return prepare(*how)

    handles = []
    monkeypatch.setattr(train_command, "_prepare", meanwhile)
    try:
        one_line(train("--out", "run"), "run: another process is training there")
    finally:
        os.close(handles[0])
    assert os.listdir("run") == []


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_a_run_that_another_has_finished_meanwhile_is_not_overwritten(resume, train, monkeypatch):
    prepare = train_command._prepare
    if resume:
        os.mkdir("run")

    def meanwhile(*how):
        os.makedirs("run", exist_ok=True)
        Path("run/checkpoint.npz").write_text("the other's")
        return prepare(*how)

    monkeypatch.setattr(train_command, "_prepare", meanwhile)
    one_line(train("--out", "run", *resume), "run holds a run already")
    assert os.listdir("run") == ["checkpoint.npz"]
    assert Path("run/checkpoint.npz").read_text() == "the other's"
