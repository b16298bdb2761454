"""Everything random, from one seed: a stream for each purpose and place.

A stream is a Philox counter (Salmon, Moraes, Dror, Shaw 2011): its key is (seed, purpose) and its counter starts at
(0, place), so that the noise of step t, sample s, example n can be had without drawing what comes before it. Runs that
are resumed, batches that are split and samples that are taken a block at a time all see the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vae_np.support.checks import whole

__all__ = ["TILE", "check_seed", "standard_normal", "stream", "uniform"]

Array = NDArray[Any]

TILE = 64
"""Examples that share a stream: few enough that a slice wastes little, many enough that making streams costs little."""


def check_seed(seed: int) -> int:
    """The seed as an int in [0, 2^64); ``TypeError`` or ``ValueError`` otherwise."""
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed must be an integer; got {seed!r}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must lie in [0, 2**64); got {seed}")
    return int(seed)


def stream(seed: int, purpose: str, *place: int) -> np.random.Generator:
    """The generator of one purpose at one place.

    Parameters
    ----------
    seed : int
        In [0, 2^64).
    purpose : str
        One to eight ASCII characters; streams of different purposes are independent.
    *place : int
        Up to three non-negative integers (a step, a sample, a tile, ...).
    """
    place = tuple(whole("an index of a stream", i, at_least=0) for i in place)
    name = purpose.encode("ascii")
    if not 1 <= len(name) <= 8 or len(place) > 3 or max(place, default=0) >= 2**64:
        raise ValueError(f"a stream takes a purpose of 1 to 8 letters and up to 3 indices; got {purpose!r}, {place}")
    key = np.array([check_seed(seed), int.from_bytes(name, "little")], np.uint64)
    counter = np.array([0, *place, *[0] * (3 - len(place))], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def standard_normal(
    seed: int,
    step: int,
    shape: tuple[int, ...],
    dtype: DTypeLike = np.float64,
    *,
    first: int = 0,
    first_sample: int = 0,
    purpose: str = "noise",
) -> Array:
    """Standard normal eps of one step, of shape (N, K) or (S, N, K).

    ``eps[s, n]`` depends on (seed, step, first_sample + s, first + n) alone, not on N or S: the rows [a, b) of a batch
    are ``standard_normal(seed, step, (b - a, K), first=a)``. The (N, K) form is sample 0. Another purpose gives
    independent noise.
    """
    return _tiles(seed, purpose, "standard_normal", step, shape, dtype, first, first_sample)


def uniform(seed: int, step: int, shape: tuple[int, ...], dtype: DTypeLike = np.float64, *, first: int = 0) -> Array:
    """Uniform numbers in [0, 1) of one step, of shape (N, D), with the same independence of the batch's split."""
    return _tiles(seed, "uniform", "random", step, shape, dtype, first, 0)


def _tiles(
    seed: int,
    purpose: str,
    method: str,
    step: int,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    first: int,
    first_sample: int,
) -> Array:
    """Rows [first, first + N) of each sample, put together from the streams of the tiles that hold them."""
    if len(shape) not in (2, 3):
        raise ValueError(f"the noise's shape must be (N, K) or (S, N, K); got {shape}")
    *samples, n, k = shape
    first = whole("first", first, at_least=0)
    first_sample = whole("first_sample", first_sample, at_least=0)
    out = np.empty((samples[0] if samples else 1, n, k), dtype)
    last = first + n
    generator = stream(seed, purpose, step)
    draw = getattr(generator, method)
    bits = generator.bit_generator
    start: dict[str, Any] = dict(bits.state)
    for s, block in enumerate(out):
        for tile in range(first // TILE, -(-last // TILE)):
            # what `stream(seed, purpose, step, first_sample + s, tile)` starts from, ten times as fast
            start["state"]["counter"][:] = (0, step, first_sample + s, tile)
            bits.state = start
            begin, end = max(first, tile * TILE), min(last, (tile + 1) * TILE)
            # a row's numbers come after those of the rows before it in its tile
            rows = draw((end - tile * TILE, k), dtype=out.dtype.type)
            block[begin - first : end - first] = rows[begin - tile * TILE :]
    return out.reshape(shape)
