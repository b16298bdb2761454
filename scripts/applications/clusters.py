"""Clusters of images whose labels are hidden: in pixels, in a VAE's latent space, and as its trained prior.

    python scripts/applications/clusters.py [--data FOLDER] [--rows 5000] [--seeds 3] [--quick] [--out pictures]

Ten clusters. Accuracy is of the best matching of clusters with labels (Hungarian method), the adjusted Rand index is 0
of clusters by chance; both with standard errors over the seeds. The model is 256-128 relu, 10 latent dimensions, a
Gaussian of one learned deviation; it is trained for --epochs, and VaDE (Jiang et al. 2017) goes on for as many from the
mixture on its codes, by expectation maximisation or by k-means; the picture is of the latter. Seconds are of the
processor, all that a method needs. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import labelled
import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

import vae_np
from vae_np.evaluation import cluster_probabilities, fit_mixture, with_clusters
from vae_np.formulas.optim import Adam
from vae_np.plots.canvas import picture
from vae_np.plots.images import mosaic
from vae_np.sklearn import VariationalAutoencoder

CLUSTERS = 10
VADE = (
    ("VaDE from EM, sampled responsibilities", "sampled", "em"),
    ("VaDE from EM, optimal responsibilities", "optimal", "em"),
    ("VaDE from k-means, optimal responsibilities", "optimal", "k-means"),
)
COLUMNS = {"accuracy": 3, "adjusted Rand index": 3, "seconds": 0}


def accuracy(labels: np.ndarray, clusters: np.ndarray) -> float:
    """The share of rows on the diagonal once clusters are matched with labels as well as can be."""
    counts = np.zeros((max(labels.max(), clusters.max()) + 1,) * 2)
    np.add.at(counts, (clusters, labels), 1)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(labels))


def run(data: labelled.Labelled, epochs: int, seed: int) -> tuple[dict[str, tuple[float, ...]], vae_np.VAE]:
    """Each method's accuracy, index and seconds, and VaDE's model."""
    x, found, spent = data.x, {}, {}

    def note(method: str, clusters: np.ndarray, begin: float, before: float = 0.0) -> None:
        spent[method] = before + time.process_time() - begin
        score = accuracy(data.labels, clusters), adjusted_rand_score(data.labels, clusters)
        found[method] = (*score, spent[method])

    begin = time.process_time()
    note("k-means of pixels", KMeans(CLUSTERS, n_init=10, random_state=seed).fit_predict(x), begin)
    begin = time.process_time()
    how = {"covariance_type": "diag", "reg_covar": 1e-3, "random_state": seed}
    note("mixture of pixels", GaussianMixture(CLUSTERS, n_init=3, **how).fit_predict(x.astype(float)), begin)
    begin = time.process_time()
    how = {"activation": "relu", "epochs": epochs, "batch_size": 128, "random_state": seed}
    vae = VariationalAutoencoder(10, hidden=(256, 128), **how).fit(x)
    mu = vae.transform(x).astype(float)
    trained = time.process_time() - begin
    begin = time.process_time()
    clusters = KMeans(CLUSTERS, n_init=10, random_state=seed).fit_predict(mu)
    note("k-means of posterior means", clusters, begin, trained)
    begin = time.process_time()
    clusters = fit_mixture(mu, CLUSTERS, seed=seed).probabilities(mu).argmax(axis=1)
    note("mixture of posterior means", clusters, begin, trained)
    for words, kind, start in VADE:
        begin = time.process_time()
        model = with_clusters(vae.model_, x, CLUSTERS, responsibilities=kind, by=start, seed=seed)
        vae_np.fit(model, x, epochs=epochs, batch_size=128, optimizer=Adam(1e-3), seed=seed, progress=False)
        note(words, cluster_probabilities(model, x, 20).argmax(axis=1), begin, trained)
    return found, model


def draw(path: Path, vae: vae_np.VAE, data: labelled.Labelled) -> None:
    """A row a cluster: what its mean decodes to, then rows of it from the nearest to the farthest."""
    q = cluster_probabilities(vae, data.x, 20)
    own = vae.architecture.own(vae.parameters, "prior")
    far = ((vae.encode(data.x)[0][:, None] - own["mean"]) ** 2 / np.exp(own["logvar"])).sum(axis=-1)
    order, tiles = np.argsort(-own["logits"]), []
    for c in order:
        mine = np.flatnonzero(q.argmax(axis=1) == c)
        rows = mine[np.argsort(far[mine, c])][:: max(1, len(mine) // 12)][:12]
        shown = np.full((13, *data.shape), np.nan)
        shown[0] = vae.decode(own["mean"][c]).reshape(data.shape)
        shown[1 : 1 + len(rows)] = data.x[rows].reshape(-1, *data.shape)
        tiles.append(shown)
    sheet = mosaic(np.stack(tiles), gap=max(1, data.shape[0] // 14))
    with picture(path, 8.0, 6.6, images=True) as figure:
        axes = figure.add_subplot()
        axes.imshow(sheet, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        axes.set_axis_off()
        figure.suptitle(
            f"VaDE's clusters of {len(data.x):,} rows of {data.name}, the largest first: the decoded mean, then its"
            " rows from the nearest to the farthest", x=0.01, ha="left",
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=50, help="of the autoencoder, and of VaDE after it [50]")
    args = labelled.arguments(parser)
    data, rows = labelled.load(args), {}
    run(data._replace(x=data.x[:50], labels=data.labels[:50]), 1, 0)  # compiles
    for seed in range(args.seeds):
        found, vae = run(data, 3 if args.quick else args.epochs, seed)
        labelled.add(rows, found, seed)
        if args.out is not None and seed == 0:
            draw(args.out / f"clusters-{data.name}.png", vae, data)
    print(f"{len(data.x):,} rows of {data.name}, {args.seeds} seeds\n")
    print(labelled.table("clusters", rows, COLUMNS))


if __name__ == "__main__":
    main()
