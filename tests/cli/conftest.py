"""A tiny data set, and the command as a function of its words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from vae_np.cli import main

SMALL = ["--backend", "numpy", "--hidden", "5", "--latent", "2", "--dtype", "float64", "--batch-size", "8"]


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """Standard output as one strict JSON object."""

        def refuse(constant):
            raise AssertionError(f"{constant} is no JSON")

        value = json.loads(self.out, parse_constant=refuse)
        assert isinstance(value, dict)
        return value


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with data.csv in it: 40 examples of 6 features in [0, 1]."""
    monkeypatch.chdir(tmp_path)
    np.savetxt("data.csv", np.random.default_rng(0).random((40, 6)) ** 2, delimiter=",")
    return tmp_path


@pytest.fixture
def vae_np(here, capsys):
    """vae_np("evaluate", "run", ...) in this process."""

    def run(*words):
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def train(vae_np):
    """train("--out", "run", ...) of a tiny model on data.csv."""

    def run(*words, data="data.csv"):
        return vae_np("train", "--data", data, *SMALL, "--no-pictures", *words)

    return run


@pytest.fixture
def run(train):
    """The folder of a trained model."""
    assert train("--out", "run", "--epochs", "2", "--likelihood", "bernoulli").code == 0
    return "run"


@pytest.fixture
def start(here):
    """start("train", ...) in a process of its own, killed at the end of the test if it still runs."""
    processes = []

    def run(*words, **options):
        program = options.pop("program", "import sys; from vae_np.cli import main; sys.exit(main())")
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            preexec_fn=options.pop("before", lambda: signal.signal(signal.SIGINT, signal.default_int_handler)),
            **options,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def one_line(done, *parts):
    """Assert that a command ended with an error of one line that holds all parts, and with nothing else."""
    assert done.code == 2, done
    assert done.out == ""
    assert done.err.startswith("vae-np: error: ")
    assert done.err.count("\n") == 1, done.err
    for part in parts:
        assert part in done.err, done.err


def killed_before_it_saved(folder, *left):
    """Leave of a run what it writes before its first checkpoint, and files of these names."""
    for file in Path(folder).iterdir():
        if file.name not in ("config.json", *left):
            file.unlink()
