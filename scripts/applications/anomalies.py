"""Rows that are unlike the others: log p(x) of a VAE beside what scikit-learn has, where it fails, and what helps.

    python scripts/applications/anomalies.py --data MNIST [--seeds N] [--jobs J] [--only NAME,...]
        [--quick] [--choose] [--out FOLDER]

Prints the tables of docs/applications.md, and draws anomalies.png in FOLDER. Every method is fitted to the same half of
the normal rows, and judged by the other half and all anomalies: breast cancer (malignant ones), wine (each class in
turn), digits and MNIST (seed s leaves out class s mod 10; 1000 images of MNIST to fit). `simpler` is the failure that
Nalisnick et al. (2019) describe, and its remedy. ``--choose`` prints held-out log p(x) of the settings tried, by
training rows alone. Needs the extra `sklearn`.
"""

from __future__ import annotations

import argparse
import functools
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from labelled import check_folder
from scipy.ndimage import uniform_filter
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

import vae_np
from vae_np.evaluation import anomalies, normal, perturbed
from vae_np.plots.canvas import BLUE, GREY, ORANGE, picture
from vae_np.sklearn import VAEOutlierDetector, VariationalAutoencoder

STOPS = {"epochs": 500, "early_stopping": True, "patience": 30, "learning_rate": 3e-3}
PER_ROW = {"likelihood": vae_np.Gaussian("heteroscedastic", floor=0.05), "scale": "standard"}
TABLE = {"hidden": (64,)} | STOPS
PIXELS = {"hidden": (128,), "activation": "relu", "epochs": 150}
SETTINGS = {
    "cancer": TABLE | PER_ROW | {"latent": 8},
    "wine": TABLE | PER_ROW | {"latent": 4},
    "digits": PIXELS | {"latent": 16},
    "mnist": PIXELS | {"latent": 16, "hidden": (200,), "epochs": 40, "evidence_samples": 50},
}
TRIED = {
    "cancer": {f"{k} latents, {name}": TABLE | how | {"latent": k} for k in (4, 8)
               for name, how in (("a deviation a column", {}), ("a deviation a value", PER_ROW))},
    "wine": {f"{k} latents, {name}": TABLE | how | {"latent": k} for k in (2, 4)
             for name, how in (("a deviation a column", {}), ("a deviation a value", PER_ROW))},
    "digits": {f"{k} latents": PIXELS | {"latent": k} for k in (4, 8, 16)},
    "mnist": {f"{k} latents": SETTINGS["mnist"] | {"latent": k} for k in (8, 16)},
}  # fmt: skip
TITLES = {"cancer": "breast cancer", "wine": "wine", "digits": "digits", "mnist": "MNIST"}
VAE = "VAE, log p(x)"


class Task(NamedTuple):
    """Rows to fit, all of them normal, and rows to judge."""

    train: np.ndarray
    test: np.ndarray
    odd: np.ndarray


