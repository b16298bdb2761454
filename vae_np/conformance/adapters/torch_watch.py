"""What is seen of a forward pass of PyTorch: its products with weights.

`torch.overrides.TorchFunctionMode` sees every product, of ``nn.Linear`` or written by hand, with what goes in and what
comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters.mapping import Layer

__all__ = ["Watch", "after", "numpy_of"]

Array = NDArray[Any]
PRODUCTS = ("linear", "matmul", "__matmul__", "__rmatmul__", "mm", "addmm")
TURNS = ("t", "transpose", "swapaxes", "numpy_T", "__get__", "permute", "adjoint")
LINKS = {"sigmoid": "sigmoid", "special_expit": "sigmoid", "tanh": "tanh"}
SUMS = ("add", "__add__", "__radd__", "__iadd__", "add_")


class Watch:
    """Sees the products with a module's weights."""

    def __init__(self, torch: Any, parameters: Mapping[str, Any]) -> None:
        self.torch = torch
        self.names = {id(p): name for name, p in parameters.items()}
        self.weights = {id(p): (name, False) for name, p in parameters.items() if p.ndim == 2}
        self.vectors = {id(p): name for name, p in parameters.items() if p.ndim == 1 or (p.ndim == 2 and len(p) == 1)}
        self.kept: list[Any] = []
        """Tensors whose ids are remembered, so that no other one gets them."""
        self.calls: list[tuple[Layer, Any, Any]] = []
        self.links: dict[str, Any] = {}
        """What a sigmoid or a tanh made of what a weight made, by `after`."""

    @property
    def last(self) -> tuple[Layer, Any, Any] | None:
        """The last product that was seen; another object once its bias was added."""
        return self.calls[-1] if self.calls else None

    def value_of(self, weight: str) -> Any:
        """What this weight made."""
        return next(made for layer, _, made in self.calls if layer.weight == weight)

    def given_to(self, weight: str) -> Any:
        """What it was multiplied with."""
        return next(given for layer, given, _ in self.calls if layer.weight == weight)

    def watching(self) -> Any:
        """A context."""
        see = self.see

        class Mode(self.torch.overrides.TorchFunctionMode):  # type: ignore[misc, name-defined]
            def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                result = func(*args, **(kwargs or {}))
                see(getattr(func, "__name__", ""), args, kwargs or {}, result)
                return result

        return Mode()

    def see(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        """A call of a function of PyTorch that is over."""
        tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, self.torch.Tensor)]
        if name in TURNS and tensors and id(tensors[0]) in self.weights and isinstance(result, self.torch.Tensor):
            weight, turned = self.weights[id(tensors[0])]
            if tuple(result.shape) == tuple(tensors[0].shape)[::-1] and result is not tensors[0]:
                self.weights[id(result)] = weight, not turned
                self.kept.append(result)
        elif name in PRODUCTS:
            self._product(name, tensors, result)
        elif name in SUMS and len(tensors) == 2 and self.calls:
            layer, given, made = self.calls[-1]
            one, other = tensors
            one, other = (one, other) if one is made else (other, one)
            if one is made and id(other) in self.vectors and layer.bias is None:
                self.calls[-1] = (layer._replace(bias=self.vectors[id(other)]), given, result)
        elif name in LINKS and self.last is not None and tensors and tensors[0] is self.last[2]:
            self.links[after(self.last[0].weight, LINKS[name])] = result

    def _product(self, name: str, tensors: list[Any], result: Any) -> None:
        at = next((i for i, a in enumerate(tensors) if id(a) in self.weights), None)
        if at is None or len(tensors) < 2:
            return
        weight, turned = self.weights[id(tensors[at])]
        shape = tuple(int(n) for n in tensors[at].shape)
        shape = (shape[1], shape[0]) if turned else (shape[0], shape[1])
        others = [a for i, a in enumerate(tensors) if i != at]
        bias = next((self.vectors[id(a)] for a in others if id(a) in self.vectors), None)
        given = next((a for a in others if id(a) not in self.vectors), None)
        if given is None:
            return
        from_the_left = name in ("matmul", "__matmul__", "mm") and at == 0  # W @ x, of columns
        if name == "linear" or from_the_left:
            turned = not turned
        if from_the_left and given.ndim == 2:
            given, result = given.T, result.T
        self.calls.append((Layer(weight, shape, bias, turned), given, result))


def after(weight: str, link: str) -> str:
    """How this is called among what a forward pass makes."""
    return f"the {link} of what {weight} makes"


def numpy_of(tensor: Any) -> Array:
    """An array of rows, in float64."""
    found: Array = tensor.detach().numpy().astype(np.float64)
    return found.reshape(-1, found.shape[-1])
