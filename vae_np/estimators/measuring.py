"""Bias and variance of a gradient estimator, tensor by tensor, with their uncertainty."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.formulas.objectives import Objective, get_objective
from vae_np.formulas.parameters import Parameters
from vae_np.model.vae import VAE
from vae_np.support.checks import check_values, whole
from vae_np.support.moments import Moments
from vae_np.support.noise import standard_normal

__all__ = ["Measured", "Row", "measure"]

Array = NDArray[Any]
BLOCKS = 100
"""Means of which the spread is taken: a standard error of them is known to 7 %."""
ROWS = 2**15
"""Rows S N that are computed at once."""


class Row(NamedTuple):
    """Of a group of parameters or a tensor.

    Attributes
    ----------
    name : str
    size : int
        Its entries P.
    norm : float
        Euclidean length of the exact gradient, or, where there is none, of the mean.
    deviation : float
        Root mean square over the entries of the standard deviation of one estimate.
    ratio : float
        Mean over the entries of |mean| / deviation, the signal-to-noise ratio of one estimate.
    bias : float
        Length of mean - exact.
    bias_error : float
        Its standard error: what a bias of 0 has as its length, as root mean square.
    worst : float
        The largest |mean - exact| of an entry in standard errors; NaN without an exact gradient.
    """

    name: str
    size: int
    norm: float
    deviation: float
    ratio: float
    bias: float
    bias_error: float
    worst: float


class Measured(NamedTuple):
    """What `measure` returns: gradients of the mean bound over the examples, in the direction of ascent.

    ``mean`` is that over all estimates, ``error`` its standard error, ``deviation`` the standard deviation of one
    estimate; ``exact`` is what it is compared with, or None.
    """

    objective: Objective
    samples: int
    estimates: int
    mean: Parameters
    error: Parameters
    deviation: Parameters
    exact: Parameters | None

    def rows(self, by: str = "part") -> list[Row]:
        """A row for the encoder, the decoder and each other part that learns; for ``by="tensor"`` for each tensor."""
        if by not in ("part", "tensor"):
            raise ValueError(f"by must be 'part' or 'tensor'; got {by!r}")
        names = list(dict.fromkeys(name.split(".")[0] if by == "part" else name for name in self.mean))
        return [self._row(name) for name in names]

    def _row(self, name: str) -> Row:
        mean, error, deviation = (_part(of, name) for of in (self.mean, self.error, self.deviation))
        exact = None if self.exact is None else _part(self.exact, name)
        off = np.full_like(mean, np.nan) if exact is None else mean - exact
        moving = error > 0  # an entry that never varies, as of a unit that is dead, is off or it is not
        with np.errstate(invalid="ignore", divide="ignore"):
            in_errors = np.where(moving, np.abs(off) / error, np.where(np.abs(off) > 1e-12, np.inf, 0 * off))
            ratio = np.where(deviation > 0, np.abs(mean) / deviation, np.nan)
        return Row(
            name,
            mean.size,
            float(np.linalg.norm(mean if exact is None else exact)),
            float(np.sqrt(np.square(deviation).mean())),
            float(np.nanmean(ratio)) if moving.any() else math.nan,
            float(np.linalg.norm(off)),
            float(np.linalg.norm(error)),
            float(in_errors.max()),
        )


def measure(vae: VAE, x: ArrayLike, objective: str | Objective = "elbo", samples: int = 1, *, estimates: int = 10_000,
            seed: int = 0, exact: Parameters | None = None) -> Measured:  # fmt: skip
    """Draw an objective's gradient ``estimates`` times and compare the mean with the exact one.

    One estimate is what a step of training takes from a batch of these N examples with S samples of each. Estimates are
    averaged in 100 blocks; the blocks' spread gives the standard error of the mean, and times sqrt(estimates) the
    deviation of one estimate.

    Parameters
    ----------
    vae : VAE
        In float64, by its own backend.
    x : array, shape (N, D)
    objective : str or Objective
    samples : int
        S.
    estimates : int
        At least 200; rounded up to whole blocks.
    seed : int
    exact : Parameters, optional
        In the direction of ascent, as from `target`, `exact.expected` or `exact.elbo_and_grad`.

    Returns
    -------
    Measured

    Raises
    ------
    ValueError
        If the model is float32, whose rounding would pass for a bias, the objective ties the examples of a batch
        together, or ``exact`` is the gradient of another model.
    """
    goal = get_objective(objective)
    if vae.dtype != np.float64:
        raise ValueError("estimators are measured in float64: rounding to float32 would pass for a bias")
    x = vae.check_data(x)
    if len(x) == 0:
        raise ValueError("x has no examples")
    _check_exact(exact, vae.parameters)
    samples, n = whole("samples", samples, at_least=1), len(x)
    each = -(-whole("estimates", estimates, at_least=2 * BLOCKS) // BLOCKS)
    at_once = max(1, min(each, ROWS // (samples * n)))
    moments = Moments()
    for block in range(BLOCKS):
        total = np.zeros(vae.parameters.vector.size)
        for first in range(0, each, at_once):
            count = min(at_once, each - first)
            shape = (samples, count * n, vae.architecture.latent)
            eps = standard_normal(seed, block, shape, vae.dtype, first=first * n, purpose="measure")
            total -= count * _gradient(vae, np.tile(x, (count, 1)), eps, goal)
        moments.add((total / each)[None])
    error = np.sqrt(moments.variance() / (BLOCKS - 1))
    like = vae.parameters.like
    return Measured(goal, samples, each * BLOCKS, like(moments.mean.copy()), like(error),
                    like(error * math.sqrt(each * BLOCKS)), exact)  # fmt: skip


def _check_exact(exact: Any, parameters: Parameters) -> None:
    """That it is None or finite numbers, one for each parameter."""
    if exact is None:
        return
    if not isinstance(exact, Parameters):
        hint = "; give its .gradients" if isinstance(getattr(exact, "gradients", None), Parameters) else ""
        raise TypeError(f"exact must be Parameters, as from estimators.target; got {type(exact).__name__}{hint}")
    for name in {**exact.shapes, **parameters.shapes}:
        theirs, ours = (of.shapes.get(name, "missing") for of in (exact, parameters))
        if theirs != ours:
            raise ValueError(f"exact is the gradient of another model: {name} is {theirs} there and {ours} here")
    check_values(exact.vector, -math.inf, math.inf, name="exact")


def _gradient(vae: VAE, x: Array, eps: Array, objective: Objective) -> Array:
    """Of the loss; the mean over so many estimates as x has copies of the examples."""
    if objective(vae.terms(x[:1], eps[:, :1])).each is None:
        raise ValueError(f"{objective!r} ties the examples of a batch together: its estimates cannot be averaged")
    return vae.loss_and_grad(x, eps, objective=objective)[1].vector


def _part(of: Parameters, name: str) -> Array:
    """The entries of a part or of a tensor."""
    return np.concatenate([of[tensor].ravel() for tensor in of if tensor == name or tensor.split(".")[0] == name])
