"""What programs take for p(x|z) and this package has not: half a squared error after a sigmoid or a tanh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from vae_np.formulas.activations import get_activation
from vae_np.formulas.likelihoods import Gaussian

__all__ = ["GaussianOf"]

Array = NDArray[Any]
NOTHING: Mapping[str, Array] = {}


class GaussianOf(Gaussian):
    """N(link(raw), 1) of each feature. It has no name of its own: it is known here only."""

    def __init__(self, link: str) -> None:
        super().__init__(1.0)
        self.link = get_activation(link)

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """The Gaussian's, at link(raw)."""
        return super().log_density(x, self.link.forward(raw), own)

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """The Gaussian's, through the link."""
        mean = self.link.forward(raw)
        slope, nothing = super().gradient(x, mean, own)
        return self.link.backward(slope, raw, mean), nothing
