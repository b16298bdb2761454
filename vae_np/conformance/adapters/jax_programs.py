"""A model of JAX as a `Program`: its parameters a tree of named leaves, its forward pass traced and watched."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.adapters import building, jax_losses, optax_rules
from vae_np.conformance.adapters.jax_models import JaxModel, images, of_object
from vae_np.conformance.adapters.jax_watch import Seen, watched
from vae_np.conformance.adapters.making import D
from vae_np.conformance.adapters.mapping import Plan
from vae_np.conformance.adapters.program import Call, Goal, Observed, Returned
from vae_np.conformance.adapters.returned import tensors_of, value_of
from vae_np.conformance.objective.frameworks import Numpy
from vae_np.conformance.objective.jax_and_keras import Jax

__all__ = ["JaxProgram"]

Array = NDArray[Any]
Way = tuple[tuple[int, ...], bool]
"""The shape of an example in which forward takes it, and whether it is called for each."""


class _Pass(NamedTuple):
    parts: dict[str, Any]
    given: Any
    """x as it was given."""
    seen: Seen
    drawn: list[tuple[int, ...]]


class JaxProgram:
    """See `Program`."""

    def __init__(self, model: Any) -> None:
        self.jax: Any = sys.modules["jax"]
        self.model: JaxModel = model if isinstance(model, JaxModel) else of_object(model)
        self.framework = self.model.kind
        self.call = self.model.call
        self.way: Way | None = None
        """Once it is known."""
        self.features: int | None = None
        self.frame: Any = None
        """The structure of what it returns, once it was called."""
        if self.model.init is None:
            self._take(self.model.tree)
        else:
            self._build()

    # ---- the parameters

    def _take(self, tree: Any) -> None:
        """The leaves by their names: those of floats are parameters."""
        with Jax(self.jax)._double():
            paths, self.structure = self.jax.tree_util.tree_flatten_with_path(tree)
            self.leaves = {_name(path): leaf for path, leaf in paths}
            jnp = self.jax.numpy
            self.parameters: dict[str, Any] = {
                name: jnp.asarray(leaf, "float64")
                for name, leaf in self.leaves.items()
                if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)
            }

    def _tree(self, parameters: Mapping[str, Any]) -> Any:
        return self.jax.tree_util.tree_unflatten(self.structure, list((self.leaves | dict(parameters)).values()))

    def _build(self) -> None:
        """With the number of features that its output has: 7, if its sizes follow x, or what it puts out there."""
        assert self.model.init is not None
        tried: list[int] = []
        sizes, problem = [D, 784], None
        for features in sizes:
            if features in tried:
                continue
            tried.append(features)
            try:
                put_out = self._initialise(features)
            except ValueError as error:
                problem = problem or error
                continue
            self.features = features
            if features in put_out or 2 * features in put_out:
                return
            sizes += [size for size in put_out if size < 10_000]
        if self.features is None:
            raise problem or ValueError("it could not be initialised")

    def _initialise(self, features: int) -> list[int]:
        """The parameters for so many features, and the numbers an example that forward then returns, largest first."""
        assert self.model.init is not None
        x, eps, problem = building.data(features)[: building.FIRST], building.noise(5)[0], None
        key = self.jax.random.PRNGKey(0)
        for shape in images(features):
            try:
                with _wide(self.jax), self._no_dropout():
                    data = self.jax.numpy.asarray(x.reshape(len(x), *shape))
                    noise = self.jax.numpy.asarray(eps)
                    self.call, tree = self.model.init(data, key, lambda noise=noise: noise)
                self._take(tree)
                self.way = None
                parts = self._compiled(self._way(self.parameters, x, eps), self.parameters, x, eps).parts
            except Exception as error:
                problem = problem or error
                continue
            return sorted({int(np.prod(part.shape)) // len(x) for part in parts.values()}, reverse=True)
        raise ValueError(f"it cannot be initialised by {features} features: {type(problem).__name__}: {problem}")

    def foreign(self) -> list[str]:
        """The layers whose kernels are no matrices."""
        found = [name for name, p in self.parameters.items() if p.ndim > 2]
        return [f"{name} of shape {self.parameters[name].shape}" for name in found]

    def sizes(self) -> list[int]:
        """What D may be."""
        if self.features is not None:
            return [self.features]
        return list(dict.fromkeys(n for p in self.parameters.values() if p.ndim == 2 for n in map(int, p.shape)))

    def tensors(self) -> dict[str, Array]:
        """Copies of the parameters, in float64."""
        return {name: np.array(p, dtype=np.float64) for name, p in self.parameters.items()}

    def write(self, tensors: Mapping[str, Array]) -> None:
        """Other values for some of them."""
        with Jax(self.jax)._double():
            self.parameters |= {name: self.jax.numpy.asarray(value, "float64") for name, value in tensors.items()}

    # ---- the forward pass

    @contextlib.contextmanager
    def _no_dropout(self) -> Iterator[None]:
        flax, equinox = sys.modules.get("flax"), sys.modules.get("equinox")
        kinds: list[Any] = []
        if flax is not None:
            kinds += [flax.linen.Dropout, *([flax.nnx.Dropout] if hasattr(flax, "nnx") else [])]
        kinds += [] if equinox is None else [equinox.nn.Dropout]
        with contextlib.ExitStack() as stack:
            for kind in kinds:
                stack.enter_context(mock.patch.object(kind, "__call__", lambda self, x, *_, **__: x))
            yield

    @contextlib.contextmanager
    def _double(self, eps: Any, drawn: list[tuple[int, ...]]) -> Iterator[None]:
        """float64, nothing jitted, and our noise, of JAX, of Flax's streams of keys and of NumPy."""
        jax, nnx = self.jax, getattr(sys.modules.get("flax"), "nnx", None)
        within = self.model.within
        with Jax(jax)._double(), Jax(jax).noise(eps, drawn, within), Numpy().noise(eps, drawn, within), \
                self._no_dropout(), contextlib.ExitStack() as stack:  # fmt: skip
            for kind in ("Rngs", "RngStream"):
                if hasattr(getattr(nnx, kind, None), "normal"):
                    normal = lambda self, *size, **named: jax.random.normal(self(), *size, **named)  # noqa: E731
                    stack.enter_context(mock.patch.object(getattr(nnx, kind), "normal", normal))
            yield

    def _watched(self, way: Way, parameters: Mapping[str, Any], x: Any, eps: Any) -> _Pass:
        """A forward pass, of arrays or of tracers."""
        shape, mapped = way
        drawn: list[tuple[int, ...]] = []
        with self._double(eps, drawn):
            given = self.jax.numpy.reshape(x, (len(x), *shape))
            parts, seen = watched(self.jax, self._function(eps, drawn, mapped), parameters, given)
        return _Pass(parts, given, seen, drawn)

    def _function(self, eps: Any, drawn: list[tuple[int, ...]], mapped: bool) -> Callable[..., dict[str, Any]]:
        """Of the parameters and x."""
        jax, jnp = self.jax, self.jax.numpy

        def forward(parameters: Mapping[str, Any], x: Any) -> dict[str, Any]:
            tree, key = self._tree(parameters), jax.random.PRNGKey(0)

            def take(row: Any) -> Any:
                drawn.append(eps.shape)
                return row

            def result(x: Any, key: Any, noise: Any) -> dict[str, Any]:
                returned = self.call(tree, x, key, lambda: take(noise))
                self.frame = jax_losses.skeleton(returned)
                return tensors_of(returned, lambda a: isinstance(a, (jax.Array, np.ndarray)))

            if not mapped:
                return result(x, key, jnp.asarray(eps, "float64"))
            keys = jax.random.split(key, len(x))
            return dict(jax.vmap(result)(x, keys, jnp.resize(eps, (len(x), eps.shape[1]))))

        return forward

    def _way(self, parameters: Mapping[str, Any], x: Array, eps: Array) -> Way:
        """That which works."""
        if self.way is not None:
            return self.way
        problem: Exception | None = None
        for mapped in (False, True):
            for shape in images(x.shape[1]):
                way = shape, mapped
                try:
                    self._compiled(way, parameters, x, eps)
                except Exception as error:
                    problem = problem or error
                    continue
                self.way = way
                return way
        raise ValueError(f"its forward, given x of the shape {x.shape}, fails: {type(problem).__name__}: {problem}")

    def _compiled(self, way: Way, parameters: Mapping[str, Any], x: Array, eps: Array) -> _Pass:
        """As one program: operations one by one are compiled one by one, which takes seconds."""
        kept: list[_Pass] = []

        def whole(parameters: Mapping[str, Any], x: Any, eps: Any) -> Any:
            kept.append(self._watched(way, parameters, x, eps))
            return kept[0].parts, [(given, made) for _, given, made in kept[0].seen.calls]

        with _wide(self.jax):
            parts, values = self.jax.jit(whole)(dict(parameters), x, eps)
        seen = kept[0].seen
        seen.calls = [(layer, *both) for (layer, _, _), both in zip(seen.calls, values, strict=True)]
        return kept[0]._replace(parts=parts)

    def forward(self, x: Array, eps: Array) -> Observed:
        """See `Program.forward`."""
        way = self._way(self.parameters, x, eps)
        try:
            parts, _, seen, drawn = self._compiled(way, self.parameters, x, eps)
        except Exception as error:
            raise ValueError(f"its forward fails: {type(error).__name__}: {error}") from None
        single = [layer.weight for layer, _, made in seen.calls if made.dtype != np.float64]
        if single:
            raise ValueError(f"it computes in {seen.calls[0][2].dtype}, whatever it is given: {single[0]}")
        calls = [Call(layer, _numpy(given), _numpy(made)) for layer, given, made in seen.calls]
        return Observed({key: _numpy(value) for key, value in parts.items()}, tuple(calls), tuple(drawn))

    # ---- the steps

    def _slopes(self, goal: Goal) -> Callable[..., Any]:
        """Value and derivatives, of the parameters, x and the noise; compiled for each of their shapes."""

        def loss(parameters: Mapping[str, Any], x: Any, eps: Any) -> Any:
            assert self.way is not None
            parts, given, seen, _ = self._watched(self.way, parameters, x, eps)
            value = value_of(goal, given, parts, seen, self.jax.numpy, lambda: self._double(eps, []))
            return self.jax.numpy.asarray(value, "float64")

        return self.jax.jit(self.jax.value_and_grad(loss))

    def own_loss(self, loss: Callable[..., Any] | None) -> Callable[..., Any] | None:
        """See `Program.own_loss`."""
        return loss

    def objective(self, loss: Callable[..., Any], returned: Returned, _: Plan) -> tuple[Callable[..., Any], Returned]:
        """See `Program.objective`; the loss is of the parameters, x and a key."""
        named = returned.named
        if not jax_losses.calls_its_model(loss) or "output" not in named:
            return loss, returned
        tree, key = self._tree(self.parameters), self.jax.random.PRNGKey(0)
        return jax_losses.of_outputs(loss, self.model, tree, self.frame, named, key), returned

    def slopes(self, goal: Goal, x: Array, eps: Array) -> tuple[float, dict[str, Array]]:
        """See `Program.slopes`."""
        with _wide(self.jax):
            value, slopes = self._slopes(goal)(self.parameters, x, eps)
        return float(value), {name: _numpy(slope) for name, slope in slopes.items()}

    def optimizer(self, make: Any) -> Any:
        """See `Program.optimizer`."""
        with Jax(self.jax)._double():
            return optax_rules.optimizer_of(make, self._tree(self.parameters))

    def rule(self, optimizer: Any) -> tuple[dict[str, Any] | None, str]:
        """See `Program.rule`."""
        return optax_rules.rule_of(optimizer)

    def train(self, goal: Goal, batches: Sequence[tuple[Array, Array]], optimizer: Any) -> list[dict[str, Array]]:
        """See `Program.train`."""
        parameters, found = dict(self.parameters), []
        with _wide(self.jax):
            slopes_of = self._slopes(goal)
            state = optimizer.init(parameters)
            update = self.jax.jit(optimizer.update) if optax_rules.is_optax(optimizer) else optimizer.update
            for x, eps in batches:
                _, slopes = slopes_of(parameters, x, eps)
                change, state = update(slopes, state, parameters)
                parameters = {name: (p + change[name]).astype("float64") for name, p in parameters.items()}
                found.append({name: np.array(p) for name, p in parameters.items()})
        return found


@contextlib.contextmanager
def _wide(jax: Any) -> Iterator[None]:
    """float64, and what is jitted compiled: thousands of small operations, one by one, take seconds."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def _numpy(array: Any) -> Array:
    return np.asarray(array, dtype=np.float64)


def _name(path: Sequence[Any]) -> str:
    """encoder.fc1.kernel."""
    words = []
    for key in path:
        word = next((getattr(key, kind) for kind in ("key", "name", "idx") if hasattr(key, kind)), key)
        words.append(str(word))
    return ".".join(words[:-1] if len(words) > 1 and words[-1] == "value" else words)
