"""A model of Keras 3 as a `Program`, on JAX or on PyTorch: their ways to see a forward pass, Keras's ways to make one.

A model is called end to end, by its `call`, or, where it has only an encoder and a decoder, by these one after the
other. It computes in float64, whatever it was made in. keras itself is never imported here: the program has.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

import numpy as np

from vae_np.conformance.adapters import building
from vae_np.conformance.adapters.jax_models import JaxModel, images
from vae_np.conformance.adapters.jax_programs import JaxProgram
from vae_np.conformance.adapters.keras_optimizers import OfKeras, rule_of
from vae_np.conformance.adapters.making import D, make
from vae_np.conformance.adapters.mapping import NotDense
from vae_np.conformance.adapters.program import Program

__all__ = ["KerasOnJax", "as_float64", "in_float64", "is_keras", "keras_program", "part", "with_parts"]

KINDS = ("core", "activations", "reshaping", "regularization", "merging", "layer")
"""The folders of Keras's layers whose layers are dense or have no weights."""
OTHERS = ("Embedding", "EinsumDense", "LoRA")
PARTS = {
    "encoder": ("encoder", "enc", "inference_net", "inference_network", "encoder_model", "encoder_net"),
    "decoder": ("decoder", "dec", "generative_net", "generative_network", "decoder_model", "decoder_net", "generator"),
    "sampling": ("sampling", "sampler", "sample_layer", "sampling_layer", "sample", "reparameterize", "reparametrize"),
}
"""What a model's parts are called."""


def is_keras(thing: Any) -> bool:
    """Whether it is a model of Keras, or a class of them."""
    keras: Any = sys.modules.get("keras")
    if keras is None or not hasattr(keras, "Model"):
        return False
    return issubclass(thing, keras.Model) if isinstance(thing, type) else isinstance(thing, keras.Model)


def part(model: Any, what: str) -> Any:
    """The model's encoder, decoder or sampler, by its name; None if it has none."""
    return next((getattr(model, name) for name in PARTS[what] if callable(getattr(model, name, None))), None)


def with_parts(what: Callable[..., Any]) -> Callable[..., Any]:
    """A class of models with the encoder and the decoder that its file has, or makes, if it needs them."""
    if not isinstance(what, type) or not is_keras(what):
        return what
    parameters = inspect.signature(what).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.name in (*PARTS["encoder"], *PARTS["decoder"])]
    names, found = vars(sys.modules[what.__module__]), dict[str, Any]()
    for name in needed:
        makers = [names.get(f"{verb}_{name}") for verb in ("build", "make", "get", "create", "define", "new")]
        given = names.get(name) or next((maker for maker in makers if maker is not None), None)
        if given is not None:
            found[name] = (
                given if is_keras(given) and not isinstance(given, type) else make(given, {}, name, is_keras)[0]
            )
    if not found:
        return what

    def with_them(**given: Any) -> Any:
        return what(**found, **given)

    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in parameters if p.kind is not p.VAR_KEYWORD and p.name not in found]
    with_them.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    return with_them


@contextlib.contextmanager
def in_float64() -> Iterator[None]:
    """What is made meanwhile by Keras is of float64; nothing else changes."""
    keras: Any = sys.modules.get("keras")
    if keras is None or not hasattr(keras, "config"):
        yield
        return
    jax = sys.modules.get("jax") if keras.backend.backend() == "jax" else None
    before, wide = keras.config.floatx(), jax is not None and jax.config.jax_enable_x64
    policy = keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    if jax is not None:
        jax.config.update("jax_enable_x64", True)
    # Keras rounds to float32 what it promotes (a mean, a tanh): the framework's inexactness, not the program's
    narrowed = getattr(importlib.import_module("keras.src.backend.common.dtypes"), "BIT64_TO_BIT32_DTYPE", {})
    try:
        with mock.patch.dict(narrowed, {"float64": "float64"}):
            yield
    finally:
        keras.config.set_floatx(before)
        keras.config.set_dtype_policy(policy)
        if jax is not None:
            jax.config.update("jax_enable_x64", wide)


