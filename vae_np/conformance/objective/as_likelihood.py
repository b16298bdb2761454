"""What programs take for p(x|z) and this package has not: squares after a sigmoid, an epsilon in a logarithm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.forms import RECONSTRUCTIONS, Form, gradient
from vae_np.formulas.activations import get_activation
from vae_np.formulas.likelihoods import Gaussian

__all__ = ["OfForm"]

Array = NDArray[Any]
NOTHING: Mapping[str, Array] = {}


class OfForm(Gaussian):
    """log p(x | raw) = -form(x, link(raw)) for a form of a reconstruction, or N(link(raw), 1) for the squares.

    It has no name of its own: it is known here only.
    """

    def __init__(self, form: str, link: str) -> None:
        super().__init__(1.0)
        self.form: Form = next(known for known in RECONSTRUCTIONS if form in (known.id, known.says))
        self.link = get_activation(link)

    def log_density(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> Array:
        """The negative of the form; the Gaussian's has its constant."""
        mean = self.link.forward(raw)
        if self.form.id == "squares":
            return super().log_density(x, mean, own)
        found: Array = -self.form.value(np.broadcast_to(x, mean.shape), mean)
        return found

    def gradient(self, x: Array, raw: Array, own: Mapping[str, Array] = NOTHING) -> tuple[Array, dict[str, Array]]:
        """The form's by a complex step, through the link."""
        mean = self.link.forward(raw)
        slope = -gradient(self.form, np.broadcast_to(x, mean.shape), mean, of=1)
        return self.link.backward(slope, raw, mean), {}
