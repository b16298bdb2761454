"""A PyTorch module as a `Program`: watched in its forward pass, in float64, with its noise replaced.

`torch.overrides.TorchFunctionMode` sees every product with a weight, of ``nn.Linear`` or written by hand, with what
goes in and what comes out. torch itself is never imported here: the program has.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters.mapping import NotDense, Plan
from vae_np.conformance.adapters.program import Call, Goal, Observed, Returned, is_finite, is_square, maximises
from vae_np.conformance.adapters.returned import tensors_of, value_of
from vae_np.conformance.adapters.torch_hidden import hidden
from vae_np.conformance.adapters.torch_losses import Whole, loss_in, of_outputs, whole_loss
from vae_np.conformance.adapters.torch_optimisers import rule_of
from vae_np.conformance.adapters.torch_watch import Watch, numpy_of
from vae_np.conformance.objective.frameworks import Numpy
from vae_np.conformance.objective.pytorch import Torch

__all__ = ["TorchProgram", "is_module"]

Array = NDArray[Any]


def is_module(thing: Any) -> bool:
    """Whether it is a PyTorch module, or a class of them."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return False
    return issubclass(thing, torch.nn.Module) if isinstance(thing, type) else isinstance(thing, torch.nn.Module)


class TorchProgram:
    """See `Program`."""

    framework = "PyTorch"

    def __init__(self, module: Any, loss: Any = None, beta: float = 1.0) -> None:
        self.torch: Any = sys.modules["torch"]
        self.whole = whole_loss(module, loss, beta)
        """The loss if it calls the module itself."""
        self.call: Any = module if self.whole is None else self.whole.of_x
        """What is watched: forward, or the loss."""
        self.returned: str | None = None
        """Where forward returns its loss, once it was called."""
        self.module: Any = module.cpu().double()
        self.parameters: dict[str, Any] = dict(module.named_parameters()) | self._hidden()
        self.shape: tuple[int, ...] | None = None
        """That of an example in which forward takes it, once it is known."""
        self._mode()

    def _hidden(self) -> dict[str, Any]:
        """What it uses and does not know of, in float64 as well."""
        found: dict[str, Any] = {}
        for name, one in hidden(self.module, self.torch.nn).items():
            if isinstance(one, self.torch.nn.Module):
                found |= {f"{name}.{key}": p for key, p in one.cpu().double().named_parameters()}
            else:
                one.data = one.data.cpu().double()
                found[name] = one
        return found

    def _still(self) -> None:
        """Without gradients."""
        for p in self.parameters.values():
            p.grad = None

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
        functional = torch.nn.functional
        with torch.random.fork_rng(devices=[]), Torch(torch).noise(eps, drawn, within), \
                Numpy().noise(eps, drawn, within), \
                mock.patch.object(functional, "dropout", lambda x, *_, **__: x), Torch(torch).in_float64():  # fmt: skip
            yield

    def _run(self, x: Array, eps: Array) -> tuple[Any, Any, Watch, list[tuple[int, ...]]]:
        """x as it was given, what came back, what was seen, what was drawn."""
        shapes = [self.shape] if self.shape is not None else [x.shape[1:]]
        if self.shape is None and is_square(x.shape[1]):
            side = round(x.shape[1] ** 0.5)
            shapes.append((1, side, side))
        problem: Exception | None = None
        for shape in shapes:
            drawn: list[tuple[int, ...]] = []
            given = self.torch.tensor(x.reshape(len(x), *shape), dtype=self.torch.float64)
            watch = Watch(self.torch, self.parameters)
            try:
                with self._double(eps, drawn), watch.watching():
                    result = self.call(given)
            except Exception as error:
                problem = problem or error
                continue
            self.shape = shape
            return given, result, watch, drawn
        says = f"given x of the shape {x.shape}, fails: {type(problem).__name__}: {problem}"
        if self.call is not self.module:
            assert self.whole is not None
            raise ValueError(f"its {self.whole.name}, {says}")
        if others := list(inspect.signature(self.module.forward).parameters)[1:]:
            raise NotDense(f"its forward takes {', '.join(others)} beside x, a condition perhaps; {says}")
        raise ValueError(f"its forward, {says}")

    def _tensors(self, result: Any) -> dict[str, Any]:
        normal = self.torch.distributions.Normal
        return tensors_of(result, self._is_tensor, lambda a: isinstance(a, normal))

    def _parts(self, result: Any, watch: Watch) -> dict[str, Any]:
        """What came back, and what a sigmoid or a tanh made of a layer's result, which may not have come back."""
        return self._tensors(result) | watch.links

    def _is_tensor(self, thing: Any) -> bool:
        return isinstance(thing, self.torch.Tensor)

    def own_loss(self, loss: Callable[..., Any] | None) -> Callable[..., Any] | None:
        """See `Program.own_loss`."""
        if loss is None and self.returned is not None:
            name, tensors = self.returned, self._tensors
            self.whole = Whole(type(self.module).forward, lambda x: tensors(self.module(x))[name], "forward")
        return loss if self.whole is None else self.whole.function

    def objective(self, loss: Callable[..., Any], returned: Returned, plan: Plan
                  ) -> tuple[Callable[..., Any], Returned]:  # fmt: skip
        """See `Program.objective`; the output is what follows the decoder's last layer, where that is seen."""
        if self.whole is None or plan.per_feature == 2:
            return loss, returned
        link = returned.link if returned.link in ("sigmoid", "tanh") else "identity"
        outputs = of_outputs(self.whole, self.torch, self.parameters, plan, link, self.shape)
        named = {} if link == "identity" else {"output": returned.named["output"]}
        return outputs, Returned(named, link, True)

    def forward(self, x: Array, eps: Array) -> Observed:
        """See `Program.forward`."""
        _, result, watch, drawn = self._run(x, eps)
        parts = {key: value.detach().numpy().astype(np.float64) for key, value in self._parts(result, watch).items()}
        self.returned = loss_in(result, self._is_tensor)
        calls = [Call(layer, numpy_of(given), numpy_of(made)) for layer, given, made in watch.calls]
        return Observed(parts, tuple(calls), tuple(drawn))

    def _loss(self, goal: Goal, x: Array, eps: Array) -> Any:
        given, result, watch, _ = self._run(x, eps)
        return value_of(goal, given, self._parts(result, watch), watch, self.torch, lambda: self._double(eps, []))

    def slopes(self, goal: Goal, x: Array, eps: Array) -> tuple[float, dict[str, Array]]:
        """See `Program.slopes`; a tensor that the loss does not depend on has 0."""
        self._still()
        value = self._loss(goal, x, eps)
        if not value.requires_grad:
            return float(value.detach()), {name: np.zeros(tuple(p.shape)) for name, p in self.parameters.items()}
        value.backward()
        grads = {name: p.grad for name, p in self.parameters.items()}
        self._still()
        zeros = {name: np.zeros(tuple(p.shape)) for name, p in self.parameters.items()}
        return float(value.detach()), {
            n: zeros[n] if g is None else g.detach().numpy().copy() for n, g in grads.items()
        }

    def optimizer(self, make: Any) -> Any:
        """That which this function of the parameters makes; PyTorch's Adam if there is none."""
        if make is None and callable(own := getattr(self.module, "configure_optimizers", None)):
            found = own()  # Lightning's: one, or a list, or a dict, with its schedule
            while not callable(getattr(found, "step", None)) and isinstance(found, (dict, list, tuple)):
                found = found["optimizer"] if isinstance(found, dict) else found[0]
            return found
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
        """See `Program.rule`; what is no optimiser of PyTorch is taken for Adam, with the settings that it has."""
        return rule_of(self.torch, optimizer)

    def train(self, goal: Goal, batches: Sequence[tuple[Array, Array]], optimizer: Any) -> list[dict[str, Array]]:
        """See `Program.train`."""
        before = self.tensors()
        found: list[dict[str, Array]] = []
        self._still()
        for x, eps in batches:
            self._cleared(optimizer)
            try:
                value = self._loss(goal, x, eps)
            except ValueError:
                if not found:
                    raise
                break  # of weights that the steps have led astray: they tell
            (-value if goal.factor < 0 and maximises(optimizer) else value).backward()  # an ELBO that is maximised
            optimizer.step()
            found.append(self.tensors())
            if not is_finite(found[-1]):
                break
        self.write(before)
        return found

    def _cleared(self, optimizer: Any) -> None:
        """As a program does before each step: by a zero_grad of its optimiser's own, which may not do so."""
        own = getattr(type(optimizer), "zero_grad", None)
        if own is not None and own is not self.torch.optim.Optimizer.zero_grad:
            try:
                optimizer.zero_grad()
            except Exception as error:
                raise ValueError(f"the optimiser's zero_grad() fails: {type(error).__name__}: {error}") from None
        else:
            self._still()
