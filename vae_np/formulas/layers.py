"""The dense layer: forward, backward, and stacks of it with a nonlinearity between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from vae_np.formulas.activations import Activation
from vae_np.formulas.numerics import column_sums

__all__ = ["dense_backward", "dense_forward", "stack_backward", "stack_forward"]

Array = NDArray[Any]


class DenseCache(NamedTuple):
    """What the backward pass of a dense layer needs of its forward pass."""

    x: Array
    W: Array


def dense_forward(x: Array, W: Array, b: Array) -> tuple[Array, DenseCache]:
    """a = x W + b for x (..., fan_in), W (fan_in, fan_out), b (fan_out,)."""
    return x @ W + b, DenseCache(x, W)


def dense_backward(da: Array, cache: DenseCache) -> tuple[Array, Array, Array]:
    """dx = da W^T, dW = sum over rows of x^T da, db = sum over rows of da."""
    x, W = cache
    rows, drows = x.reshape(-1, x.shape[-1]), da.reshape(-1, da.shape[-1])
    return da @ W.T, rows.T @ drows, column_sums(drows)


class HiddenCache(NamedTuple):
    """A hidden layer's dense cache, its pre-activation and its output."""

    dense: DenseCache
    a: Array
    h: Array


def stack_forward(
    x: Array, layers: Sequence[tuple[Array, Array]], activation: Activation
) -> tuple[Array, list[HiddenCache]]:
    """h_0 = x, h_l = activation(h_{l-1} W_l + b_l); the last h, and a cache a layer."""
    h, caches = x, []
    for W, b in layers:
        a, dense = dense_forward(h, W, b)
        h = activation.forward(a)
        caches.append(HiddenCache(dense, a, h))
    return h, caches


def stack_backward(
    dh: Array, caches: Sequence[HiddenCache], activation: Activation
) -> tuple[Array, list[tuple[Array, Array]]]:
    """The gradient at the stack's input, and (dW, db) of each layer in the order of the forward pass."""
    gradients = []
    for dense, a, h in reversed(caches):
        da = activation.backward(dh, a, h)
        dh, dW, db = dense_backward(da, dense)
        gradients.append((dW, db))
    return dh, gradients[::-1]
