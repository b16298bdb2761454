"""The same bits: on any number of threads, by any processor's instructions; and what differs is named by its stage."""

from __future__ import annotations

import os
import subprocess
import sys

import llvmlite.binding
import numba
import numpy as np
import pytest

from vae_np.kernels.compiler import lanes
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.reproduction import comparison, expected, hashing, reproduce, target
from vae_np.reproduction.cases import CASES, STEPS
from vae_np.support import noise

pytestmark = pytest.mark.skipif(not COMPILED, reason="plain Python has no fused multiply-add")
SOME = ["tanh, float32", "five samples, float64", "gaussian:sigma=per-feature, float32", "importance-weighted, float64"]
AVX2 = "+avx2,+fma,+avx,+bmi,+bmi2,+sse4.2,+popcnt"


def test_the_hashes_in_the_package_are_of_every_case_and_its_stages():
    assert list(expected()) == list(CASES)
    for stages in expected().values():
        assert list(stages)[:4] == ["data", "start", "batch", "noise"]
        assert list(stages)[-1] == f"{STEPS} steps"
        assert all(len(digest) == 32 for digest in stages.values())
    last = [stages[f"{STEPS} steps"] for stages in expected().values()]
    assert len(set(last)) == len(last)  # no two cases are one


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_bits_are_the_same_on_any_number_of_threads(threads):
    assert [o.differs for o in reproduce(SOME, threads)] == [None] * len(SOME)


@pytest.mark.slow
def test_all_cases_have_their_bits():
    assert [o for o in reproduce(list(CASES)) if o.differs] == []


def test_the_first_stage_that_differs_is_named(monkeypatch):
    name = SOME[0]
    drawn = noise.TILE
    off = {**expected()[name], "kl": "0", "50 steps": "0"}
    assert comparison.first_difference(off, expected()[name]) == "kl"
    assert comparison.first_difference({}, expected()[name]) == "data"
    assert comparison.first_difference(expected()[name], expected()[name]) is None
    monkeypatch.setattr(hashing, "SEED", drawn)
    assert [o.differs for o in reproduce([name])] == ["start"]


def test_one_unit_in_the_last_place_of_one_weight_is_noticed(monkeypatch):
    make = hashing._model

    def off(case, threads):
        vae = make(case, threads)
        W = vae.parameters["decoder.out.W"]
        W[0, 0] = np.nextafter(W[0, 0], 1)
        return vae

    monkeypatch.setattr(hashing, "_model", off)
    assert [o.differs for o in reproduce(SOME[:1])] == ["start"]


def test_without_the_compiler_it_says_so(monkeypatch):
    monkeypatch.setattr(comparison, "COMPILED", False)
    with pytest.raises(ValueError, match="NUMBA_DISABLE_JIT is set"):
        next(reproduce(SOME))


@pytest.mark.slow
@pytest.mark.parametrize(("cpu", "features"), [("generic", None), ("haswell", AVX2), ("skylake-avx512", None)])
def test_bits_are_the_same_by_another_processors_instructions(cpu, features, tmp_path):
    if "avx512" in cpu and not lanes.WIDE:
        pytest.skip("this machine has no AVX-512")
    environment = os.environ | {"NUMBA_CPU_NAME": cpu, "NUMBA_CACHE_DIR": str(tmp_path)}
    environment |= {} if features is None else {"NUMBA_CPU_FEATURES": features}
    command = [sys.executable, "-m", "vae_np", "reproduce"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    count = len(comparison.DEFAULT)
    assert f"same bits: {count} of {count}" in done.stdout, done.stdout + done.stderr


def test_the_processor_that_is_compiled_for_is_the_machines_or_the_one_named(monkeypatch):
    monkeypatch.setattr(numba.config, "CPU_NAME", None)
    assert target() == llvmlite.binding.get_host_cpu_name()
    monkeypatch.setattr(numba.config, "CPU_NAME", "haswell")
    assert target() == "haswell"
