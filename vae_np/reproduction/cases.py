"""The models whose training is reproduced: each activation and likelihood that has a kernel, in both precisions.

Sizes are awkward (no multiple of a vector's lanes, of a tile's rows or of a block), and one case is large enough for
every block to be cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.doors import chosen
from vae_np.formulas.likelihoods import Likelihood
from vae_np.support.noise import uniform

__all__ = ["CASES", "Case"]

STEPS = 50
ACTIVATIONS = ("tanh", "relu", "softplus", "sigmoid", "elu", "gelu", "identity")
DENSE = ("continuous-bernoulli", "gaussian:sigma=0.7", "gaussian:sigma=learned", "gaussian:sigma=per-feature",
         "gaussian:sigma=heteroscedastic")  # fmt: skip
FLOORS = tuple(f"gaussian:sigma={sigma},floor=0.5" for sigma in ("learned", "per-feature", "heteroscedastic"))

OTHERS = ("laplace", "student-t", "discretised-logistic", "negative-binomial", "beta", "poisson", "multinomial",
          "categorical:classes=7")  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A model of D-h-K and its training, 50 steps."""

    dtype: str
    activation: str = "tanh"
    likelihood: str = "bernoulli"
    density: float = 0.13
    """The share of ones in the data; 1 for data that are uniform in [0, 1), 2 for what the likelihood makes of them."""
    features: int = 70
    hidden: tuple[int, ...] = (33,)
    latent: int = 5
    batch: int = 21
    samples: int = 1
    objective: str = "elbo"
    optimizer: dict[str, Any] = field(default_factory=dict)
    binarise: str = "none"
    init: str = "glorot-uniform"

    def data(self) -> NDArray[Any]:
        """Ten batches of rows."""
        u = uniform(11, 0, (10 * self.batch, self.features))
        if self.density == 2:
            u = chosen(Likelihood, self.likelihood).examples(u)
        return np.asarray(u if self.density >= 1 else u < self.density, self.dtype)


def _named() -> dict[str, Case]:
    found: dict[str, Case] = {}
    for dtype in ("float32", "float64"):

        def add(name: str, dtype: str = dtype, **options: Any) -> None:
            found[f"{name}, {dtype}"] = Case(dtype, **options)

        for activation in ACTIVATIONS:
            add(activation, activation=activation)
        for likelihood in (*DENSE, *FLOORS):
            add(likelihood, likelihood=likelihood, density=1)
        for likelihood in OTHERS:
            add(likelihood, likelihood=likelihood, density=2)
        add("dense data", density=0.6)
        add("binarised as it goes", density=1, binarise="dynamic")
        add("five samples", samples=5)
        add("importance-weighted", samples=5, objective="iwae")
        add("doubly reparameterised", samples=5, objective="dreg")
        add("free bits", objective="elbo:free_bits=0.3")
        add("AMSGrad, clipped, decayed", optimizer={"amsgrad": True, "clip_norm": 0.5, "weight_decay": 0.01})
        add("two layers, normal start", hidden=(40, 17), init="he-normal")
        add("no hidden layer", hidden=())
        add("300 samples", samples=300, batch=3)
        add("large", features=784, hidden=(300,), latent=20, batch=130)
    return found


CASES = _named()
