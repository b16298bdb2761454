"""Numbers worth trying: seeded grids, and hypothesis strategies over the same ranges."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

BRANCHES = [0.0, 2.0**-54, 2.0**-25, 0.5, 0.6, 0.75179, 1.0, 1.25, 2.0, 3.0, 2 * math.pi, 15.0, 20.0, 37.0, 38.5, 40.0]
BRANCHES += [60.0, 0.5 * math.log(2), math.log(2)]
"""Arguments at which a formula or a kernel changes its case, or is likely to, each tried with its neighbours."""

OVERFLOWS = {np.dtype(np.float64): [709.78, 745.13, 1419.5], np.dtype(np.float32): [88.72, 103.97, 177.4]}
"""Where e^x overflows, e^-x underflows, and e^(x/2) overflows."""


def finite(dtype) -> tuple[float, float, float]:
    """The smallest subnormal, the smallest normal and the largest number of the dtype."""
    info = np.finfo(dtype)
    return float(info.smallest_subnormal), float(info.tiny), float(info.max)


def neighbours(value: float, dtype, steps: int = 2) -> list[float]:
    """The value and the numbers next to it, and it at a distance of 1e-3 and 1e-5."""
    middle = below = above = dtype(value)
    out = [float(middle), value * 1.001, value * 0.999, value * (1 + 1e-5), value * (1 - 1e-5)]
    for _ in range(steps):
        below, above = np.nextafter(below, dtype(-np.inf)), np.nextafter(above, dtype(np.inf))
        out += [float(below), float(above)]
    return out


def magnitudes(dtype, n: int = 400, seed: int = 0, limit: float = math.inf) -> np.ndarray:
    """Finite numbers of both signs up to ``limit``: a quarter over all magnitudes, the rest where formulas bend.

    Of n numbers a sign, a quarter is log-uniform from the smallest subnormal to the largest number, a half log-uniform
    in [1e-4, 1000] and a quarter uniform in [0, 20]; to these come `BRANCHES` and `OVERFLOWS` with their neighbours,
    the powers of ten, and zeros of both signs.
    """
    dtype = np.dtype(dtype).type
    generator = np.random.default_rng(seed)
    smallest, tiny, largest = finite(dtype)
    log_uniform = generator.uniform(math.log(smallest), math.log(largest), n // 4)
    middle = generator.uniform(math.log(1e-4), math.log(1e3), n // 2)
    positive = [*np.exp(log_uniform), *np.exp(middle), *generator.uniform(0, 20, n // 4)]
    positive += [smallest, tiny, largest, float(np.finfo(dtype).eps)]
    exponents = range(-300, 305, 25) if dtype is np.float64 else range(-44, 38, 4)
    positive += [10.0**e for e in exponents]
    for value in BRANCHES + OVERFLOWS[np.dtype(dtype)]:
        positive += neighbours(value, dtype)
    with np.errstate(over="ignore"):
        points = np.array(positive).astype(dtype)
    points = np.unique(np.abs(points[np.isfinite(points)]))
    points = np.concatenate([points, -points])
    return points[np.abs(points) <= limit]


def unit_interval(dtype, n: int = 400, seed: int = 0) -> np.ndarray:
    """Pixels: 0 and 1 (a third each), grey values, and grey values close to either end."""
    dtype = np.dtype(dtype).type
    generator = np.random.default_rng(seed)
    grey = generator.random(n)
    near = 10.0 ** generator.uniform(-30, 0, n)
    kind = generator.integers(0, 9, n)
    x = np.select([kind < 3, kind < 6, kind == 6, kind == 7], [0.0, 1.0, near, 1 - near], grey)
    return np.clip(x.astype(dtype), 0, 1)


def paired(columns: list[np.ndarray], n: int, seed: int = 0) -> list[np.ndarray]:
    """n tuples with an independent draw from each column, every entry of the first column at least once if n allows."""
    generator = np.random.default_rng(seed)
    first = columns[0]
    order = np.concatenate([np.arange(len(first)), generator.integers(0, len(first), max(0, n - len(first)))])[:n]
    return [first[order], *[column[generator.integers(0, len(column), len(order))] for column in columns[1:]]]


def floats(dtype, limit: float = math.inf) -> st.SearchStrategy[float]:
    """Finite floats of the dtype up to ``limit`` in size, subnormal ones too, half of them between -40 and 40."""
    width = np.dtype(dtype).itemsize * 8
    limit = min(limit, finite(dtype)[2])
    limit = float(np.dtype(dtype).type(limit))
    everywhere = st.floats(-limit, limit, width=width, allow_nan=False)
    return everywhere | st.floats(-min(40.0, limit), min(40.0, limit), width=width)


def pixels(dtype) -> st.SearchStrategy[float]:
    """Values in [0, 1], the ends often."""
    return st.sampled_from([0.0, 1.0]) | st.floats(0, 1, width=np.dtype(dtype).itemsize * 8)
