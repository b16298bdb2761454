"""scripts/applications/names.py: its n-gram models and distances by hand, and that it runs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "applications"))
import names as script

NAMES = ["anna", "hanna", "otto", "ida", "adam", "tom", "mona", "nora", "dora", "dan", "tim", "mia"]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_an_n_gram_model_is_a_distribution(order):
    gram, every = script.NGram(NAMES, order, 10), [script.END, *"adhimnort"]
    for before in ("", "a", "an", "zz", script.END * 2):
        before = before[len(before) - min(len(before), order - 1) :]
        assert sum(gram.p(letter, before) for letter in every) == pytest.approx(1, rel=1e-14)


def test_a_bigram_by_hand():
    """ab, b: after a always b (1 of 1, one kind); b's unigram is 2 of 5 (three kinds), of three classes."""
    unigram = (2 + 3 * (1 / 3)) / (5 + 3)
    assert script.NGram(["ab", "b"], 1, 3).p("b", "") == pytest.approx(unigram, rel=1e-15)
    bigram = script.NGram(["ab", "b"], 2, 3)
    assert bigram.p("b", "a") == pytest.approx((1 + 1 * unigram) / (1 + 1), rel=1e-15)
    end = (2 + 3 * (1 / 3)) / (5 + 3)
    start_b = (1 + 2 * unigram) / (2 + 2)  # a and b begin names
    assert bigram.nats(["b"])[0] == pytest.approx(-np.log(start_b) - np.log((2 + 1 * end) / (2 + 1)), rel=1e-14)


def test_the_edits_between_two_names():
    found = [script.distance(*pair.split()) for pair in ("anna anna", "anna hanna", "kitten sitting", "ab ba")]
    assert found == [0, 1, 3, 2]


def test_it_trains_samples_and_draws(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    made = ["".join(rng.choice(list("admnot"), rng.integers(2, 6))) for _ in range(150)]
    (tmp_path / "made.txt").write_text("\n".join(made))
    script.main(["--data", str(tmp_path / "made.txt"), "--quick", "--threads", "1", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert all(f"| {model} | " in out for model in ("unigram", "bigram", "trigram", "VAE", "the trigram model's"))
    assert "nan" not in out
    assert (tmp_path / "names.png").stat().st_size > 1000


def test_it_says_what_to_install(monkeypatch):
    def absent(name):
        raise script.PackageNotFoundError(name)

    monkeypatch.setattr(script, "distribution", absent)
    with pytest.raises(SystemExit, match=r"pip install names==0.3.0"):
        script.census(10)
