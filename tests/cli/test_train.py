"""vae-np train: what a run leaves, and the errors that leave nothing."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import pty
import resource
import shutil
import signal
import struct
import sys
import tempfile
import termios
from pathlib import Path

import numpy as np
import pytest

import vae_np as package
from cli.conftest import SMALL, one_line
from vae_np.cli import assemble, common, run_folder
from vae_np.cli import train as train_command
from vae_np.cli.train_options import DEFAULTS


def test_a_run_leaves_its_folder_and_says_where(vae_np):
    pytest.importorskip("matplotlib")
    done = vae_np("train", "--data", "data.csv", *SMALL, "--epochs", "2")
    assert done.code == 0
    folder = Path("runs/data-1")
    names = {"config.json", "history.csv", "checkpoint.npz", *run_folder.PICTURES}
    names.remove("components.png")  # N(0, I) has none
    assert {file.name for file in folder.iterdir()} == names
    assert "everything goes to runs/data-1" in done.out
    assert "next: vae-np evaluate runs/data-1 --samples 500" in done.out
    lines = done.err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for name in ("elbo", "log_likelihood", "kl", "validation_elbo", "active_units", "learning_rate", "seconds"):
        assert np.isfinite(float(rows[-1][name]))
    config = json.loads((folder / "config.json").read_text())
    assert config["examples"] == {"train": 32, "validation": 4, "test": 4}
    assert config["arguments"]["latent"] == 2


def test_the_run_is_that_of_fit(train):
    assert train("--out", "run", "--epochs", "3", "--seed", "4", "--learning-rate", "0.01").code == 0
    data = common.load_parts({**DEFAULTS, "data": "data.csv", "seed": 4}, "float64")
    vae = package.VAE(6, hidden=(5,), latent=2, backend="numpy", seed=4)
    package.fit(vae, data.train.x, epochs=3, batch_size=8, seed=4, optimizer=package.Adam(1e-2), progress=False)
    np.testing.assert_array_equal(package.load("run").parameters.vector, vae.parameters.vector)


def test_runs_without_a_name_are_numbered(train):
    for i in (1, 2):
        assert f"runs/data-{i}" in train("--epochs", "0").out


def test_json_is_one_strict_object_and_no_progress(vae_np, train):
    done = train("--out", "run", "--epochs", "2", "--json")
    assert done.err == ""
    assert done.json["epochs"] == 2
    assert done.json["resumed"] is False
    assert done.json["test_elbo"] == vae_np("evaluate", "run", "--json").json["elbo"]
    done = train("--out", "other", "--epochs", "1", "--split", "1,0,0", "--json")
    assert done.json["validation_elbo"] is None
    assert "test_elbo" not in done.json


def test_a_run_is_not_overwritten(train, run):
    before = Path("run/checkpoint.npz").read_bytes()
    one_line(train("--out", "run"), "run holds a run already", "--resume")
    assert Path("run/checkpoint.npz").read_bytes() == before


WRONG = {
    "--latent 0": "latent",
    "--hidden 0": "hidden",
    "--hidden 4,-1": "hidden",
    "--decoder-hidden 0": "hidden",
    "--epochs -1": "--epochs must not be negative; got -1",
    "--batch-size 0": "--batch-size must be at least 1; got 0",
    "--learning-rate nan": "--learning-rate",
    "--learning-rate -1": "--learning-rate",
    "--learning-rate inf": "--learning-rate",
    "--split 0.5,0.5": "--split needs three numbers; got 2",
    "--split 0.5,0.5,0.5": "must sum to 1",
    "--split 0,0.5,0.5": "training",
    "--split nan,0.5,0.5": "fractions",
    "--activation swish": "activation",
    "--likelihood poisson": "likelihood must be one of",
    "--init zero": "init",
    "--sigma 0.5": "--sigma belongs to --likelihood gaussian",
    "--likelihood gaussian --sigma -1": "sigma",
    "--likelihood gaussian --sigma big": "sigma",
    "--objective iwae --beta 0.5": "no beta",
    "--objective iwae --kl-warmup 2": "no beta",
    "--objective iwae --free-bits 1": "--free-bits",
    "--beta -1": "--beta",
    "--beta nan": "--beta",
    "--free-bits -1": "free_bits",
    "--kl-warmup 2 --kl-cycles 2": "exclude each other",
    "--kl-cycles -1": "--kl-cycles",
    "--kl-cycles 1000 --epochs 1": "--kl-cycles 1000 in 4 steps: a cycle needs at least 2 steps",
    "--samples 0": "samples",
    "--seed -1": "seed",
    "--milestones 1,2": "--milestones needs --schedule steps",
    "--schedule steps --milestones 2,1": "milestones",
    "--warmup -1": "--warmup",
    "--clip-norm 0": "clip_norm",
    "--clip-norm nan": "clip_norm",
    "--epsilon -1": "epsilon",
    "--epsilon 1e-60 --dtype float32": "epsilon must not vanish in float32",
    "--learning-rate 1e39 --dtype float32": "learning_rate must be finite in float32",
    "--weight-decay -1": "weight_decay",
    "--checkpoint-seconds nan": "--checkpoint-seconds",
    "--checkpoint-seconds -1": "--checkpoint-seconds",
    "--data missing.npy": "missing.npy: no such file",
    "--data nan.csv": "nan.csv: row 3, column 2 is nan",
    "--data wide.csv": "wide.csv must lie in [0, 1] for the bernoulli likelihood; row 38, column 5 is 1.5",
    "--data wide.csv --likelihood continuous-bernoulli": "from 0); use --likelihood gaussian, or --scale N\n",
    "--data negative.csv": "from 0); use --likelihood gaussian\n",
    "--data negative.csv --binarise fixed": "from 0)\n",
    "--data whole.csv": "whole.csv: integers from 0 to 299 (int64) have no obvious scale; give scale=299 (--scale 299)",
    "--data words.csv": "words.csv: line 1, column 3: 'cat' is not a number; if column 3 holds labels: labels='last'",
    "--data wide.csv --binarise dynamic --likelihood gaussian": "for --binarise dynamic; row 38, column 5 is 1.5",
    "--data text.npy": "real numbers are needed",
    "--data data.csv --key x": "key",
    "--data data.csv --scale 0": "scale",
    "--data .": ".",
    "--resume": "--resume needs --out",
    "--latent 1000000000000000": "",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_value_is_told_in_one_line_and_leaves_no_folder(words, train, here):
    x = np.loadtxt("data.csv", delimiter=",")
    x[38, 5] = 1.5
    np.savetxt("wide.csv", x, delimiter=",")
    x[3, 2] = np.nan
    np.savetxt("nan.csv", x, delimiter=",")
    np.savetxt("negative.csv", x[:3] - 1, delimiter=",")
    Path("whole.csv").write_text("0,299\n" * 10)
    Path("words.csv").write_text("0,0.5,cat\n" * 10)
    np.save("text.npy", np.array([["a"]]))
    before = set(here.iterdir())
    one_line(train(*words.split()), WRONG[words])
    assert set(here.iterdir()) == before


def test_an_out_that_is_a_file_is_told(train, here):
    one_line(train("--out", "data.csv"), "data.csv is a file; --out names a folder")
    one_line(train("--out", "data.csv/run"), "data.csv/run: Not a directory")


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


@pytest.mark.filterwarnings("error")
def test_a_diverging_run_is_told_and_nothing_else_is_printed(train):
    words = ["--out", "run", "--activation", "relu", "--epochs", "50", "--checkpoint-seconds", "0"]
    done = train(*words, "--learning-rate", "1e90")
    assert done.code == 2
    error = done.err.splitlines()[-1]
    assert error.startswith("vae-np: error: ")
    assert " in epoch 1, step " in error
    assert sum(line.startswith("vae-np") for line in done.err.splitlines()) == 1
    package.load("run")  # the last good one


def test_a_disk_that_is_full_stops_the_run_and_leaves_the_checkpoint(train, start):
    words = ["--out", "run", "--checkpoint-seconds", "0"]
    assert train(*words, "--epochs", "1").code == 0
    before = Path("run/checkpoint.npz").read_bytes()

    def tiny_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, len(before) // 2))

    process = start("train", "--out", "run", "--resume", "--epochs", "5", before=tiny_files)
    _, err = process.communicate(timeout=60)
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

    def meanwhile(options):
        os.mkdir("run")
        handles.append(os.open("run", os.O_RDONLY))
        fcntl.flock(handles[0], fcntl.LOCK_EX)
        return prepare(options)

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

    def meanwhile(options):
        os.mkdir("run")
        Path("run/checkpoint.npz").write_text("the other's")
        return prepare(options)

    monkeypatch.setattr(train_command, "_prepare", meanwhile)
    one_line(train("--out", "run", *resume), "run holds a run already")
    assert os.listdir("run") == ["checkpoint.npz"]
    assert Path("run/checkpoint.npz").read_text() == "the other's"


@pytest.mark.parametrize("closed", [(0, 1, 2), (1,), (2,)])
def test_closed_standard_streams_are_no_obstacle(closed, start):
    words = ["train", "--data", "data.csv", *SMALL, "--no-pictures", "--epochs", "1", "--out", "run"]
    process = start(*words, before=lambda: [os.close(handle) for handle in closed])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert bool(out) == (1 not in closed)
    package.load("run")


def test_without_matplotlib_there_are_no_pictures_and_a_word(vae_np, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = vae_np("train", "--data", "data.csv", *SMALL, "--epochs", "1", "--out", "run", "--json")
    assert done.code == 0
    assert done.json["pictures"] == []
    assert "vae-np: no pictures: " in done.err
    assert Path("run/checkpoint.npz").exists()


def test_options_become_schedules_by_steps(here):
    options = {**DEFAULTS, "epochs": 10, "batch_size": 8}
    cases = {
        ("kl_warmup", 3): ("beta", package.LinearWarmup(12, final=1.0)),
        ("kl_cycles", 2): ("beta", package.Cyclical(20, cycles=2, final=1.0)),
        ("beta", 0.5): ("beta", package.Constant(0.5)),
        ("schedule", "cosine"): ("rate", package.Cosine(1e-3, 40)),
        ("warmup", 7): ("rate", package.Warmup(7, package.Constant(1e-3))),
    }
    for (name, value), (kind, expected) in cases.items():
        settings = assemble.settings({**options, name: value}, examples=30)
        found = settings.beta if kind == "beta" else settings.optimizer.learning_rate
        assert found == expected, name
    steps = assemble.settings({**options, "schedule": "steps", "milestones": [2, 5]}, examples=30)
    assert [steps.optimizer.rate(t) for t in (8, 9, 21)] == pytest.approx([1e-3, 1e-4, 1e-5])
    free = assemble.settings({**options, "free_bits": 0.5, "free_bits_kind": "total"}, examples=30)
    assert free.objective == package.ELBO(0.5, "total")


def test_on_a_terminal_there_is_a_bar_that_an_interrupt_leaves_in_order(here):
    pytest.importorskip("tqdm")
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        program = "import sys; from vae_np.cli import main; sys.exit(main())"
        words = ["train", "--data", "data.csv", *SMALL, "--epochs", "100000", "--out", "a run"]
        os.execv(sys.executable, [sys.executable, "-c", program, *words])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    text, sent = b"", False
    while True:
        try:
            text += os.read(terminal, 65536)
        except OSError:  # the other side has closed
            break
        if not sent and b"ELBO -" in text:
            os.kill(pid, signal.SIGINT)
            sent = True
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    lines = text.decode().replace("\r\n", "\n").rstrip("\n").split("\n")
    assert lines[-1] == "vae-np: interrupted; continue with: vae-np train --out 'a run' --resume"
    bar = lines[-2].split("\r")
    assert len(bar) > 2
    assert max(map(len, bar)) < 80
    assert bar[-1].startswith("epoch ")
    assert "ELBO -" in bar[-1]
    package.load("a run")
