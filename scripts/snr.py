"""Signal-to-noise ratio of gradient estimators over the number of samples K: Rainforth et al. (2018), figures 1 and 2.

    python scripts/snr.py [--most 1000] [--examples 1024] [--out snr.png] [--json FILE]

The toy problem of "Tighter variational bounds are not necessarily better": x = z + mu + noise in D = 20 dimensions,
N = 1,024 examples of the model itself, q(z|x) = N(A x + b, 2/3 I), the parameters off their optimum by N(0,
0.01^2). As a model of this package it is linear: decoder W = I and bias mu, Gaussian of sigma 1, encoder without
hidden layers, log-variance log 2/3. (In the paper mu is the prior's mean, which is the same model with z shifted by
it.)

For each K the gradient of the mean bound over all examples is drawn many times. The ratio is that of a group's
parameters,

    sqrt(sum mean^2 / sum variance),    sum mean^2 less what so many draws add to it,

for theta the decoder's bias, for phi the encoder's A and b. Theory (theorem 1): for large K theta's rises as K^(1/2),
phi's falls as K^(-1/2) with IWAE's gradient. Tucker et al. (2019): with DReG phi's does not fall. The slopes are
fitted on a log-log scale from K = 64 on, by the jackknife's errors of the points: in 20 dimensions the weights of fewer
samples are so uneven that theta's ratio falls at first. All estimators have the same noise.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

import vae_np
from vae_np.plots.canvas import BLUE, GREY, INK, ORANGE, picture

D = 20
ESTIMATORS = ("iwae", "dreg", "rws-dreg", "stl")
GROUPS = {"theta": ("decoder.out.b",), "phi": ("encoder.mu.W", "encoder.mu.b")}
THEORY = {("theta", "iwae"): 0.5, ("phi", "iwae"): -0.5}


def problem(examples: int, seed: int = 0) -> tuple[vae_np.VAE, np.ndarray]:
    """The model near its optimum, and the data."""
    rng = np.random.default_rng(seed)
    mu = rng.normal(size=D)
    x = mu + rng.normal(size=(examples, D)) + rng.normal(size=(examples, D))
    vae = vae_np.VAE(D, hidden=(), latent=D, likelihood=vae_np.Gaussian(1.0), seed=seed)
    best = x.mean(axis=0)
    start = {
        "encoder.mu.W": np.eye(D) / 2,
        "encoder.mu.b": -best / 2,
        "decoder.out.W": np.eye(D),
        "decoder.out.b": best,
    }
    for name in vae.parameters:
        vae.parameters[name] = start.get(name, np.zeros_like(vae.parameters[name]))
    for names in GROUPS.values():
        for name in names:
            vae.parameters[name] += 0.01 * rng.normal(size=vae.parameters[name].shape)
    vae.parameters["encoder.logvar.b"] = np.full(D, math.log(2 / 3))
    return vae, x


def gradients(vae: vae_np.VAE, x: np.ndarray, k: int, draws: int, rows: int = 2**15) -> dict[str, np.ndarray]:
    """Of the mean over x, (draws, P) for each estimator."""
    total = {name: np.zeros((draws, vae.parameters.vector.size)) for name in ESTIMATORS}
    step = max(1, rows // k)
    for first in range(0, len(x), step):
        part = x[first : first + step]
        for draw in range(draws):
            eps = vae_np.standard_normal(0, draw, (k, len(part), D), first=first, purpose="snr")
            for name in ESTIMATORS:
                _, found = vae.loss_and_grad(part, eps, objective=name)
                total[name][draw] += found.vector * (len(part) / len(x))
    return total


def ratio(each: np.ndarray) -> tuple[float, float]:
    """Signal to noise of gradients (draws, P), and its standard error by the jackknife; NaN where there is no noise."""
    n = len(each)
    centred = each - each.mean(axis=0)
    squares = np.square(centred).sum(axis=1)
    variance = squares.sum() / (n - 1)
    if not variance:
        return math.nan, math.nan  # rws-dreg's gradient for the encoder is 0 at K = 1

    def squared(mean_square: Any, of: Any, draws: int) -> Any:
        return (mean_square - of / draws) / of

    # without draw i the mean moves by -centred_i / (n - 1), and the sum of squares loses n / (n - 1) of its own
    mean = each.mean(axis=0)
    means = np.square(mean).sum() - 2 * centred @ mean / (n - 1) + squares / (n - 1) ** 2
    without = squared(means, (squares.sum() - squares * n / (n - 1)) / (n - 2), n - 1)
    error = math.sqrt((n - 1) / n * np.square(without - without.mean()).sum())
    value = math.sqrt(max(squared(np.square(mean).sum(), variance, n), 0.0))
    return value, error / (2 * value) if value else math.nan


def ratios(vae: vae_np.VAE, each: np.ndarray) -> dict[str, tuple[float, float]]:
    """Of each group, with its error."""
    found = {}
    for group, names in GROUPS.items():
        of_group = [np.concatenate([vae.parameters.like(row)[name].ravel() for name in names]) for row in each]
        found[group] = ratio(np.array(of_group))
    return found


def slope(found: dict[int, tuple[float, float]], least: int = 64) -> tuple[float, float]:
    """Of log ratio over log K, weighted by the errors, and its standard error."""
    points = [(math.log(k), math.log(value), value / error) for k, (value, error) in found.items()
              if k >= least and value > 0]  # fmt: skip
    if len(points) < 3:
        return math.nan, math.nan
    a, b, weights = np.array(points).T
    (gradient, _), covariance = np.polyfit(a, b, 1, w=weights, cov="unscaled")
    return float(gradient), float(np.sqrt(covariance[0, 0]))


def draw(found: dict[str, dict[str, dict[int, tuple[float, float]]]], path: Path) -> None:
    """Both groups' ratios over K."""
    colours = dict(zip(ESTIMATORS, (ORANGE, BLUE, GREY, INK), strict=True))
    with picture(path, 7.6, 3.6) as figure:
        for axes, (group, words) in zip(figure.subplots(1, 2), [("theta", "decoder"), ("phi", "encoder")], strict=True):
            for name, of in found.items():
                points = {k: point for k, point in of[group].items() if point[0] > 0}
                values, errors = np.array(list(points.values())).T
                how = {"color": colours[name], "markersize": 3, "label": name}
                axes.errorbar(list(points), values, np.minimum(errors, 0.9 * values), fmt="o-", **how)
            axes.set_xscale("log")
            axes.set_yscale("log")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(lambda value, _: f"{value:g}")
                axis.set_minor_formatter(lambda value, _: "")
            axes.set_title(words)
            axes.set_xlabel("K samples")
            axes.legend()
        figure.suptitle("Signal-to-noise ratio of the gradient")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=1000, help="the largest K [1000]")
    parser.add_argument("--examples", type=int, default=1024, help="N [1024]")
    parser.add_argument("--draws", type=int, default=0, help="of each gradient [by K, 1,000 to 250]")
    parser.add_argument("--out", type=Path, default=Path("snr.png"))
    parser.add_argument("--json", type=Path, help="the ratios, as JSON")
    args = parser.parse_args()
    vae, x = problem(args.examples)
    sizes = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000) if k <= args.most]
    found: dict[str, Any] = {name: {group: {} for group in GROUPS} for name in ESTIMATORS}
    for k in sizes:
        draws = args.draws or max(250, min(1000, 16_000 // k))
        for name, each in gradients(vae, x, k, draws).items():
            for group, point in ratios(vae, each).items():
                found[name][group][k] = point
        words = [f"{name} {found[name]['theta'][k][0]:8.3g} {found[name]['phi'][k][0]:8.3g}" for name in ESTIMATORS]
        print(f"K = {k:4}, {draws:4} draws: {'; '.join(words)}", flush=True)
    print("\n| estimator | slope of theta | theory | slope of phi | theory |\n|---|---|---|---|---|")
    for name in ESTIMATORS:
        cells = []
        for group in GROUPS:
            gradient, error = slope(found[name][group])
            cells += [
                f"{gradient:+.2f} +- {error:.2f}",
                f"{THEORY[group, name]:+.1f}" if (group, name) in THEORY else "",
            ]
        print(f"| {name} | " + " | ".join(cells) + " |")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))
    draw(found, args.out)
    print(f"\npicture: {args.out}")


if __name__ == "__main__":
    main()
