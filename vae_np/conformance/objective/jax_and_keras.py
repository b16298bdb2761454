"""Functions of JAX, Keras 3 and TensorFlow, as `frameworks` calls those of NumPy and PyTorch.

None is imported here: the program has done so.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.frameworks import Framework, Numpy, giver, giver_of_uniform, parts_of, replaced
from vae_np.conformance.objective.numpy_noise import shape_of
from vae_np.formulas.numerics import normal_cdf

__all__ = ["Jax", "Keras", "TensorFlow"]

Array = NDArray[Any]


class Jax:
    """Functions of JAX's arrays; derivatives by `jax.grad`, in float64, what is jitted run as it is written."""

    name, exact = "JAX", True

    def __init__(self, jax: ModuleType) -> None:
        self.jax: Any = jax

    @contextlib.contextmanager
    def _double(self) -> Iterator[None]:
        """float64, and nothing compiled: a jitted function may have been traced with other noise."""
        config = self.jax.config
        before = config.jax_enable_x64
        config.update("jax_enable_x64", True)
        try:
            with self.jax.disable_jit():
                yield
        finally:
            config.update("jax_enable_x64", before)

    def _cdf(self, eps: Any) -> Any:
        """The normal distribution function, of an array or a tracer."""
        if isinstance(eps, np.ndarray):
            return normal_cdf(eps)
        return importlib.import_module("jax.scipy.special").ndtr(eps)

    def key(self) -> Any:
        """For a function that takes one."""
        return self.jax.random.PRNGKey(0)

    def call(self, f: Callable[..., Any], arrays: Sequence[Array]) -> list[Array]:
        """See `Numpy.call`."""
        with self._double():
            given = [self.jax.numpy.asarray(a, "float64") for a in arrays]
            return [np.asarray(part, np.float64) for part in parts_of(f(*given))]

    def gradients(self, f: Callable[..., Any], arrays: Sequence[Array], steps: Array | None = None) -> list[Array]:
        """See `Numpy.gradients`; it needs no steps."""

        def total(*given: Any) -> Any:
            return self.jax.numpy.sum(self.jax.numpy.asarray(parts_of(f(*given))[0], "float64"))

        with self._double():
            given = [self.jax.numpy.asarray(a, "float64") for a in arrays]
            return [np.array(g) for g in self.jax.grad(total, argnums=tuple(range(len(given))))(*given)]

    @contextlib.contextmanager
    def noise(self, eps: Array, drawn: list[tuple[int, ...]], within: Callable[..., Any]) -> Iterator[None]:
        """jax.random.normal gives eps; see `Numpy.noise`.

        Under `vmap` over the keys of `jax.random.split` an example draws a row: it gets its own, by the number that
        its key is given when it is split.
        """
        jax, jnp = self.jax, self.jax.numpy
        # eps may be a tracer
        kind: dict[str, Any] = {"make": lambda a: jnp.asarray(a, "float64"), "resize": jnp.resize}
        give, of_uniform = giver(eps, drawn, **kind), giver_of_uniform(eps, drawn, **kind, cdf=self._cdf)
        original = jax.random.split

        def normal(key: Any = None, shape: Any = (), dtype: Any = None, **_: Any) -> Any:
            size = shape_of(shape)
            if size == eps.shape[1:] and isinstance(key, jax.core.Tracer):
                row = jax.random.key_data(key)[-1] % len(eps)
                drawn.append(eps.shape)
                return jnp.asarray(eps, "float64")[row]
            return give(size)

        def split(key: Any, num: Any = 2) -> Any:
            keys = original(key, num)
            typed = jnp.issubdtype(keys.dtype, jax.dtypes.prng_key)
            data = jax.random.key_data(keys)
            numbers = jnp.arange(data[..., -1].size, dtype=data.dtype).reshape(data.shape[:-1])
            numbered = data.at[..., -1].set(numbers)
            return jax.random.wrap_key_data(numbered) if typed else numbered

        def uniform(key: Any = None, shape: Any = (), dtype: Any = None, minval: Any = 0.0, maxval: Any = 1.0) -> Any:
            return minval + (maxval - minval) * of_uniform(shape_of(shape))

        made = [(jax.random, "normal", normal), (jax.random, "uniform", uniform), (jax.random, "split", split)]
        with replaced(made, within):
            yield


class TensorFlow(Numpy):
    """Functions of TensorFlow's tensors, which take NumPy's arrays; derivatives by central differences."""

    name = "TensorFlow"

    def __init__(self, tf: Any) -> None:
        self.tf = tf

    @contextlib.contextmanager
    def noise(self, eps: Array, drawn: list[tuple[int, ...]], within: Callable[..., Any]) -> Iterator[None]:
        """tf.random.normal gives eps, and so does NumPy."""
        normal, uniform = _drawing(giver(eps, drawn, np.array), giver_of_uniform(eps, drawn, np.array))
        made = [(self.tf.random, "normal", normal), (self.tf.random, "uniform", uniform)]
        with super().noise(eps, drawn, within), replaced(made, within):
            yield


def _drawing(
    give: Callable[[tuple[int, ...]], Any], of_uniform: Callable[[tuple[int, ...]], Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions of a shape and two numbers, as TensorFlow and Keras have them: normal and uniform."""

    def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, *_: Any, **__: Any) -> Any:
        return mean + stddev * give(shape_of(shape))

    def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, *_: Any, **__: Any) -> Any:
        return minval + ((1.0 if maxval is None else maxval) - minval) * of_uniform(shape_of(shape))

    return normal, uniform


class Keras:
    """Functions of Keras 3, by the framework under it; in float64, but that ``keras.ops.mean`` is always a float32."""

    single = True
    """So that a loss in float32 is not the program's doing."""

    exact = False

    def __init__(self, keras: Any, under: Framework) -> None:
        self.keras, self.under = keras, under
        self.name = f"Keras on {under.name}"

    @contextlib.contextmanager
    def _double(self) -> Iterator[None]:
        config = self.keras.config
        before = config.floatx()
        config.set_floatx("float64")
        try:
            yield
        finally:
            config.set_floatx(before)

    def key(self) -> Any:
        """For a function that takes a seed."""
        return 0

    def call(self, f: Callable[..., Any], arrays: Sequence[Array]) -> list[Array]:
        """See `Numpy.call`."""
        with self._double():
            return self.under.call(f, arrays)

    def gradients(self, f: Callable[..., Any], arrays: Sequence[Array], steps: Array | None = None) -> list[Array]:
        """See `Numpy.gradients`."""
        with self._double():
            return self.under.gradients(f, arrays, steps)

    @contextlib.contextmanager
    def noise(self, eps: Array, drawn: list[tuple[int, ...]], within: Callable[..., Any]) -> Iterator[None]:
        """keras.random.normal gives eps, and so do the functions of the framework under it."""
        resize, cdf = (
            (self.under.jax.numpy.resize, self.under._cdf) if isinstance(self.under, Jax) else (np.resize, None)
        )
        made: dict[str, Any] = {
            "make": lambda a: self.keras.ops.convert_to_tensor(a, dtype="float64"),
            "resize": resize,
        }
        normal, uniform = _drawing(giver(eps, drawn, **made), giver_of_uniform(eps, drawn, **made, cdf=cdf))
        replacing = [(self.keras.random, "normal", normal), (self.keras.random, "uniform", uniform)]
        with self.under.noise(eps, drawn, within), replaced(replacing, within):
            yield
