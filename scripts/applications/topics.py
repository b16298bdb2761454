"""Topics of documents: a VAE with a linear decoder beside scikit-learn's latent Dirichlet allocation.

    OMP_NUM_THREADS=1 python scripts/applications/topics.py [--data FILE] [--seeds 3] [--epochs 120] [--quick]

FILE has a document a line. Without it documents are the docstrings of numpy, scipy, scikit-learn, pandas and
matplotlib, as far as they are installed (BSD licences, and matplotlib's, which is like Python's). Prints the tables of
docs/applications.md.

The model is that of Miao et al. (2016): counts x go into an encoder, a code z of K numbers decodes to the logits
z W + b of the words, the likelihood is `Multinomial`. All measures are of documents that were not trained on.
Perplexity is exp(-log p / words), of the words in their order, without the number of orders log n! - sum log x_d!:

- by the bound: of whole documents, log p(x) by importance weighting of both models, 100 samples of q
- of the other half: of half of each document's words given the other half, each word by the same weights:
  p(w | seen) = sum_s v_s p(w | z_s), v_s proportional to p(seen | z_s) p(z_s) / q(z_s | seen)

The settings of both are those of the lowest perplexity of the other half of the first seed's validation documents.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from docstrings import PACKAGES, Bags, bags, docstrings
from labelled import add, table
from scipy import special
from sklearn.cluster import KMeans
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.linear_model import LogisticRegression

import vae_np
from vae_np.formulas.schedules import LinearWarmup

ROWS = 50
"""Documents whose samples are held at once."""
CLUSTERS = 20
FIRST = 10
"""Words of a topic."""


class Draws(NamedTuple):
    """Of what may lie behind documents: weights log p(x, z) / q(z|x) (S, N) and p(word | z) (S, N, D)."""

    log_w: np.ndarray
    shares: np.ndarray


def log_orders(x: np.ndarray) -> np.ndarray:
    """log n! - sum_d log x_d!, of how many orders a bag is."""
    found: np.ndarray = special.gammaln(x.sum(axis=-1) + 1) - special.gammaln(x + 1).sum(axis=-1)
    return found


class Autoencoder:
    """Trained; z from q(z|x)."""

    def __init__(self, parts: dict[str, np.ndarray], setting: tuple[int, int], seed: int, args: Any) -> None:
        latent, warmup = setting
        x, begin = parts["train"], time.process_time()
        self.vae = vae = vae_np.VAE(
            x.shape[1], hidden=(200,), latent=latent, decoder_hidden=(), activation="tanh", likelihood="multinomial",
            dtype="float32", seed=seed,
        )  # fmt: skip
        self.history = vae_np.fit(
            vae, x, epochs=args.epochs, batch_size=64, seed=seed, output_bias="data", progress=False,
            beta=LinearWarmup(warmup * math.ceil(len(x) / 64)) if warmup else 1.0,
            validation=parts["validation"], patience=10,
        )  # fmt: skip
        self.seconds = time.process_time() - begin

    def draw(self, x: np.ndarray, samples: int, rng: np.random.Generator) -> Draws:
        eps = rng.standard_normal((samples, len(x), self.vae.architecture.latent)).astype(self.vae.dtype)
        t = self.vae.terms(x, eps)
        return Draws(t.log_likelihood + t.log_prior - t.log_posterior - log_orders(x), self.vae.decode(t.z))

    def own_bound(self, x: np.ndarray) -> float:
        """The ELBO's perplexity."""
        elbo = vae_np.evaluate(self.vae, x, samples=10).elbo * len(x) - log_orders(x).sum()
        return math.exp(-elbo / x.sum())

    def codes(self, x: np.ndarray) -> np.ndarray:
        return self.vae.encode(x)[0]

    def topics(self, x: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        """By weights, by probability three deviations out, and of clusters of the training documents' codes."""
        w, out = self.vae.parameters["decoder.out.W"], 3 * np.eye(self.vae.architecture.latent, dtype=np.float32)
        centres = KMeans(CLUSTERS, n_init=5, random_state=seed).fit(self.codes(x)).cluster_centers_
        return {
            "VAE, largest weights of each latent, both signs": np.concatenate([w, -w]),
            "VAE, each latent at 3 and -3, others 0": self.vae.decode(np.concatenate([out, -out])),
            f"VAE, {CLUSTERS} clusters of codes, decoded": self.vae.decode(centres.astype(np.float32)),
        }


class Dirichlet:
    """Latent Dirichlet allocation; theta from q(theta|x), the topic of each word summed out."""

    def __init__(self, parts: dict[str, np.ndarray], setting: tuple[int, float | None], seed: int, args: Any) -> None:
        topics, prior = setting
        begin = time.process_time()
        how = {"max_iter": 2 if args.quick else 30, "topic_word_prior": prior, "random_state": seed}
        self.lda = LatentDirichletAllocation(topics, **how).fit(parts["train"])
        self.words = self.lda.components_ / self.lda.components_.sum(axis=1, keepdims=True)
        self.seconds = time.process_time() - begin

    def draw(self, x: np.ndarray, samples: int, rng: np.random.Generator) -> Draws:
        k, alpha = len(self.words), self.lda.doc_topic_prior_
        # q's parameters are alpha and the expected counts of the topics, which add up to the document's length
        gamma = self.lda.transform(x) * (k * alpha + x.sum(axis=1, keepdims=True, dtype=float))
        drawn = np.maximum(rng.standard_gamma(np.broadcast_to(gamma, (samples, *gamma.shape))), 1e-300)
        theta = drawn / drawn.sum(axis=-1, keepdims=True)
        ratio = log_dirichlet(theta, np.full(k, alpha)) - log_dirichlet(theta, gamma)
        shares = theta @ self.words
        return Draws((x * np.log(shares)).sum(axis=-1) + ratio, shares)

    def own_bound(self, x: np.ndarray) -> float:
        """scikit-learn's perplexity, whose bound pays for the topics themselves as well."""
        return float(self.lda.perplexity(x))

    def codes(self, x: np.ndarray) -> np.ndarray:
        return self.lda.transform(x)

    def topics(self, x: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        return {f"LDA, {len(self.words)} topics": self.words}


def log_dirichlet(theta: np.ndarray, a: np.ndarray) -> np.ndarray:
    """The log-density of Dirichlet(a), over the last axis."""
    constant = special.gammaln(a.sum(axis=-1)) - special.gammaln(a).sum(axis=-1)
    found: np.ndarray = constant + ((a - 1) * np.log(theta)).sum(axis=-1)
    return found


def halves(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half of each document's words, whichever; of an odd number the smaller half."""
    rows = [rng.multivariate_hypergeometric(row, row.sum() // 2, method="marginals") for row in x.astype(np.int64)]
    return np.stack(rows).astype(x.dtype)


def perplexities(model: Any, x: np.ndarray, seen: np.ndarray, samples: int = 100, seed: int = 0) -> tuple[float, float]:
    """By the bound, and of the other half."""
    rng, rest = np.random.default_rng(seed), x - seen
    whole = other = 0.0
    for first in range(0, len(x), ROWS):
        rows = slice(first, first + ROWS)
        whole += (special.logsumexp(model.draw(x[rows], samples, rng).log_w, axis=0) - math.log(samples)).sum()
        log_w, shares = model.draw(seen[rows], samples, rng)
        p = np.einsum("sn,snd->nd", special.softmax(log_w, axis=0), shares)
        other += (rest[rows] * np.log(p)).sum()
    return math.exp(-whole / x.sum()), math.exp(-other / rest.sum())


def unigram(train: np.ndarray, x: np.ndarray) -> float:
    """The perplexity of every word's share of all, each counted once more than it came."""
    share = (train.sum(axis=0) + 1) / (train.sum() + train.shape[1])
    return math.exp(-(x * np.log(share)).sum() / x.sum())


def coherence(topics: np.ndarray, present: np.ndarray) -> float:
    """The topics' mean NPMI of the pairs of their first words, by which documents (N, D) have both (Bouma 2009)."""
    found, n = [], len(present)
    for topic in topics:
        for i, j in itertools.combinations(np.argsort(-topic)[:FIRST], 2):
            both, one, other = (present[:, i] & present[:, j]).sum(), present[:, i].sum(), present[:, j].sum()
            if both in (0, n):
                found.append(1.0 if both else -1.0)
            else:
                found.append(math.log(both * n / (one * other)) / -math.log(both / n))
    return float(np.mean(found))


def told(model: Any, parts: dict[str, np.ndarray], homes: dict[str, np.ndarray]) -> float:
    """The share of held-out documents whose module logistic regression tells from their codes, of the 20 largest."""
    large = [home for home, _ in Counter(homes["train"]).most_common(20)]
    rows = {part: np.isin(homes[part], large) for part in ("train", "test")}
    codes = {part: model.codes(parts[part][rows[part]]) for part in rows}
    mean, deviation = codes["train"].mean(axis=0), codes["train"].std(axis=0) + 1e-9
    judge = LogisticRegression(max_iter=300).fit((codes["train"] - mean) / deviation, homes["train"][rows["train"]])
    return float(judge.score((codes["test"] - mean) / deviation, homes["test"][rows["test"]]))


def chosen(kind: Callable, settings: dict[str, Any], parts: dict[str, np.ndarray], args: Any) -> tuple[str, Any]:
    """Name and setting of the lowest perplexity of the other half of the validation documents; prints all."""
    seen, best = halves(parts["validation"], np.random.default_rng(0)), (math.inf, "", None)
    for name, setting in settings.items():
        model = kind(parts, setting, 0, args)
        bound, other = perplexities(model, parts["validation"], seen, 10 if args.quick else 100)
        extra = ""
        if isinstance(model, Autoencoder):
            found = vae_np.evaluate(model.vae, parts["validation"], samples=10)
            extra = f"{found.kl:.1f} nats, {found.active_units} of {model.vae.architecture.latent}"
        print(f"| {name} | {other:.0f} | {bound:.0f} | {extra} |", flush=True)
        best = min(best, (other, name, setting), key=lambda b: b[0])
    return best[1], best[2]


LEAST = 10
"""Documents that can be split in three."""


def read(path: Path | None, quick: bool) -> tuple[Bags, str]:
    if path is not None:
        if not path.is_file():
            raise SystemExit(f"--data {path}: there is no such file; it has a document a line")
        texts = [("", line.lower()) for line in path.read_text().splitlines()]
        try:
            found = bags(texts, least=min(20, max(2, len(texts) // 100)))
        except ValueError as error:
            raise SystemExit(f"--data {path}: {error}") from None
        if len(found.x) < LEAST:
            raise SystemExit(f"--data {path}: {len(found.x)} documents are too few to split; {LEAST} are needed")
        return found, path.name
    installed = [name for name in PACKAGES if importlib.util.find_spec(name)]
    installed = installed[1:2] if quick else installed
    names = ["scikit-learn" if name == "sklearn" else name for name in installed]
    what = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return bags(docstrings(installed)), f"docstrings of {what}"


def words_of(topics: np.ndarray, found: Bags) -> None:
    """The first words of each topic, most documents first, and the modules of those that are nearest to it."""
    near = np.argmax(np.log(topics) @ found.x.T, axis=0)  # the topic that alone explains a document best
    print("\n| documents | first words | modules |\n|--:|---|---|")
    for k, n in Counter(near.tolist()).most_common():
        homes = ", ".join(f"{home} {count}" for home, count in Counter(found.homes[near == k]).most_common(3))
        print(f"| {n} | {' '.join(found.words[np.argsort(-topics[k])[:FIRST]])} | {homes} |")


def ends_of(vae: vae_np.VAE, ends: np.ndarray, x: np.ndarray, words: np.ndarray, most: int = 6) -> None:
    """Both ends of the latents of the largest KL, by the words that gain most of the probability there."""
    mu, logvar = vae.encode(x)
    kl = 0.5 * (mu**2 + np.expm1(logvar) - logvar).mean(axis=0)
    gain = ends * np.log(ends / vae.decode(np.zeros((1, len(kl)), vae.dtype)))
    print("\n| latent, KL | at 3 | at -3 |\n|---|---|---|")
    for k in np.argsort(-kl)[:most]:
        sides = [" ".join(words[np.argsort(-side)[:FIRST]]) for side in (gain[k], gain[k + len(kl)])]
        print(f"| {k}, {kl[k]:.2f} | {' | '.join(sides)} |")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FILE", help="a document a line, in place of docstrings")
    parser.add_argument("--seeds", type=int, default=3, help="each another split, start and order [3]")
    parser.add_argument("--epochs", type=int, default=120, help="of the VAE, at most [120]")
    parser.add_argument("--quick", action="store_true", help="few settings, epochs and samples: shows that it works")
    args = parser.parse_args(arguments)
    found, name = read(args.data, args.quick)
    n, d = found.x.shape
    print(f"{n} documents of {d} words, {name}; half of them have at most {np.median(found.x.sum(axis=1)):.0f} words\n")
    topics, latents, args.epochs = (20, 80, 160, 320), (20, 100), 2 if args.quick else args.epochs
    settings: dict[Any, dict[str, Any]] = {
        Dirichlet: {f"LDA, {k} topics, word prior {p or '1/K'}": (k, p) for k in topics for p in (None, 0.1)},
        Autoencoder: {
            f"VAE, {k} latents, {f'beta rises in {w} epochs' if w else 'beta = 1'}": (k, w)
            for k in latents for w in (0, 20)
        },
    }  # fmt: skip
    if args.quick:
        settings = {kind: dict(list(some.items())[:2]) for kind, some in settings.items()}
    samples, rows, coherent, first = 10 if args.quick else 100, {}, {}, {}
    for seed in range(args.seeds):
        split = dict(
            zip(("train", "validation", "test"), vae_np.data.split(n, (0.7, 0.15, 0.15), seed=seed), strict=True)
        )
        parts = {part: found.x[index] for part, index in split.items()}
        homes = {part: found.homes[index] for part, index in split.items()}
        if seed == 0:
            print("| setting | other half | bound | KL, active |\n|---|--:|--:|---|")
            first = dict(chosen(kind, some, parts, args) for kind, some in settings.items())
            first = dict([next(iter(settings[Dirichlet].items()))]) | first
        seen = halves(parts["test"], np.random.default_rng(seed))
        of_seed: dict[str, tuple[float, ...]] = {
            "unigram": (unigram(parts["train"], parts["test"] - seen), *[unigram(parts["train"], parts["test"])] * 2,
                        math.nan, math.nan)
        }  # fmt: skip
        held = np.concatenate([parts["validation"], parts["test"]]) > 0
        for method, setting in first.items():
            kind = Autoencoder if method.startswith("VAE") else Dirichlet
            model = kind(parts, setting, seed, args)
            bound, other = perplexities(model, parts["test"], seen, samples)
            label = told(model, parts, homes) if args.data is None else math.nan
            of_seed[method] = (other, bound, model.own_bound(parts["test"]), label, model.seconds)
            for which, some in model.topics(parts["train"], seed).items():
                coherent.setdefault(which, []).append((coherence(some, held),))
                if seed == 0 and "at 3 and -3" in which:
                    ends_of(model.vae, some, parts["test"], found.words)
                if seed == 0 and len(some) == CLUSTERS:
                    print(f"\n{which}:", end="")
                    words_of(some, found)
        add(rows, of_seed, seed)
    columns = {"other half": 0, "bound": 0, "own bound": 0, "module told": 3, "seconds": 0}
    print(f"\n{table('perplexity', rows, columns)}\n\n{table('topics', coherent, {'NPMI': 3})}")


if __name__ == "__main__":
    sys.exit(main())