def as_float64(model: Any) -> None:
    """Its layers and variables, which a file that makes its model when it is imported has in float32; `in_float64`."""
    keras: Any = sys.modules["keras"]
    layers = model._flatten_layers(include_self=True, recursive=True)
    for layer in layers:
        layer.dtype_policy = keras.DTypePolicy("float64")
        for tensor in getattr(layer, "_inputs", None) or []:  # of a functional model, which casts to it
            tensor._dtype = "float64"
    if keras.backend.backend() == "torch":
        model.double()
    for metric in model.metrics:
        metric._dtype_policy, metric._dtype = keras.DTypePolicy("float64"), "float64"
    for variable in {id(v): v for v in [*model.variables, *(v for m in model.metrics for v in m.variables)]}.values():
        if "float" in str(variable.dtype):
            variable._dtype = "float64"
            if keras.backend.backend() == "jax" and variable._value is not None:
                variable._value = sys.modules["jax"].numpy.asarray(variable._value, "float64")
            elif keras.backend.backend() == "tensorflow":
                variable._value = sys.modules["tensorflow"].Variable(np.asarray(variable._value, np.float64))


def foreign(model: Any) -> list[str]:
    """The kinds of Keras's layers in it that are not dense and have weights."""
    found = []
    for layer in model._flatten_layers(include_self=False, recursive=True):
        words = type(layer).__module__.split(".")
        name = type(layer).__name__
        if words[:3] == ["keras", "src", "layers"] and (words[3] not in KINDS or name in OTHERS):
            found.append(name)
    return list(dict.fromkeys(found))


def keras_program(model: Any) -> Program:
    """By the framework under Keras.

    Raises
    ------
    NotDense
        If it has other layers, or that framework is TensorFlow.
    """
    under = sys.modules["keras"].backend.backend()
    with in_float64():
        as_float64(model)
    if kinds := foreign(model):
        raise NotDense(f"its networks are no chains of dense layers: they have {', '.join(kinds)}")
    if under == "jax":
        return KerasOnJax(model)
    if under == "torch":
        from vae_np.conformance.adapters.keras_on_torch import KerasOnTorch

        return KerasOnTorch(model)
    raise NotDense(
        f"a model of Keras on {under} is not graded as a whole: KERAS_BACKEND=jax or torch, set before, does"
    )


# ---- the forward pass


def forward_of(model: Any) -> tuple[Callable[[Any], Any], Any]:
    """How the model is called, and the function whose module draws the noise.

    Raises
    ------
    ValueError
        If it has neither `call` nor an encoder and a decoder.
    """
    keras: Any = sys.modules["keras"]
    functional = importlib.import_module("keras.src.models.functional").Functional
    own = type(model).call not in (keras.Model.call, keras.layers.Layer.call)
    if own:
        named = {"training": True} if model._call_has_training_arg else {}
        return lambda x: model(x, **named), model.call if not isinstance(model, functional) else _drawing(model)
    encoder, decoder, sampling = (part(model, what) for what in PARTS)
    if encoder is None or decoder is None:
        raise ValueError("it has no call, and no encoder and decoder: what is its forward pass?")

    def forward(x: Any) -> dict[str, Any]:
        heads = encoder(x)
        heads = list(heads.values()) if isinstance(heads, Mapping) else list(heads)
        if len(heads) < 3:
            if sampling is None:
                raise ValueError(f"its encoder returns {len(heads)} tensors, and it has no sampler")
            try:
                heads.append(sampling(heads))
            except TypeError:
                heads.append(sampling(*heads))
        return {"mean": heads[0], "logvar": heads[1], "z": heads[2], "output": decoder(heads[2])}

    return forward, _drawing(model)


def _drawing(model: Any) -> Any:
    """A function of the program's own file: of a layer that is not Keras's."""
    for layer in model._flatten_layers(include_self=True, recursive=True):
        if not type(layer).__module__.startswith("keras."):
            return type(layer).call if type(layer).call.__module__ == type(layer).__module__ else type(layer).__init__
    return model.call


