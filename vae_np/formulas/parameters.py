"""One flat vector and its named views; gradients and Adam's moments have the same form.

One block of memory makes the optimiser one loop, a checkpoint one array and a gradient check one index. The names are
the stages of the model's path, in its order::

    encoder.0.W  encoder.0.b  ...  encoder.mu.W  encoder.mu.b  encoder.logvar.W  encoder.logvar.b
    decoder.0.W  decoder.0.b  ...  decoder.out.W  decoder.out.b  likelihood.*

W has shape (fan_in, fan_out); a layer is ``x @ W + b``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from vae_np.support.memory import aligned_zeros

__all__ = ["Parameters"]

Array = NDArray[Any]
Shape = tuple[int, ...]


class Parameters(Mapping[str, Array]):
    """Named arrays that are views into one flat vector.

    Parameters
    ----------
    shapes : mapping of name to shape
        The order is the order in the vector.
    vector : array, shape (P,), optional
        The memory to look at, not copied; zeros of ``dtype`` if left out.
    dtype : dtype, optional
        Of the zeros; float64 if left out.

    Raises
    ------
    ValueError
        If ``vector`` has not one dimension or not P entries.

    Examples
    --------
    >>> p = Parameters({"W": (2, 3), "b": (3,)})
    >>> p["b"] = [1.0, 2.0, 3.0]
    >>> p.vector
    array([0., 0., 0., 0., 0., 0., 1., 2., 3.])
    >>> p
    Parameters: 9 numbers of float64
      W (2, 3)
      b (3,)
    """

    def __init__(
        self, shapes: Mapping[str, Shape], vector: Array | None = None, *, dtype: DTypeLike = np.float64
    ) -> None:
        self.shapes: dict[str, Shape] = {name: tuple(shape) for name, shape in shapes.items()}
        size = sum(math.prod(shape) for shape in self.shapes.values())
        if vector is None:
            vector = aligned_zeros(size, dtype)
        if vector.shape != (size,):
            raise ValueError(f"the parameters are {size} numbers in one dimension; the vector has shape {vector.shape}")
        self._vector = vector
        self._views: dict[str, Array] = {}
        begin = 0
        for name, shape in self.shapes.items():
            end = begin + math.prod(shape)
            self._views[name] = vector[begin:end].reshape(shape)
            begin = end

    def __getitem__(self, name: str) -> Array:
        """The view of one array: writing into it writes into the vector."""
        try:
            return self._views[name]
        except KeyError:
            raise KeyError(f"no parameter {name!r}; there are {', '.join(self._views)}") from None

    @property
    def vector(self) -> Array:
        """The memory behind all arrays: write into it, ``vector[...] = values``; it cannot be replaced."""
        return self._vector

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made of shapes and vector, so that their views are views again."""
        return type(self), (self.shapes, self.vector)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameters:
        return self.copy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __setitem__(self, name: str, values: ArrayLike) -> None:
        """Copy values of the array's very shape into it; an array of another float type is refused, not rounded.

        A square W whose axes are exchanged has the right shape, and cannot be told.
        """
        array, view = np.asarray(values), self[name]
        self._check_dtype(name, array, hasattr(values, "dtype"))
        if array.shape != view.shape:
            hint = "; W is (fan_in, fan_out): transpose it" if array.shape == view.shape[::-1] else ""
            raise ValueError(f"{name} must have shape {view.shape}; it has {array.shape}{hint}")
        view[...] = array

    def _check_dtype(self, name: str, array: Array, is_array: bool) -> None:
        """``TypeError`` unless these are integers, numbers of Python or of the parameters' dtype."""
        if array.dtype == self.dtype or array.dtype.kind in "biu" or (array.dtype.kind == "f" and not is_array):
            return
        if self.dtype.kind == "c" and array.dtype.kind in "fc":  # as for the complex step
            return
        remedy = f"; cast it, with .astype('{self.dtype}')" if array.dtype.kind == "f" else ""
        raise TypeError(f"{name} must be {self.dtype}; it is {array.dtype}{remedy}")

    def __repr__(self) -> str:
        lines = "".join(f"\n  {name} {shape}" for name, shape in self.shapes.items())
        return f"Parameters: {self.vector.size} numbers of {self.vector.dtype}{lines}"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The one dtype of all arrays."""
        return self.vector.dtype

    def like(self, vector: Array) -> Parameters:
        """The same names and shapes over another vector."""
        return Parameters(self.shapes, vector)

    def zeros_like(self) -> Parameters:
        """The same names and shapes over zeros."""
        return self.like(aligned_zeros(self.vector.size, self.dtype))

    def copy(self) -> Parameters:
        """The same names and shapes over a copy of the vector."""
        return self.like(self.vector.copy())

    def locate(self, index: int) -> tuple[str, tuple[int, ...]]:
        """Name and index within the named array of one entry of the vector."""
        for name, view in self._views.items():
            if index < view.size:
                return name, tuple(int(i) for i in np.unravel_index(index, view.shape))
            index -= view.size
        raise IndexError("index lies beyond the vector")
