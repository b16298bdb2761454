"""vae-np train --resume: after kill -9 at any moment, the same bits as if nothing had happened."""

from __future__ import annotations

import csv
import json
import random
import signal
from pathlib import Path

import numpy as np
import pytest
from patience import HANGS

import vae_np as package
from cli.conftest import SMALL, killed_before_it_saved, one_line
from vae_np.training.checkpoint import load_checkpoint
from vae_np.training.progress import Silent

RUN = ["--epochs", "40", "--kl-warmup", "5", "--binarise", "dynamic", "--schedule", "cosine", "--samples", "2"]
KILLED = ["train", "--data", "data.csv", *SMALL, "--no-pictures", *RUN, "--checkpoint-seconds", "0"]


def state(folder):
    """All that a run has become, but for its seconds."""
    found = load_checkpoint(folder)
    arrays = {"parameters": found.vae.parameters.vector, **found.adam.arrays()}
    rows = list(csv.DictReader(Path(folder, "history.csv").read_text().splitlines()))
    return {name: array.tobytes() for name, array in arrays.items()}, [row | {"seconds": ""} for row in rows]


SIGNALS_ITSELF = """
import os, signal, sys
number, left, step = (int(sys.argv.pop(1)) for _ in range(3))

def count(frame, event, argument):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), number)

if step:
    from vae_np.training.trainer import Trainer
    whole = Trainer.step

    def counted(self):
        global step
        step -= 1
        if step == 0:
            sys.setprofile(count)
        return whole(self)

    Trainer.step = counted
else:
    sys.setprofile(count)
from vae_np.cli import main
sys.exit(main())
"""
"""The command that sends itself a signal at a certain call of a function, from the start or from a certain step on."""


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_ends_with_the_bits_of_one_that_was_not(seed, train, start, here):
    """At moments that are counted in calls, written files' among them: a busy machine has the same ones."""
    assert train(*RUN, "--out", "whole").code == 0
    generator, folder, steps = random.Random(seed), Path("killed"), []
    folder.mkdir()
    for kill in range(5):
        at = (30_000, 0) if kill == 0 else (generator.randrange(1, 3000), generator.randrange(2, 12))
        process = start(int(signal.SIGKILL), *at, *KILLED, "--out", folder, "--resume", program=SIGNALS_ITSELF)
        _, err = process.communicate(timeout=HANGS)
        assert process.returncode == -signal.SIGKILL, err
        steps.append(steps_of(folder))  # whole at any moment
    assert steps == sorted(steps)
    assert steps[0] == 0 < steps[1]
    assert steps[-1] < 160
    (folder / ".checkpoint.npz.abcd1234.tmp").write_text("half")
    done = train(*RUN, "--checkpoint-seconds", "0", "--out", folder, "--resume")
    assert done.code == 0, done
    assert state(folder) == state("whole")
    assert sorted(file.name for file in folder.iterdir()) == [
        "checkpoint.npz",
        "config.json",
        "history.csv",
        "result.json",
    ]


def steps_of(folder):
    """The step of the checkpoint, 0 where there is none yet."""
    return load_checkpoint(folder).adam.step if (folder / "checkpoint.npz").exists() else 0


def test_an_interrupt_saves_and_says_how_to_go_on(train, start):
    assert train(*RUN, "--out", "whole").code == 0
    words = [word for word in KILLED if word != "0"] + ["100"]  # no checkpoint but the interrupt's
    process = start(int(signal.SIGINT), 100, 12, *words, "--out", "stopped", program=SIGNALS_ITSELF)
    _, err = process.communicate(timeout=HANGS)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "vae-np: interrupted; continue with: vae-np train --out stopped --resume"
    assert "Traceback" not in err
    assert load_checkpoint("stopped").adam.step in (11, 12)
    place = f"epoch {load_checkpoint('stopped').training['epoch']}, step {steps_of(Path('stopped'))}"
    done = train("--out", "stopped", "--resume")
    assert done.out.startswith(f"stopped: continuing after {place}\n")
    assert state("stopped") == state("whole")


def test_a_folder_that_is_not_there_is_not_resumed_a_slip_of_the_fingers_would_cost_a_run(train):
    one_line(train("--out", "rnu", "--resume"), "rnu: there is no such folder to resume; without --resume a new run")
    assert not Path("rnu").exists()


