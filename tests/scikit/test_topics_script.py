"""scripts/applications/topics.py: its measures by hand and by quadrature, its documents, and that it runs."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, special

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "applications"))
import docstrings as documents
import topics as script

import vae_np

TWO = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
ARGS = argparse.Namespace(quick=True, epochs=2)


class Either:
    """A document is of one of two topics, each as likely; both are drawn, from a q that knows nothing."""

    def draw(self, x, samples, rng):
        shares = np.broadcast_to(TWO[:, np.newaxis], (2, len(x), 3))
        return script.Draws((x * np.log(shares)).sum(axis=-1), shares)


def test_perplexities_are_those_of_the_evidence_and_of_the_predictive_distribution():
    x, seen = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 4.0]]), np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    whole = other = 0.0
    for row, half in zip(x, seen, strict=True):
        whole += math.log(0.5 * np.prod(TWO[0] ** row) + 0.5 * np.prod(TWO[1] ** row))
        posterior = np.array([np.prod(TWO[k] ** half) for k in (0, 1)])
        other += ((row - half) * np.log(posterior / posterior.sum() @ TWO)).sum()
    bound, completed = script.perplexities(Either(), x, seen, samples=2)
    assert bound == pytest.approx(math.exp(-whole / 8), rel=1e-14)
    assert completed == pytest.approx(math.exp(-other / 5), rel=1e-14)


def test_a_model_that_knows_nothing_has_the_unigrams_perplexity_by_both():
    train, x = np.array([[3.0, 0.0, 1.0]]), np.array([[1.0, 1.0, 2.0]])
    share = np.array([4, 1, 2]) / 7

    class Unigram:
        def draw(self, x, samples, rng):
            shares = np.broadcast_to(share, (samples, len(x), 3))
            return script.Draws((x * np.log(shares)).sum(axis=-1), shares)

    bound, other = script.perplexities(Unigram(), x, np.array([[1.0, 0.0, 1.0]]), samples=4)
    assert bound == pytest.approx(script.unigram(train, x), rel=1e-14)
    assert other == pytest.approx(script.unigram(train, np.array([[0.0, 1.0, 1.0]])), rel=1e-14)
    assert script.unigram(train, x) == pytest.approx(np.prod(share ** x[0]) ** -0.25, rel=1e-14)


def test_the_weights_of_lda_give_its_evidence_by_quadrature():
    rng = np.random.default_rng(0)
    train = vae_np.Multinomial.documents(TWO[rng.integers(0, 2, 60)], 12, rng)
    model = script.Dirichlet({"train": train}, (2, None), 0, ARGS)
    x, a, words = np.array([[3.0, 1.0, 0.0], [1.0, 0.0, 6.0]]), model.lda.doc_topic_prior_, model.words
    drawn = model.draw(x, 20_000, np.random.default_rng(1))
    w = np.exp(drawn.log_w)
    error = w.std(axis=0) / math.sqrt(len(w))
    assert (error < 0.01 * w.mean(axis=0)).all()
    for row, mean, e in zip(x, w.mean(axis=0), error, strict=True):

        def density(t, row=row):
            prior = (t * (1 - t)) ** (a - 1) / special.beta(a, a)
            return prior * np.prod((t * words[0] + (1 - t) * words[1]) ** row)

        assert abs(mean - integrate.quad(density, 0, 1, limit=200)[0]) < 5 * e


def test_the_weights_of_the_autoencoder_are_those_of_the_words_in_their_order():
    rng = np.random.default_rng(0)
    x = vae_np.Multinomial.documents(TWO[rng.integers(0, 2, 80)], rng.integers(2, 20, 80), rng).astype(np.float32)
    model = script.Autoencoder({"train": x[:60], "validation": x[60:]}, (2, 0), 0, ARGS)
    drawn = model.draw(x[:5], 30, np.random.default_rng(1))
    eps = np.random.default_rng(1).standard_normal((30, 5, 2)).astype(np.float32)
    vae = model.vae
    mu, logvar = vae.encode(x[:5])
    z = mu + np.exp(logvar / 2) * eps
    w, b = vae.parameters["decoder.out.W"], vae.parameters["decoder.out.b"]
    log_p = special.log_softmax((z @ w + b).astype(float), axis=-1)
    prior_over_q = -0.5 * (z**2 - eps**2 - logvar).sum(axis=-1)
    np.testing.assert_allclose(np.log(drawn.shares), log_p, rtol=0, atol=1e-5)  # of logits below 10 in float32
    np.testing.assert_allclose(drawn.log_w, (x[:5] * log_p).sum(axis=-1) + prior_over_q, rtol=0, atol=1e-4)
    assert script.log_orders(np.array([2.0, 1.0, 0.0])) == pytest.approx(math.log(3), rel=1e-14)


def test_npmi_by_hand():
    """Of four documents: words 0 and 1 always together (1), 0 and 2 never (-1), 0 and 3 in 1 of the 2 each has (0)."""
    present = np.array([[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]], bool)
    for words, value in (((0, 1), 1.0), ((0, 2), -1.0), ((0, 3), 0.0)):
        pair = present[:, list(words)]
        assert script.coherence(np.array([[0.5, 0.5]]), pair) == pytest.approx(value, abs=1e-12)
    assert script.coherence(np.ones((1, 3)), present[:, [0, 1, 2]]) == pytest.approx(-1 / 3)


def test_halves_are_of_the_words_that_are_there():
    x = np.random.default_rng(0).poisson(2, (50, 7)).astype(np.float32)
    seen = script.halves(x, np.random.default_rng(0))
    assert ((seen >= 0) & (seen <= x)).all()
    np.testing.assert_array_equal(seen.sum(axis=1), x.sum(axis=1) // 2)


def test_documents_are_public_docstrings_without_copies_and_words_that_are_rare():
    texts = documents.docstrings(("numpy",))
    assert len(texts) > 300
    assert len({text for _, text in texts}) == len(texts)
    assert {"numpy", "numpy.linalg"} <= {home for home, _ in texts}
    assert not any("test" in home for home, _ in texts)
    assert not any("\nexamples\n---" in text for _, text in texts)
    many = [("a", f"matrix vector norm solve eigen {w} {w} " * 4) for w in ("red", "green")]
    many += [("b", "string split join upper lower strip " * k) for k in (3, 5)]  # of a cosine of 1
    found = documents.bags(many, least=2, most=0.9)
    assert set(found.words) == {"matrix", "vector", "norm", "solve", "eigen", "string", "split", "join", "upper",
                                "lower", "strip"}  # fmt: skip
    assert sorted(found.homes) == ["a", "b"]  # red and green are in one document each, and then the first two are one
    assert found.x.sum(axis=1).tolist() == [20, 18]


def test_it_prints_its_tables_of_a_file(tmp_path, capsys):
    rng = np.random.default_rng(0)
    words = np.array([a + b + c for a in "bdfghjkpqv" for b in "aeiou" for c in "lmnrst"])
    lines = []
    for _ in range(300):
        topic = rng.integers(0, 10)
        lines.append(" ".join(rng.choice(words[30 * topic : 30 * topic + 30], 40)))
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    script.main(["--data", str(tmp_path / "lines.txt"), "--quick", "--seeds", "2"])
    out = capsys.readouterr().out
    rows = {line.split(" | ")[0]: line.split(" | ")[1:] for line in out.splitlines() if " ± " in line}
    assert [name.split(",")[0] for name in rows] == ["| unigram", "| LDA", "| VAE", "| LDA", "| VAE", "| VAE", "| VAE"]
    perplexity = {name: float(cells[0].split(" ± ")[0]) for name, cells in rows.items()}
    assert perplexity["| unigram"] == pytest.approx(300, rel=0.1)
    assert min(perplexity.values()) < 60  # ten topics of 30 words each
