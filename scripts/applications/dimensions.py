"""Images in two dimensions: a VAE beside PCA, Isomap and t-SNE.

    python scripts/applications/dimensions.py [--data FOLDER] [--rows 5000] [--seeds 3] [--quick] [--out pictures]

Trustworthiness (Venna & Kaski 2001; 10 neighbours) is 1 where who is near in the plane was near in the pixels.
Accuracy is of a vote of the 10 nearest neighbours in the plane, each row's without itself; of new rows, a fifth that no
method has seen, by the neighbours among the others, where a method can place them. t-SNE cannot: it has no map.
The VAE is 256-128 relu with 2 latent dimensions; its axes are the posterior means. Standard errors are over the seeds,
which also draw the new rows. Seconds are of the processor. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from typing import NamedTuple

import labelled
import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, Isomap, trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from vae_np.sklearn import VariationalAutoencoder

NEIGHBOURS = 10
COLUMNS = {"trustworthiness": 3, "accuracy": 3, "of new rows": 3, "seconds": 0}


class Plane(NamedTuple):
    panels: dict[str, np.ndarray]
    labels: np.ndarray


def methods(epochs: int, seed: int) -> dict[str, object]:
    """By name, the random ones with the seed."""
    how = {"activation": "relu", "epochs": epochs, "batch_size": 128, "random_state": seed}
    return {
        "PCA": PCA(2, random_state=seed),
        "Isomap": Isomap(n_neighbors=NEIGHBOURS, n_components=2),
        "t-SNE": TSNE(2, random_state=seed),
        "VAE": VariationalAutoencoder(2, hidden=(256, 128), **how),
    }


def vote(z: np.ndarray, labels: np.ndarray) -> float:
    """The share of rows whose label most of their neighbours have."""
    near = KNeighborsClassifier(NEIGHBOURS).fit(z, labels).kneighbors(return_distance=False)  # without the row itself
    counts = np.stack([(labels[near] == c).sum(axis=1) for c in range(labels.max() + 1)], axis=1)
    return float((counts.argmax(axis=1) == labels).mean())


def run(data: labelled.Labelled, epochs: int, seed: int) -> tuple[dict[str, tuple[float, ...]], Plane]:
    """Each method's numbers, and the points of the plane by method with their labels."""
    order = np.random.default_rng(seed).permutation(len(data.x))
    new, old = order[: len(order) // 5], order[len(order) // 5 :]
    found, panels = {}, {}
    for name, method in methods(epochs, seed).items():
        begin = time.process_time()
        z = panels[name] = np.asarray(method.fit_transform(data.x[old]), float)
        seconds, held = time.process_time() - begin, math.nan
        if hasattr(method, "transform"):
            judge = KNeighborsClassifier(NEIGHBOURS).fit(z, data.labels[old])
            held = judge.score(method.transform(data.x[new]), data.labels[new])
        trust = trustworthiness(data.x[old], z, n_neighbors=NEIGHBOURS)
        found[name] = (trust, vote(z, data.labels[old]), held, seconds)
    return found, Plane(panels, data.labels[old])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100, help="of the VAE [100]")
    args = labelled.arguments(parser)
    warnings.filterwarnings("ignore", message="The number of connected components", category=UserWarning)
    data, rows = labelled.load(args), {}
    methods(1, 0)["VAE"].fit(data.x[:50])  # compiles
    for seed in range(args.seeds):
        found, plane = run(data, 3 if args.quick else args.epochs, seed)
        labelled.add(rows, found, seed)
        if args.out is not None and seed == 0:
            title = f"{len(plane.labels):,} rows of {data.name} in two dimensions, coloured by label"
            labelled.points(args.out / f"dimensions-{data.name}.png", plane.panels, plane.labels, title)
    print(f"{len(data.x):,} rows of {data.name}, a fifth of them new, {args.seeds} seeds\n")
    print(labelled.table("two dimensions", rows, COLUMNS))


if __name__ == "__main__":
    main()
