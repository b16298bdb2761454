"""--help, --version and wrong flags: quick, and of use to someone who has never seen the program."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vae_np import __version__
from vae_np.cli.command import commands
from vae_np.cli.train_options import DEFAULTS, WITHOUT_FLAG

HELP = """
import contextlib, io, sys
from vae_np.cli import main
from vae_np.cli.command import commands
for words in [["--help"], ["--version"], [], *([name, "--help"] for name in commands()), ["train", "--nonsense"]]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            main(words)
        except SystemExit:
            pass
print(" ".join(sorted({"numpy", "numba", "scipy", "matplotlib", "tqdm"} & sys.modules.keys())))
"""


def test_help_imports_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_the_first_page_has_an_example_of_every_command(vae_np):
    done = vae_np("--help")
    assert done.code == 0
    for name, command in commands().items():
        assert f"  {name} " in done.out
        assert command.summary in done.out
        assert f"vae-np {name} " in done.out


@pytest.mark.parametrize("name", commands())
def test_every_command_shows_examples_that_it_can_parse(name, vae_np):
    done = vae_np(name, "--help")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) < 100
    text = done.out.split("examples:\n")[1].split("\n\n")[0].replace("\\\n", "")
    examples = [line.split()[1:] for line in text.splitlines()]
    assert len(examples) >= 2
    for words in examples:
        assert words[0] == name
        assert vae_np(*words, "--help").code == 0
        assert set(word for word in words if word.startswith("--")) <= set(done.out.replace(",", " ").split())


def test_every_option_of_train_is_in_its_help_with_its_default(vae_np):
    text = " ".join(vae_np("train", "--help").out.split("examples:")[0].split())
    for name, default in DEFAULTS.items():
        if name in WITHOUT_FLAG:
            assert f"--{name}" not in text
            continue
        flag = f"--{name.replace('_', '-')}"
        assert flag in text
        if isinstance(default, (int, float, str)) and not isinstance(default, bool):
            after = text[text.index(f" {flag} ") :]
            shown = after[after.index("[") + 1 : after.index("]")]
            assert shown == str(default) or float(shown) == default, flag


def test_the_version_is_told(vae_np):
    assert vae_np("--version").out == f"vae-np {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["train", "--nonsense"],
        ["train", "--latent", "two"],
        ["train", "--hidden", "4,x"],
        ["train", "--split", "a"],
        ["train", "--dtype", "float16"],
        ["train", "--schedule", "gan"],
        ["evaluate"],
        ["sample", "m", "--number", "many"],
    ],
)
def test_wrong_flags_end_in_a_line_on_usage_and_exit_2(words, vae_np):
    done = vae_np(*words)
    assert done.code == 2
    assert done.err.startswith("usage: vae-np")
    assert "error: " in done.err.splitlines()[-1]
    assert done.out == ""


def test_no_words_at_all_get_the_help_and_exit_2(vae_np):
    done = vae_np()
    assert (done.code, done.out) == (2, "")
    assert done.err == vae_np("--help").out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("train --hidden 200 100", "; widths take commas: --hidden 200,100"),
        ("train --hidden=200 100 50 --latent 2", "; widths take commas: --hidden 200,100,50"),
        ("train --decoder-hidden 200, 100", None),
        ("train --split 0.8 0.1 0.1", "; shares take commas: --split 0.8,0.1,0.1"),
        ("train --hidden 200 --nonsense", ""),
        ("train 100 --hidden 200", ""),
    ],
)
def test_a_list_with_blanks_gets_the_hint_that_it_takes_commas(words, hint, vae_np):
    done = vae_np(*words.split())
    assert done.code == 2
    last = done.err.splitlines()[-1]
    if hint is None:
        assert "with commas" in last
    else:
        assert last.startswith("vae-np train: error: unrecognized arguments: ")
        assert last.partition(";")[2] == hint[1:]


def test_the_module_runs_as_the_command_does():
    done = subprocess.run([sys.executable, "-m", "vae_np", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("vae-np ")
