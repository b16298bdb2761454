"""A model of names by their characters: trained, sampled, walked through, and held beside n-gram models.

    python scripts/applications/names.py [--data FILE] [--names N] [--seed SEED] [--threads T] [--quick] [--out FOLDER]

FILE has a name a line. Without it the surnames of the US census of 1990 are read from the package `names` (MIT
licence), the N most frequent of them. Prints the tables of docs/applications.md, and draws names.png in FOLDER. A name
is a row of one-hot groups (`vae_np.data.Lines`), the likelihood is `Categorical`. Figures are in nats a character; the
end of a name counts as one.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

import vae_np
from vae_np.evaluation import evaluate
from vae_np.formulas.schedules import LinearWarmup
from vae_np.plots.canvas import BLUE, INK, ORANGE, picture

LONGEST, LEAST = 12, 10
END = "\n"


def census(most: int) -> list[str]:
    """The most frequent surnames, in lower case, from the installed package."""
    try:
        file = distribution("names").locate_file("names/dist.all.last")
    except PackageNotFoundError:
        raise SystemExit("the names are those of a package: pip install names==0.3.0, or --data FILE") from None
    return [line.split()[0].lower() for line in Path(str(file)).read_text().splitlines()[:most]]


class NGram:
    """p(character | the n - 1 before it): counts, interpolated with the shorter ones by Witten & Bell (1991).

    p_n(c | h) = (count(h c) + T(h) p_{n-1}(c | h')) / (count(h) + T(h)),    T(h) = how many characters follow h
    """

    def __init__(self, texts: list[str], order: int, classes: int) -> None:
        self.order, self.classes = order, classes
        self.after: dict[str, Counter[str]] = {}
        for text in texts:
            padded = END * (order - 1) + text + END
            for i in range(order - 1, len(padded)):
                for n in range(order):
                    self.after.setdefault(padded[i - n : i], Counter())[padded[i]] += 1

    def p(self, letter: str, before: str) -> float:
        shorter = 1 / self.classes if not before else self.p(letter, before[1:])
        if before not in self.after:
            return shorter
        found = self.after[before]
        return (found[letter] + len(found) * shorter) / (found.total() + len(found))

    def nats(self, texts: list[str]) -> np.ndarray:
        """-log p of each name."""
        each = np.zeros(len(texts))
        for row, text in enumerate(texts):
            padded = END * (self.order - 1) + text + END
            for i in range(self.order - 1, len(padded)):
                each[row] -= math.log(self.p(padded[i], padded[i - self.order + 1 : i]))
        return each

    def sample(self, n: int, rng: np.random.Generator, letters: str) -> list[str]:
        every, names = [END, *letters], []
        while len(names) < n:
            text = END * (self.order - 1)
            while not text[self.order - 1 :].endswith(END):
                p = np.array([self.p(c, text[len(text) - self.order + 1 :]) for c in every])
                text += rng.choice(every, p=p / p.sum())
            names.append(text[self.order - 1 : -1])
        return names


def characters(texts: list[str]) -> int:
    return sum(map(len, texts)) + len(texts)


def distance(a: str, b: str) -> int:
    """Levenshtein's: how many characters are put in, taken out or changed."""
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (letter != other))
    return row[-1]


def trained(x: dict, lines, how: dict, epochs: int, args: argparse.Namespace) -> vae_np.VAE:
    vae = vae_np.VAE(
        lines.columns, hidden=(64,) if args.quick else (400,), latent=8 if args.quick else 32, activation="relu",
        likelihood=vae_np.Categorical(lines.classes), dtype="float32", seed=args.seed, threads=args.threads,
    )  # fmt: skip
    vae_np.fit(
        vae, x["train"], epochs=epochs, batch_size=128, seed=args.seed, output_bias="data", progress=False,
        validation=x["validation"], patience=None if args.quick else 10, **how,
    )  # fmt: skip
    return vae


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a file with a name a line")
    parser.add_argument("--names", type=int, default=8000, help="how many of the package's, the most frequent first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="of the training; without it as many as there are cores")
    parser.add_argument("--quick", action="store_true", help="two epochs of a small model: a test that it runs")
    parser.add_argument("--out", type=Path, default=Path("runs/names"))
    args = parser.parse_args(arguments)
    if args.data and not args.data.is_file():
        raise SystemExit(f"--data {args.data}: there is no such file; it has a name a line")
    texts = args.data.read_text().split() if args.data else census(args.names)
    texts = sorted({text for text in texts if len(text) <= LONGEST})
    if len(texts) < LEAST:
        raise SystemExit(f"{len(texts)} names of at most {LONGEST} letters are too few to split; {LEAST} are needed")
    lines = vae_np.data.Lines.of(texts)
    parts = vae_np.data.split(len(texts), (0.8, 0.1, 0.1), seed=args.seed)
    train, validation, test = ([texts[i] for i in part] for part in parts)
    x = {name: lines.encode(part, "float32") for name, part in
         (("train", train), ("validation", validation), ("test", test))}  # fmt: skip
    print(
        f"{len(train)} names to train on, {len(validation)} and {len(test)} held out; {len(lines.alphabet)} letters\n"
    )

    epochs = 2 if args.quick else 30
    steps = math.ceil(len(train) / 128)
    ways = {
        "beta = 1": {},
        "beta rises from 0 in 10 epochs": {"beta": LinearWarmup(steps * min(10, epochs))},
        "0.1 nats a dimension are free": {"objective": "elbo:free_bits=0.1"},
    }
    samples = 20 if args.quick else 50
    print("| trained by | KL, nats | active of the latents | nats a character, held out | validation |")
    print("|---|--:|--:|--:|--:|")
    models, held, chosen = {}, {}, {}
    for name, how in ways.items():
        vae = models[name] = trained(x, lines, how, epochs, args)
        found, there = (evaluate(vae, x[part], samples=samples) for part in ("test", "validation"))
        held[name] = -found.evidence * len(test) / characters(test)
        chosen[name] = -there.evidence * len(validation) / characters(validation)
        active = f"{found.active_units} of {vae.architecture.latent}"
        print(f"| {name} | {found.kl:.2f} | {active} | {held[name]:.3f} | {chosen[name]:.3f} |", flush=True)
    best = min(chosen, key=chosen.get)
    vae = models[best]

    grams = {name: NGram(train, n, lines.classes) for n, name in enumerate(("unigram", "bigram", "trigram"), 1)}
    print(f"\nThe best on the validation names, {best}:\n\n| model | nats a character, held out |\n|---|--:|")
    figures = {name: gram.nats(test).sum() / characters(test) for name, gram in grams.items()} | {"VAE": held[best]}
    for name, value in figures.items():
        print(f"| {name} | {value:.3f} |")
    samples_of_names(vae, lines, train, test, grams["trigram"], args.seed, 50 if args.quick else 2000)
    walk = between(vae, lines, *(("smith", "johnson") if "smith" in texts and "johnson" in texts else texts[:2]))
    near = neighbours(vae, x, train, test, args.seed)
    draw(args.out / "names.png", figures, walk, near)
    print(f"\n{args.out / 'names.png'}")


def samples_of_names(vae, lines, train, test, trigram, seed, n) -> None:
    """How many are new, and what a trigram model says of them."""
    z = np.random.default_rng(seed).normal(size=(n, vae.architecture.latent)).astype(np.float32)
    sets = {
        "held-out names": test,
        "the VAE's, each place its likeliest letter": lines.decode(vae.decode(z)),
        "the VAE's, each place drawn": lines.decode(vae.sample(n, seed)),
        "the trigram model's": trigram.sample(n, np.random.default_rng(seed), lines.alphabet),
    }
    known = set(train)
    print("\n| names | new | distinct | trigram model, nats a character | some |\n|---|--:|--:|--:|---|")
    for name, texts in sets.items():
        new, distinct = np.mean([text not in known for text in texts]), len(set(texts)) / len(texts)
        nats = trigram.nats(texts).sum() / characters(texts)
        print(f"| {name} | {new:.0%} | {distinct:.0%} | {nats:.3f} | {', '.join(texts[:8])} |")


def between(vae, lines, first: str, last: str, steps: int = 9) -> list[str]:
    """The likeliest names on the line between two names' means of q(z|x)."""
    ends = vae.encode(lines.encode([first, last], "float32"))[0]
    t = np.linspace(0, 1, steps, dtype=np.float32)[:, np.newaxis]
    walk = lines.decode(vae.decode((1 - t) * ends[0] + t * ends[1]))
    print(f"\nFrom {first} to {last}: {', '.join(walk)}")
    return walk


def neighbours(vae, x, train, test, seed: int, most: int = 200) -> list[tuple[str, list[str]]]:
    """The training names whose means are nearest to a held-out name's, and how alike they are in their letters."""
    here, there = vae.encode(x["test"][:most])[0], vae.encode(x["train"])[0]
    near = [np.argsort(np.square(there - z).sum(axis=1))[:5] for z in here]
    found = [(name, [train[i] for i in which]) for name, which in zip(test, near, strict=False)]
    rng = np.random.default_rng(seed)
    nearest = np.mean([distance(name, others[0]) for name, others in found])
    chance = np.mean([distance(name, train[rng.integers(len(train))]) for name, _ in found])
    pool = [train[i] for i in rng.choice(len(train), min(len(train), 2000), replace=False)]
    least = np.mean([min(distance(name, other) for other in pool) for name, _ in found[:50]])
    print(f"\nThe nearest in latent space is {nearest:.2f} edits away, any name {chance:.2f}; the nearest by edits of"
          f" {len(pool)} names {least:.2f}.\n\n| held-out name | nearest training names |\n|---|---|")  # fmt: skip
    for name, others in found[:5]:
        print(f"| {name} | {', '.join(others)} |")
    return found[:5]


def draw(path: Path, figures: dict[str, float], walk: list[str], near: list[tuple[str, list[str]]]) -> None:
    """Bars of the nats a character, the walk, the neighbours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with picture(path, 9, 3) as figure:
        bars, path_axes, list_axes = figure.subplots(1, 3, width_ratios=(3, 2, 4))
        bars.barh(list(figures), list(figures.values()), color=[ORANGE if name == "VAE" else BLUE for name in figures])
        bars.set(title="Nats a character, held out", xlim=(0, 1.15 * max(figures.values())))
        bars.invert_yaxis()
        for row, value in enumerate(figures.values()):
            bars.text(value, row, f" {value:.2f}", va="center")
        columns = [
            (path_axes, "Between two names", walk),
            (
                list_axes,
                "Held-out names and their nearest",
                [f"{name}: {', '.join(others[:4])}" for name, others in near],
            ),
        ]
        for axes, title, texts in columns:
            axes.set(title=title, xticks=[], yticks=[], ylim=(len(texts) - 0.5, -0.5))
            axes.spines[:].set_visible(False)
            for row, text in enumerate(texts):
                between_ends = axes is path_axes and 0 < row < len(texts) - 1
                axes.text(0, row, text, va="center", color=BLUE if between_ends else INK)


if __name__ == "__main__":
    main()