def halves(x: np.ndarray, odd: np.ndarray, seed: int, most: int = 10**9) -> Task:
    """Half of the normal rows, at most ``most``, and the other half with all anomalies."""
    draw = np.random.default_rng(seed)
    rows, others = draw.permutation(np.flatnonzero(~odd)), draw.permutation(np.flatnonzero(odd))
    n = min(len(rows) // 2, most)
    test = np.concatenate([x[rows[n : 2 * n]], x[others[:most]]])
    return Task(x[rows[:n]], test, np.arange(len(test)) >= len(rows[n : 2 * n]))


def tasks(name: str, seed: int, mnist: str, quick: bool) -> Iterator[Task]:
    """The tasks of one seed, whose figures are averaged."""
    if name == "cancer":
        data = load_breast_cancer()
        yield halves(data.data, data.target == 0, seed)
    elif name == "mnist":
        images = vae_np.data.load_mnist(mnist, dtype="float32")
        yield halves(images.x, images.labels == seed % 10, seed, 100 if quick else 1000)
    elif name == "digits":
        digits = vae_np.data.load_digits()
        yield halves(digits.x, digits.labels == seed % 10, seed)
    else:
        x, labels = load_wine(return_X_y=True)
        for c in range(1 if quick else 3):
            yield halves(x, labels == c, seed)


def peers(name: str, seed: int) -> dict[str, object]:
    """scikit-learn's, as they are set; columns of several units standardised, MNIST's covariance in 50 components."""
    scaled = [StandardScaler()] if name in ("cancer", "wine") else []
    few = [PCA(50, random_state=seed)] if name == "mnist" else []
    return {
        "IsolationForest": make_pipeline(*scaled, IsolationForest(random_state=seed)),
        "LocalOutlierFactor": make_pipeline(*scaled, LocalOutlierFactor(novelty=True)),
        "OneClassSVM": make_pipeline(*scaled, OneClassSVM()),
        "EllipticEnvelope": make_pipeline(*scaled, *few, EllipticEnvelope(random_state=seed)),
    }


def reconstruction_error(task: Task, scaled: bool) -> np.ndarray:
    """PCA's, of as many components as have 95 % of the variance."""
    scaler = StandardScaler().fit(task.train) if scaled else None
    train, test = (scaler.transform(x) if scaler else x for x in (task.train, task.test))
    pca = PCA(0.95).fit(train)
    return np.square(test - pca.inverse_transform(pca.transform(test))).sum(axis=1)


def scores(name: str, task: Task, seed: int, quick: bool) -> dict[str, np.ndarray]:
    """What each method says of the rows to judge; high is abnormal."""
    settings = SETTINGS[name] | ({"epochs": 2, "evidence_samples": 5} if quick else {})
    detector = VAEOutlierDetector(VariationalAutoencoder(random_state=seed, **settings)).fit(task.train)
    found = {VAE: -detector.score_samples(task.test)}
    for method, peer in peers(name, seed).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a covariance of constant columns is not of full rank
            found[method] = -peer.fit(task.train).score_samples(task.test)
    return found | {"PCA": reconstruction_error(task, name in ("cancer", "wine"))}


def of_seed(name: str, mnist: str, quick: bool, seed: int) -> dict[str, np.ndarray]:
    """ROC AUC and average precision, (2,), of each method: means over the seed's tasks."""
    each: dict[str, list[tuple[float, float]]] = {}
    for task in tasks(name, seed, mnist, quick):
        for method, score in scores(name, task, seed, quick).items():
            found = roc_auc_score(task.odd, score), average_precision_score(task.odd, score)
            each.setdefault(method, []).append(found)
    return {method: np.mean(values, axis=0) for method, values in each.items()}


def compare(names: list[str], args: argparse.Namespace) -> dict[str, dict[str, np.ndarray]]:
    """Both measures, (seeds, 2), of each method on each data set; seeds go to processes where there are several."""
    figures = {}
    pool = ProcessPoolExecutor(args.jobs) if args.jobs > 1 else None
    for name in names:
        work = functools.partial(of_seed, name, args.data, args.quick)
        seeds = list((pool.map if pool else map)(work, range(args.seeds)))
        figures[name] = {method: np.array([seed[method] for seed in seeds]) for method in seeds[0]}
        print(rows_of(name, figures[name]), flush=True)
    for name in filter({"digits", "mnist"}.__contains__, names):
        ours, theirs = (figures[name][method][:, 0] for method in (VAE, "LocalOutlierFactor"))
        pairs = [f"{seed % 10}: {a:.2f} and {b:.2f}" for seed, (a, b) in enumerate(zip(ours, theirs, strict=True))]
        print(f"\n{TITLES[name]}, ROC AUC by the class left out, log p(x) and local outliers: {'; '.join(pairs)}")
    return figures


def error(values: np.ndarray) -> np.ndarray:
    return values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full(values.shape[1:], np.nan)


def rows_of(name: str, of_methods: dict[str, np.ndarray]) -> str:
    """A row of the table for each measure; the best is bold."""
    lines = []
    for k, measure in enumerate(("ROC AUC", "average precision")):
        means = {method: values[:, k].mean() for method, values in of_methods.items()}
        cells = [f"{means[m]:.3f} ± {error(v)[k]:.3f}" for m, v in of_methods.items()]
        best = max(means, key=means.get)
        cells = [f"**{cell}**" if method == best else cell for method, cell in zip(means, cells, strict=True)]
        lines.append(f"| {TITLES[name]}, {measure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def simpler(seeds: int, mnist: str, quick: bool) -> dict[str, dict[str, np.ndarray]]:
    """Held-out MNIST beside simpler images: by log p(x), and by what `normal` has beside it."""
    images = vae_np.data.load_mnist(mnist, dtype="float32")
    n = 100 if quick else 2000
    each: dict[str, dict[str, list[float]]] = {}
    for seed in range(seeds):
        draw = np.random.default_rng(seed)
        rows = draw.permutation(len(images))
        others, ones = rows[images.labels[rows] != 1], rows[images.labels[rows] == 1][:250]
        train, known, held = (images.x[part] for part in np.split(others[: n + 750], [n, n + 500]))
        settings = SETTINGS["mnist"] | ({"epochs": 2} if quick else {})
        vae = VariationalAutoencoder(random_state=seed, **settings).fit(train).model_
        of_columns = VariationalAutoencoder(random_state=seed, **settings).fit(perturbed(train, 1.0, seed=seed)).model_
        pictures = held.reshape(-1, 28, 28)
        odd = {
            "the digit 1, never seen": images.x[ones],
            "half the contrast": held / 2,
            "blurred": uniform_filter(pictures, (0, 3, 3)).reshape(held.shape),
            "their mean everywhere": np.repeat(held.mean(axis=1, keepdims=True), 784, axis=1),
        }
        ways = {
            "log p(x)": normal(vae, known, samples=20),
            "ratio": normal(vae, known, by="ratio", background=of_columns, samples=20),
            "typicality": normal(vae, known, by="typicality", samples=20),
            "typicality with background": normal(vae, known, by="typicality", background=of_columns, samples=20),
        }
        usual = {way: anomalies(vae, held, to).score for way, to in ways.items()}
        for what, x in odd.items():
            for way, to in ways.items():
                found = anomalies(vae, np.ascontiguousarray(x, np.float32), to).score
                truth = np.repeat([0, 1], [len(held), len(found)])
                each.setdefault(what, {}).setdefault(way, []).append(
                    (roc_auc_score(truth, -np.concatenate([usual[way], found])), found.mean() - usual[way].mean())
                )
    return {what: {way: np.array(v) for way, v in of.items()} for what, of in each.items()}


def choose(names: list[str], mnist: str) -> None:
    """Mean log p(x) of a fifth of the first seed's training rows by each setting, fitted to the rest."""
    print("| data | setting | held-out log p(x), nats |\n|---|---|--:|")
    for name in names:
        train = next(tasks(name, 0, mnist, False)).train
        fit, _, held = vae_np.data.split(len(train), (0.8, 0.0, 0.2), seed=0)
        for setting, how in TRIED[name].items():
            score = VariationalAutoencoder(random_state=0, **how).fit(train[fit]).score(train[held])
            print(f"| {TITLES[name]} | {setting} | {score:.2f} |", flush=True)


def draw(path: Path, figures: dict, failure: dict) -> None:
    """ROC AUC of each method on each data set; before and after the remedy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [(TITLES[name], {m: v[:, 0] for m, v in of.items()}) for name, of in figures.items()]
    if failure:
        flat = {f"{what}: {way}": v[:, 0] for what, of in failure.items() for way, v in of.items()}
        parts.append(("trained on MNIST without the digit 1", flat))
    rows = max(len(values) for _, values in parts)
    with picture(path, 11, (0.8 + 0.19 * rows) * ((len(parts) + 1) // 2)) as figure:
        axes = np.atleast_1d(figure.subplots((len(parts) + 1) // 2, min(2, len(parts)))).ravel()
        for ax in axes[len(parts) :]:
            ax.remove()
        for ax, (title, values) in zip(axes, parts, strict=False):
            ours = [method == VAE or ": typ" in method for method in values]
            for row, (value, own) in enumerate(zip(values.values(), ours, strict=True)):
                ax.errorbar(value.mean(), row, xerr=error(value), fmt="o", ms=4, color=ORANGE if own else BLUE)
            if min(value.min() for value in values.values()) < 0.6:
                ax.axvline(0.5, color=GREY, lw=0.6)
            ax.set(title=title, yticks=range(len(values)), yticklabels=list(values), xlabel="ROC AUC")
            ax.margins(y=0.15)
            ax.invert_yaxis()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a folder with MNIST's IDX files; without it no mnist and no simpler")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", default="cancer,wine,digits,mnist,simpler", help="some of these, with commas between")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the seeds of the comparison")
    parser.add_argument("--quick", action="store_true", help="two epochs, one class, few rows: a test that it runs")
    parser.add_argument("--choose", action="store_true", help="how the settings were chosen")
    parser.add_argument("--out", type=Path, default=Path("runs/anomalies"))
    args = parser.parse_args(arguments)
    names = args.only.split(",")
    if unknown := set(names) - {*SETTINGS, "simpler"}:
        parser.error(f"--only knows cancer, wine, digits, mnist, simpler; not {', '.join(sorted(unknown))}")
    if not args.data:
        names = [name for name in names if name not in ("mnist", "simpler")]
    elif {"mnist", "simpler"} & set(names):
        check_folder(args.data)
    if args.seeds < 1:
        raise SystemExit(f"--seeds must be at least 1; got {args.seeds}")
    data_sets = [name for name in names if name != "simpler"]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if args.choose:
        return choose(data_sets, args.data)
    figures = {}
    if data_sets:
        print(f"Mean and standard error of {args.seeds} seeds:\n")
        print(f"| data, measure | {' | '.join([VAE, *peers('', 0), 'PCA'])} |\n|---|{'--:|' * 6}")
        figures = compare(data_sets, args)
    failure = simpler(args.seeds, args.data, args.quick) if "simpler" in names else {}
    if failure:
        ways = list(next(iter(failure.values())))
        print(f"\n| beside held-out images | log p(x) above theirs, nats | {' | '.join(ways)} |\n|---|{'--:|' * 5}")
        for what, of in failure.items():
            auc = [f"{v[:, 0].mean():.3f} ± {error(v)[0]:.3f}" for v in of.values()]
            above = of["log p(x)"]
            print(f"| {what} | {above[:, 1].mean():+.0f} ± {error(above)[1]:.0f} | {' | '.join(auc)} |")
    draw(args.out / "anomalies.png", figures, failure)
    print(f"\n{args.out / 'anomalies.png'}")
    return None


if __name__ == "__main__":
    main()
