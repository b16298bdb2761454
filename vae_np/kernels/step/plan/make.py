"""Who does what: the sizes of a pass, where each array begins, and which tile of each product is whose.

A plan is one row of whole numbers that compiled code reads, worked out once for a batch size and a number of threads:

    [the fixed `places` | a row of `COLUMNS` a layer | tiles (3 products, layer, thread, 4) | ranges (2, thread, 2) |
     entries (layer, thread, 2)]

The layers are the encoder's hidden ones, the posterior's heads (mu, logvar), the decoder's hidden ones, out. Tiles are
rows and columns of the output of x W, x^T dy and dy W^T. Ranges share out the examples N and the rows R = S N; entries
are the parameters that each thread updates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.network import Architecture
from vae_np.formulas.parameters import Parameters
from vae_np.kernels.loops.sums import BLOCK, ROWS
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


def grid(threads: int, rows: int, columns: int, moved: float = 0) -> tuple[int, int]:
    """Into how many rows and columns of tiles an output is cut.

    Each thread reads its tile's rows of the one factor and packs its columns of the other: few are best. What is
    ``moved`` from one processor's cache to another's, if tiles are not whole rows, counts as so many of them.
    """
    shapes = [(i, threads // i) for i in range(1, threads + 1) if threads % i == 0]

    def cost(shape: tuple[int, int]) -> float:
        return -(-rows // shape[0]) + -(-columns // shape[1]) + (moved if shape[1] > 1 else 0)

    return min(shapes, key=lambda shape: (cost(shape), shape[0]))


def _tiles(shape: tuple[int, int], rows: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
    down, across = shape
    for r0, r1 in cut(rows, down):
        for c0, c1 in cut(columns, across, STEP):
            yield r0, r1, c0, c1


def _entries(layers: NDArray[np.int64], size: int, threads: int) -> NDArray[np.int64]:
    """Of each layer and thread the parameters that it updates: (layer, thread, 2).

    They are the rows of W whose gradient it has made if that is cut by rows, so that both stay in its processor's
    cache; b and what follows the last layer are the last thread's. Those of a single thread are one range.
    """
    found = np.zeros((len(layers), threads, 2), np.int64)
    if threads == 1:
        found[0, 0] = 0, size
        return found
    ends = [*layers[1:, places.W_AT].tolist(), size]
    for i, (fan_in, fan_out, begin, *_) in enumerate(layers.tolist()):
        found[i] = [(begin + r0 * fan_out, begin + r1 * fan_out) for r0, r1 in cut(fan_in, threads)]
        found[i, -1, 1] = ends[i]
    return found


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
        whole = threads, 1
        by_examples = count <= i < count + heads  # as what follows them is
        forward = whole if by_examples else grid(threads, rows, fan_out)
        by_features = i == 0  # as the sparse lists are
        weight = whole if by_features else grid(threads, fan_in, fan_out, fan_in * fan_out / (threads * rows))
        tiles[places.FORWARD_TILE, i] = list(_tiles(forward, rows, fan_out))
        tiles[places.WEIGHT_TILE, i] = list(_tiles(weight, fan_in, fan_out))
        tiles[places.INPUT_TILE, i] = list(_tiles(grid(threads, rows, fan_in), rows, fan_in))
        at += -(-rows * fan_out // STEP) * STEP
    own = [name for name in parameters.shapes if name.startswith("likelihood.")]
    ranges = np.array([cut(n, threads), cut(samples * n, threads, ROWS)])
    whole_blocks = not (ranges[1, :, 0] % ROWS).any()
    entries = _entries(layers, parameters.vector.size, threads)
    widths, terms = layers[:, places.FAN_OUT].tolist(), a.latent if a.has_kl else 1
    room = max(2 * a.latent, *widths, BLOCK + widths[-1])
    parts = np.zeros(places.END, np.int64), layers, tiles, ranges, entries
    plan = np.concatenate([part.ravel() for part in parts])
    plan[: places.WHAT] = (
        *(len(plan), threads, len(names), samples, n, a.latent, a.n_features, parameters.vector.size),
        *(count, heads, len(a.decoder_hidden), begin[own[0]] if own else 0, sum(parameters[name].size for name in own)),
        *(room, int(layers[-1, places.H_AT]), parameters.dtype.itemsize),
        *(int(a.is_plain), terms, sum(-(-size // CHUNK) for size in (parameters.vector.size, samples * n, n * terms))),
        -(-samples * n // ROWS) if whole_blocks else 0,
    )
    return plan


def tile_of(plan: NDArray[np.int64], product: int, i: int, t: int) -> tuple[slice, slice]:
    """Rows and columns of a thread's tile of one of layer i's products: `views.tile` for Python."""
    layers, threads = int(plan[places.LAYERS]), int(plan[places.THREADS])
    at = places.END + places.COLUMNS * layers + 4 * ((product * layers + i) * threads + t)
    r0, r1, c0, c1 = plan[at : at + 4].tolist()
    return slice(r0, r1), slice(c0, c1)
