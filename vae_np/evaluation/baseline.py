"""What a model should be better than: a Gaussian for each column by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.numerics import LOG_2PI
from vae_np.formulas.scaling import BLOCK, moments, standardising

__all__ = ["columns_alone"]

Array = NDArray[Any]


def columns_alone(train: Array, x: Array) -> Array:
    """Log-density of each example under independent Gaussians with the training data's own moments, in nats.

        log p(x_n) = -1/2 sum_d (u_nd^2 + log 2 pi) - sum_d log s_d,    u_nd = (x_nd - m_d) / s_d

    with mean m_d and deviation s_d of column d of ``train``; a constant column has s_d = 1. A model whose ELBO lies
    below it has learned less than the columns' means and deviations.

    Parameters
    ----------
    train, x : array, shapes (M, D) and (N, D)

    Returns
    -------
    log_density : array, shape (N,)
    """
    scaling = standardising(moments(train))
    found = np.empty(len(x))
    step = max(1, BLOCK // x.shape[1])
    for i in range(0, len(x), step):
        u = scaling.inside(x[i : i + step].astype(np.float64))
        with np.errstate(over="ignore"):  # an example out of all proportion has the density 0
            found[i : i + step] = -(np.square(u) + LOG_2PI).sum(axis=1) / 2
    return found - scaling.log_volume
