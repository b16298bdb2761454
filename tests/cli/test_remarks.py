"""What vae-np train says of data that want scaling, before it trains and of the result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from wine import NAMES, write_wine

import vae_np as package
from vae_np.cli import remarks
from vae_np.cli.remarks import against_columns_alone
from vae_np.evaluation.baseline import columns_alone

GAUSSIAN = ["--likelihood", "gaussian"]
UNSCALED, LESS = "unscaled data: ", "that is less than "


def lines(done, start):
    assert done.code == 0, done
    return [line for line in done.out.splitlines() if line.startswith(start)]


def test_a_result_of_unscaled_data_gets_a_word_and_one_of_scaled_data_none(train, vae_np):
    x = write_wine("wine.csv", kinds=False)
    done = train(*GAUSSIAN, "--epochs", "3", "--out", "raw", data="wine.csv")
    rows = package.data.split(len(x), seed=0)
    alone = columns_alone(x[rows[0]], x[rows[2]]).mean()
    line = f"that is less than {alone:.3f}, what a Gaussian for each column with the data's mean and deviation gives: "
    assert lines(done, LESS) == [f"{line}train on standardised data, --scale standard"]
    result = json.loads(Path("raw/result.json").read_text())
    assert result["test_columns_alone"] == pytest.approx(alone, rel=1e-12)
    assert result["test_elbo"] < alone
    assert result["remark"] == lines(done, LESS)[0]
    assert f"  {result['remark']}\n" in vae_np("evaluate", "raw").out
    told = json.loads(vae_np("evaluate", "raw", "--json").out)
    assert (told["remark"], told["columns_alone"]) == (result["remark"], result["test_columns_alone"])
    done = train(*GAUSSIAN, "--scale", "standard", "--epochs", "40", "--out", "scaled", data="wine.csv")
    assert lines(done, LESS) == []
    result = json.loads(Path("scaled/result.json").read_text())
    assert result["test_elbo"] > result["test_columns_alone"]
    assert "remark" not in result
    assert "remark" not in json.loads(vae_np("evaluate", "scaled", "--json").out)


def test_a_scaled_run_that_has_not_learned_is_not_told_to_scale(train):
    write_wine("wine.csv", kinds=False)
    words = ["--scale", "standard", "--learning-rate", "0", "--epochs", "1", "--init", "he-normal"]
    done = train(*GAUSSIAN, *words, "--out", "run", data="wine.csv")
    (line,) = lines(done, LESS)
    assert line.endswith("gives: more --epochs or another --learning-rate may help")


def test_less_is_what_chance_does_not_explain():
    """Two standard errors of the differences, example by example."""
    generator = np.random.default_rng(0)
    x = generator.normal(3, 2, (50, 2))
    data = package.data.Dataset(x, None, None, "these")
    vae = package.VAE(2, hidden=(), latent=1, likelihood="gaussian", backend="numpy")
    noise = generator.standard_normal(50)
    noise = (noise - noise.mean()) / noise.std(ddof=1)  # mean 0, standard error 1 / sqrt(50)
    alone = columns_alone(x, x)
    assert "remark" not in against_columns_alone(vae, data, x, alone + noise - 1.99 / np.sqrt(50))
    assert "remark" in against_columns_alone(vae, data, x, alone + noise - 2.01 / np.sqrt(50))
    assert "remark" not in against_columns_alone(vae, data, x[:1], alone[:1] - 9)  # of one example no error is known


def test_before_training_a_line_names_the_columns_whose_sizes_differ(train):
    x = write_wine("wine.csv", kinds=False)
    s = x[package.data.split(len(x), seed=0)[0]].std(axis=0)
    words = f"the columns have deviations from {s[7]:.3g} (nonflavanoid_phenols) to {s[12]:.3g} (proline)"
    end = "; --scale standard gives each the deviation 1 inside the model"
    assert NAMES[7] == "nonflavanoid_phenols"
    done = train(*GAUSSIAN, "--sigma", "per-feature", "--epochs", "1", "--out", "a", data="wine.csv")
    assert lines(done, UNSCALED) == [f"{UNSCALED}{words}{end}"]
    assert lines(train("--resume", "--epochs", "2", "--out", "a", data="wine.csv"), UNSCALED) == []
    done = train(*GAUSSIAN, "--sigma", "1", "--epochs", "0", "--out", "b", data="wine.csv")
    assert lines(done, UNSCALED) == [f"{UNSCALED}{words} and sigma is 1{end}"]
    assert (
        lines(train(*GAUSSIAN, "--scale", "standard", "--epochs", "0", "--out", "c", data="wine.csv"), UNSCALED) == []
    )


@pytest.mark.parametrize(("apart", "said"), [(remarks.APART * 0.99, False), (remarks.APART * 1.01, True)])
def test_two_orders_of_magnitude_are_too_much_and_less_is_not(train, apart, said):
    two = np.tile([[0.0, 0.0, 4.5], [2.0, 2 * apart, 4.5]], (20, 1))  # deviations 1 and apart; a constant has none
    np.savetxt("two.csv", two, delimiter=",", fmt="%.17g")
    words = [*GAUSSIAN, "--sigma", "learned", "--split", "1,0,0", "--epochs", "0", "--out"]
    assert bool(lines(train(*words, "a", data="two.csv"), UNSCALED)) is said
    np.savetxt("one.csv", two[:, 1:], delimiter=",", fmt="%.17g")  # one size, and a sigma of 1
    words = [*GAUSSIAN, "--sigma", "1", "--split", "1,0,0", "--epochs", "0", "--out"]
    found = lines(train(*words, "b", data="one.csv"), UNSCALED)
    assert bool(found) is said
    assert not said or f"the columns have a deviation of {apart:.3g} (x0) and sigma is 1;" in found[0]


def test_grey_values_and_other_likelihoods_get_no_word(train):
    generator = np.random.default_rng(0)
    grey = generator.random((40, 6)) * [1, 1, 1, 1, 1, 1e-3]
    np.save("grey.npy", grey)
    np.save("images.npy", 300 * grey.reshape(40, 2, 3))
    for i, data in enumerate(["grey.npy", "images.npy"]):
        done = train(*GAUSSIAN, "--epochs", "1", "--out", f"run{i}", data=data)
        assert lines(done, UNSCALED) == lines(done, LESS) == []
        assert "test_columns_alone" not in json.loads(Path(f"run{i}/result.json").read_text())
    done = train("--likelihood", "continuous-bernoulli", "--epochs", "1", "--out", "bernoulli", data="grey.npy")
    assert lines(done, UNSCALED) == lines(done, LESS) == []
