"""A command is one file in the folder of commands."""

from __future__ import annotations

import importlib
import sys

import pytest

import vae_np.cli
from vae_np.cli.command import commands

SIZE = """
from vae_np.cli.command import Command

COMMAND = Command(25, "the number of a model's parameters", "runs/first", "the toy of a test")


def add_arguments(parser):
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--twice", action="store_true")


def run(args):
    from vae_np.cli import runs

    size = runs.load_run(args.model, "numpy").vae.parameters.vector.size
    print(2 * size if "twice" in vars(args) else size)
    return 0
"""


@pytest.fixture
def size(tmp_path, monkeypatch):
    """The file of a command, beside the package's."""
    folder = tmp_path / "commands"
    folder.mkdir()
    (folder / "size.py").write_text(SIZE)
    (folder / "no_command.py").write_text("COMMAND = 'a word'")
    monkeypatch.setattr(vae_np.cli, "__path__", [*vae_np.cli.__path__, str(folder)])
    importlib.invalidate_caches()
    commands.cache_clear()
    yield
    commands.cache_clear()
    for name in ("size", "no_command"):
        sys.modules.pop(f"vae_np.cli.{name}", None)
        vars(vae_np.cli).pop(name, None)


@pytest.mark.usefixtures("size")
def test_a_file_with_a_command_is_a_command(vae_np, run):
    first = vae_np("--help").out
    assert "    size         the number of a model's parameters" in first
    assert "  vae-np size runs/first                         the toy of a test" in first
    names = [
        "train",
        "tune",
        "evaluate",
        "size",
        "sample",
        "reconstruct",
        "verify",
        "encode",
        "anomalies",
        "gradcheck",
        "vectors",
    ]
    names += ["study", "bench", "reproduce"]
    assert list(commands()) == names
    assert "The number of a model's parameters." in vae_np("size", "--help").out
    done = vae_np("size", run)
    assert done.code == 0, done.err
    assert int(vae_np("size", run, "--twice").out) == 2 * int(done.out) > 0
    assert vae_np("no_command").code == 2


def test_the_file_gone_the_command_is_gone(vae_np):
    done = vae_np("size", "run")
    assert done.code == 2
    assert "invalid choice: 'size'" in done.err
