"""The likelihood and the scale that data want, where the caller leaves both to them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vae_np.formulas.doors import chosen
from vae_np.formulas.likelihoods import Bernoulli, Gaussian, Likelihood

__all__ = ["FLOOR", "Kind", "gaussian_of", "kind_of", "natural", "natural_or_given"]

FLOOR = 0.05
"""The floor of a learned deviation, as a share of the data's: a feature that hardly varies cannot drown the others."""
Kind = Literal["bernoulli", "learned", "per-feature"]


def kind_of(low: float, high: float, binary: bool) -> Kind:
    """What data of this range want: Bernoulli, or a Gaussian with one learned deviation, or with one a feature.

    0 and 1 alone: Bernoulli. Grey values in [0, 1]: one deviation. Other numbers: one a feature, standardised.
    """
    if binary:
        return "bernoulli"
    return "learned" if low >= 0 and high <= 1 else "per-feature"


def natural(x: NDArray[Any]) -> tuple[Likelihood, str]:
    """Likelihood and scale of x (N, D) by `kind_of`, with a floor under what is learned."""
    if ((x == 0) | (x == 1)).all():
        return Bernoulli(), "none"
    return gaussian_of(x)


def gaussian_of(x: NDArray[Any]) -> tuple[Gaussian, str]:
    """The Gaussian of x (N, D) by `kind_of`, with a floor, and the scale."""
    if kind_of(float(x.min()), float(x.max()), False) == "learned":
        spread = float(np.sqrt(np.mean(x.var(axis=0, dtype=np.float64))))
        return Gaussian(sigma="learned", floor=float(f"{FLOOR * spread:.3g}")), "none"
    return Gaussian(sigma="per-feature", floor=FLOOR), "standard"


def natural_or_given(likelihood: Any, x: NDArray[Any]) -> tuple[Likelihood, str]:
    """`natural` of ``"auto"``, else the likelihood that is given, and the scale of x (N, D) for it.

    That is "standard" where what may be any number lies beyond [0, 1].
    """
    if isinstance(likelihood, str) and likelihood == "auto":
        return natural(x)
    given = chosen(Likelihood, likelihood)
    real = x[:, given.real(x.shape[1])]
    beyond = real.size > 0 and kind_of(float(real.min()), float(real.max()), False) == "per-feature"
    return given, "standard" if beyond else "none"
