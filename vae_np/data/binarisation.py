"""Grey values to 0 and 1."""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vae_np.support import noise
from vae_np.support.checks import check_values

__all__ = ["MODES", "binarisation_seed", "binarise"]

Array = NDArray[Any]
Mode = Literal["none", "threshold", "fixed", "dynamic"]

MODES = ("none", "threshold", "fixed", "dynamic")

BLOCK = 1 << 20
"""Numbers drawn together."""


def binarise(x: Array, mode: Mode, *, seed: int = 0, step: int = 0, first: int = 0, kept: int = 0) -> Array:
    """Binary data from values in [0, 1].

        threshold         x_b = 1 if x > 1/2, else 0
        fixed, dynamic    x_b = 1 if u < x,   else 0,    u uniform in [0, 1)

    Parameters
    ----------
    x : array, shape (N, D)
        Values in [0, 1]; they are probabilities to "fixed" and "dynamic".
    mode : str
        - "none": x itself, unchecked;
        - "threshold": the value 1/2 itself becomes 0;
        - "fixed": one draw for ever, that depends on the seed and the example's number;
        - "dynamic": a draw that depends on the step as well, so that an example differs at each presentation. That of
          step 0 is the fixed one.
    seed, step : int
    first : int
        The number of the first row: rows [a, b) of a data set are ``binarise(x[a:b], ..., first=a)``.
    kept : int
        How many of the last columns are no data, but the condition of a conditional model, and stay as they are.

    Returns
    -------
    array, shape (N, D)
        Of x's dtype. In every mode but "none" it is a new array; 0 stays 0 and 1 stays 1.

    Raises
    ------
    ValueError
        If the mode is unknown, ``x`` is not (N, D) or a value lies outside [0, 1].

    Notes
    -----
    Salakhutdinov & Murray (2008) trained on one fixed sample; Burda et al. (2016) drew anew at each presentation, which
    lessens overfitting. Log-likelihoods under the two are not comparable. float32 data draw float32 numbers, so their
    sample is not that of the same data in float64.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}; got {mode!r}")
    if mode == "none":
        return x
    if x.ndim != 2:
        raise ValueError(f"x must have shape (N, D); got {x.shape}")
    if kept:
        data = x.copy()
        data[:, -kept:] = 0
        data = binarise(data, mode, seed=seed, step=step, first=first)
        data[:, -kept:] = x[:, -kept:]
        return data
    check_values(x, 0, 1, what="binarisation")
    if mode == "threshold":
        return np.asarray(x > 0.5).astype(x.dtype)
    return _bernoulli(x, seed, step if mode == "dynamic" else 0, first)


@functools.lru_cache(maxsize=16)
def binarisation_seed(seed: int) -> int:
    """A seed of its own, which keeps these numbers apart from whatever else is drawn uniformly at (seed, step)."""
    return int(noise.stream(seed, "binarise").integers(2**64, dtype=np.uint64))


def _bernoulli(x: Array, seed: int, step: int, first: int) -> Array:
    """One draw a value, a block of rows at a time."""
    own_seed = binarisation_seed(seed)
    dtype = np.float32 if x.dtype == np.float32 else np.float64
    out = np.empty(x.shape, x.dtype)
    rows = noise.TILE * max(1, BLOCK // (noise.TILE * max(1, x.shape[1])))
    for begin in range(0, len(x), rows):
        block = np.asarray(x[begin : begin + rows])
        u = noise.uniform(own_seed, step, block.shape, dtype, first=first + begin)
        out[begin : begin + rows] = u < block
    return out
