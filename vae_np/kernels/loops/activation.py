"""The activations' kernels: bias and nonlinearity in one loop, and their backward.

A kernel takes a `Kind`, a named tuple without numbers that stands for the activation: Numba compiles one loop for each
type of it, and picks ``apply`` and ``slope`` by that type (as Python does with the JIT off).
"""

# ruff: noqa: D101 - one-line functions whose names are their formulas
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from vae_np.kernels.compiler.by_type import by_kind, loop_by_kind, typed
from vae_np.kernels.compiler.decorators import kernel, scalar, unsigned
from vae_np.kernels.compiler.intrinsics import fused
from vae_np.kernels.compiler.lanes import whole_vectors
from vae_np.kernels.math import elementary


class Tanh(NamedTuple):
    kind: int = 0


class Relu(NamedTuple):
    kind: int = 0


class Softplus(NamedTuple):
    kind: int = 0


class Sigmoid(NamedTuple):
    kind: int = 0


class Elu(NamedTuple):
    kind: int = 0


class Gelu(NamedTuple):
    kind: int = 0


class Identity(NamedTuple):
    kind: int = 0


Kind = Tanh | Relu | Softplus | Sigmoid | Elu | Gelu | Identity
KINDS: dict[str, Kind] = {
    "tanh": Tanh(),
    "relu": Relu(),
    "softplus": Softplus(),
    "sigmoid": Sigmoid(),
    "elu": Elu(),
    "gelu": Gelu(),
    "identity": Identity(),
}


def keeps(name: str) -> bool:
    """Whether ``kept`` is an array beside h: h' for gelu; a where there is no kernel, for the formula may need it."""
    return name == "gelu" or name not in KINDS


@scalar
def _same(a: Any) -> Any:
    return a


@scalar
def _relu(a: Any) -> Any:
    zero = typed(a, 0.0)
    return zero if a < zero else a  # in this order a NaN passes through


@scalar
def _relu_slope(h: Any) -> Any:
    zero = typed(h, 0.0)
    return typed(h, 1.0) if h > zero else (zero if h <= zero else h)  # NaN


@scalar
def _elu(a: Any) -> Any:
    return a if a > typed(a, 0.0) else elementary.expm1(a)  # or >=: expm1(0) = 0, and of -0.0 it is -0.0


@scalar
def _elu_slope(h: Any) -> Any:
    one = typed(h, 1.0)
    return one if h > typed(h, 0.0) else h + one  # or >=: at 0 both are 1


@scalar
def _tanh_slope(h: Any) -> Any:
    one = typed(h, 1.0)
    return (one - h) * (one + h)


@scalar
def _sigmoid_slope(h: Any) -> Any:
    return h * (typed(h, 1.0) - h)


@scalar
def _softplus_slope(h: Any) -> Any:
    return -elementary.expm1(-h)


@scalar
def _one(h: Any) -> Any:
    return typed(h, 1.0)


@scalar
def _gelu(a: Any) -> Any:
    return a * elementary.ndtr(a)


@scalar
def _gelu_slope(a: Any) -> Any:
    return fused(a, elementary.normal_pdf(a), elementary.ndtr(a))


apply: Callable[[Kind, Any], Any] = by_kind(
    {
        Tanh: elementary.tanh,
        Relu: _relu,
        Softplus: elementary.softplus,
        Sigmoid: elementary.sigmoid,
        Elu: _elu,
        Gelu: _gelu,
        Identity: _same,
    }
)
"""h(a)."""

slope: Callable[[Kind, Any], Any] = by_kind(
    {
        Tanh: _tanh_slope,
        Relu: _relu_slope,
        Softplus: _softplus_slope,
        Sigmoid: _sigmoid_slope,
        Elu: _elu_slope,
        Gelu: _same,
        Identity: _one,
    }
)
"""h'(a) from what the forward kernel kept: h itself, or for gelu, whose h does not determine it, h'(a)."""


@kernel
def _plain_forward(kind: Kind, a: Any, b: Any, kept: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    whole_vectors()
    for r in range(unsigned(r0), unsigned(r1)):
        for j in range(unsigned(c0), unsigned(c1)):
            a[r, j] = apply(kind, a[r, j] + b[j])


@kernel
def _gelu_forward(kind: Kind, a: Any, b: Any, kept: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    whole_vectors()
    for r in range(unsigned(r0), unsigned(r1)):
        for j in range(unsigned(c0), unsigned(c1)):
            t = a[r, j] + b[j]
            kept[r, j] = _gelu_slope(t)
            a[r, j] = _gelu(t)


forward = loop_by_kind({kind: _gelu_forward if kind is Gelu else _plain_forward for kind in map(type, KINDS.values())})
"""h = activation(a + b), over the tile of a (R, H); b (H,). gelu writes h' to ``kept`` (R, H), others leave it."""


@kernel
def backward(kind: Kind, dh: Any, kept: Any, r0: Any, r1: Any, c0: Any, c1: Any) -> None:
    """Da = dh h', over the tile of dh (R, H); kept is h, but for gelu."""
    whole_vectors()
    for r in range(unsigned(r0), unsigned(r1)):
        for j in range(unsigned(c0), unsigned(c1)):
            dh[r, j] = dh[r, j] * slope(kind, kept[r, j])
