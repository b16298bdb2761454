"""evaluate, sample, reconstruct, encode, gradcheck: what they compute, write and refuse."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import vae_np as package
from cli.conftest import one_line
from vae_np.cli import common, sample
from vae_np.cli.train_options import DEFAULTS
from vae_np.support import machine

NUMPY = ["--backend", "numpy"]


@pytest.fixture
def test_part(run):
    """The test examples of the run."""
    return common.load_parts({**DEFAULTS, "data": "data.csv"}, "float64").test.x


def test_evaluate_prints_what_evaluate_returns(vae_np, run, test_part):
    vae = package.load("run", backend="numpy")
    expected = package.evaluate(vae, test_part, samples=7)
    values = vae_np("evaluate", "run", *NUMPY, "--samples", "7", "--json").json
    assert values["elbo"] == expected.elbo
    assert values["evidence_bound"] == expected.evidence
    for name in ("evidence_error", "evidence_error_from_samples", "evidence_error_from_examples"):
        assert values[name] == getattr(expected, name)
    effective = expected.per_example["effective_samples"]
    assert (values["effective_samples"], values["least_effective_samples"]) == (np.median(effective), effective.min())
    assert values["examples"] == 4
    assert values["kl_per_dimension"] == list(expected.kl_per_dimension)
    text = vae_np("evaluate", "run", *NUMPY, "--samples", "7").out
    assert f"{expected.elbo:.4f}" in text
    assert f"{expected.evidence:.4f}" in text
    assert "of 2 units active" in text
    assert f"+- {expected.evidence_error:.4f}" in text
    assert f"{expected.evidence_error_from_samples:.4f} from the samples" in text
    assert f"{np.median(effective):.1f} of 7 (median), {effective.min():.1f} at worst" in text


def test_evaluate_prints_nothing_an_example(vae_np, run):
    values = vae_np("evaluate", "run", *NUMPY, "--data", "data.csv", "--samples", "3", "--json").json
    assert values["examples"] == 40
    lists = {name: value for name, value in values.items() if isinstance(value, (list, dict))}
    assert {name: len(value) for name, value in lists.items()} == {"kl_per_dimension": 2}


def test_evaluate_knows_the_parts_of_the_data(vae_np, run):
    counts = {"train": 32, "validation": 4, "test": 4}
    for part, n in counts.items():
        own = vae_np("evaluate", "run", *NUMPY, "--part", part, "--json").json
        named = vae_np("evaluate", "run", *NUMPY, "--data", "data.csv", "--part", part, "--json").json
        assert own["examples"] == n
        assert own["elbo"] == named["elbo"]
    assert vae_np("evaluate", "run", *NUMPY, "--data", "data.csv", "--json").json["examples"] == 40


def test_the_test_part_is_that_of_training_whatever_the_seed(vae_np, train):
    assert train("--out", "run", "--epochs", "1", "--seed", "5").code == 0
    own = vae_np("evaluate", "run", *NUMPY, "--seed", "1", "--json").json
    named = vae_np("evaluate", "run", *NUMPY, "--seed", "1", "--data", "data.csv", "--part", "test", "--json").json
    assert own["elbo"] == named["elbo"]
    assert own["elbo"] != vae_np("evaluate", "run", *NUMPY, "--seed", "2", "--json").json["elbo"]


def test_one_example_gives_json_without_nan(vae_np, run):
    np.save("one.npy", np.full((1, 6), 0.5))
    assert vae_np("evaluate", "run", *NUMPY, "--data", "one.npy", "--json").json["standard_error"] is None


def test_binarised_training_is_evaluated_binarised(vae_np, train):
    assert train("--out", "run", "--epochs", "1", "--binarise", "threshold").code == 0
    grey = vae_np("evaluate", "run", *NUMPY, "--binarise", "none", "--json").json["elbo"]
    assert vae_np("evaluate", "run", *NUMPY, "--json").json["elbo"] != grey


@pytest.mark.parametrize("suffix", [".npy", ".csv"])
def test_encode_writes_means_and_log_variances(suffix, vae_np, run, test_part):
    mu, logvar = package.load("run", backend="numpy").encode(test_part)
    out = f"encoded{suffix}"
    done = vae_np("encode", "run", "--logvar", "--no-rows", "--out", out)
    assert done.out == f"4 examples of data.csv, 4 columns, in {out}\n"
    found = np.load(out) if suffix == ".npy" else np.loadtxt(out, delimiter=",", skiprows=1)
    np.testing.assert_array_equal(found, np.hstack([mu, logvar]))
    if suffix == ".csv":
        assert Path(out).read_text().startswith("mu0,mu1,logvar0,logvar1\n")
    values = vae_np("encode", "run", "--out", out, "--json").json
    assert values["columns"] == ["row", "mu0", "mu1"][suffix == ".npy" :]


def test_float32_survives_a_csv_file(vae_np, train):
    assert train("--out", "run", "--epochs", "1", "--dtype", "float32").code == 0
    assert vae_np("encode", "run", *NUMPY, "--no-rows", "--out", "e.csv").code == 0
    assert vae_np("encode", "run", *NUMPY, "--out", "e.npy").code == 0
    table = np.loadtxt("e.csv", delimiter=",", skiprows=1).astype("float32")
    np.testing.assert_array_equal(table, np.load("e.npy"))


def test_encode_writes_labels_only_where_they_are_asked_for(vae_np, run):
    x = np.loadtxt("data.csv", delimiter=",")[:3]
    rows = [",".join(map(repr, map(float, row))) for row in x]
    Path("texts.csv").write_text(
        "".join(f"{row},{text}\n" for row, text in zip(rows, ("dog", "c`t", 'c"t'), strict=True))
    )
    np.savez("numbers.npz", x=x, y=[7, 8, 7])
    words = ["encode", "run", *NUMPY, "--no-rows", "--out", "e.csv", "--data"]
    assert vae_np(*words, "texts.csv", "--labels", "last").code == 0
    plain = Path("e.csv").read_text().splitlines()
    done = vae_np(*words, "texts.csv", "--labels", "last", "--with-labels")
    assert done.out == "3 examples of texts.csv, 3 columns, in e.csv\n"
    labels = ["label", "dog", "c`t", '"c""t"']
    assert Path("e.csv").read_text().splitlines() == [f"{a},{b}" for a, b in zip(labels, plain, strict=True)]
    assert package.data.load("e.csv", labels="first").label_names == ('c"t', "c`t", "dog")
    assert vae_np(*words, "numbers.npz", "--with-labels", "--json").json["columns"] == ["label", "mu0", "mu1"]
    assert np.loadtxt("e.csv", delimiter=",", skiprows=1)[:, 0].tolist() == [7, 8, 7]


def test_reconstruct_writes_means(vae_np, run, test_part):
    done = vae_np("reconstruct", "run", *NUMPY, "--out", "r.npy", "--json")
    expected = package.load("run", backend="numpy").reconstruct(test_part)
    np.testing.assert_array_equal(np.load("r.npy"), expected)
    assert done.json["mean_squared_error"] == pytest.approx(((expected - test_part) ** 2).mean())
    assert "standardised_error" not in done.json
    assert vae_np("reconstruct", "run", *NUMPY, "--out", "r.csv").code == 0
    found = np.loadtxt("r.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(found[:, 0], package.data.split(40, seed=0)[2])
    np.testing.assert_allclose(found[:, 1:], expected, rtol=1e-15)


def test_the_error_of_a_model_that_standardises_is_told_in_its_units_too(vae_np, train):
    x = np.loadtxt("data.csv", delimiter=",") * [1, 1, 1, 1, 1, 1000]
    np.savetxt("data.csv", x, "%.17g", delimiter=",")
    assert train("--out", "run", "--epochs", "1", "--likelihood", "gaussian", "--scale", "standard").code == 0
    done = vae_np("reconstruct", "run", "--part", "train", "--out", "r.npy", "--json")
    rows = package.data.split(40, seed=0)[0]
    errors = ((np.load("r.npy") - x[rows]) ** 2).mean(axis=0)
    assert done.json["mean_squared_error"] == pytest.approx(errors.mean(), rel=1e-12)
    expected = (errors / x[rows].var(axis=0)).mean()
    assert done.json["standardised_error"] == pytest.approx(expected, rel=1e-12)
    line = f" ({expected:.6g} where each feature's variance in training is 1), in r.npy\n"
    assert line in vae_np("reconstruct", "run", "--part", "train", "--out", "r.npy").out


def test_sample_is_a_function_of_its_seed(vae_np, run):
    draws = [vae_np("sample", "run", "-n", "3", "--seed", seed, "--json").json["samples"] for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert np.shape(draws[0]) == (3, 6)
    assert 0 < np.min(draws[0]) < np.max(draws[0]) < 1
    drawn = vae_np("sample", "run", "-n", "50", "--draw", "--json").json["samples"]
    assert set(np.ravel(drawn)) == {0, 1}
    assert vae_np("sample", "run", "-n", "3", "--out", "s.npy", "--json").json == {
        "model": "run",
        "seed": 0,
        "out": "s.npy",
        "number": 3,
    }
    np.testing.assert_array_equal(np.load("s.npy"), draws[0])


def test_sample_says_whether_means_or_draws_were_written(vae_np, run):
    assert vae_np("sample", "run", "-n", "3", "--out", "s.npy").out == "3 decoder means in s.npy\n"
    assert vae_np("sample", "run", "-n", "3", "--draw", "--out", "s.npy").out == "3 draws in s.npy\n"


def test_pictures_are_drawn_by_default(vae_np, run):
    pytest.importorskip("matplotlib")
    for command, out in (("sample", "samples.png"), ("reconstruct", "reconstructions.png")):
        assert vae_np(command, "run").code == 0
        assert Path(out).read_bytes().startswith(b"\x89PNG")


def test_gradcheck_passes_and_a_wrong_gradient_fails(vae_np, monkeypatch):
    words = ["gradcheck", "--features", "4", "--hidden", "3", "--latent", "2", *NUMPY]
    done = vae_np(*words)
    assert done.code == 0
    assert done.out.endswith("all gradients are right\n")
    assert vae_np(*words, "--json").json["ok"] is True
    monkeypatch.setattr(package.ELBO, "_bounded", lambda self, kl: (kl.sum(), 1.01 * np.ones((1, 1)), None))
    done = vae_np(*words)
    assert done.code == 1
    assert "SOME GRADIENTS ARE WRONG" in done.out
    assert vae_np(*words, "--json").code == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("evaluate nowhere", "nowhere: there is no such file"),
        ("evaluate run --samples 0", "samples must be at least 1; got 0"),
        ("evaluate run --data missing.npy", "missing.npy"),
        ("evaluate run --data five.csv", "five.csv: has 5 columns, the model 6 features"),
        ("evaluate run --data wide.csv", "wide.csv must lie in [0, 1] for the bernoulli likelihood; row 38, column 5"),
        ("evaluate run --data wide.csv", "counted from 0); use --scale N\n"),
        ("encode run --with-labels", "--with-labels: data.csv has no labels"),
        ("encode run --with-labels --out e.npy", "--with-labels needs an --out that ends in .csv; got e.npy"),
        ("evaluate run --data nan.csv", "nan.csv: line 4, column 3: 'nan' (1 of "),
        ("evaluate run --data words.npy", "words.npy"),
        ("evaluate run --out e.npy", "--out must end in .csv; got e.npy"),
        ("evaluate run --split 0.5,0.25,0.25", "--split needs --data"),
        ("evaluate run --data data.csv --split 0.5,0.25,0.25", "--split needs --part"),
        ("evaluate run --data data.csv --part test --split 0.5,0.5", "--split needs three numbers"),
        ("evaluate run --data data.csv --part test --split 0.5,0.5,0", "the test part is empty"),
        ("evaluate model.npz", "model.npz: a model file does not know its data; name them with --data"),
        ("evaluate data.csv", "data.csv: no model file of vae_np"),
        ("encode run --out e.txt", "--out must end in .npy or .csv; got e.txt"),
        ("encode run --out e.png", "--out must end in .npy or .csv; got e.png"),
        ("encode run --out none/e.csv", "none/e.csv: No such file or directory"),
        ("sample run --number 0", "--number must be positive; got 0"),
        ("sample run --seed -1", "seed"),
        ("sample run --out s", "--out must end in .png, .svg, .pdf, .npy or .csv; got s"),
        ("reconstruct run --number 0", "--number must be positive; got 0"),
        ("reconstruct run --out s.gif", "--out must end in"),
        ("gradcheck run --hidden 3", "--hidden describes a new model, and run is to be checked"),
        ("gradcheck --features 0", "n_features"),
        ("gradcheck --samples 0", "--samples must be at least 1"),
        ("gradcheck --sigma 1", "--sigma belongs to --likelihood gaussian"),
        ("gradcheck --objective iwae --beta 0.5", "no beta"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(words, message, vae_np, run, here):
    x = np.loadtxt("data.csv", delimiter=",")
    np.savetxt("five.csv", x[:, :5], delimiter=",")
    x[38, 5] = 1.5
    np.savetxt("wide.csv", x, delimiter=",")
    x[3, 2] = np.nan
    np.savetxt("nan.csv", x, delimiter=",")
    np.save("words.npy", np.array(["a"]))
    package.load("run", backend="numpy").save("model.npz")
    before = set(here.iterdir())
    extra = [] if words.startswith("sample") else NUMPY
    one_line(vae_np(*words.split(), *extra), message)
    assert set(here.iterdir()) == before


def sample_into(stdout, number="1"):
    """Run `vae-np sample --json` with that standard output, buffered as usual."""
    program = "import sys; from vae_np.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", program, "sample", "run", "-n", number, "--json"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(words, stdout=stdout, stderr=subprocess.PIPE, text=True, env=env)


@pytest.mark.parametrize("number", ["1", "2000"])  # less and more than one buffer
def test_a_reader_that_leaves_early_is_no_error(number, run):
    read, written = os.pipe()
    os.close(read)
    done = sample_into(written, number)
    os.close(written)
    assert done.returncode == 141
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("number", ["1", "2000"])
def test_an_output_that_cannot_be_written_is_an_error_of_one_line(number, run):
    with open("/dev/full", "w") as full:
        done = sample_into(full, number)
    assert done.returncode == 2, done
    assert done.stderr.startswith("vae-np: error: ")
    assert done.stderr.endswith("No space left on device\n")
    assert done.stderr.count("\n") == 1


def test_an_interrupt_anywhere_is_one_line(vae_np, run, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("vae_np.evaluation.bounds.evaluate", interrupted)
    done = vae_np("evaluate", "run", *NUMPY)
    assert (done.code, done.out, done.err) == (130, "", "vae-np: interrupted\n")


def test_a_warning_is_one_line_without_its_place_in_the_code(vae_np, run, monkeypatch):
    lines = []

    def shown(*arguments, **options):
        lines.append(warnings.formatwarning(UserWarning("two\nlines"), UserWarning, "file.py", 7))
        raise ValueError("enough")

    before = warnings.formatwarning
    monkeypatch.setattr("vae_np.evaluation.bounds.evaluate", shown)
    assert vae_np("evaluate", run).code == 2
    assert lines == ["vae-np: warning: two lines\n"]
    assert warnings.formatwarning is before


def test_more_samples_than_there_is_room_for_are_refused_with_the_remedy(vae_np, run, monkeypatch):
    done = vae_np("sample", "run", "-n", "10000000", "--out", "s.png")
    one_line(done)
    assert done.err == (
        "vae-np: error: a picture has room for 2,796,202 samples of 6 values; got 10,000,000: write them to a .npy or"
        " .csv file\n"
    )
    monkeypatch.setattr(machine, "memory", lambda: 2**20)
    for draw in ([], ["--draw"]):
        done = vae_np("sample", "run", "-n", "1000000", "--out", "s.npy", *draw)
        one_line(done)
        assert "at most half of the memory is taken, 0.000488 GiB; draw them in parts, each with" in done.err
    monkeypatch.setattr(machine, "memory", lambda: 2**21)  # has room for the numbers, and not for their text
    assert vae_np("sample", "run", "-n", "10000", "--out", "s.csv").code == 2
    assert vae_np("sample", "run", "-n", "10000", "--json").code == 2
    assert not list(Path().glob("s.*"))
    assert vae_np("sample", "run", "-n", "10000", "--out", "s.npy").code == 0


def test_means_that_are_decoded_by_blocks_are_those_of_the_model(vae_np, run, monkeypatch):
    monkeypatch.setattr(sample, "BLOCK", 3)
    assert vae_np("sample", "run", "-n", "10", "--out", "s.npy").code == 0
    vae = package.load("run", backend="numpy")
    expected = np.concatenate([vae.decode(z[np.newaxis]) for z in vae.sample_prior(10)])
    np.testing.assert_allclose(np.load("s.npy"), expected, rtol=1e-12)
