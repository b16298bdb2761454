"""Everything random, from one seed: a stream for each purpose and place.

A stream is a Philox counter (Salmon, Moraes, Dror, Shaw 2011): its key is (seed, purpose) and its counter starts at
(0, place), so that the noise of step t, sample s, example n can be had without drawing what comes before it. Runs that
are resumed, batches that are split and samples that are taken a block at a time all see the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vae_np.support.checks import whole
from vae_np.support.normals import normals

__all__ = ["TILE", "check_seed", "normal_numbers", "standard_normal", "stream", "uniform"]

Array = NDArray[Any]

NUMBERS = 2**15
"""Normal numbers that are made at once: enough that the calls cost little, few enough for the caches."""
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
    independent noise. float32 numbers are the float64 ones, rounded. They are `normals` of the stream's words: the same
    bits on every machine.
    """
    generator = stream(seed, purpose, step)
    (samples, n, k), first, first_sample = _sizes(shape, first, first_sample)
    out = np.empty((samples, n, k), dtype)
    pieces: list[tuple[Array, int]] = []  # words, and which of their numbers is the first to be used
    targets: list[Array] = []
    count = 0
    for s, tile, begin, end in _tiles(samples, n, first):
        low, high = (begin - tile * TILE) * k, (end - tile * TILE) * k
        skipped = low // 4  # a raise of the counter gives four words
        bits = _at(generator, (skipped, step, first_sample + s, tile))
        pieces.append((bits.random_raw(4 * (-(-high // 4) - skipped)), low - 4 * skipped))
        targets.append(out[s, begin - first : end - first].reshape(-1))
        count += len(pieces[-1][0])
        if count >= NUMBERS:
            _put(pieces, targets)
            pieces, targets, count = [], [], 0
    _put(pieces, targets)
    return out.reshape(shape)


def _put(pieces: list[tuple[Array, int]], targets: list[Array]) -> None:
    """The normal numbers of the words to where they belong."""
    if not pieces:
        return
    found, at = normals(np.concatenate([words for words, _ in pieces])), 0
    for (words, skip), target in zip(pieces, targets, strict=True):
        target[...] = found[at + skip : at + skip + len(target)]
        at += len(words)


def normal_numbers(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Standard normal numbers, float64, of a generator's next words, with the same bits everywhere."""
    count = math.prod(shape)
    words = generator.integers(2**64, size=count + count % 2, dtype=np.uint64)
    return normals(words)[:count].reshape(shape)


def uniform(seed: int, step: int, shape: tuple[int, ...], dtype: DTypeLike = np.float64, *, first: int = 0) -> Array:
    """Uniform numbers in [0, 1) of one step, of shape (N, D), with the same independence of the batch's split."""
    generator = stream(seed, "uniform", step)
    (samples, n, k), first, _ = _sizes(shape, first, 0)
    out = np.empty((samples, n, k), dtype)
    for s, tile, begin, end in _tiles(samples, n, first):
        _at(generator, (0, step, s, tile))
        # a row's numbers come after those of the rows before it in its tile
        rows = generator.random((end - tile * TILE, k), dtype=out.dtype.type)
        out[s, begin - first : end - first] = rows[begin - tile * TILE :]
    return out.reshape(shape)


def _sizes(shape: tuple[int, ...], first: int, first_sample: int) -> tuple[tuple[int, int, int], int, int]:
    """The shape as (S, N, K), and where they begin."""
    if np.ndim(shape) != 1 or len(shape) not in (2, 3):
        raise ValueError(f"the noise's shape must be (N, K) or (S, N, K); got {shape}")
    *samples, n, k = shape
    begin = whole("first", first, at_least=0), whole("first_sample", first_sample, at_least=0)
    return (samples[0] if samples else 1, n, k), *begin


def _tiles(samples: int, n: int, first: int) -> Iterator[tuple[int, int, int, int]]:
    """Sample, tile, and the examples [begin, end) of it that are asked for."""
    for s in range(samples):
        for tile in range(first // TILE, -(-(first + n) // TILE)):
            yield s, tile, max(first, tile * TILE), min(first + n, (tile + 1) * TILE)


def _at(generator: np.random.Generator, counter: tuple[int, int, int, int]) -> Any:
    """The generator's bits, put where `stream` would begin, ten times as fast."""
    bits: Any = generator.bit_generator
    start = bits.state
    start["state"]["counter"][:] = counter
    start |= {"buffer_pos": 4, "has_uint32": 0, "uinteger": 0}
    bits.state = start
    return bits