def build(model: Any, forward: Callable[[Any], Any]) -> int:
    """Call it once, so that it has its variables; the number of features."""
    keras: Any = sys.modules["keras"]
    known = next((shape for m in (model, part(model, "encoder")) if (shape := _input_shape(m))), None)
    dense = [la.units for la in model._flatten_layers(recursive=True) if isinstance(la, keras.layers.Dense)]
    sizes = [int(np.prod(known))] if known else [n for n in (D, 784) if n in dense] or dense[-1:] or [784]
    problem: Exception | None = None
    for shape in [known] if known else images(sizes[0]):
        x = building.data(sizes[0])[: building.FIRST].reshape(-1, *shape)
        try:
            with in_float64():
                forward(keras.ops.convert_to_tensor(x, dtype="float64"))
        except Exception as error:
            problem = problem or error
            continue
        return sizes[0]
    raise ValueError(f"it cannot be called with {sizes[0]} features: {type(problem).__name__}: {problem}")


def _input_shape(model: Any) -> tuple[int, ...] | None:
    """Of an example, where the model or its encoder has one."""
    try:
        shape = model.input_shape
    except AttributeError:
        return None
    return tuple(shape[1:]) if isinstance(shape, tuple) and all(isinstance(n, int) for n in shape[1:]) else None


@contextlib.contextmanager
def no_dropout() -> Iterator[None]:
    """Dropout layers do nothing."""
    layers = sys.modules["keras"].layers
    with contextlib.ExitStack() as stack:
        for name in ("Dropout", "SpatialDropout1D", "GaussianDropout", "AlphaDropout"):
            if hasattr(layers, name):
                stack.enter_context(mock.patch.object(getattr(layers, name), "call", lambda self, x, *_, **__: x))
        yield


def names_of(variables: list[Any]) -> list[str]:
    """encoder/z_mean/kernel as encoder.z_mean.kernel; with a number where two are called alike."""
    found: list[str] = []
    for variable in variables:
        name = variable.path.replace("/", ".")
        again = sum(other.partition("#")[0] == name for other in found)
        found.append(f"{name}#{again + 1}" if again else name)
    return found


class KerasOnJax(JaxProgram):
    """See `Program`; its tree is a dict of its trainable variables."""

    def __init__(self, model: Any) -> None:
        self.keras: Any = sys.modules["keras"]
        self.module = model
        forward, within = forward_of(model)
        with in_float64():
            as_float64(model)
            features = build(model, forward)
            as_float64(model)
            self.variables = list(model.trainable_variables)
            names = names_of(self.variables)
            tree = {name: np.asarray(v.value, np.float64) for name, v in zip(names, self.variables, strict=True)}

        def call(tree: Mapping[str, Any], x: Any, key: Any, noise: Any) -> Any:
            values = [(variable, tree[name]) for name, variable in zip(names, self.variables, strict=True)]
            with self.keras.StatelessScope(state_mapping=values):
                return forward(x)

        super().__init__(JaxModel("Keras on JAX", within, call, tree))
        self.features = features

    @contextlib.contextmanager
    def _double(self, eps: Any, drawn: list[tuple[int, ...]]) -> Iterator[None]:
        from vae_np.conformance.objective.jax_and_keras import Jax, Keras

        keras = Keras(self.keras, Jax(self.jax))
        with super()._double(eps, drawn), in_float64(), no_dropout(), \
                keras.noise(eps, drawn, self.model.within):  # fmt: skip
            yield

    def optimizer(self, make: Any) -> Any:
        """See `Program.optimizer`; that which the model was compiled with, if none is given."""
        with in_float64():
            return OfKeras(make, self.module, self.variables, names_of(self.variables))

    def rule(self, optimizer: Any) -> tuple[dict[str, Any] | None, str]:
        """See `Program.rule`."""
        return rule_of(optimizer.optimizer)
