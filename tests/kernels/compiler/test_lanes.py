"""Sums of a block have one order, sixteen lanes by index, whatever the width of the machine's vectors."""

from __future__ import annotations

import numpy as np
import pytest

from vae_np.kernels.compiler.decorators import COMPILED, kernel
from vae_np.kernels.compiler.intrinsics import fused
from vae_np.kernels.compiler.lanes import LANES, block_sum, wide_squares, wide_sum

COUNTS = [0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 255, 256]


@kernel
def _block(a, at, count):
    return block_sum(a, at, count)


@kernel
def _wide(a, at, count):
    return wide_sum(a, at, count)


@kernel
def _squares(a, at, count):
    return wide_squares(a, at, count)


@kernel
def _fused(a, b, c):
    return fused(a, b, c)


def by_lanes(terms: np.ndarray):
    """As the page says it."""
    lanes = [terms.dtype.type(0)] * LANES
    for i, term in enumerate(terms):
        lanes[i % LANES] = lanes[i % LANES] + term
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [low + high for low, high in zip(lanes[:half], lanes[half:], strict=True)]
    return lanes[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", COUNTS)
def test_a_sum_is_of_sixteen_lanes_by_index(count, dtype):
    a = np.random.default_rng(count).normal(size=300).astype(dtype) * dtype(1e3)
    terms = a[7 : 7 + count]
    assert _block(a, 7, count) == by_lanes(terms)
    assert _wide(a, 7, count) == by_lanes(terms.astype(float))
    if dtype == np.float32:  # whose squares are exact in float64: fused or not is one
        assert _squares(a, 7, count) == by_lanes(terms.astype(float) ** 2)


def test_the_order_is_told_from_a_running_sum():
    a = np.random.default_rng(0).normal(size=256).astype(np.float32)
    running = np.float32(0)
    for term in a:
        running += term
    assert _block(a, 0, 256) != running


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fused_multiply_add_is_rounded_once(dtype):
    e = dtype(np.finfo(dtype).eps)
    one = dtype(1)
    # (1 + e)(1 - e) = 1 - e^2, which is 1 when it is rounded first
    assert _fused(one + e, one - e, -one) == (-e * e if COMPILED else 0)
