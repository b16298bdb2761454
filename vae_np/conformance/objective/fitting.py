"""A loss as a times a reconstruction plus b times a KL plus a constant: which forms, and which numbers.

    d loss / d output = a d(sum of the reconstruction) / d output
    d loss / d (mu, logvar) = b d(sum of the KL) / d (mu, logvar)
    loss - a (sum of the reconstruction) - b (sum of the KL) = c

A form explains a derivative if, times one number, it is the whole of it to within the derivative's own error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.forms import CLAMPED, KLS, RECONSTRUCTIONS, Form, gradient
from vae_np.conformance.objective.frameworks import Framework
from vae_np.conformance.objective.probes import SECOND, D, K, N, Probe

__all__ = ["Fit", "Loss", "by_log_variance", "explain", "hard", "of_examples", "terms_of_kl", "tolerance"]

Array = NDArray[Any]


class Fit(NamedTuple):
    """How a derivative is explained."""

    form: Form | None
    """None where nothing is to be explained: the derivative is 0."""
    scale: float
    off: float
    """The largest entry that is left, over the largest entry."""


class Loss(NamedTuple):
    """What was found of a loss."""

    order: tuple[str, ...]
    value: Array
    """Of shape () or (N,): what it returns, summed over axes after the first."""
    d_latent: Array
    """Its derivative with respect to mu and logvar, (2, N, K)."""
    reconstruction: Fit
    kl: Fit
    rest: Array
    """What the two leave of the value: of shape () or (N,)."""
    features: int = D
    latent: int = K

    def explained(self, allowed: float) -> bool:
        """Whether both derivatives are, and there is something at all."""
        fits = (self.reconstruction, self.kl)
        return all(fit.off <= allowed for fit in fits) and any(fit.form is not None for fit in fits)


def tolerance(framework: Framework) -> float:
    """Of a derivative, relative to its largest entry."""
    return 1e-9 if framework.exact else 1e-6


def explain(f: Callable[..., Any], order: tuple[str, ...], at: Probe, framework: Framework) -> Loss:
    """What the loss returns, or the first of what it returns."""
    arrays = at.of(order)
    value = framework.call(f, arrays)[0]
    slopes = dict(zip(order, framework.gradients(f, arrays), strict=True))
    for role in SECOND[1:]:
        if role in slopes:
            slopes["logvar"] = slopes[role] * by_log_variance(role, at.logvar)
    kls = KLS
    if "z" in slopes and np.abs(slopes["z"]).max() > 0:  # a KL at one sample: through z, too
        kls = (_sampled(at.eps),)
        moved = {"mu": slopes["z"], "logvar": slopes["z"] * np.exp(at.logvar / 2) * at.eps / 2}
        slopes |= {role: slopes.get(role, 0.0) + slope for role, slope in moved.items()}
    zero = np.zeros_like(at.mu)
    d_latent = np.stack([slopes.get("mu", zero), slopes.get("logvar", zero)])
    d_output = slopes.get("output", np.zeros_like(at.x))
    reconstruction = _best(RECONSTRUCTIONS, d_output, _slope_of_output(at), framework)
    kl = _best(kls, d_latent, _slope_of_latent(at), framework)
    summed = np.asarray(value.reshape(N, -1).sum(axis=1) if value.ndim and len(value) == N else value.sum())
    rest = _rest(summed, reconstruction, kl, at)
    return Loss(order, summed, d_latent, reconstruction, kl, rest, at.x.shape[1], at.mu.shape[1])


def by_log_variance(role: str, logvar: Any) -> Any:
    """The derivative of what stands for the log-variance with respect to it."""
    return {"logvar": 1.0, "logstd": 0.5, "sigma": np.exp(logvar / 2) / 2, "var": np.exp(logvar)}[role]


def _sampled(eps: Array) -> Form:
    """log q(z|x) - log p(z) at z = mu + exp(s/2) eps."""
    return Form(
        "kl-sampled", "right", "log q(z|x) - log p(z) at the sample z, and not in closed form",
        lambda m, s: 0.5 * ((m + np.exp(s / 2) * eps) ** 2 - s - eps**2),
    )  # fmt: skip


def _slope_of_output(at: Probe) -> Callable[[Form], Array]:
    return lambda form: gradient(form, at.x, at.output, of=1)


def _slope_of_latent(at: Probe) -> Callable[[Form], Array]:
    return lambda form: np.stack([gradient(form, at.mu, at.logvar, of=i) for i in (0, 1)])


def _best(forms: Sequence[Form], slope: Array, of: Callable[[Form], Array], framework: Framework) -> Fit:
    """The first form that explains it, else that which leaves the least."""
    largest = float(np.abs(slope).max())
    if largest <= 1e-12:
        return Fit(None, 0.0, 0.0)
    fits = []
    for form in forms:
        g = of(form)
        scale = float(np.sum(g * slope) / np.sum(g * g))
        fits.append(Fit(form, scale, float(np.abs(slope - scale * g).max()) / largest))
        if fits[-1].off <= tolerance(framework):
            return fits[-1]
    return min(fits, key=lambda fit: fit.off)


def of_examples(fit: Fit, *at: Array) -> Array:
    """The form of each example, summed over its entries; 0 where there is none."""
    return np.zeros(N) if fit.form is None else np.real(fit.form.value(*at)).sum(axis=1)


def _rest(value: Array, reconstruction: Fit, kl: Fit, at: Probe) -> Array:
    parts = reconstruction.scale * of_examples(reconstruction, at.x, at.output)
    parts = parts + kl.scale * of_examples(kl, at.mu, at.logvar)
    return value - (parts if value.ndim else parts.sum())


def terms_of_kl(slopes: Array, at: Probe) -> tuple[float, float, float, float]:
    """c_mu, c_e, c_s of 1/2 sum(c_mu mu^2 + c_e e^s - c_s s) by least squares, and what that leaves, relative."""
    size = at.mu.size
    columns = np.zeros((2 * size, 3))
    columns[:size, 0] = at.mu.ravel()
    columns[size:, 1] = np.exp(at.logvar).ravel() / 2
    columns[size:, 2] = -0.5
    found, *_ = np.linalg.lstsq(columns, slopes.ravel(), rcond=None)
    off = np.abs(slopes.ravel() - columns @ found).max() / np.abs(slopes).max()
    return float(found[0]), float(found[1]), float(found[2]), float(off)


def hard(f: Callable[..., Any], loss: Loss, at: Probe, framework: Framework) -> tuple[Form | None, float]:
    """The form that explains the reconstruction near the ends of the probabilities (logits near +-25, lambda near 1/2).

    Here an entry's error is relative to itself, for the derivatives are of all sizes. Returns the form (None if none
    does) and how far the one that explains ordinary outputs is off.
    """
    form = loss.reconstruction.form
    assert form is not None
    output = np.resize(HARD[form.id if form.id in HARD else form.output], at.x.shape)
    there = at._replace(output=output)
    order = ("output", *[role for role in loss.order if role != "output"])
    place = [order.index(role) for role in loss.order]

    def moved(*given: Any) -> Any:
        return f(*[given[i] for i in place])

    steps = 0.25 * np.minimum(output, 1 - output) if form.output == "probabilities" else np.full_like(output, 0.01)
    slope = framework.gradients(moved, there.of(order), steps)[0]
    among = [
        form,
        *(other for other in (*RECONSTRUCTIONS, *CLAMPED) if other.output == form.output and other.id != form.id),
    ]
    least = 1e-9 if framework.exact else 1e-6  # differences have the rounding of the values
    off = [_off(slope, loss.reconstruction.scale * gradient(other, at.x, output, of=1), least) for other in among]
    fitting = [other for other, error in zip(among, off, strict=True) if error <= (1e-9 if framework.exact else 1e-5)]
    return (fitting[0] if fitting else None), off[0]


HARD = {
    "probabilities": (3e-8, 4e-7, 2e-6, 4e-5, 5e-4, 5e-3, 0.2, 1 - 4e-5, 1 - 2e-6),
    "logits": (-35.0, -25.0, -20.5, 0.25, 20.5, 25.0, 35.0),  # not 0: max(l, 0) has there whatever derivative
    "continuous-bernoulli": (0.499, 0.5, 0.5004, 0.495, 0.02, 0.97, 0.3),
    "mean": (-40.0, -3.0, -0.5, 0.0, 0.7, 5.0, 60.0),
}
"""Outputs, again and again: of probabilities one between each two of the clamps that are known."""


def _off(slope: Array, expected: Array, least: float) -> float:
    """The largest error of an entry, relative to it, or to the least where it nearly vanishes; NaN is infinite."""
    size = np.maximum(np.abs(expected), least)
    with np.errstate(invalid="ignore"):
        off = float(np.max(np.abs(slope - expected) / size))
    return off if np.isfinite(off) else float("inf")
