"""evaluate --samples-quality: the library's numbers, a picture, and refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest

import vae_np as package
from cli.conftest import SMALL, one_line
from vae_np.evaluation.generation import MEASURES, generation_quality


@pytest.fixture
def trained(vae_np):
    words = "--data data.csv --split 0.5,0.25,0.25 --epochs 1 --likelihood gaussian --no-pictures --out made"
    done = vae_np("train", *words.split(), *SMALL)
    assert done.code == 0, done.err
    return "made"


def test_its_numbers_are_those_of_the_library_on_the_runs_own_parts(vae_np, trained):
    x = np.loadtxt("data.csv", delimiter=",")
    train, _, test = package.data.split(len(x), (0.5, 0.25, 0.25), seed=0)
    vae = package.load(trained, backend="numpy")
    expected = generation_quality(vae, x[train], x[test], sets=2, seed=3)
    found = vae_np("evaluate", trained, "--samples-quality", "--sets", "2", "--seed", "3", "--json").json[
        "samples_quality"
    ]
    assert (found["size"], found["sets"]) == (10, 2)
    for space, measures in expected.measures.items():
        for name, by_source in measures.items():
            for source, measure in by_source.items():
                assert found[space][name][source] == measure._asdict()


def test_the_page_has_a_line_for_every_measure_in_both_spaces(vae_np, trained):
    done = vae_np("evaluate", trained, "--samples-quality", "--sets", "2")
    assert done.code == 0, done.err
    assert "2 sets of 10" in done.out
    rows = re.findall(r"^    .*?((?: +-?[\d.]+ \+- [\d.]+){3})$", done.out, re.MULTILINE)
    assert len(rows) == 2 * len(MEASURES)


@pytest.mark.parametrize("options", [["--sets", "2"], ["--picture", "near.png"]])
def test_its_options_need_it(options, vae_np, trained):
    one_line(vae_np("evaluate", trained, *options), f"{options[0]} belongs to --samples-quality")


def test_it_needs_the_runs_training_data(vae_np, trained):
    one_line(vae_np("evaluate", trained, "--samples-quality", "--data", "data.csv"), "own training data")
    one_line(vae_np("evaluate", trained, "--samples-quality", "--part", "train", "--sets", "2"), "not trained on")
    one_line(vae_np("evaluate", trained, "--samples-quality", "--picture", "near.csv"), "--picture must end in")
    one_line(vae_np("evaluate", trained, "--samples-quality"), "5 sets of 6 need 30 training and 6 held-out")


def test_the_picture_has_the_samples_below_their_nearest_training_examples(vae_np, trained):
    pytest.importorskip("matplotlib")
    done = vae_np("evaluate", trained, "--samples-quality", "--sets", "2", "--picture", "near.png")
    assert done.code == 0, done.err
    assert "in near.png" in done.out
