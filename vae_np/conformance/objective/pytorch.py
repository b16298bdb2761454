"""Functions of PyTorch: values, derivatives by its own autograd, its noise replaced."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.frameworks import giver, giver_of_uniform, parts_of, replaced

__all__ = ["Torch"]

Array = NDArray[Any]


class Torch:
    """Functions of PyTorch tensors; derivatives by its own autograd, in float64."""

    name, exact = "PyTorch", True

    def __init__(self, torch: ModuleType) -> None:
        self.torch: Any = torch

    def key(self) -> Any:
        """None, of which PyTorch makes its own generator."""
        return None

    def _tensors(self, arrays: Sequence[Array], track: bool) -> list[Any]:
        return [self.torch.tensor(a, dtype=self.torch.float64, requires_grad=track) for a in arrays]

    @contextlib.contextmanager
    def in_float64(self) -> Iterator[None]:
        """What the program makes itself, and what it calls ``float()``, is float64."""
        torch, before = self.torch, self.torch.get_default_dtype()
        double = torch.Tensor.double
        with mock.patch.object(torch.Tensor, "float", lambda self, *_, **__: double(self)):
            torch.set_default_dtype(torch.float64)
            try:
                yield
            finally:
                torch.set_default_dtype(before)

    def call(self, f: Callable[..., Any], arrays: Sequence[Array]) -> list[Array]:
        """See `Numpy.call`."""
        with self.in_float64():
            found = parts_of(f(*self._tensors(arrays, False)))
        return [np.asarray(getattr(p, "detach", lambda p=p: p)(), np.float64) for p in found]

    def gradients(self, f: Callable[..., Any], arrays: Sequence[Array], steps: Array | None = None) -> list[Array]:
        """See `Numpy.gradients`; it needs no steps.

        An argument that the result does not depend on, or was detached from, has 0.
        """
        tensors = self._tensors(arrays, True)
        with self.in_float64():
            result = self.torch.as_tensor(parts_of(f(*tensors))[0]).sum()
        if not result.requires_grad:
            return [np.zeros_like(a) for a in arrays]
        found = self.torch.autograd.grad(result, tensors, allow_unused=True)
        return [np.zeros_like(a) if g is None else g.numpy() for g, a in zip(found, arrays, strict=True)]

    @contextlib.contextmanager
    def noise(self, eps: Array, drawn: list[tuple[int, ...]], within: Callable[..., Any]) -> Iterator[None]:
        """randn, randn_like, normal and Normal.rsample give eps, rand and the like Phi(eps); see `Numpy.noise`."""
        torch = self.torch
        if isinstance(eps, torch.Tensor):  # with its derivative
            resize = lambda a, shape: a.reshape(-1)[np.resize(np.arange(a.numel()), shape)]  # noqa: E731
            give = giver(eps, drawn, lambda a: a, resize)
            uniform = giver_of_uniform(eps, drawn, lambda a: a, resize, torch.special.ndtr)
        else:
            give, uniform = (
                make(eps, drawn, lambda a: torch.tensor(a, dtype=torch.float64)) for make in (giver, giver_of_uniform)
            )

        def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, **_: Any) -> Any:
            like = next((a for a in (mean, std) if hasattr(a, "shape")), None)
            shape = tuple(size) if size is not None else tuple(like.shape if like is not None else ())
            return torch.as_tensor(mean + std * give(shape)).detach()  # as it is: it has no derivative

        def rsample(self: Any, sample_shape: Any = ()) -> Any:
            return self.loc + self.scale * give((*sample_shape, *self.loc.shape))

        def in_place(tensor: Any, mean: float = 0.0, std: float = 1.0, **_: Any) -> Any:
            return tensor.copy_(mean + std * give(tuple(tensor.shape)))

        def between(tensor: Any, low: float = 0.0, high: float = 1.0, **_: Any) -> Any:
            return tensor.copy_(low + (high - low) * uniform(tuple(tensor.shape)))

        def from_uniform(self: Any, sample_shape: Any = ()) -> Any:
            return self.low + (self.high - self.low) * uniform((*sample_shape, *self.low.shape))

        normals, uniforms = torch.distributions.Normal, torch.distributions.Uniform
        replacements = [
            (torch, "randn_like", lambda like, **_: give(tuple(like.shape))),
            (torch, "randn", lambda *size, **_: give(_flat(size))),
            (torch, "normal", normal),
            (torch.Tensor, "normal_", in_place),
            (normals, "rsample", rsample),
            (normals, "sample", lambda self, shape=(): rsample(self, shape).detach()),
            (torch, "rand_like", lambda like, **_: uniform(tuple(like.shape))),
            (torch, "rand", lambda *size, **_: uniform(_flat(size))),
            (torch.Tensor, "uniform_", between),
            (uniforms, "rsample", from_uniform),
            (uniforms, "sample", lambda self, shape=(): from_uniform(self, shape).detach()),
        ]
        with replaced(replacements, within):
            yield


def _flat(size: Sequence[Any]) -> tuple[int, ...]:
    """randn(3, 5) and randn((3, 5))."""
    return tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else tuple(size)
