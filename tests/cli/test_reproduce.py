"""vae-np reproduce."""

from __future__ import annotations

import pytest

from vae_np.reproduction import comparison, target


@pytest.fixture
def two(monkeypatch):
    """Two cases, of which the second differs."""
    outcomes = [comparison.Outcome("tanh, float32", None), comparison.Outcome("relu, float32", "kl")]
    asked = []

    def reproduce(names, threads):
        asked.append((len(names), threads))
        yield from outcomes

    monkeypatch.setattr("vae_np.reproduction.reproduce", reproduce)
    return asked


def test_each_case_has_a_line_and_one_that_differs_makes_the_exit_code_1(vae_np, two):
    done = vae_np("reproduce", "--threads", "3")
    assert done.code == 1
    assert two == [(len(comparison.DEFAULT), 3)]
    lines = done.out.splitlines()
    assert lines[0].split("  ")[0] == "tanh, float32"
    assert lines[0].endswith("the same bits")
    assert lines[1].endswith("DIFFERS, first in: kl")
    assert lines[-1].startswith("same bits: 1 of 2 on this machine (")
    assert f", compiled for {target()}; threads=3; " in lines[-1]


def test_json_has_the_machine_and_all_asks_for_all(vae_np, two):
    found = vae_np("reproduce", "--all", "--json").json
    assert found["same"] == 1
    assert found["cases"] == {"tanh, float32": None, "relu, float32": "kl"}
    assert {"cpu", "versions"} <= set(found["facts"])
    assert two[0][0] == len(comparison.CASES)


def test_with_the_jit_off_it_is_one_line(vae_np, monkeypatch):
    monkeypatch.setattr(comparison, "COMPILED", False)
    done = vae_np("reproduce")
    assert done.code == 2
    assert "NUMBA_DISABLE_JIT is set" in done.err
