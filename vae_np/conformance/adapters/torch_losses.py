"""A loss of PyTorch that calls its model itself, as a loss of output, x, mu, logvar and z.

``training_step(batch, i)`` and ``loss(x)`` of a module, a function ``elbo(model, x)``, a forward that returns its loss.
While it is called, the heads and the decoder's last layer make what is given, whatever they are given, and the noise is
(z - mu) / sigma, so that the sample is the z that is given: value and derivatives are those of a loss that takes them.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from vae_np.conformance.adapters.mapping import Piece, Plan
from vae_np.conformance.adapters.returned import tensors_of
from vae_np.conformance.adapters.torch_watch import Watch, after
from vae_np.conformance.objective.frameworks import LOSSES
from vae_np.conformance.objective.probes import role_of, with_numbers
from vae_np.conformance.objective.pytorch import Torch

__all__ = ["WHOLE", "Whole", "loss_in", "of_outputs", "whole_loss"]

MODELS = ("model", "net", "network", "vae", "module", "autoencoder")
"""What a function calls the model that it is given."""
INDICES = ("batch_idx", "batch_nb", "batch_i", "batch_index", "idx", "index", "i", "batch_num")
WHOLE = ("training_step",)
"""A module's methods that are its loss where none is named."""


class Whole(NamedTuple):
    """A loss of x alone."""

    function: Callable[..., Any]
    """As its file has it."""
    of_x: Callable[[Any], Any]
    name: str


def whole_loss(module: Any, loss: Callable[..., Any] | None, beta: float) -> Whole | None:
    """The loss if it calls the module itself: its method of x or a batch alone, or a function of a model and x."""
    if loss is None:
        return None
    try:
        f, _ = with_numbers(loss, beta, None)
        needed = [p for p in inspect.signature(f).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):
        return None
    if any(p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in needed):
        return None
    names = [p.name.lower() for p in needed]
    before: tuple[Any, ...] = ()
    if getattr(loss, "__self__", None) is not module:
        if not names or names[0] not in MODELS:
            return None
        names, before = names[1:], (module,)
    after = (0,) if len(names) == 2 and names[1] in INDICES else ()
    if len(names) != 1 + len(after) or role_of(names[0]) not in ("x", None):
        return None
    of_x = _of_a_batch(lambda batch: f(*before, batch, *after))
    return Whole(loss, of_x, getattr(loss, "__name__", "loss"))


def _of_a_batch(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Of x: given as it is, with labels, alone in a list, or in a dict; as it works the first time."""
    ways: list[Callable[[Any], Any]] = [
        lambda x: x,
        lambda x: (x, x.new_zeros(len(x)).long()),
        lambda x: [x],
        lambda x: {name: x for name in ("data", "x", "image", "images", "input", "inputs", "pixel_values")},
    ]

    def of_x(x: Any) -> Any:
        problem: Exception | None = None
        for way in list(ways):
            try:
                result = f(way(x))
            except Exception as error:
                problem = problem or error
                continue
            ways[:] = [way]
            return result
        assert problem is not None
        raise problem

    return of_x


def loss_in(result: Any, is_tensor: Callable[[Any], bool]) -> str | None:
    """Where forward returns its loss: under its usual names, or as the only number."""
    numbers = [name for name, value in tensors_of(result, is_tensor).items() if value.numel() == 1]
    named = next((name for name in LOSSES if name in numbers), None)
    return named or (numbers[0] if len(numbers) == 1 else None)


def of_outputs(whole: Whole, torch: Any, parameters: Mapping[str, Any], plan: Plan, link: str,
               shape: tuple[int, ...] | None) -> Callable[..., Any]:  # fmt: skip
    """The loss as a function of tensors output (the link of what the last layer makes), x, mu, logvar and z.

    An example has the shape in which the program takes it, an image's say.
    """
    mu, logvar = plan.heads
    last = plan.pieces["decoder.out.W"][0]

    def loss(output: Any, x: Any, given_mu: Any, given_logvar: Any, z: Any) -> Any:
        noise = (z - given_mu) / torch.exp(given_logvar / 2)
        made = {"sigmoid": torch.logit, "tanh": torch.atanh, "identity": lambda a: a}[link](output)
        instead = [(last, made), (mu, given_mu), (logvar, given_logvar)]
        with (
            Torch(torch).noise(noise, [], inspect.unwrap(whole.function)),
            _making(torch, parameters, instead, {after(last.tensor, link): output}),
        ):
            return whole.of_x(x if shape is None else x.reshape(len(x), *shape))

    loss.__wrapped__ = whole.function  # type: ignore[attr-defined]  # whose file has imported its framework
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    roles = ("output", "x", "mu", "logvar", "z")
    loss.__signature__ = inspect.Signature([inspect.Parameter(r, kind) for r in roles])  # type: ignore[attr-defined]
    loss.__name__ = whole.name
    return loss


@contextlib.contextmanager
def _making(torch: Any, parameters: Mapping[str, Any], instead: list[tuple[Piece, Any]], links: Mapping[str, Any]
            ) -> Iterator[None]:  # fmt: skip
    """While it lasts, these columns of what these weights make, and what follows, are the values that are given.

    What follows is given as well as what it follows: a squared error of a sigmoid is asked at means that are none.
    """
    watch = Watch(torch, parameters)

    def replaced(weight: str, made: Any) -> Any:
        found = made
        for piece, value in instead:
            if piece.tensor == weight:
                found = found.clone()
                found[..., piece.columns] = (value / piece.factor).reshape(found[..., piece.columns].shape)
        return found

    class Mode(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result, before = func(*args, **(kwargs or {})), watch.last
            watch.see(getattr(func, "__name__", ""), args, kwargs or {}, result)
            if (link := next((key for key, value in watch.links.items() if value is result), None)) in links:
                return links[str(link)].reshape(result.shape)
            if watch.last is None or watch.last is before:
                return result
            layer, given, made = watch.last
            if all(piece.tensor != layer.weight for piece, _ in instead):
                return result
            turned = tuple(made.shape) != tuple(result.shape)  # of columns: W @ x
            new = replaced(layer.weight, made)
            watch.calls[-1] = (layer, given, new)
            return new.T if turned else new

    with Mode():
        yield
