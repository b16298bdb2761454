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

for theta the decoder's bias, for phi the encoder's A and b. Theory (theorem 1): theta's rises as K^(1/2), phi's
falls as K^(-1/2) with IWAE's gradient. Tucker et al. (2019): with DReG phi's does not fall. The slopes are fitted
on a log-log scale from K = 8 on.
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


def ratios(vae: vae_np.VAE, x: np.ndarray, objective: str, k: int, draws: int, rows: int = 2**15) -> dict[str, float]:
    """Of each group."""
    total = np.zeros((draws, vae.parameters.vector.size))
    step = max(1, rows // k)
    for first in range(0, len(x), step):
        part = x[first : first + step]
        for draw in range(draws):
            eps = vae_np.standard_normal(0, draw, (k, len(part), D), first=first, purpose="snr")
            _, gradients = vae.loss_and_grad(part, eps, objective=objective)
            total[draw] += gradients.vector * (len(part) / len(x))
    found = {}
    for group, names in GROUPS.items():
        each = np.concatenate([[vae.parameters.like(row)[name].ravel() for row in total] for name in names], axis=1)
        variance = each.var(axis=0, ddof=1).sum()
        signal = np.square(each.mean(axis=0)).sum() - variance / draws
        # rws-dreg's gradient for the encoder is 0 at K = 1
        found[group] = math.sqrt(max(signal, 0.0) / variance) if variance else math.nan
    return found


def slope(found: dict[int, float], least: int = 8) -> tuple[float, float]:
    """Of log ratio over log K, and its standard error."""
    pairs = [(math.log(k), math.log(ratio)) for k, ratio in found.items() if k >= least and ratio > 0]
    if len(pairs) < 3:
        return math.nan, math.nan
    a, b = np.array(pairs).T
    (gradient, _), covariance = np.polyfit(a, b, 1, cov=True)
    return float(gradient), float(np.sqrt(covariance[0, 0]))


def draw(found: dict[str, dict[str, dict[int, float]]], path: Path) -> None:
    """Both groups' ratios over K."""
    colours = dict(zip(ESTIMATORS, (ORANGE, BLUE, GREY, INK), strict=True))
    with picture(path, 7.6, 3.6) as figure:
        for axes, (group, words) in zip(figure.subplots(1, 2), [("theta", "decoder"), ("phi", "encoder")], strict=True):
            for name, of in found.items():
                points = {k: ratio for k, ratio in of[group].items() if ratio > 0}
                axes.plot(list(points), list(points.values()), "o-", color=colours[name], markersize=3, label=name)
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
    parser.add_argument("--draws", type=int, default=0, help="of each gradient [by K, 1,000 to 60]")
    parser.add_argument("--out", type=Path, default=Path("snr.png"))
    parser.add_argument("--json", type=Path, help="the ratios, as JSON")
    args = parser.parse_args()
    vae, x = problem(args.examples)
    sizes = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000) if k <= args.most]
    found: dict[str, Any] = {name: {group: {} for group in GROUPS} for name in ESTIMATORS}
    for k in sizes:
        draws = args.draws or max(60, min(1000, 16_000 // k))
        for name in ESTIMATORS:
            for group, ratio in ratios(vae, x, name, k, draws).items():
                found[name][group][k] = ratio
        words = [f"{name} {found[name]['theta'][k]:8.3g} {found[name]['phi'][k]:8.3g}" for name in ESTIMATORS]
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
