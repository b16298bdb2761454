"""A PyTorch module as a `Program`: watched in its forward pass, in float64, with its noise replaced.

`torch.overrides.TorchFunctionMode` sees every product with a weight, of ``nn.Linear`` or written by hand, with what
goes in and what comes out. torch itself is never imported here: the program has.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters.mapping import Layer
from vae_np.conformance.adapters.program import Call, Goal, Observed, Source, is_square
from vae_np.conformance.objective.frameworks import Numpy
from vae_np.conformance.objective.pytorch import Torch

__all__ = ["TorchProgram", "is_module"]

Array = NDArray[Any]
PRODUCTS = ("linear", "matmul", "__matmul__", "__rmatmul__", "mm", "addmm")
TURNS = ("t", "transpose", "swapaxes", "numpy_T", "__get__", "permute", "adjoint")
SUMS = ("add", "__add__", "__radd__", "__iadd__", "add_")


def is_module(thing: Any) -> bool:
    """Whether it is a PyTorch module, or a class of them."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return False
    return issubclass(thing, torch.nn.Module) if isinstance(thing, type) else isinstance(thing, torch.nn.Module)


class TorchProgram:
    """See `Program`."""

    framework = "PyTorch"

    def __init__(self, module: Any) -> None:
        self.torch: Any = sys.modules["torch"]
        self.module = module.cpu().double()
        self.parameters: dict[str, Any] = dict(module.named_parameters())
        self.shape: tuple[int, ...] | None = None
        """That of an example in which forward takes it, once it is known."""
        self._mode()

    def _mode(self) -> None:
        """As in training, so that it samples, but without dropout."""
        self.module.train()
        for part in self.module.modules():
            if "Dropout" in type(part).__name__:
                part.eval()

    def foreign(self) -> list[str]:
        """The kinds of layers with parameters that are not dense: Conv2d, BatchNorm1d, ..."""
        nn, found = self.torch.nn, []
        for part in self.module.modules():
            own = list(part.parameters(recurse=False))
            builtin = type(part).__module__.startswith("torch.nn.modules")
            if own and (
                (builtin and not isinstance(part, (nn.Linear, nn.ParameterList, nn.ParameterDict)))
                or any(p.ndim > 2 for p in own)
            ):
                found.append(type(part).__name__)
        return list(dict.fromkeys(found))

    def tensors(self) -> dict[str, Array]:
        """Copies of the parameters, in float64."""
        return {name: p.detach().numpy().astype(np.float64) for name, p in self.parameters.items()}

    def write(self, tensors: Mapping[str, Array]) -> None:
        """Other values for some of them."""
        with self.torch.no_grad():
            for name, value in tensors.items():
                self.parameters[name].copy_(self.torch.tensor(value, dtype=self.torch.float64))

    def sizes(self) -> list[int]:
        """What D may be, by the parameters: the first layer's fan-in first."""
        found: list[int] = []
        for p in self.parameters.values():
            if p.ndim == 2:
                found += [int(p.shape[1]), int(p.shape[0])]
        return list(dict.fromkeys(found))

    @contextlib.contextmanager
    def _double(self, eps: Array, drawn: list[tuple[int, ...]]) -> Iterator[None]:
        """float64 for what the program makes itself, and our noise, of PyTorch and of NumPy."""
        torch, within = self.torch, type(self.module).forward
        before = torch.get_default_dtype()
        functional = torch.nn.functional
        with torch.random.fork_rng(devices=[]), Torch(torch).noise(eps, drawn, within), \
                Numpy().noise(eps, drawn, within), \
                mock.patch.object(functional, "dropout", lambda x, *_, **__: x):  # fmt: skip
            torch.set_default_dtype(torch.float64)
            try:
                yield
            finally:
                torch.set_default_dtype(before)

    def _run(self, x: Array, eps: Array) -> tuple[Any, Any, _Watch, list[tuple[int, ...]]]:
        """x as it was given, what came back, what was seen, what was drawn."""
        shapes = [self.shape] if self.shape is not None else [x.shape[1:]]
        if self.shape is None and is_square(x.shape[1]):
            side = round(x.shape[1] ** 0.5)
            shapes.append((1, side, side))
        problem: Exception | None = None
        for shape in shapes:
            drawn: list[tuple[int, ...]] = []
            given = self.torch.tensor(x.reshape(len(x), *shape), dtype=self.torch.float64)
            watch = _Watch(self.torch, self.parameters)
            try:
                with self._double(eps, drawn), watch.watching():
                    result = self.module(given)
            except Exception as error:
                problem = problem or error
                continue
            self.shape = shape
            return given, result, watch, drawn
        raise ValueError(f"its forward, given x of the shape {x.shape}, fails: {type(problem).__name__}: {problem}")

    def forward(self, x: Array, eps: Array) -> Observed:
        """See `Program.forward`."""
        _, result, watch, drawn = self._run(x, eps)
        parts = {key: value.detach().numpy().astype(np.float64) for key, value in _tensors(result, self.torch).items()}
        calls = [Call(layer, _numpy(given), _numpy(made)) for layer, given, made in watch.calls]
        return Observed(parts, tuple(calls), tuple(drawn))

    def _loss(self, goal: Goal, x: Array, eps: Array) -> Any:
        given, result, watch, _ = self._run(x, eps)
        parts = _tensors(result, self.torch)

        def tensor(source: Source | None, data: Any) -> Any:
            if source is None:
                return data
            if source.part is not None:
                return parts[source.part]
            assert source.piece is not None
            made = next(made for layer, _, made in watch.calls if layer.weight == source.piece.tensor)
            return made[..., source.piece.columns]

        problem: Exception | None = None
        output = next((tensor(source, given) for role, source in goal.arguments if role == "output"), given)
        alike = [given.reshape(output.shape)] if output.numel() == given.numel() else []  # else they might be broadcast
        for data in [*alike, given, given.reshape(len(x), -1)]:
            try:
                with self._double(eps, []):
                    value = goal.function(*[tensor(source, data) for _, source in goal.arguments])
                break
            except Exception as error:
                problem = problem or error
        else:
            raise ValueError(f"the loss fails on what forward returns: {type(problem).__name__}: {problem}")
        if isinstance(value, Mapping):
            value = next(iter(value.values()))
        if isinstance(value, (tuple, list)):
            value = value[0]
        if value.ndim and len(value) == len(x):
            value = value.reshape(len(x), -1).sum(1).mean()
        return value.sum() * goal.scale(len(x)) + goal.offset

    def slopes(self, goal: Goal, x: Array, eps: Array) -> tuple[float, dict[str, Array]]:
        """See `Program.slopes`; a tensor that the loss does not depend on has 0."""
        self.module.zero_grad()
        value = self._loss(goal, x, eps)
        if not value.requires_grad:
            return float(value.detach()), {name: np.zeros(tuple(p.shape)) for name, p in self.parameters.items()}
        value.backward()
        grads = {name: p.grad for name, p in self.parameters.items()}
        self.module.zero_grad()
        zeros = {name: np.zeros(tuple(p.shape)) for name, p in self.parameters.items()}
        return float(value.detach()), {
            n: zeros[n] if g is None else g.detach().numpy().copy() for n, g in grads.items()
        }

    def optimizer(self, make: Any) -> Any:
        """That which this function of the parameters makes; PyTorch's Adam if there is none."""
        if make is None:
            return self.torch.optim.Adam(self.module.parameters(), lr=1e-3)
        try:
            found = make(list(self.module.parameters()))
        except Exception as error:
            raise ValueError(f"the optimiser is to be a function of the parameters: {type(error).__name__}: {error}") \
                from None  # fmt: skip
        if not callable(getattr(found, "step", None)):
            raise ValueError(f"the optimiser's function is to return an object with step(); it returns {type(found)}")
        return found

    def rule(self, optimizer: Any) -> tuple[dict[str, Any] | None, str]:
        """See `Program.rule`; what is no optimiser of PyTorch is taken for Adam, with its ``lr`` if it has one."""
        optim = self.torch.optim
        if not isinstance(optimizer, optim.Optimizer):
            return {"learning_rate": repr(float(getattr(optimizer, "lr", 1e-3)))}, ""
        kind, groups = type(optimizer).__name__, optimizer.param_groups
        theirs = type(optimizer).__module__.startswith("torch.")
        if theirs and not isinstance(optimizer, (optim.Adam, optim.AdamW)):
            return None, f"{kind} is not Adam"
        names = ("lr", "betas", "eps", "amsgrad", "weight_decay")
        group = groups[0]
        if any(other.get(name) != group.get(name) for other in groups for name in names):
            return None, "its groups of parameters have settings of their own"
        decay = float(group.get("weight_decay", 0.0))
        if decay and not (isinstance(optimizer, optim.AdamW) or group.get("decoupled_weight_decay")):
            return None, "Adam's weight_decay is added to the gradient here, which vae_np has not: AdamW's is decoupled"
        beta1, beta2 = group.get("betas", (0.9, 0.999))
        found: dict[str, Any] = {"learning_rate": float(group["lr"]), "beta1": float(beta1), "beta2": float(beta2)}
        found |= {"epsilon": float(group.get("eps", 1e-8)), "weight_decay": decay}
        return {n: repr(v) for n, v in found.items()} | {"amsgrad": bool(group.get("amsgrad", False))}, ""

    def train(self, goal: Goal, batches: Sequence[tuple[Array, Array]], optimizer: Any) -> list[dict[str, Array]]:
        """See `Program.train`."""
        before, found = self.tensors(), []
        for x, eps in batches:
            self.module.zero_grad()
            self._loss(goal, x, eps).backward()
            optimizer.step()
            found.append(self.tensors())
        self.write(before)
        return found


