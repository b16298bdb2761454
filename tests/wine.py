"""A table as people have them: thirteen measures of a wine, in units of their own, and its kind; made by a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

MEASURES = {  # mean and deviation, of the orders of those of the UCI wines
    "alcohol": (13.0, 0.81),
    "malic_acid": (2.34, 1.12),
    "ash": (2.37, 0.27),
    "alcalinity_of_ash": (19.5, 3.34),
    "magnesium": (99.7, 14.3),
    "total_phenols": (2.30, 0.63),
    "flavanoids": (2.03, 1.00),
    "nonflavanoid_phenols": (0.36, 0.12),
    "proanthocyanins": (1.59, 0.57),
    "color_intensity": (5.06, 2.32),
    "hue": (0.96, 0.23),
    "od280/od315_of_diluted_wines": (2.61, 0.71),
    "proline": (747.0, 315.0),
}
NAMES = tuple(MEASURES)
KINDS = ("barbera", "barolo", "grignolino")


def wine(rows: int = 178, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Values (rows, 13) of two factors and noise, three kinds apart along them, and the kinds."""
    generator = np.random.default_rng(seed)
    kind = generator.integers(0, len(KINDS), rows)
    factors = np.array([[-1.5, 0.0], [1.5, 0.5], [0.0, -1.5]])[kind] + 0.5 * generator.standard_normal((rows, 2))
    u = factors @ generator.standard_normal((2, len(NAMES))) + 0.5 * generator.standard_normal((rows, len(NAMES)))
    u = (u - u.mean(axis=0)) / u.std(axis=0)
    mean, deviation = np.array(list(MEASURES.values())).T
    return np.round(mean + deviation * u, 3), [KINDS[k] for k in kind]


def write_wine(path: str | Path, rows: int = 178, *, index: str | None = None, kinds: bool = True) -> np.ndarray:
    """The table as a csv file, ``index`` the name of a first column that counts from 1; the values."""
    x, names = wine(rows)
    lines = [",".join([*([] if index is None else [index]), *NAMES, *(["kind"] if kinds else [])])]
    for i, (row, name) in enumerate(zip(x.tolist(), names, strict=True)):
        before, after = [] if index is None else [str(i + 1)], [name] if kinds else []
        lines.append(",".join([*before, *map(repr, row), *after]))
    Path(path).write_text("\n".join(lines) + "\n")
    return x