def test_where_nothing_was_saved_a_run_starts_anew_and_says_so(train):
    Path("new").mkdir()
    done = train("--out", "new", "--resume", "--epochs", "1")
    assert done.code == 0
    assert done.out.startswith("new: nothing was saved yet; starting anew\n")
    killed_before_it_saved("new")
    done = train("--out", "new", "--resume", "--json")
    assert done.err == "new: nothing was saved yet; starting anew\n"
    assert done.json["epochs"] == 1
    assert done.json["resumed"] is False


@pytest.mark.parametrize("left", ["history.csv", "result.json"])
def test_a_run_whose_checkpoint_is_gone_is_not_begun_anew_over_what_is_left(train, left):
    assert train("--out", "run", "--epochs", "1", "--no-pictures").code == 0
    killed_before_it_saved("run", left)
    before = Path("run", left).read_bytes()
    one_line(train("--out", "run", "--resume"), f"run: has a {left} and no checkpoint.npz to go on from")
    assert Path("run", left).read_bytes() == before


@pytest.mark.slow
def test_a_finished_run_is_drawn_again(vae_np, run):
    pytest.importorskip("matplotlib")
    before = state("run")
    assert vae_np("train", "--out", "run", "--resume").code == 0
    assert not Path("run/samples.png").exists()  # it was begun with --no-pictures, and so stays
    done = vae_np("train", "--out", "run", "--resume", "--pictures")
    assert done.code == 0
    assert "all 2 epochs are done; --epochs sets more" in done.out
    assert "trained no epochs" in done.out
    assert Path("run/samples.png").stat().st_size > 0
    assert state("run") == before
    Path("run/samples.png").unlink()
    assert vae_np("train", "--out", "run", "--resume").code == 0
    assert Path("run/samples.png").exists()


def test_options_need_not_be_repeated_and_epochs_may_grow(vae_np, train, run):
    assert vae_np("train", "--out", "run", "--resume", "--epochs", "4", "--no-pictures").code == 0
    assert train("--out", "longer", "--epochs", "4", "--likelihood", "bernoulli").code == 0
    assert state("run") == state("longer")
    assert json.loads(Path("run/config.json").read_text())["arguments"]["epochs"] == 4


@pytest.mark.parametrize("words", [["--schedule", "cosine"], ["--kl-cycles", "2"]])
def test_epochs_may_not_change_where_a_schedule_depends_on_them(words, train, vae_np):
    assert train("--out", "run", "--epochs", "2", *words).code == 0
    before = everything("run")
    one_line(vae_np("train", "--out", "run", "--resume", "--epochs", "4"), "--epochs must stay 2", words[0])
    assert everything("run") == before


