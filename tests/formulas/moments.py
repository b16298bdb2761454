"""Whether samples have a mean and a variance."""

from __future__ import annotations

import numpy as np

SIGMAS = 5.0
"""Standard errors by which a sampled moment may be off: by chance one in two million."""


def assert_moments(samples: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> None:
    """Mean and variance of samples (draws, ...) within SIGMAS standard errors; the fourth moment is the samples'."""
    draws = len(samples)
    if not np.all(variance):  # what does not vary, such as an exposure of 1, is its mean itself
        fixed = np.broadcast_to(variance == 0, samples.shape[1:])
        assert (samples == mean)[:, fixed].all()
        samples, mean, variance = samples[:, ~fixed], np.asarray(mean)[~fixed], np.asarray(variance)[~fixed]
    z = (samples.mean(axis=0) - mean) / np.sqrt(variance / draws)
    worst = np.unravel_index(np.argmax(np.abs(z)), z.shape)
    assert np.abs(z[worst]) <= SIGMAS, f"the mean at {worst} is {z[worst]:.1f} standard errors off"
    square = (samples - mean) ** 2
    error = np.sqrt(square.var(axis=0) / draws)
    z = (square.mean(axis=0) - variance) / np.maximum(error, 1e-6 * variance)
    worst = np.unravel_index(np.argmax(np.abs(z)), z.shape)
    assert np.abs(z[worst]) <= SIGMAS, f"the variance at {worst} is {z[worst]:.1f} standard errors off"
