"""What Adam remembers between steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from vae_np.support.checks import whole
from vae_np.support.memory import aligned_zeros

if TYPE_CHECKING:
    from vae_np.formulas.optim.adam import Adam

__all__ = ["AdamState", "check_alike", "check_dtype"]

Array = NDArray[np.floating[Any]]


@dataclass(eq=False)
class AdamState:
    """What Adam remembers between steps: the moments, uncorrected, and the steps taken.

    Parameters
    ----------
    m, v : array
        The first and the second raw moment; shape and dtype of theta.
    v_max : array or None
        The largest v so far; only for AMSGrad.
    step : int
        How many steps have been taken: the next one is t = step + 1. One count for all of theta.
    """

    m: Array
    v: Array
    v_max: Array | None = None
    step: int = 0

    @classmethod
    def zeros(cls, theta: Array, adam: Adam) -> Self:
        """Return the state before the first step."""
        check_dtype("theta", theta)
        m, v = (aligned_zeros(theta.shape, theta.dtype) for _ in range(2))
        return cls(m, v, aligned_zeros(theta.shape, theta.dtype) if adam.amsgrad else None)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays (not copies): m, v, v_max if there is one, step."""
        arrays: dict[str, NDArray[Any]] = {"m": self.m, "v": self.v}
        if self.v_max is not None:
            arrays["v_max"] = self.v_max
        arrays["step"] = np.array(self.step, dtype=np.int64)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Make a state from (copies of) what `arrays` gave.

        Raises
        ------
        TypeError, ValueError
            If an array is missing, unknown, or of the wrong shape, dtype or sign.
        """
        names = set(arrays)
        if not {"m", "v", "step"} <= names <= {"m", "v", "v_max", "step"}:
            raise ValueError(f"Adam's state has m, v, step and perhaps v_max; got {sorted(names)}")
        step = np.asarray(arrays["step"])
        if step.shape != () or not np.issubdtype(step.dtype, np.integer):
            raise ValueError(f"step must be one integer; got {step!r}")
        m, *others = (np.array(arrays[n]) for n in ("m", "v", "v_max") if n in names)
        check_dtype("m", m)
        for name, other in zip(("v", "v_max"), others, strict=False):
            check_alike(name, other, "m", m)
            if not (other >= 0).all():
                raise ValueError(f"{name} must not be negative or NaN anywhere")
        v_max = others[1] if len(others) > 1 else None
        return cls(m, others[0], v_max, whole("step", step[()], at_least=0))


def check_dtype(name: str, array: Array) -> None:
    """Raise unless the array is real and at least float32."""
    dtype = array.dtype
    if not (np.issubdtype(dtype, np.floating) and np.can_cast(np.float32, dtype)):
        raise TypeError(f"{name} must be float32, float64 or wider; it is {dtype}")


def check_alike(name: str, array: Array, other_name: str, other: Array) -> None:
    """Raise unless both arrays have one dtype and one shape."""
    if array.dtype != other.dtype:
        raise TypeError(f"{name} must be {other.dtype}, as {other_name} is; it is {array.dtype}")
    if array.shape != other.shape:
        shapes = f"{other.shape}; it is {array.shape}"
        raise ValueError(f"{name} must have the shape of {other_name}, {shapes}")
