"""vae-np bench: what it tells of the machine and of a step. How fast anything is, no test asks."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from patience import HANGS

from cli.conftest import one_line
from vae_np import __version__
from vae_np.bench import measure as bench
from vae_np.bench import share
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.support import machine

TINY = ["bench", "--features", "6", "--hidden", "4,3", "--latent", "2", "--batch-size", "3", "--seconds", "0.01"]
FLOAT64 = ["--dtype", "float64"]


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """A machine of its own, whatever else runs."""
    monkeypatch.setattr(bench, "share_of_cores", lambda threads: 1.0)


def check_ratios(result):
    """That what is derived follows from what was measured."""
    step, products, numpy = (result[f"{name}_ms"] for name in ("step", "products", "numpy"))
    for timing in (step, products, numpy):
        assert 0 < timing["low"] <= timing["median"] <= timing["high"]
        assert timing["calls"] >= 1
    assert result["step_over_products"] == step["median"] / products["median"]
    assert result["numpy_over_step"] == numpy["median"] / step["median"]
    assert result["examples_per_second"] == pytest.approx(1e3 * result["batch"] / step["median"])
    assert result["spread"] == max((t["high"] - t["low"]) / t["median"] for t in (step, products, numpy))
    assert result["first_step_ms"] > 0


def test_json_has_the_machine_and_a_result_in_both_dtypes(vae_np):
    found = vae_np(*TINY, "--json").json
    facts = found["machine"]
    assert facts["cpu"]
    assert 1 <= facts["cores"] <= facts["cores_in_all"]
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["versions"]["vae_np"] == __version__
    assert all(facts["versions"].values())
    assert all(set(facts["blas"][name]) == {"name", "version", "threads", "kernels"} for name in ("numpy", "scipy"))
    assert facts["jit"] is COMPILED
    assert found["seconds"] == 0.01
    assert found["interrupted"] is False
    assert [result["dtype"] for result in found["results"]] == ["float32", "float64"]
    for result in found["results"]:
        sizes = {name: result[name] for name in ("features", "hidden", "latent", "batch", "samples")}
        assert sizes == {"features": 6, "hidden": [4, 3], "latent": 2, "batch": 3, "samples": 1}
        assert (result["activation"], result["likelihood"], result["density"]) == ("tanh", {"name": "bernoulli"}, 0.13)
        check_ratios(result)


def test_floating_point_operations_and_bytes_are_counted():
    case = bench.Case(6, (4, 3), 2, batch=3, samples=5)
    # encoder 6-4-3-(2+2) for 3 rows, decoder 2-3-4-6 for 15; three products of each layer, but none for x's gradient
    forward = 2 * (3 * (6 * 4 + 4 * 3 + 3 * 4) + 15 * (2 * 3 + 3 * 4 + 4 * 6))
    assert case.flop() == 3 * forward - 2 * 3 * 6 * 4
    result = bench.measure(case, seconds=0.01)
    assert result.gflops == pytest.approx(case.flop() / result.products.median / 1e6)
    parameters = sum(np.prod(shape) for shape in case.architecture.shapes().values())
    assert result.memory > 4 * 4 * parameters  # parameters, gradient and two moments in float32


def test_a_table_tells_the_same(vae_np):
    done = vae_np(*TINY, *FLOAT64, "--threads", "1")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(machine.processor())
    assert ("the JIT is on" if COMPILED else "THE JIT IS OFF") in done.out
    assert "13% of the data 1" in done.out
    head, row = done.out.splitlines()[-2:]
    assert row.startswith("6-4-3-2, batch 3 float64       1 ")
    assert len(row) == len(head)


@pytest.mark.slow
def test_other_likelihoods_samples_and_densities_run(vae_np):
    words = ["--likelihood", "gaussian", "--sigma", "learned", "--activation", "gelu", "--samples", "2", *FLOAT64]
    [result] = vae_np(*TINY, *words, "--json").json["results"]
    assert (result["samples"], result["density"], result["activation"]) == (2, None, "gelu")
    assert result["likelihood"] == {"name": "gaussian", "sigma": "learned", "floor": 0.0}
    check_ratios(result)
    [result] = vae_np(*TINY, *FLOAT64, "--density", "0.5", "--json").json["results"]
    assert result["density"] == 0.5


def test_without_sizes_a_short_list_is_measured(vae_np, monkeypatch):
    monkeypatch.setattr(bench, "DEFAULTS", ((5, (4,), 2, 3), (6, (), 2, 3)))
    monkeypatch.setattr(bench, "COMPILED", True)
    results = vae_np("bench", "--seconds", "0.01", "--json").json["results"]
    assert [(r["features"], r["dtype"]) for r in results] == [
        (5, "float32"),
        (5, "float64"),
        (6, "float32"),
        (6, "float64"),
    ]
    monkeypatch.setattr(bench, "COMPILED", False)
    assert len(vae_np("bench", "--seconds", "0.01", *FLOAT64, "--json").json["results"]) == 1


def test_the_progress_comes_in_as_many_stages_as_are_announced():
    stages = []
    bench.measure(bench.Case(5, (4,), 2, batch=3), seconds=0.01, progress=lambda: stages.append(None))
    assert len(stages) == bench.STAGES


def test_threads_are_those_of_numpys_blas_too_and_are_given_back():
    before = machine.facts()["blas"]["numpy"]["threads"]
    if before is None:
        pytest.skip("NumPy's BLAS cannot be told")
    assert bench.facts(threads=1)["blas"]["numpy"]["threads"] == 1
    with machine.numpy_threads(before + 1):
        assert machine.facts()["blas"]["numpy"]["threads"] == before + 1
    assert machine.facts()["blas"]["numpy"]["threads"] == before


def test_an_interrupt_leaves_what_was_measured(vae_np, monkeypatch):
    measure, calls = bench.measure, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) % 2 == 0:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(bench, "measure", interrupted)
    done = vae_np(*TINY, "--json")
    assert (done.code, done.err) == (130, "vae-np: interrupted; 1 of 2 measured\n")
    assert done.json["interrupted"] is True
    assert len(done.json["results"]) == 1
    done = vae_np(*TINY)
    assert done.code == 130
    assert done.out.splitlines()[-1].startswith("6-4-3-2, batch 3 float32 ")


def test_with_the_jit_off_it_says_so_and_runs():
    program = "import sys; from vae_np.cli import main; sys.exit(main())"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, *TINY, *FLOAT64], env=environment, capture_output=True, text=True, timeout=HANGS
    )
    told = [line for line in done.stderr.splitlines() if "other programs took" not in line]  # as they may, meanwhile
    assert (done.returncode, told) == (0, [])
    assert "THE JIT IS OFF" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--features 0", "n_features must be positive; got 0"),
        ("--hidden 4,0", "hidden must be positive; got 0"),
        ("--latent 0", "latent must be positive; got 0"),
        ("--batch-size 0", "batch must be at least 1; got 0"),
        ("--samples 0", "samples must be at least 1; got 0"),
        ("--activation swish", "activation must be one of"),
        ("--likelihood cauchy", "likelihood must be one of"),
        ("--sigma 1", "--sigma belongs to --likelihood gaussian"),
        ("--density 1.5", "density must lie in [0, 1]; got 1.5"),
        ("--density nan", "density must be finite"),
        ("--density 0.5 --likelihood gaussian", "--density belongs to --likelihood bernoulli"),
        ("--threads 0", "threads must be at least 1; got 0"),
        ("--threads 100000", "threads must be at most"),
        ("--seconds 0", "--seconds must be positive; got 0.0"),
        ("--seconds inf", "--seconds must be finite"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(words, message, vae_np):
    one_line(vae_np("bench", *words.split()), message)


@pytest.mark.parametrize("words", ["--features 1000000000 --hidden 1000000000", f"--features 1{'0' * 30} --hidden 5"])
def test_sizes_beyond_the_memory_are_told_in_one_line(words, vae_np):
    if machine.memory() is None:
        pytest.skip("this system does not tell its memory")
    one_line(vae_np("bench", *words.split()), " GB; this machine has ")


@pytest.mark.parametrize("words", ["--dtype float16", "--hidden 4,x", "--seconds soon", "--batch-size many"])
def test_options_that_cannot_be_read_end_in_a_line_on_usage(words, vae_np):
    done = vae_np("bench", *words.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: vae-np bench")
    assert "error: " in done.err.splitlines()[-1]


def test_the_processor_has_a_name_wherever_it_is_kept(monkeypatch):
    def keep(text):
        monkeypatch.setattr(machine.Path, "read_text", lambda path, **options: text)

    keep("processor\t: 0\nmodel\t\t: 1\nmodel name\t: Some CPU @ 2 GHz\n")
    assert machine.processor() == "Some CPU @ 2 GHz"
    assert machine.cpu().endswith(" of Some CPU @ 2 GHz")
    keep("processor\t: 0\nModel\t\t: Some Board\n")
    assert machine.processor() == "Some Board"
    keep("")
    monkeypatch.setattr(machine.sys, "platform", "aix")
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "power9")
    assert machine.processor() == "power9"


def test_a_machine_that_is_not_its_own_is_told_with_the_share_that_others_took(vae_np, monkeypatch):
    monkeypatch.setattr(bench, "share_of_cores", lambda threads: 0.55)
    done = vae_np(*TINY, *FLOAT64)
    assert "vae-np: warning: other programs took 45% of the cores" in done.err
    assert vae_np(*TINY, *FLOAT64, "--json").json["results"][0]["share_of_cores"] == 0.55
    monkeypatch.setattr(bench, "share_of_cores", lambda threads: 0.95)
    assert "warning" not in vae_np(*TINY, *FLOAT64).err


def test_a_moment_of_the_systems_own_is_no_other_program(monkeypatch):
    looks = iter([0.5, 0.6, 0.93, 1.0, 0.4, 0.4])
    monkeypatch.setattr(share, "_share", lambda seconds: next(looks))
    assert share.share_of_cores(2) == 0.93


def test_a_thread_that_must_wait_has_less_than_a_core(monkeypatch):
    assert 0 < share.share_of_cores(2, seconds=0.01) <= 1
    ticks = iter([0.0, 1.0, 2.0, 4.0])  # of the clock: begun, twice in the loop, ended
    monkeypatch.setattr(share.time, "perf_counter", lambda: next(ticks))
    used = iter([0.0, 1.0])
    monkeypatch.setattr(share.time, "thread_time", lambda: next(used))
    assert share._share(1.5) == 0.25
    assert share.warning(0.25) is not None
    assert share.warning(share.OWN) is None