def everything(folder):
    """All files and their bytes."""
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--latent 3", "run/config.json: the run has --latent 2, not 3"),
        ("--hidden 4,4", "run/config.json: the run has --hidden 5, not 4,4"),
        ("--hidden none", "run/config.json: the run has --hidden 5, not none"),
        (
            "--learning-rate 0.1",
            "the run has --learning-rate 0.001, not 0.1 (a new run may begin with its weights: --start-from",
        ),
        ("--data other.csv", "other.csv: no such file"),
        ("--labels last", "the run has --labels None, not last"),
        ("--amsgrad", "the run has --amsgrad False, not True"),
        ("--epochs 1", "run/checkpoint.npz: 2 epochs are done already; got epochs = 1"),
        ("--epochs -1", "--epochs must not be negative"),
    ],
)
def test_a_changed_option_is_refused_and_nothing_is_touched(words, message, vae_np, run):
    before = everything("run")
    one_line(vae_np("train", "--out", "run", "--resume", *words.split()), message)
    assert everything("run") == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent": 3}, "model latent is 2 there, 3 here"),
        ({"seed": 9}, "run/checkpoint.npz: is the checkpoint of another run"),
        ({"split": [0.5, 0.25, 0.25]}, "its training data are not these"),
        ({"learning_rate": "high"}, "run/config.json: learning_rate cannot be 'high'"),
        ({"batch_size": None}, "run/config.json: batch_size cannot be None"),
        ({"batch_size": True}, "run/config.json: batch_size cannot be True"),
        ({"hidden": [3, "x"]}, "run/config.json: hidden cannot be [3, 'x']"),
        ({"wings": 2}, "run/config.json: there is no option 'wings'"),
        ({"epochs": 1}, "2 epochs are done already"),
    ],
)
def test_a_tampered_config_is_refused_and_nothing_is_touched(change, message, vae_np, run):
    config = json.loads(Path("run/config.json").read_text())
    config["arguments"] |= change
    Path("run/config.json").write_text(json.dumps(config))
    before = everything("run")
    one_line(vae_np("train", "--out", "run", "--resume"), message)
    assert everything("run") == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"arguments": 3}', "\ufeff{}", '{"arguments": NaN'])
def test_a_damaged_config_is_refused(text, vae_np, run):
    Path("run/config.json").write_text(text)
    before = everything("run")
    one_line(vae_np("train", "--out", "run", "--resume"), "run/config.json: ")
    assert everything("run") == before


def test_other_data_under_the_same_name_are_refused(vae_np, run):
    x = np.loadtxt("data.csv", delimiter=",")
    np.savetxt("data.csv", x[::-1], delimiter=",")
    before = everything("run")
    one_line(vae_np("train", "--out", "run", "--resume"), "its training data are not these")
    assert everything("run") == before


def test_a_damaged_checkpoint_is_refused_and_stays(vae_np, run):
    path = Path("run/checkpoint.npz")
    data = path.read_bytes()
    for damaged in (data[:1000], b"", b"\x80\x04N.", data[:-1], b"PK" + data[3:]):
        path.write_bytes(damaged)
        before = everything("run")
        one_line(vae_np("train", "--out", "run", "--resume"), "run/checkpoint.npz: no model file of vae_np")
        one_line(vae_np("evaluate", "run"), "run/checkpoint.npz: no model file of vae_np")
        assert everything("run") == before


def test_a_model_that_is_no_checkpoint_cannot_be_resumed(vae_np, run):
    package.load("run").save("run/checkpoint.npz")
    one_line(vae_np("train", "--out", "run", "--resume"), "holds a model and no training state")


def test_a_checkpoint_without_its_config_cannot_be_resumed(vae_np, run):
    Path("run/config.json").unlink()
    one_line(vae_np("train", "--out", "run", "--resume"), "has a checkpoint.npz and no config.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "no JSON"),
        ('{"arguments": {"seed": "x"}}', "seed cannot be 'x'"),
        ('{"arguments": {"wings": 2}}', "there is no option 'wings'"),
        *(
            (f'{{"arguments": {{}}, "image_shape": {shape}}}', "image_shape cannot be")
            for shape in ("[1]", "3", "[2, -3]")
        ),
        ('{"arguments": {}, "image_shape": [2, "3"]}', "image_shape cannot be"),
    ],
    ids=range(7),
)
def test_a_config_that_makes_no_sense_is_told_by_every_command(text, message, vae_np, run):
    Path("run/config.json").write_text(text)
    for command in (["evaluate", "run"], ["sample", "run"], ["train", "--out", "run", "--resume"]):
        one_line(vae_np(*command), "run/config.json: ", message)


def test_what_a_config_leaves_out_has_its_default(vae_np, run):
    config = json.loads(Path("run/config.json").read_text())
    expected = vae_np("evaluate", "run", "--json").json
    config["arguments"] = {"data": "data.csv", "dtype": "float64"}
    Path("run/config.json").write_text(json.dumps(config))
    found = vae_np("evaluate", "run", "--json").json
    assert found["elbo"] == pytest.approx(expected["elbo"])
    Path("run/config.json").write_text('{"arguments": {}}')  # the default data have 64 features
    one_line(vae_np("evaluate", "run"), "has 64 columns, the model 6 features")


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_what_a_scheduler_sends_saves_and_says_how_to_go_on(train, monkeypatch, name, code):
    assert train(*RUN, "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(Silent, "step", lambda self, epoch, elbo: signal.raise_signal(getattr(signal, name)))
        done = train(*RUN, "--out", "stopped", "--json", "--checkpoint-seconds", "100")
    said = f"vae-np: ended by {name}; continue with: vae-np train --out stopped --resume\n"
    assert (done.code, done.out, done.err) == (code, "", said)
    assert load_checkpoint("stopped").adam.step == 1
    assert train("--out", "stopped", "--resume").code == 0
    assert state("stopped") == state("whole")
