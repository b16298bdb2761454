"""Who does what: the sizes of a pass, where each array begins, and which tile of each product is whose.

A plan is one row of whole numbers that compiled code reads, worked out once for a batch size and a number of threads:

    [the fixed `places` | a row of `COLUMNS` a layer | tiles (3 products, layer, thread, 4) | ranges (3, thread, 2)]

The layers are the encoder's hidden ones, the posterior's heads (mu, logvar), the decoder's hidden ones, out. Tiles are
rows and columns of the output of x W, x^T dy and dy W^T. Ranges share out the examples N, the rows R = S N and the
parameters' entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters
from vae_np.kernels.loops.sums import BLOCK
from vae_np.kernels.step.plan import places

__all__ = ["CHUNK", "cut", "grid", "make_plan", "tile_of"]

CHUNK = 4096
"""Entries of a sum over all of them that one thread adds; the chunks' sums are added in their order."""
STEP = 16
"""Tiles are cut at multiples of this many columns where there are enough: whole cache lines and vectors."""


def cut(size: int, parts: int, step: int = 1) -> list[tuple[int, int]]:
    """[0, size) in ranges of nearly one length, cut at multiples of ``step`` if each part has a few of them."""
    step = step if size >= 2 * step * parts else 1
    edges = [min(size, round(size * i / (parts * step)) * step) for i in range(parts)] + [size]
    return [(edges[i], edges[i + 1]) for i in range(parts)]


def grid(threads: int, rows: int, columns: int) -> tuple[int, int]:
    """Into how many rows and columns of tiles an output is cut.

    Each thread reads its tile's rows of the one factor and packs its columns of the other: few are best.
    """
    shapes = [(i, threads // i) for i in range(1, threads + 1) if threads % i == 0]
    return min(shapes, key=lambda shape: (-(-rows // shape[0]) + -(-columns // shape[1]), shape[0]))


def _tiles(threads: int, rows: int, columns: int, whole_rows: bool) -> Iterator[tuple[int, int, int, int]]:
    down, across = (threads, 1) if whole_rows else grid(threads, rows, columns)
    for r0, r1 in cut(rows, down):
        for c0, c1 in cut(columns, across, STEP):
            yield r0, r1, c0, c1


def make_plan(a: Architecture, parameters: Parameters, samples: int, n: int, threads: int) -> NDArray[np.int64]:
    """The plan of S samples of N examples for so many threads, still without addresses."""
    sizes = [view.size for view in parameters.values()]
    begin: dict[str, Any] = dict(zip(parameters, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    names, count, heads = a.layers, len(a.hidden), len(a.posterior.heads(a.latent))
    layers, tiles = np.zeros((len(names), places.COLUMNS), np.int64), np.zeros((3, len(names), threads, 4), np.int64)
    at = 0
    for i, name in enumerate(names):
        rows = n if i < count + heads else samples * n
        fan_in, fan_out = parameters.shapes[f"{name}.W"]
        layers[i] = fan_in, fan_out, begin[f"{name}.W"], begin[f"{name}.b"], at
        by_rows = count <= i < count + heads  # by examples, as what follows them is
        tiles[places.FORWARD_TILE, i] = list(_tiles(threads, rows, fan_out, by_rows))
        tiles[places.WEIGHT_TILE, i] = list(
            _tiles(threads, fan_in, fan_out, i == 0)
        )  # by features, as the sparse lists are
        tiles[places.INPUT_TILE, i] = list(_tiles(threads, rows, fan_in, False))
        at += -(-rows * fan_out // STEP) * STEP
    own = [name for name in parameters.shapes if name.startswith("likelihood.")]
    ranges = [cut(n, threads), cut(samples * n, threads), cut(parameters.vector.size, threads, STEP)]
    widths, terms = layers[:, places.FAN_OUT].tolist(), a.latent if a.has_kl else 1
    room = max(2 * a.latent, *widths, BLOCK + widths[-1])
    plan = np.concatenate([np.zeros(places.END, np.int64), layers.ravel(), tiles.ravel(), np.ravel(ranges)])
    plan[: places.WHAT] = (
        *(len(plan), threads, len(names), samples, n, a.latent, a.n_features, parameters.vector.size),
        *(count, heads, len(a.decoder_hidden), begin[own[0]] if own else 0, sum(parameters[name].size for name in own)),
        *(room, int(layers[-1, places.H_AT]), parameters.dtype.itemsize),
        *(int(a.is_plain), terms, sum(-(-size // CHUNK) for size in (parameters.vector.size, samples * n, n * terms))),
    )
    return plan


def tile_of(plan: NDArray[np.int64], product: int, i: int, t: int) -> tuple[slice, slice]:
    """Rows and columns of a thread's tile of one of layer i's products: `views.tile` for Python."""
    layers, threads = int(plan[places.LAYERS]), int(plan[places.THREADS])
    at = places.END + places.COLUMNS * layers + 4 * ((product * layers + i) * threads + t)
    r0, r1, c0, c1 = plan[at : at + 4].tolist()
    return slice(r0, r1), slice(c0, c1)
