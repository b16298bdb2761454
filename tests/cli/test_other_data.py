"""Other data for a trained run: in the run's units, with its columns, or a word on it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from wine import NAMES, wine, write_wine

from cli.conftest import one_line

GAUSSIAN = ["--likelihood", "gaussian", "--epochs", "1"]


@pytest.fixture
def wines(train):
    write_wine("wine.csv", kinds=False)
    assert train(*GAUSSIAN, "--scale", "standard", "--out", "wines", data="wine.csv").code == 0
    return "wines"


def write(file, x, names=NAMES):
    np.savetxt(file, x, "%.17g", delimiter=",", header=",".join(names), comments="")


@pytest.fixture
def images(train):
    """A run on integers 0, 3, ..., 252 that were divided by 255."""
    np.save("images.npy", 3 * np.random.default_rng(0).integers(0, 85, (40, 2, 3)))
    assert train(*GAUSSIAN, "--sigma", "learned", "--scale", "255", "--out", "images", data="images.npy").code == 0
    return "images"


def test_other_data_are_divided_as_the_runs_were_and_a_line_says_so(vae_np, images):
    expected = vae_np("evaluate", images, "--part", "all", "--json").json["elbo"]
    done = vae_np("evaluate", images, "--data", "images.npy", "--json")
    assert done.json["elbo"] == pytest.approx(expected, rel=1e-12)
    assert done.err == "vae-np: images.npy: divided by 255, as the run's data were (--scale none leaves them)\n"
    np.save("grey.npy", np.load("images.npy") / 255)
    done = vae_np("evaluate", images, "--data", "grey.npy", "--scale", "none", "--json")
    assert done.json["elbo"] == pytest.approx(expected, rel=1e-12)
    assert done.err == ""
    for command in ("encode", "reconstruct"):
        done = vae_np(command, images, "--data", "images.npy", "--out", "written.csv")
        assert done.err.count("divided by 255") == 1
    assert vae_np("evaluate", images).err == ""


def test_integers_that_a_run_left_are_left(vae_np, train):
    np.save("counts.npy", np.random.default_rng(0).integers(0, 9, (40, 6)))
    assert train(*GAUSSIAN, "--scale", "none", "--out", "counts", data="counts.npy").code == 0
    done = vae_np("evaluate", "counts", "--data", "counts.npy")
    assert (done.code, done.err) == (0, "")


def test_values_far_outside_the_range_of_training_are_told(vae_np, images):
    done = vae_np("evaluate", images, "--data", "images.npy", "--scale", "none")
    assert done.code == 0
    fact = "vae-np: warning: images.npy: values from 0 to 252, in training from 0 to 0.9882; are the units the same"
    assert done.err.startswith(fact)
    assert done.err.count("\n") == 1
    np.save("huge.npy", np.full((3, 2, 3), 1.7e308))
    words = ["encode", images, "--data", "huge.npy"]
    assert "values from 1.7e+308 to 1.7e+308, in training" in vae_np(*words, "--scale", "none").err
    config = json.loads(Path("images/config.json").read_text())
    assert config["range"] == pytest.approx([0, 252 / 255])
    del config["range"]
    Path("images/config.json").write_text(json.dumps(config))  # a run from before it was kept
    assert vae_np("evaluate", images, "--data", "images.npy", "--scale", "none").err == ""
    Path("images/config.json").write_text(json.dumps(config | {"range": [0, "1"]}))
    one_line(vae_np("evaluate", images), "images/config.json: range must be two numbers or null")


def test_columns_of_other_units_are_told(vae_np, wines):
    x = wine()[0]
    deviation = x.std(axis=0)
    for far, columns, told in ((30, 13, True), (30, 7, True), (30, 6, False), (15, 13, False)):
        y = x.copy()
        y[:, :columns] += far * deviation[:columns]
        write("far.csv", y)
        done = vae_np("evaluate", wines, "--data", "far.csv")
        assert done.code == 0
        fact = f"vae-np: warning: far.csv: in {columns} of 13 columns the mean is more than 20 deviations from that of "
        assert done.err.startswith(fact) == told
        assert done.err.count("\n") == told


def test_columns_of_other_names_are_told_and_another_order_is_an_error(vae_np, wines):
    x = wine()[0][:9]
    write("new.csv", x, ["ALCOHOL", *NAMES[1:]])
    done = vae_np("encode", wines, "--data", "new.csv", "--out", "codes.csv")
    start = "vae-np: warning: new.csv: columns are called otherwise than in training: "
    assert (done.code, done.err) == (0, f"{start}'ALCOHOL' for 'alcohol'\n")
    write("new.csv", x, [f"c{j}" for j in range(13)])
    done = vae_np("evaluate", wines, "--data", "new.csv", "--part", "train")
    assert done.err == f"{start}'c0' for 'alcohol', 'c1' for 'malic_acid', 'c2' for 'ash' and 10 more\n"
    write("new.csv", x)
    assert vae_np("evaluate", wines, "--data", "new.csv").err == ""
    write("new.csv", x, ["area", "alcohol", *NAMES[2:]])  # renamed and moved
    one_line(vae_np("evaluate", wines, "--data", "new.csv"), "another order than in training: column 0 is 'area', was")
    np.save("new.npy", x)  # nameless
    assert vae_np("evaluate", wines, "--data", "new.npy").err == ""


def test_a_runs_own_data_that_have_changed_are_not_taken_for_those_of_training(vae_np, run):
    """With another count the parts are other rows: the test part would hold rows that were trained on."""
    text = Path("data.csv").read_text()
    Path("data.csv").write_text(text + text.splitlines()[0] + "\n")
    told = "data.csv: the run's data have changed: 33 train, 4 validation, 4 test examples; in training 32 train, 4 val"
    one_line(vae_np("evaluate", run), told, "--data names the data that are meant (see also --header)")
    assert vae_np("evaluate", run, "--data", "data.csv", "--json").json["examples"] == 41
    Path("data.csv").write_text("0,1,2,3,4,5\n" + text)  # a header, and as many rows
    assert vae_np("evaluate", run, "--json").code == 0


def test_grey_values_for_a_bernoulli_model_of_0_and_1_are_told(vae_np, train):
    x = np.random.default_rng(0).random((40, 6))
    np.savetxt("bits.csv", x > 0.5, "%d", delimiter=",")
    np.savetxt("grey.csv", x, delimiter=",")
    assert train("--epochs", "1", "--out", "bits", data="bits.csv").code == 0
    words = ("has grey values, and the model was trained on 0 and 1", "no density (see --binarise)")
    done = vae_np("evaluate", "bits", "--data", "grey.csv", "--json")
    assert done.code == 0
    assert all(part in done.err for part in words), done.err
    assert done.err.count("\n") == 1
    for more in (["--data", "grey.csv", "--binarise", "threshold"], ["--data", "bits.csv"], []):
        assert vae_np("evaluate", "bits", *more).err == ""
    assert train("--binarise", "dynamic", "--epochs", "1", "--out", "drawn", data="grey.csv").code == 0
    assert words[0] in vae_np("evaluate", "drawn", "--binarise", "none").err
    assert vae_np("evaluate", "drawn").err == ""
    assert train("--likelihood", "bernoulli", "--epochs", "1", "--out", "grey", data="grey.csv").code == 0
    assert vae_np("evaluate", "grey").err == ""  # as in training, which has said so
    config = json.loads(Path("bits/config.json").read_text())
    assert config["binary"] is True
    Path("bits/config.json").write_text(json.dumps(config | {"binary": 1}))
    one_line(vae_np("evaluate", "bits"), "bits/config.json: binary must be true, false or null")
    del config["binary"]
    Path("bits/config.json").write_text(json.dumps(config))  # a run from before it was kept
    assert vae_np("evaluate", "bits", "--data", "grey.csv").err == ""
