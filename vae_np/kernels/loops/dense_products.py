"""Matrix products of a tile: the routine of SciPy's BLAS, called from compiled code without Python in between.

A tile is a rectangle of the product's output, rows [r0, r1) and columns [c0, c1): threads share a product by its
output, so that none has a sum to share, and each entry is summed in one place whatever the number of threads.
"""

from __future__ import annotations

from typing import Any

from vae_np.kernels.compiler.decorators import loop
from vae_np.kernels.compiler.intrinsics import call_gemm

__all__ = ["input_gradient", "product", "weight_gradient"]

NO, YES = ord("N"), ord("T")


@loop
def product(blas: Any, x: Any, W: Any, out: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    """Out = x W."""
    rows, columns, k, n = r1 - r0, c1 - c0, W.shape[0], W.shape[1]
    if rows > 0 and columns > 0:
        call_gemm(blas, NO, NO, columns, rows, k, 0.0, W, c0, n, x, r0 * k, k, out, r0 * n + c0, n)


@loop
def weight_gradient(blas: Any, x: Any, dy: Any, dW: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    """dW = x^T dy."""
    rows, columns, k, n, width = r1 - r0, c1 - c0, x.shape[0], dW.shape[1], x.shape[1]
    if rows > 0 and columns > 0:
        call_gemm(blas, NO, YES, columns, rows, k, 0.0, dy, c0, n, x, r0, width, dW, r0 * n + c0, n)


@loop
def input_gradient(blas: Any, dy: Any, W: Any, dx: Any, beta: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    """Dx = dy W^T + beta dx."""
    rows, columns, k, n = r1 - r0, c1 - c0, W.shape[1], W.shape[0]
    if rows > 0 and columns > 0:
        call_gemm(blas, YES, NO, columns, rows, k, beta, W, c0 * k, k, dy, r0 * k, k, dx, r0 * n + c0, n)
