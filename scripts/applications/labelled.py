"""What clusters.py and dimensions.py share: images with labels, tables over seeds, points by label."""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import vae_np
from vae_np.plots.canvas import picture
from vae_np.plots.latent import MUTED, spread


class Labelled(NamedTuple):
    name: str
    x: np.ndarray
    labels: np.ndarray
    shape: tuple[int, int]


def arguments(parser: ArgumentParser) -> Namespace:
    """Flags of both scripts."""
    parser.add_argument("--data", metavar="FOLDER", help="the folder of MNIST's files; without it the digits inside")
    parser.add_argument("--rows", type=int, default=5000, help="of MNIST, a draw that is the same for all seeds [5000]")
    parser.add_argument("--seeds", type=int, default=3, help="[3]")
    parser.add_argument("--quick", action="store_true", help="few rows and epochs: shows that it works")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="pictures of the first seed go there")
    args = parser.parse_args()
    if args.data is not None:
        check_folder(args.data)
    if args.seeds < 1:
        raise SystemExit(f"--seeds must be at least 1; got {args.seeds}")
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
    return args


def check_folder(path: str) -> None:
    """End with a line where there are no files of MNIST, before any work."""
    try:
        vae_np.data.load_mnist(path)
    except (OSError, ValueError) as error:
        raise SystemExit(f"--data {path}: {error}; it is the folder of MNIST's IDX files") from None


def load(args: Namespace) -> Labelled:
    """x in [0, 1], float32."""
    name = "digits" if args.data is None else "mnist"
    data = vae_np.data.load_digits() if args.data is None else vae_np.data.load_mnist(args.data)
    rows = np.random.default_rng(0).permutation(len(data))
    rows = rows[: 300 if args.quick else len(rows) if args.data is None else args.rows]
    side = math.isqrt(data.x.shape[1])
    return Labelled(name, np.asarray(data.x, np.float32)[rows], np.asarray(data.labels)[rows], (side, side))


def add(rows: dict[str, list[Sequence[float]]], found: Mapping[str, Sequence[float]], seed: int) -> None:
    """Take one seed's numbers, and say them."""
    for method, values in found.items():
        rows.setdefault(method, []).append(values)
        print(f"seed {seed}  {method:32}", *(f"{value:9.3f}" for value in values), file=sys.stderr, flush=True)


def table(title: str, rows: Mapping[str, Sequence[Sequence[float]]], columns: Mapping[str, int]) -> str:
    """Markdown: of each method the means over the seeds with their standard errors; a column has so many digits."""
    lines = [f"| {title} | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    for method, runs in rows.items():
        cells = []
        for values, digits in zip(zip(*runs, strict=True), columns.values(), strict=True):
            mean, error = float(np.mean(values)), np.std(values, ddof=1) / math.sqrt(len(values)) if runs[1:] else 0
            cells.append("" if math.isnan(mean) else f"{mean:.{digits}f} ± {error:.{digits}f}")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def points(path: Path, panels: Mapping[str, np.ndarray], labels: np.ndarray, title: str) -> None:
    """Panels of points (N, 2), coloured by label, each label's name at its median or near it."""
    names = np.unique(labels)
    with picture(path, 8.4, 4.1 * -(-len(panels) // 2)) as figure:
        for i, (name, z) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(-(-len(panels) // 2), 2, i)
            order = np.random.default_rng(0).permutation(len(z))  # no label lies wholly on top of another
            colours = np.array(MUTED)[np.searchsorted(names, labels[order]) % len(MUTED)]
            size = float(np.clip(6000 / len(z), 2, 14))
            axes.scatter(*z[order].T, c=colours, s=size, linewidths=0, alpha=0.8)
            low, high = np.quantile(z, [0.002, 0.998], axis=0)  # a few far points would make dots of all others
            medians = np.stack([np.median(z[labels == label], axis=0) for label in names])
            places = spread((medians - low) / (high - low), 0.055) * (high - low) + low
            for label, colour, place in zip(names, MUTED, places, strict=False):
                box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.85, "edgecolor": colour}
                axes.text(*place, str(label), ha="center", va="center", bbox=box)
            margin = 0.06 * (high - low)
            axes.set(title=name, xticks=[], yticks=[], xlim=(low[0] - margin[0], high[0] + margin[0]))
            axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
        figure.suptitle(title, x=0.01, ha="left")
