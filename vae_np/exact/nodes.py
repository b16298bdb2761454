"""Gauss-Hermite quadrature: expectations under N(0, I) as weighted sums.

    E f(u) = sum_s w_s f(u_s) + error,    sum_s w_s = 1

with M nodes a dimension it is exact for polynomials of degree 2 M - 1, and its error falls exponentially with M for a
function that is analytic; at the kinks of a ReLU it falls like a power of 1/M.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import roots_hermitenorm

from vae_np.formulas.parameters import Parameters
from vae_np.model.joint import in_float64
from vae_np.model.vae import VAE
from vae_np.support.checks import positive, whole

__all__ = ["MOST", "agree", "blocks", "orders", "prepare", "tensor"]

Array = NDArray[Any]
FIRST = 8
MOST = 2**20
"""Nodes, of all dimensions together."""
LONGEST = 2**12
"""Nodes of one dimension: more find them slowly, and help only where there are kinks, and little."""
ROWS = 2**14
"""Rows S N of the decoder that are computed at once."""
DIMENSIONS = 3
"""With more the nodes are too many."""


def prepare(vae: VAE, x: ArrayLike, tolerance: float, most: int, samples: int = 1) -> tuple[Parameters, Array]:
    """The parameters and the data, as the encoder sees them, in float64.

    ``ValueError`` where quadrature is not to be had; it says what to use instead.
    """
    if (latent := vae.architecture.latent) > DIMENSIONS:
        raise ValueError(
            f"quadrature takes at most {DIMENSIONS} latent dimensions, and the model has {latent}: exact.elbo_by_sobol"
            " has the ELBO with a standard error, and evaluate(vae, x, samples=5000) bounds the evidence by importance"
            " sampling"
        )
    positive("tolerance", tolerance)
    whole("most", most, at_least=FIRST ** (latent * samples))
    return in_float64(vae, x)


def agree(tolerance: float, value: ArrayLike, error: ArrayLike) -> bool:
    """Whether every error is within the tolerance, relative to 1 + |value|."""
    return bool((np.asarray(error) <= tolerance * (1 + np.abs(value))).all())


def orders(latent: int, most: int) -> Iterator[int]:
    """Nodes a dimension, doubled from `FIRST` until there are more than ``most`` in all, or `LONGEST`."""
    order = FIRST
    while order**latent <= most and order <= LONGEST:
        yield order
        order *= 2


@functools.lru_cache(maxsize=16)
def tensor(order: int, latent: int) -> tuple[Array, Array]:
    """Nodes (S, K) and weights (S,) of the product rule, S = order^K; those of no weight are left out."""
    u, w = roots_hermitenorm(order)
    w = w / w.sum()
    nodes = np.array(list(itertools.product(u, repeat=latent))).reshape(-1, latent)
    weights = np.prod(np.array(list(itertools.product(w, repeat=latent))).reshape(-1, latent), axis=1)
    kept = weights > 0
    return nodes[kept], weights[kept]


def blocks(nodes: Array, weights: Array, rows: int) -> Iterator[tuple[Array, Array]]:
    """As many nodes at a time as make `ROWS` rows."""
    step = max(1, ROWS // max(1, rows))
    for i in range(0, len(weights), step):
        yield nodes[i : i + step], weights[i : i + step]
