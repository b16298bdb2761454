"""Images: samples, reconstructions, interpolations, attribute vectors and conditional samples, drawn and measured.

    python scripts/applications/images.py [--data FOLDER] [--rows 5000] [--seeds 3] [--quick] [--out pictures]

Two models of the same widths, 256-128 relu, 16 latent dimensions: one of x, and one of x given its label, which its
encoder and its decoder see (Sohn, Lee & Yan 2015). The likelihood is a Gaussian of one learned deviation, of MNIST a
Bernoulli of x that is binarised anew at each presentation. 70% of the rows train, 10% say when to stop, 20% are held
out; another split each seed. What an image shows is judged by a vote of its 5 nearest training rows, in pixels: a table
says how often that is right of held-out images themselves.

    images     share of images that are called what they are to be
    middles    of pairs of held-out rows, of one class and of two: how long z is in the middle of the way, over the mean
               of its ends, and how far the decoded middle is from the nearest training row
    bounds     held-out ELBO and evidence in nats; with a condition they are bounds of log p(x|c)
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import labelled
import numpy as np

import vae_np
from vae_np.evaluation import attribute_vector, evaluate, interpolate, latent_path, nearest
from vae_np.evaluation.neighbours import squared_distances
from vae_np.plots.canvas import picture
from vae_np.plots.images import mosaic

CLASSES, NEIGHBOURS, LATENT, PAIRS = 10, 5, 16, 200
AMOUNTS = (0.0, 1.0, 1.5)


class Split(NamedTuple):
    """Rows with labels."""

    x: np.ndarray
    labels: np.ndarray


class Parts(NamedTuple):
    """Training rows as the files have them, and as the models see them; validation and held-out rows likewise."""

    files: Split
    train: Split
    validation: Split
    test: Split


def split(data: labelled.Labelled, seed: int, binary: bool) -> Parts:
    """The parts of the data, binarised once where the models are of 0 and 1."""
    mode = "fixed" if binary else "none"
    rows = vae_np.data.split(len(data.x), (0.7, 0.1, 0.2), seed=seed)
    found = [Split(vae_np.data.binarise(data.x[part], mode, seed=seed), data.labels[part]) for part in rows]
    return Parts(Split(data.x[rows[0]], data.labels[rows[0]]), *found)


def called(images: np.ndarray, train: Split) -> np.ndarray:
    """What a vote of the nearest training rows calls each image; of classes with as many votes, that of the nearest."""
    found = np.empty(len(images), int)
    for rows in np.array_split(np.arange(len(images)), max(1, len(images) // 500)):
        near = np.argsort(squared_distances(np.float64(images[rows]), np.float64(train.x)), axis=1)[:, :NEIGHBOURS]
        votes = train.labels[near]
        counts = (votes[:, :, None] == votes[:, None]).sum(axis=2)  # of the class of each neighbour
        found[rows] = votes[np.arange(len(rows)), counts.argmax(axis=1)]
    return found


def trained(parts: Parts, epochs: int, seed: int, condition: int, binary: bool) -> vae_np.VAE:
    """A model of x, or of x given its label."""
    vae = vae_np.VAE(
        parts.files.x.shape[1], hidden=(256, 128), latent=LATENT, activation="relu", dtype="float32", seed=seed,
        likelihood="bernoulli" if binary else vae_np.Gaussian("learned", floor=0.01), condition=condition,
    )  # fmt: skip
    x, held = (vae.rows(*part) if condition else part.x for part in (parts.files, parts.validation))
    how = {"epochs": epochs, "patience": 20, "batch_size": 64, "seed": seed, "output_bias": "data"}
    vae_np.fit(vae, x, validation=held, progress=False, binarise="dynamic" if binary else "none", **how)
    return vae


def moved(vae: vae_np.VAE, parts: Parts, amount: float) -> dict[tuple[int, int], np.ndarray]:
    """Of each source and target: held-out rows of the source, decoded with the attribute vector of the target added."""
    mu, found = vae.encode(parts.test.x)[0], {}
    for source in range(CLASSES):
        for target in range(CLASSES):
            if target != source:
                v = attribute_vector(vae, *parts.train, target, source)
                found[source, target] = vae.decode(mu[parts.test.labels == source] + np.float32(amount) * v)
    return found


def share(images: Mapping[tuple[int, int], np.ndarray], train: Split) -> float:
    """The share that is called the target, of all pairs together."""
    said = called(np.concatenate(list(images.values())), train)
    asked = np.concatenate([np.full(len(rows), target) for (_, target), rows in images.items()])
    return float((said == asked).mean())


def measured(plain: vae_np.VAE, given: vae_np.VAE, parts: Parts, seed: int) -> dict[str, float]:
    """Shares of images that are called what they are to be."""
    train, test = parts.files, parts.test
    asked = np.repeat(np.arange(CLASSES), 100)
    same = {}
    for source in range(CLASSES):
        rows = test.x[test.labels == source]
        z = given.encode(rows, source)[0]
        same |= {(source, target): given.decode(z, target) for target in range(CLASSES) if target != source}
    found = {
        "held-out images": (called(test.x, train) == test.labels).mean(),
        "reconstructions": (called(plain.reconstruct(test.x), train) == test.labels).mean(),
        "reconstructions, given the label": (called(given.reconstruct(*test), train) == test.labels).mean(),
    }
    for amount in AMOUNTS:
        words = f"{amount:g} of the attribute vector" if amount else "none of the attribute vector"
        found[words] = share(moved(plain, parts, amount), train)
    found["the same z, another label"] = share(same, train)
    z = given.sample_prior(len(asked), seed)
    found["conditional samples"] = (called(given.decode(z, asked), train) == asked).mean()
    return {name: float(value) for name, value in found.items()}


def middles(vae: vae_np.VAE, parts: Parts, seed: int) -> dict[str, tuple[float, float]]:
    """Of the middles of lines and of great circles, and of the ends themselves: length and distance."""
    train, test = parts.files, parts.test
    rng, found = np.random.default_rng(seed), {}
    pairs = rng.integers(len(test.x), size=(2, 50 * PAIRS))
    alike = test.labels[pairs[0]] == test.labels[pairs[1]]
    for words, kept in (("one class", alike & (pairs[0] != pairs[1])), ("two classes", ~alike)):
        first, second = pairs[:, kept][:, :PAIRS]
        ends = [vae.encode(test.x[rows])[0] for rows in (first, second)]
        size = np.mean([np.linalg.norm(z, axis=1) for z in ends], axis=0)
        of_ends = np.concatenate([nearest(vae.decode(z), train.x)[0] for z in ends])
        found[f"{words}, the ends"] = (1.0, float(of_ends.mean()))
        for path in ("line", "sphere"):
            z = latent_path(*ends, 3, path=path)[:, 1]
            images = interpolate(vae, test.x[first], test.x[second], 3, path=path)[:, 1]
            length = float((np.linalg.norm(z, axis=1) / size).mean())
            found[f"{words}, {path}"] = (length, float(nearest(images, train.x)[0].mean()))
    return found


def bounds(plain: vae_np.VAE, given: vae_np.VAE, test: Split, samples: int) -> dict[str, tuple[float, float]]:
    """Held-out ELBO and evidence, the conditional model's as a bound of log p(x) as well, and the differences."""
    one = evaluate(plain, test.x, samples=samples)
    other = evaluate(given, test.x, condition=test.labels, samples=samples)
    less = [value - math.log(CLASSES) for value in (other.elbo, other.evidence)]
    return {
        "log p(x)": (one.elbo, one.evidence),
        "log p(x\\|c)": (other.elbo, other.evidence),
        "log p(x\\|c) less log p(x)": (other.elbo - one.elbo, other.evidence - one.evidence),
        "log p(x\\|c) - log 10, a bound of log p(x), less log p(x)": (less[0] - one.elbo, less[1] - one.evidence),
    }


