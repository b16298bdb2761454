"""The noise of a step in one loop: the numbers that `support.noise.standard_normal` gives, with the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_np.kernels.compiler.decorators import kernel, recompiled, unsigned
from vae_np.kernels.loops.minibatch import philox
from vae_np.support import normals, portable
from vae_np.support.noise import TILE

__all__ = ["WORDS", "standard_normal"]

WORDS = 512
"""Random words that are made at once, and then made normal in vectors."""


_horner = recompiled(portable._horner)
_minus_log = recompiled(portable._minus_log, _horner=_horner)
_minus_log_unit = recompiled(portable.minus_log_unit, _minus_log=_minus_log)
_sine = recompiled(portable.sine_of_quarter, _horner=_horner)
_pair = recompiled(normals.pair, minus_log_unit=_minus_log_unit, sine_of_quarter=_sine)


@kernel
def standard_normal(out: Any, words: Any, numbers: Any, key: Any, step: Any, first: Any, first_sample: Any) -> None:
    """Out (S, N, K) is the noise of samples from ``first_sample`` and examples from ``first`` on, of a key (2,).

    ``words`` (`WORDS`,) of uint64 and ``numbers`` (`WORDS`,) of float64 are room.
    """
    samples, n, k = out.shape
    flat = out.reshape(samples, n * k)
    for s in range(samples):
        for tile in range(first // TILE, (first + n + TILE - 1) // TILE):
            begin, end = max(first, tile * TILE), min(first + n, (tile + 1) * TILE)
            low, high = (begin - tile * TILE) * k, (end - tile * TILE) * k
            block = low // 4
            while 4 * block < high:
                count = min(WORDS, 4 * ((high + 3) // 4 - block))
                for i in range(count // 4):
                    c = np.uint64(block + i + 1)
                    w0, w1, w2, w3 = philox(
                        c, np.uint64(step), np.uint64(first_sample + s), np.uint64(tile), key[0], key[1]
                    )
                    words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3] = w0, w1, w2, w3
                for i in range(count // 2):
                    numbers[2 * i], numbers[2 * i + 1] = _pair(words[2 * i], words[2 * i + 1])
                at = max(low, 4 * block)
                source, target = unsigned(at - 4 * block), unsigned((tile * TILE - first) * k + at)
                for i in range(unsigned(min(high, 4 * block + count) - at)):
                    flat[s, target + i] = numbers[source + i]
                block += count // 4
