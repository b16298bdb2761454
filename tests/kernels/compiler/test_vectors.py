"""Lists of what is not 0, and sums over them, with and without the processor's widest registers."""

import os
import subprocess
import sys

import numpy as np
import pytest

from vae_np.kernels.compiler import lanes
from vae_np.kernels.compiler.decorators import COMPILED
from vae_np.kernels.loops import sparse_products

FLOATS = ["float32", "float64"]


def lists_of(rows, columns, dtype):
    """Room for them, full of what must not be taken for a result."""
    size = rows * columns
    of_rows = np.full(rows, -7), np.full(rows, -7)
    return sparse_products.Lists(np.full(size, -7, np.int32), np.full(size, np.nan, dtype), *of_rows)


def matrix(rows, columns, density, dtype):
    """With every number that might be mistaken for 0, or is one."""
    generator = np.random.default_rng(columns)
    special = np.array([np.nan, np.inf, -np.inf, np.finfo(dtype).tiny, np.finfo(dtype).smallest_subnormal, -0.0], dtype)
    x = np.where(generator.random((rows, columns)) < density, generator.choice(special, (rows, columns)), 0)
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("columns", [1, 7, 8, 15, 16, 17, 40, 64])
@pytest.mark.parametrize("density", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("wide", [lanes.WIDE] if COMPILED else [False, True])  # in Python both run anywhere
def test_lists_have_all_that_is_not_zero_in_order_and_nothing_else(wide, columns, density, dtype, monkeypatch):
    monkeypatch.setattr(sparse_products, "WIDE", wide)
    x = matrix(5, columns, density, dtype)
    lists = place, value, start, count = lists_of(5, columns, dtype)
    sparse_products.gather_rows(x, lists, 1, 4)
    for r in range(1, 4):
        expected, own = np.flatnonzero(x[r]), slice(start[r], start[r] + count[r])
        np.testing.assert_array_equal(place[own], expected)
        found, wanted = (a.view(f"u{x.itemsize}") for a in (value[own], x[r, expected]))  # NaN too
        np.testing.assert_array_equal(found, wanted)
    for others in (slice(0, columns), slice(4 * columns, None)):  # another thread's
        assert (place[others] == -7).all()
        assert np.isnan(value[others]).all()
    for r in (0, 4):
        assert count[r] == start[r] == -7


NARROW = """
import sys
sys.path[:0] = [".", "../.."]
import numpy as np
from vae_np.kernels.compiler import lanes
from vae_np.kernels.loops import sparse_products
from sums import assert_sums, products
from test_vectors import lists_of
assert not lanes.WIDE and lanes.BITS == 256
for dtype in ("float32", "float64"):
    generator = np.random.default_rng(0)
    x = np.where(generator.random((9, 50)) < 0.2, 1, 0).astype(dtype)
    W = generator.standard_normal((50, 131)).astype(dtype)
    lists, out, room = lists_of(9, 50, dtype), np.empty((9, 131), dtype), np.empty(1, dtype)
    sparse_products.gather_rows(x, lists, 0, 9)
    sparse_products.product(room, np.empty(9, np.int64), lists, W, out, 0, 9, 0, 131)
    assert_sums("x @ W", out, x @ W, products(x, W), 50)
print("right")
"""


@pytest.mark.slow
@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_a_processor_without_the_widest_registers_takes_the_plain_way(tmp_path):
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CACHE_DIR": str(tmp_path)}
    folder = os.path.dirname(__file__)
    done = subprocess.run([sys.executable, "-c", NARROW], env=environment, cwd=folder, capture_output=True, text=True)
    assert done.stdout == "right\n", done.stderr
