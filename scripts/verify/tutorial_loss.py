"""The loss of many tutorials, in NumPy: a mean over pixels and examples, added to each example's KL.

    vae-np verify --loss scripts/verify/tutorial_loss.py:vae_loss

says what is wrong with it: ``rec-mean-over-pixels`` (per example a Gaussian of variance D/2, or beta = D/2) and
``rec-scalar-mean``. `right_loss` is the same with sums, and passes.
"""

from __future__ import annotations

import numpy as np


def kl_divergence(mu, logvar):
    """Of each example."""
    return -0.5 * np.sum(1 + logvar - np.square(mu) - np.exp(logvar), axis=1)


def vae_loss(x, x_hat, mu, logvar):
    """As it is often written."""
    reconstruction = np.mean((x - x_hat) ** 2)
    return reconstruction + kl_divergence(mu, logvar)


def right_loss(x, x_hat, mu, logvar):
    """Half the squared error of each example, its KL, and the mean over the batch."""
    reconstruction = 0.5 * np.sum((x - x_hat) ** 2, axis=1)
    return np.mean(reconstruction + kl_divergence(mu, logvar))
