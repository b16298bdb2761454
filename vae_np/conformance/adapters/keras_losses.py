"""The loss that a model of Keras has in itself: in `train_step`, in `compute_loss`, or added in `call`.

It is asked as any other loss is: while it is called, the encoder returns the mu and the logvar that are given, and the
decoder the output, whatever they are made of. So it can be graded of convolutions, too.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

from vae_np.conformance.adapters.keras_models import in_float64, part
from vae_np.conformance.objective.frameworks import parts_of
from vae_np.conformance.objective.probes import NAMES

__all__ = ["own_loss", "own_sampler"]

ROLES = ("output", "x", "mu", "logvar")


def own_loss(model: Any) -> Callable[..., Any] | None:
    """A function of output, x, mu and logvar; None if the model has no loss, or no parts that can be spoken for."""
    steps = _steps(model)
    names = {what: _named(model, what) for what in ("mu", "logvar")}
    encoder, decoder = part(model, "encoder"), part(model, "decoder")
    heads = [encoder] if encoder is not None else [names["mu"], names["logvar"]]
    if steps is None or decoder is None or any(head is None for head in heads):
        return None
    run, of = steps

    def loss(output: Any, x: Any, mu: Any, logvar: Any) -> Any:
        answers = [(names["mu"], mu), (names["logvar"], logvar)] if encoder is None else [(encoder, (mu, logvar, mu))]
        ranked = [_ranked(a, _rank(model, what)) for a, what in ((x, "encoder"), (output, "decoder"))]
        with _answering([*answers, (decoder, ranked[1])], _count(encoder)):
            return run(ranked[0])

    loss.__wrapped__ = of  # type: ignore[attr-defined]  # whose file has imported its framework
    loss.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(role, inspect.Parameter.POSITIONAL_OR_KEYWORD) for role in ROLES]
    )
    return loss


def own_sampler(model: Any) -> Any:
    """The layer that samples: an attribute, or a layer of the model or of its encoder that is not Keras's; or None."""
    found = part(model, "sampling")
    if found is not None:
        return found
    layers = model._flatten_layers(include_self=False, recursive=True)
    return next((la for la in layers if "sampl" in type(la).__name__.lower()), None)


def _named(model: Any, what: str) -> Any:
    """The layer of a head."""
    keras: Any = sys.modules["keras"]
    names = NAMES[what].split()
    names = [*names, *(f"{kind}_{name}" for name in names for kind in ("fc", "dense")), *(f"{n}_layer" for n in names)]
    found = (getattr(model, name, None) for name in names)
    return next((layer for layer in found if isinstance(layer, keras.layers.Layer)), None)


def _steps(model: Any) -> tuple[Callable[[Any], Any], Any] | None:
    """How its loss is computed of x, and the function that does: the first of those that are the program's own."""
    keras: Any = sys.modules["keras"]
    kind, base = type(model), keras.Model
    jax = keras.backend.backend() == "jax"
    own = [name for name in ("train_step", "compute_loss_and_updates", "compute_loss", "call")
           if getattr(kind, name, None) is not getattr(base, name, None)]  # fmt: skip
    if not own:
        return None
    of = getattr(kind, own[0])
    if own[0] == "train_step":
        if getattr(model, "optimizer", None) is None:
            model.compile(optimizer="adam")
        return (lambda x: _trained(model, x, jax)), of
    if own[0] == "compute_loss_and_updates":
        return (lambda x: parts_of(_of_state(model, model.compute_loss_and_updates, x))[0]), of
    if own[0] == "compute_loss":
        return (lambda x: model.compute_loss(x=x, y=x, y_pred=model(x), sample_weight=None)), of

    def added(x: Any) -> Any:
        model(x)
        if not model.losses:
            raise ValueError("its call adds no loss")
        return sum(model.losses)

    return added, of


def _trained(model: Any, x: Any, jax: bool) -> Any:
    """The loss that train_step reports of one batch; no variable is changed but those of its metrics."""
    optimizer: Any = model.optimizer
    if jax:
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        metrics = [v.value * 0 for v in model.metrics_variables]
        state = ([v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables],
                 [v.value for v in optimizer.variables], metrics)  # fmt: skip
        return parts_of(parts_of(model.train_step(state, x))[0])[0]
    model.reset_metrics()
    still = [(optimizer, "apply_gradients"), (optimizer, "apply")]
    if sys.modules["keras"].backend.backend() == "torch":
        still.append((sys.modules["torch"].Tensor, "backward"))  # which would free what is to be differentiated
    with contextlib.ExitStack() as stack:
        for what, name in still:
            stack.enter_context(mock.patch.object(what, name, _nothing))
        logs = model.train_step(x)
    return parts_of(logs if isinstance(logs, Mapping) else [logs])[0]


def _nothing(*_: Any, **__: Any) -> None:
    """A step that is not taken."""


def _of_state(model: Any, f: Callable[..., Any], x: Any) -> Any:
    """A function of JAX's train_step, with the variables that it has."""
    given = {"trainable_variables": model.trainable_variables, "metrics_variables": model.metrics_variables,
             "non_trainable_variables": model.non_trainable_variables}  # fmt: skip
    known: dict[str, Any] = {name: [v.value for v in variables] for name, variables in given.items()}
    known |= {"x": x, "y": x, "sample_weight": None, "training": True}
    named = inspect.signature(f).parameters
    return f(**{name: value for name, value in known.items() if name in named})


def _answering(answers: list[tuple[Any, Any]], count: int) -> Any:
    """While it lasts, these layers return these values when they are called."""
    keras: Any = sys.modules["keras"]
    original = keras.layers.Layer.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        for layer, value in answers:
            if self is layer:
                return list(value[:count]) if isinstance(value, tuple) else value
        return original(self, *args, **kwargs)

    return mock.patch.object(keras.layers.Layer, "__call__", call)


def _count(encoder: Any) -> int:
    """How many tensors the encoder returns: mu, logvar and, as often in Keras, z."""
    try:
        return len(encoder.outputs)
    except (AttributeError, TypeError):
        return 3


def _rank(model: Any, what: str) -> int:
    """Of the batch that the model takes: 2, or 4 of images."""
    found = part(model, what)
    places: list[Any] = [model, found] if what == "encoder" else [found]
    for place in places:
        try:
            shape = place.input_shape if what == "encoder" else place.output_shape
        except AttributeError:
            continue
        if isinstance(shape, tuple) and all(n is None or isinstance(n, int) for n in shape):
            return len(shape)
    layers = (model if found is None else found)._flatten_layers(include_self=True, recursive=True)
    return 4 if any("Conv2D" in type(layer).__name__ for layer in layers) else 2


def _ranked(array: Any, rank: int) -> Any:
    """(N, D) with further axes of 1: of D pixels in a column, of one channel."""
    keras: Any = sys.modules["keras"]
    with in_float64():
        return keras.ops.reshape(array, (*array.shape, *[1] * (rank - 2)))