class _Watch:
    """Sees the products with a module's weights."""

    def __init__(self, torch: Any, parameters: Mapping[str, Any]) -> None:
        self.torch = torch
        self.names = {id(p): name for name, p in parameters.items()}
        self.weights = {id(p): (name, False) for name, p in parameters.items() if p.ndim == 2}
        self.vectors = {id(p): name for name, p in parameters.items() if p.ndim == 1 or (p.ndim == 2 and len(p) == 1)}
        self.kept: list[Any] = []
        """Tensors whose ids are remembered, so that no other one gets them."""
        self.calls: list[tuple[Layer, Any, Any]] = []

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


def _numpy(tensor: Any) -> Array:
    found: Array = tensor.detach().numpy().astype(np.float64)
    return found.reshape(-1, found.shape[-1])


def _tensors(result: Any, torch: Any, name: str = "", depth: int = 0) -> dict[str, Any]:
    """The tensors of what forward returns, by place or name: of tuples, dicts, objects and normal distributions."""
    if isinstance(result, torch.Tensor):
        return {name or "0": result}
    if isinstance(result, torch.distributions.Normal):
        return {f"{name}.loc": result.loc, f"{name}.scale": result.scale}
    if depth > 3:
        return {}
    if isinstance(result, Mapping):
        entries = list(result.items())
    elif hasattr(result, "_asdict"):
        entries = list(result._asdict().items())
    elif isinstance(result, (tuple, list)):
        entries = list(enumerate(result))
    else:
        entries = list(getattr(result, "__dict__", {}).items())
    found: dict[str, Any] = {}
    for key, value in entries:
        found |= _tensors(value, torch, f"{name}.{key}" if name else str(key), depth + 1)
    return found
