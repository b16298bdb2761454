"""Gradient checks: `numeric` has the complex step and extrapolated differences, `check` judges a whole model by them.

`coefficients` says what wrong gradients look like, all tensors together.

A gradient check proves that a backward pass belongs to its forward pass and nothing more: a sampler that uses the
variance for the deviation passes it. The forward pass needs an oracle of its own.
"""

from vae_np.gradcheck.check import Report, Row, check_model
from vae_np.gradcheck.numeric import central_difference, complex_step

__all__ = ["Report", "Row", "central_difference", "check_model", "complex_step"]
