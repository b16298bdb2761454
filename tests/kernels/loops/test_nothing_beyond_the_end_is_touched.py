"""Products read and write no number beyond an array's end: the arrays end where a page begins that nobody may touch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vae_np.kernels.compiler.decorators import COMPILED

PROGRAM = """
import ctypes, mmap
import numpy as np
from vae_np.kernels.loops.dense_products import FORWARD, INPUT, PANEL, WEIGHT, product

PAGE, libc, kept = mmap.PAGESIZE, ctypes.CDLL(None, use_errno=True), []

def guarded(a):
    pages = -(-a.nbytes // PAGE)
    room = mmap.mmap(-1, (pages + 1) * PAGE)
    kept.append(room)
    whole = np.frombuffer(room, np.uint8)
    guard = whole.ctypes.data + pages * PAGE
    assert libc.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(PAGE), 0) == 0
    out = whole[pages * PAGE - a.nbytes : pages * PAGE].view(a.dtype).reshape(a.shape)
    out[...] = a
    return out

def touch_beyond():
    a = guarded(np.ones(4))
    np.lib.stride_tricks.as_strided(a, (5,))[4] = 1

if __import__("sys").argv[1:] == ["wrong"]:
    touch_beyond()
draw = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    for sizes in ((9, 5, 3), (8, 17, 33), (21, 13, 50), (40, 37, 211)):
        m, k, n = sizes
        for what, shape in ((FORWARD, (m, n)), (WEIGHT, (k, n)), (INPUT, (m, k))):
            x, W, y = (guarded(draw.normal(size=s).astype(dtype)) for s in ((m, k), (k, n), (m, n)))
            panel = guarded(np.zeros(PANEL // np.dtype(dtype).itemsize, dtype))
            expected = (x @ W, x.T @ y, y @ W.T)[what]
            product(panel, what, x, W, y, 0, 0, shape[0], 0, shape[1])
            np.testing.assert_allclose((y, W, x)[what], expected, rtol=0, atol=1e-4)
print("all within")
"""


@pytest.mark.skipif(not (COMPILED and sys.platform == "linux"), reason="a page is guarded by Linux's C library")
@pytest.mark.parametrize("wrong", [[], ["wrong"]], ids=["products", "a-write-beyond"])
def test_nothing_beyond_the_end_is_touched(wrong):
    """In a process of its own, which the second run shows to die of it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *wrong], capture_output=True, text=True, timeout=300)
    if wrong:
        assert done.returncode < 0
        assert "all within" not in done.stdout
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout == "all within\n"
