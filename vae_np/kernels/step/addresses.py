"""Which stages a model's passes need, compiled when they are first needed and known to the plan by their addresses."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.kernels.compiler.decorators import stage
from vae_np.kernels.loops import activation
from vae_np.kernels.step import sequence, stages
from vae_np.kernels.step.plan import places
from vae_np.kernels.step.without_kernels import by_formula

__all__ = ["Program"]

BACKWARD = ("bias_gradient", "product", "activate_backward")
NEEDS: dict[int, tuple[str, ...]] = {
    sequence.ENCODE: ("look", "decide", "sparse_product", "product", "activate", "sample"),
    sequence.DECODE: ("product", "activate"),
    sequence.VALUE: ("measure", "densities"),
    sequence.GRADIENT: ("assess",),
    sequence.DECODER: BACKWARD,
    sequence.ENCODER: (*BACKWARD, "sparse_product", "latent_backward"),
    sequence.SUMS: ("add", "total"),
    sequence.UPDATE: (),
}
LATENT = ("sample", "densities", "latent_backward", "prior_backward", "posterior_backward")
BY_ACTIVATION = ("activate", "activate_backward")
BY_LIKELIHOOD = ("measure", "assess", "own_gradient")


@functools.cache
def _address(name: str, number: Any, kind: Any) -> int:
    """The address of a stage, compiled if it was not; by types, for kinds are equal as tuples, and all zeros are."""
    make, like = getattr(stages, name), number(0)
    return stage(make(like) if kind is None else make(like, kind()))


class Program:
    """The stages of one activation, one likelihood and one precision."""

    def __init__(self, dtype: np.dtype[Any], activation_name: str, likelihood: Any) -> None:
        self.like = dtype.type(0)  # by whose type compiled code is chosen
        self.activation, self.likelihood = activation.KINDS.get(activation_name), likelihood

    def write(self, q: NDArray[np.int64], what: int) -> None:
        """Put the addresses of what an order needs into the plan."""
        for name in self._needs(q, what):
            if name in LATENT and not q[places.LATENT]:
                continue
            place = getattr(places, name.upper())
            if name in BY_ACTIVATION and self.activation is None:
                q[place] = by_formula(name)
                continue
            kind = self.activation if name in BY_ACTIVATION else self.likelihood if name in BY_LIKELIHOOD else None
            chosen: Any = None if kind is None else type(kind)
            number: Any = type(self.like)
            q[place] = _address(name, number, chosen)

    def _needs(self, q: NDArray[np.int64], what: int) -> Iterator[str]:
        for bit, names in NEEDS.items():
            if what & bit:
                yield from names
        if what & sequence.ENCODER:
            if not q[places.LEFT_OUT] & sequence.NO_PRIOR:
                yield "prior_backward"
            if not q[places.LEFT_OUT] & sequence.NO_POSTERIOR:
                yield "posterior_backward"
        if what & sequence.GRADIENT and q[places.OWN_SIZE]:
            yield "own_gradient"
        if what & sequence.UPDATE:
            yield "amsgrad" if q[places.V_MAX] else "update"
