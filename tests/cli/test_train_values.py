"""vae-np train: wrong values are told in one line and leave no folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cli.conftest import one_line

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
    "--likelihood cauchy": "likelihood must be one of",
    "--init zero": "init",
    "--sigma 0.5 --likelihood bernoulli": "--sigma belongs to --likelihood gaussian",
    "--likelihood gaussian --sigma -1": "sigma",
    "--likelihood gaussian --sigma big": "sigma",
    "--objective iwae --beta 0.5": "no beta",
    "--objective iwae --kl-warmup 2": "no beta",
    "--objective iwae --free-bits 1": "--free-bits belongs to --objective elbo; the objective is iwae",
    "--objective elbo:free_bits=1 --free-bits 2": "free_bits is given twice",
    "--objective reinforce:baseline=leave-one-out": "--samples must suit --objective reinforce:baseline=leave-one-out:"
    " reinforce learns of each sample from the others: it needs at least 2 samples; got 1",
    "--objective miwae --samples 3": "--samples must suit --objective miwae: miwae divides the samples into 2 groups",
    "--objective gan": "objective must be one of elbo, iwae",
    "--objective iwae:free_bits=1": "the iwae objective does not take 'free_bits'",
    "--beta -1": "--beta",
    "--beta nan": "--beta",
    "--free-bits -1": "free_bits",
    "--kl-warmup 2 --kl-cycles 2": "exclude each other",
    "--kl-cycles -1": "--kl-cycles",
    "--kl-cycles 1000 --epochs 1": "--kl-cycles 1000 in 4 steps: a cycle needs at least 2 steps",
    "--samples 0": "samples",
    "--seed -1": "seed",
    "--milestones 1,2": "--schedule steps and --milestones need each other; the schedule is constant",
    "--milestones 1,2 --schedule cosine": "--schedule steps and --milestones need each other; the schedule is cosine",
    "--schedule steps": "--schedule steps and --milestones need each other; there are none",
    "--schedule steps --milestones none": "--milestones need each other; there are none",
    "--data huge.npy --dtype float32": "huge.npy: row 3, column 2 is 1e+300, beyond float32; dtype='float64' (--dtype",
    "--data large.npy --likelihood gaussian --sigma learned --scale none": "3.13e+29, beyond what a learned sigma may",
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
    "--data nan.csv": "nan.csv: line 4, column 3: 'nan' (1 of ",
    "--data wide.csv --likelihood bernoulli": "in [0, 1] for the bernoulli likelihood; row 38, column 5 is 1.5",
    "--data wide.csv --likelihood continuous-bernoulli": "from 0); use --likelihood gaussian, or --scale N\n",
    "--data negative.csv --likelihood bernoulli": "from 0); use --likelihood gaussian\n",
    "--data negative.csv --binarise fixed": "from 0)\n",
    "--data whole.csv": "whole.csv: integers from 0 to 299 (int64) have no obvious scale; give --scale standard, with",
    "--data words.csv": "words.csv: line 1, column 3: 'cat' is not a number; if column 3 holds labels: labels='last'",
    "--data wide.csv --binarise dynamic --likelihood gaussian": "for --binarise dynamic; row 38, column 5 is 1.5",
    "--data text.npy": "real numbers are needed",
    "--data data.csv --key x": "key",
    "--data data.csv --scale 0": "scale",
    "--data .": ". lacks files in the form of MNIST's; looked for train-images-idx3-ubyte (or",
    "--resume": "--resume needs --out",
    "--latent 1000000000000000": "there is no memory for encoder.mu.W",
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
    x[3, 2] = 1e300
    np.save("huge.npy", x)
    np.save("large.npy", 1e30 * np.loadtxt("data.csv", delimiter=","))
    np.save("text.npy", np.array([["a"]]))
    before = set(here.iterdir())
    one_line(train(*words.split()), WRONG[words])
    assert set(here.iterdir()) == before


def test_an_out_that_is_a_file_is_told(train, here):
    one_line(train("--out", "data.csv"), "data.csv is a file; --out names a folder")
    one_line(train("--out", "data.csv/run"), "data.csv/run: Not a directory")
