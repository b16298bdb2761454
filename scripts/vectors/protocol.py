"""Cases of what surrounds a model: warm-up of the KL, initial weights, averages over batches, binary and other data."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import mpmath as mp
from elementary import case, number
from model import draw

__all__ = ["protocol"]

FAN_IN, FAN_OUT = 7, 11
SCHEMES = {
    "glorot-uniform": lambda: mp.sqrt(mp.mpf(6) / (FAN_IN + FAN_OUT)),
    "glorot-normal": lambda: mp.sqrt(mp.mpf(2) / (FAN_IN + FAN_OUT)),
    "he-uniform": lambda: mp.sqrt(mp.mpf(6) / FAN_IN),
    "he-normal": lambda: mp.sqrt(mp.mpf(2) / FAN_IN),
}
"""Limits of the uniform ones, deviations of the normal ones (Glorot & Bengio 2010, eq. 16; He et al. 2015, eq. 10)."""


def protocol() -> Iterator[dict[str, Any]]:
    """All of them."""
    generator = random.Random(8)
    yield _warm_up()
    for scheme in SCHEMES:
        yield _initialise(scheme, generator)
    yield _average(generator)
    for mode in ("draw", "threshold"):
        yield _binarise(mode, generator)
    yield _dequantise(generator)


def _uniform(generator: random.Random, rows: int, columns: int) -> list[list[mp.mpf]]:
    return [[mp.mpf(generator.randint(0, 1023)) / 1024 for _ in range(columns)] for _ in range(rows)]


def _warm_up() -> dict[str, Any]:
    steps, per_epoch, length = 11, 3, 13
    beta = [min(mp.mpf(t - 1) / steps, mp.mpf(1)) for t in range(1, length + 1)]
    settings = {"warm_up": steps, "steps_per_epoch": per_epoch, "steps": length}
    comment = "beta of step t = 1, 2, ...: min((t - 1) / warm_up, 1), whatever the epoch"
    return case("warm-up", "warm-up", {}, {"beta": beta}, comment, settings)


def _initialise(scheme: str, generator: random.Random) -> dict[str, Any]:
    normal = scheme.endswith("normal")
    drawn = draw(generator, (FAN_IN, FAN_OUT), 1.0) if normal else _uniform(generator, FAN_IN, FAN_OUT)
    scale = SCHEMES[scheme]()
    W = [[scale * (value if normal else 2 * value - 1) for value in row] for row in drawn]
    comment = "the weight from standard normal numbers eps" if normal else "the weight from numbers u uniform in [0, 1)"
    settings = {"scheme": scheme, "fan_in": FAN_IN, "fan_out": FAN_OUT}
    return case(f"initialise-{scheme}", "initialise", {"eps" if normal else "u": drawn}, {"W": W}, comment, settings)


def _average(generator: random.Random) -> dict[str, Any]:
    sizes = [5, 5, 3]
    elbo = [number(-100) + value for value in draw(generator, (sum(sizes),), 1.0)]
    comment = "the mean ELBO of a data set, evaluated in batches of these sizes"
    return case("average", "average", {"elbo": elbo}, {"mean": mp.fsum(elbo) / len(elbo)}, comment, {"batches": sizes})


def _binarise(mode: str, generator: random.Random) -> dict[str, Any]:
    x, u = _uniform(generator, 3, 7), _uniform(generator, 3, 7)
    x[0][:5] = [mp.mpf(value) for value in ("0", "1", "0.5", "0.25", "0.75")]
    u[0][:5] = [mp.mpf(value) for value in ("0", "0.9990234375", "0.5", "0.125", "0.875")]
    rows = (zip(*pair, strict=True) for pair in zip(x, u, strict=True))
    binary = [[mp.mpf(v > mp.mpf("0.5") if mode == "threshold" else noise < v) for v, noise in row] for row in rows]
    comment = "1 where x > 1/2" if mode == "threshold" else "1 where u < x, u uniform in [0, 1)"
    return case(f"binarise-{mode}", "binarise", {"x": x, "u": u}, {"binary": binary}, comment, {"mode": mode})


def _dequantise(generator: random.Random) -> dict[str, Any]:
    columns = 7
    levels = [[mp.mpf(generator.randint(0, 255)) for _ in range(columns)] for _ in range(3)]
    levels[0][:2] = [mp.mpf(0), mp.mpf(255)]
    u, log_density = _uniform(generator, 3, columns), [number(value) for value in ("9.5", "-2.25", "17")]
    pairs = itertools.starmap(zip, zip(levels, u, strict=True))
    x = [[(level + noise) / 256 for level, noise in row] for row in pairs]
    bits = [(columns * mp.log(256) - value) / (columns * mp.log(2)) for value in log_density]
    comment = "x = (level + u) / 256, and the bits per dimension of a model that gives x, in [0, 1), this log-density"
    inputs = {"levels": levels, "u": u, "log_density": log_density}
    return case("dequantise", "dequantise", inputs, {"x": x, "bits_per_dimension": bits}, comment)
