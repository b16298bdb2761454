"""What Windows has not, taken away: training, resuming, evaluating and what the machine is work without it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from vae_np.cli import main
from vae_np.support import files, machine

ABSENT = {  # module, and the names that it has not got on Windows
    os: ("fchmod", "sched_getaffinity", "sysconf", "getuid", "geteuid", "killpg", "getpgid", "setsid", "fork"),
    signal: ("SIGHUP", "SIGPIPE", "SIGKILL", "SIGUSR1", "SIGQUIT"),
}
RUN = ["--backend", "numpy", "--hidden", "5", "--latent", "2", "--batch-size", "8", "--no-pictures", "--data", "x.npy"]


@pytest.fixture
def windows(monkeypatch, tmp_path):
    """A system without these names, without fcntl, /proc and /sys, on which a folder cannot be opened."""
    for module, names in ABSENT.items():
        for name in names:
            monkeypatch.delattr(module, name, raising=False)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    opened, read = os.open, Path.read_text

    def no_folders(path, *arguments, **options):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *arguments, **options)

    def no_proc(path, *arguments, **options):
        if path.as_posix().startswith(("/proc", "/sys")):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return read(path, *arguments, **options)

    monkeypatch.setattr(os, "open", no_folders)
    monkeypatch.setattr(Path, "read_text", no_proc)
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).random((40, 6)))


@pytest.mark.usefixtures("windows")
def test_a_run_is_trained_resumed_and_evaluated_with_the_same_bits(capsys):
    assert main(["train", *RUN, "--epochs", "2", "--out", "whole"]) == 0
    assert main(["train", *RUN, "--epochs", "1", "--out", "run"]) == 0
    assert main(["train", "--resume", "--epochs", "2", "--out", "run"]) == 0
    vectors = []
    for run in ("whole", "run"):
        with np.load(f"{run}/checkpoint.npz") as npz:
            vectors.append(npz["parameters"])
    assert (vectors[0] == vectors[1]).all()
    capsys.readouterr()
    assert main(["evaluate", "run", "--json"]) == 0
    assert main(["encode", "run", "--out", "codes.csv"]) == 0
    assert '"elbo"' in capsys.readouterr().out
    assert not [name for name in os.listdir("run") if name.endswith(".tmp")]


@pytest.mark.usefixtures("windows")
def test_a_file_is_replaced_with_its_permissions():
    Path("a").write_text("old")
    Path("a").chmod(0o640)
    files.write_atomic("a", b"new")
    assert Path("a").read_bytes() == b"new"
    assert Path("a").stat().st_mode & 0o777 == 0o640


@pytest.mark.usefixtures("windows")
def test_the_machine_tells_what_it_can():
    assert machine.usable_cores() == (os.cpu_count() or 1)
    assert machine.memory() is None
    assert machine.processor()
    assert machine.facts()["cores"] == machine.usable_cores()


@pytest.mark.parametrize(
    ("told", "kilobytes"),
    [
        (("48K\n", "2048K\n"), (48, 2048)),
        (("128K\n", "1280K\n"), (128, 1280)),
        (("4K\n", "4K\n"), (32, 128)),
        (("1M\n", "2M\n"), (32, 512)),
    ],
)
def test_caches_are_what_linux_tells_or_what_is_usual(told, kilobytes, monkeypatch):
    """Linux numbers a core's caches: of data, of instructions, the second. A product needs room for some rows."""
    files = {"index0": told[0], "index1": "64K\n", "index2": told[1]}
    monkeypatch.setattr(Path, "read_text", lambda self: files[self.parent.name])
    assert (machine.first_cache(), machine.second_cache()) == tuple(1024 * k for k in kilobytes)


@pytest.mark.usefixtures("windows")
def test_a_closed_pipe_and_an_interrupt_have_their_exit_codes(monkeypatch, capsys):
    def raising(error):
        def run(words):
            raise error

        return run

    monkeypatch.setattr("vae_np.cli._drop_output", lambda: None)
    for error, code in ((BrokenPipeError(), 141), (KeyboardInterrupt(), 130)):
        monkeypatch.setattr("vae_np.cli._run", raising(error))
        assert main(["train"]) == code
    assert capsys.readouterr().err == "vae-np: interrupted\n"