def sheet(
    path: Path,
    tiles: np.ndarray,
    shape: tuple[int, int],
    title: str,
    names: list[str] | None = None,
    above: list[str] | None = None,
) -> None:
    """Rows of images (rows, columns, D) on one sheet, with a name for each row and each column."""
    rows, columns = tiles.shape[:2]
    gap = max(1, shape[0] // 14)
    images = mosaic(tiles.reshape(rows, columns, *shape).astype(float), gap)
    with picture(path, 8.0, 1.1 + (6.8 if names else 7.6) * images.shape[0] / images.shape[1], images=True) as figure:
        axes = figure.add_subplot()
        axes.imshow(images, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.xaxis.tick_top()
        for axis, words, side in ((axes.xaxis, above or [], shape[1]), (axes.yaxis, names or [], shape[0])):
            axis.set_ticks(np.arange(len(words)) * (side + gap) + side / 2 - 0.5, words)
        figure.suptitle(title, x=0.01, ha="left")


def draw(folder: Path, data: labelled.Labelled, plain: vae_np.VAE, given: vae_np.VAE, parts: Parts) -> None:
    """The pictures of the first seed."""
    train, test = parts.train, parts.test

    def name(what: str) -> Path:
        return folder / f"images-{data.name}-{what}.png"

    # held-out rows come first; only where --quick has held out none of a class is one of the training rows shown
    shown = Split(*(np.concatenate([a, b]) for a, b in zip(test, train, strict=True)))
    of = [np.flatnonzero(shown.labels == c) for c in range(CLASSES)]
    sheet(
        name("samples"), plain.decode(plain.sample_prior(120)).reshape(8, 15, -1), data.shape,
        f"Samples of {data.name}: decoded means of draws from the prior",
    )  # fmt: skip
    rows = np.concatenate([mine[:2] for mine in of])[:20]
    pair = np.stack(
        [shown.x[rows], plain.reconstruct(shown.x[rows]), given.reconstruct(shown.x[rows], shown.labels[rows])]
    )
    sheet(
        name("reconstructions"), pair, data.shape, f"Held-out rows of {data.name} and their reconstructions",
        ["original", "model of x", "given its label"],
    )  # fmt: skip
    starts, ends = (np.array([of[c][0] for c in digits]) for digits in ((0, 1, 2, 3, 7), (6, 7, 5, 8, 9)))
    ways = [interpolate(plain, shown.x[starts], shown.x[ends], 13, path=path) for path in ("line", "sphere")]
    sheet(
        name("interpolations"), np.stack(ways, axis=1).reshape(10, 13, -1), data.shape,
        f"From one held-out row of {data.name} to another", ["line", "sphere"] * 5,
    )  # fmt: skip
    amounts, tiles, names = np.linspace(-0.5, 1.5, 9, dtype=np.float32), [], []
    for source, target in ((3, 8), (8, 3), (4, 9), (9, 4), (7, 1), (0, 6), (5, 6), (2, 7)):
        v = attribute_vector(plain, *train, target, source)
        x = shown.x[of[source][:1]]
        tiles.append(np.concatenate([x, plain.decode(plain.encode(x)[0] + amounts[:, None] * v)]))
        names.append(f"{source} to {target}")
    sheet(
        name("attributes"), np.stack(tiles), data.shape,
        f"Held-out rows of {data.name} and their decodings with so much of an attribute vector added",
        names, ["row", *(f"{amount:g}".replace("-", "−") for amount in amounts)],
    )  # fmt: skip
    z = given.sample_prior(15)
    tiles = np.stack([given.decode(z, c) for c in range(CLASSES)])
    sheet(
        name("conditional"), tiles, data.shape,
        f"Conditional samples of {data.name}: a row a class, a column a draw of z",
        [str(c) for c in range(CLASSES)],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=200, help="at most; validation stops before [200]")
    parser.add_argument("--likelihood", choices=["gaussian", "bernoulli"], help="[gaussian, of MNIST bernoulli]")
    parser.add_argument("--samples", type=int, default=100, help="of the evidence [100]")
    args = labelled.arguments(parser)
    data = labelled.load(args)
    binary = (args.likelihood or ("gaussian" if args.data is None else "bernoulli")) == "bernoulli"
    images: dict = {}
    ways: dict = {}
    nats: dict = {}
    for seed in range(args.seeds):
        parts = split(data, seed, binary)
        epochs = 40 if args.quick else args.epochs
        plain, given = (trained(parts, epochs, seed, condition, binary) for condition in (0, CLASSES))
        found = measured(plain, given, parts, seed)
        labelled.add(images, {name: (value,) for name, value in found.items()}, seed)
        labelled.add(ways, middles(plain, parts, seed), seed)
        labelled.add(nats, bounds(plain, given, parts.test, args.samples), seed)
        if args.out is not None and seed == 0:
            draw(args.out, data, plain, given, parts)
    print(f"{len(data.x):,} rows of {data.name}, {args.seeds} seeds\n")
    of_middles = {"length of z over that of the ends": 3, "from the nearest training row": 3}
    print(labelled.table("images", images, {"called what they are to be": 3}), end="\n\n")
    print(labelled.table("middles", ways, of_middles), end="\n\n")
    print(labelled.table("bounds", nats, {"ELBO": 2, f"evidence, {args.samples} samples": 2}))


if __name__ == "__main__":
    main()
