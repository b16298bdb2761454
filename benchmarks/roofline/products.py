"""Matrix products: dense ones by the layer, and those of a sparse x at several densities."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from timing import Call

from roofline.cases import Array, Case, as_in_a_step
from roofline.counts import Work, of_product, of_sparse_product
from vae_np.kernels.loops import dense_products as dense
from vae_np.kernels.loops import sparse_products as sparse
from vae_np.support.memory import aligned_empty

__all__ = ["DENSITIES", "SPARSE", "TYPICAL", "dense_calls", "products", "sparse_cases"]

N, D, H, K = 128, 784, 400, 20
DENSITIES = (0.05, 0.1, 0.13, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
TYPICAL = 0.13
"""Of binarised MNIST."""
SPARSE = ("gather_rows", "gather_columns", "product", "weight gradient")


def products(dtype: Any) -> Iterator[Case]:
    """Forward and both gradients of three layers of 784-400-20 on 128 rows, whole, as one thread has them."""
    draw = np.random.default_rng(0)
    for fan_in, fan_out in ((D, H), (H, K), (K, H)):
        shapes = (N, fan_in), (fan_in, fan_out), (N, fan_out)
        x, W, y = (as_in_a_step(draw.standard_normal(shape).astype(dtype)) for shape in shapes)
        work, size = of_product(N, fan_in, fan_out, dtype), f"{N}x{fan_in}x{fan_out}"
        for name, what, out, formula in (
            ("product", dense.FORWARD, 2, _dot(x, W, y.copy())),
            ("weight_gradient", dense.WEIGHT, 1, _dot(x.T, y, W.copy())),
            ("input_gradient", dense.INPUT, 0, _dot(y, W.T, x.copy())),
        ):
            given = [x, W, y]
            given[out] = as_in_a_step(given[out])
            panel = aligned_empty(dense.PANEL // x.itemsize, dtype)
            rows, columns = given[out].shape
            call = partial(dense.product, panel, what, *given, 0, 0, rows, 0, columns)
            yield Case(f"products.{name}", size, work, call, formula)


def _dot(a: Array, b: Array, out: Array) -> Call:
    return lambda: np.dot(a, b, out=out)


def sparse_cases(dtype: Any, density: float) -> Iterator[Case]:
    """What a sparse x is to the first layer: its lists, x W and x^T dy, in the order of `SPARSE`."""
    draw, itemsize = np.random.default_rng(0), np.dtype(dtype).itemsize
    x = as_in_a_step((draw.random((N, D)) < density).astype(dtype))
    W, dy = (as_in_a_step(draw.standard_normal(shape).astype(dtype)) for shape in ((D, H), (N, H)))
    y, dW = as_in_a_step(dy), as_in_a_step(W)
    rows, columns = (
        sparse.Lists(np.empty(N * D, np.int32), np.empty(N * D, dtype), *np.empty((2, count), np.int64))
        for count in (N, D)
    )
    room = aligned_empty(dense.PANEL // itemsize, dtype), np.empty(max(N, D), np.int64)
    sparse.gather_rows(x, rows, 0, N)
    sparse.gather_columns(rows, columns, 0, D)
    visited, about = int(np.count_nonzero(x)), f"{N}x{D}, {density:.2f}"
    entries = visited * (itemsize + 4)
    calls: list[tuple[Call, Work, Call]] = [
        (partial(sparse.gather_rows, x, rows, 0, N), Work(x.nbytes + entries, footprint=x.nbytes + entries),
         lambda: np.nonzero(x)),
        (partial(sparse.gather_columns, rows, columns, 0, D), Work(2 * entries, footprint=2 * entries),
         lambda: np.nonzero(x.T)),
        (partial(sparse.product, *room, rows, W, y, 0, N, 0, H), of_sparse_product(visited, N, D, H, dtype),
         _dot(x, W, y)),
        (partial(sparse.product, *room, columns, dy, dW, 0, D, 0, H), of_sparse_product(visited, D, N, H, dtype),
         _dot(x.T, dy, dW)),
    ]  # fmt: skip
    for name, (call, work, formula) in zip(SPARSE, calls, strict=True):
        yield Case(f"sparse.{name}", about, work, call, formula)


def dense_calls(dtype: Any) -> dict[str, Call]:
    """The two dense products that the sparse ones stand for."""
    first = {case.name: case.call for case in products(dtype) if case.size == f"{N}x{D}x{H}"}
    return {"product": first["products.product"], "weight gradient": first["products.weight_gradient"]}
