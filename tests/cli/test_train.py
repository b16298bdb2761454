"""vae-np train: what a run leaves, what it says, and how its options become settings."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import vae_np as package
from cli.conftest import SMALL
from vae_np.cli import assemble, common, run_folder
from vae_np.cli.train_options import DEFAULTS


def test_a_run_leaves_its_folder_and_says_where(vae_np):
    pytest.importorskip("matplotlib")
    done = vae_np("train", "--data", "data.csv", *SMALL, "--epochs", "2")
    assert done.code == 0
    folder = Path("runs/data-1")
    names = {"config.json", "history.csv", "checkpoint.npz", "result.json", *run_folder.PICTURES}
    names -= {"components.png", "traversals.png"}  # N(0, I) has no components; two dimensions are a manifold
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
    likelihood = json.loads(Path("run/config.json").read_text())["model"]["likelihood"]
    data = common.load_parts({**DEFAULTS, "data": "data.csv", "seed": 4}, "float64")
    how = {"activation": "relu", "likelihood": likelihood, "backend": "numpy", "seed": 4}
    vae = package.VAE(6, hidden=(5,), latent=2, **how)
    how = {"validation": data.validation.x, "patience": 20, "output_bias": "data", "progress": False}
    package.fit(vae, data.train.x, epochs=3, batch_size=8, seed=4, optimizer=package.Adam(1e-2), **how)
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


@pytest.mark.filterwarnings("error")
def test_a_diverging_run_is_told_and_nothing_else_is_printed(train):
    words = ["--out", "run", "--activation", "relu", "--epochs", "50", "--checkpoint-seconds", "0"]
    done = train(*words, "--learning-rate", "1e90")
    assert done.code == 2
    error = done.err.splitlines()[-1]
    assert error.startswith("vae-np: error: ")
    assert re.search(r" in epoch \d+, step ", error)
    assert sum(line.startswith("vae-np") for line in done.err.splitlines()) == 1
    package.load("run")  # the last good one
