"""A KL that is used as it is on one side of a threshold only: free bits, and a capacity |KL - C|.

    free bits    sum over units of max(KL_u, lambda)
    capacity     gamma |KL_u - C|

A unit is an entry, a dimension's mean over the batch, an example, or the mean of all examples. The loss is asked at
posteriors that are nearer to the prior, and farther from it: its derivative is b times that of the KL, or 0, or -b.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.fitting import Fit, Loss, of_examples
from vae_np.conformance.objective.forms import KLS, gradient
from vae_np.conformance.objective.frameworks import Framework
from vae_np.conformance.objective.naming import Finding
from vae_np.conformance.objective.probes import N, Probe

__all__ = ["Bounded", "bounded"]

Array = NDArray[Any]
SCALES = (0.03, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Of mu and logvar: the KLs of an example go from a thousandth to some hundreds."""
APART = np.array([0.4, 1.0, 2.2])[:, None]
"""Of the examples, so that they do not cross a threshold together but where it is their mean's."""
WIDEST = 2.0
"""Of logvar: more would leave nothing but e^s."""
UNITS: dict[str, tuple[Callable[[Array], Array], float, str]] = {
    "batch": (lambda kl: np.asarray(kl.sum() / N), N, "the batch's mean of an example"),
    "total": (lambda kl: kl.sum(axis=1), 1, "each example"),
    "per-dimension": (lambda kl: kl.mean(axis=0), N, "the batch's mean of a dimension"),
    "per-entry": (lambda kl: kl, 1, "each entry"),
}
"""How the entries (N, K) become units, how often a unit is in their sum, and what it is called."""


class Bounded(NamedTuple):
    """What was found of such a KL."""

    loss: Loss
    """With the KL as it is where it is used."""
    finding: Finding
    kind: str
    """One of `UNITS`."""
    threshold: float
    """lambda, or C."""

    @property
    def is_capacity(self) -> bool:
        """Whether it is |KL - C|."""
        return self.finding.id == "kl-capacity"


class _Point(NamedTuple):
    ratio: Array
    """Of the loss's derivative to the KL's, (N, K)."""
    kl: Array
    value: float
    """Without the reconstruction, summed over examples."""


def bounded(f: Callable[..., Any], loss: Loss, at: Probe, framework: Framework) -> Bounded | None:
    """Free bits or a capacity, if the loss has them; None if it has not, or is not explained by them."""
    if not {"mu", "logvar"} <= set(loss.order) or loss.reconstruction.off > 1e-5:
        return None
    points = []
    for scale in SCALES:
        rows = scale * APART
        there = at._replace(mu=rows * at.mu, logvar=np.minimum(rows, WIDEST) * at.logvar)
        point = _point(f, loss, there, framework)
        if point is None:
            return None
        points.append(point)
    largest = max(float(np.abs(point.ratio).max()) for point in points)
    if not largest:
        return None
    signs = [np.round(point.ratio / largest) for point in points]
    close = 1e-7 if framework.exact else 1e-4
    off = max(float(np.abs(p.ratio / largest - s).max()) for p, s in zip(points, signs, strict=True))
    seen = {float(s) for sign in signs for s in sign.ravel()}
    if off > close or seen not in ({0.0, 1.0}, {-1.0, 1.0}):
        return None
    for kind in UNITS:
        if (threshold := _threshold(points, signs, largest, kind)) is not None:
            return _told(loss, largest, kind, threshold, seen == {-1.0, 1.0})
    return None


def _point(f: Callable[..., Any], loss: Loss, at: Probe, framework: Framework) -> _Point | None:
    """None where the two derivatives are not one multiple of the KL's."""
    ratios = []
    for i, role in enumerate(("mu", "logvar")):
        order = (role, *[other for other in loss.order if other != role])
        place = [order.index(other) for other in loss.order]

        def moved(*given: Any, place: list[int] = place) -> Any:
            return f(*[given[j] for j in place])

        slope = framework.gradients(moved, at.of(order), np.full_like(at.mu, 1e-3))[0]
        ratios.append(slope / gradient(KLS[0], at.mu, at.logvar, of=i))
    largest = max(float(np.abs(ratio).max()) for ratio in ratios)
    if not np.isfinite(largest) or np.abs(ratios[0] - ratios[1]).max() > (1e-7 if framework.exact else 1e-4) * largest:
        return None
    value = framework.call(f, at.of(loss.order))[0]
    rec = loss.reconstruction.scale * of_examples(loss.reconstruction, at.x, at.output).sum()
    return _Point(ratios[0], np.real(KLS[0].value(at.mu, at.logvar)), float(value.sum() - rec))


def _threshold(points: list[_Point], signs: list[Array], b: float, kind: str) -> tuple[float, float] | None:
    """The threshold of these units and the constant beside it; None if they are not what is compared with one."""
    of_units, often, _ = UNITS[kind]
    turns = any((sign < 0).any() for sign in signs)
    low: list[float] = []
    high: list[float] = []
    rows, rests = [], []
    for point, sign in zip(points, signs, strict=True):
        units = of_units(point.kl)
        mean = _mean_sign(sign, kind)
        if not np.isin(mean, (-1.0, 0.0, 1.0)).all():
            return None
        low += np.extract(mean < 1, units).tolist()
        high += np.extract(mean == 1, units).tolist()
        below, above = float((mean < 1).sum()), float((mean == 1).sum())
        rows.append((1.0, b * often * (below - (above if turns else 0.0))))
        rests.append(point.value - b * float((sign * point.kl).sum()))
    design, given = np.array(rows), np.array(rests)
    if np.ptp(design[:, 1]) == 0:
        design[:, 0] = 0.0
    (constant, threshold), *_ = np.linalg.lstsq(design, given, rcond=None)
    size = max(float(np.abs(given).max()), b * abs(float(threshold)), 1e-9)
    if np.abs(design @ [constant, threshold] - given).max() > 1e-6 * size:
        return None
    inside = max(low) - 1e-6 <= threshold <= min(high) + 1e-6
    return (float(threshold), float(constant)) if inside else None


def _mean_sign(sign: Array, kind: str) -> Array:
    means: dict[str, Callable[[], Any]] = {
        "batch": sign.mean,
        "total": lambda: sign.mean(axis=1),
        "per-dimension": lambda: sign.mean(axis=0),
        "per-entry": lambda: sign,
    }
    return np.asarray(means[kind]())


def _told(loss: Loss, b: float, kind: str, found: tuple[float, float], capacity: bool) -> Bounded:
    threshold, constant = found
    what = UNITS[kind][2]
    if capacity:
        says = f"gamma |KL - C|, of {what}, with C = {threshold:.6g} and gamma = {{:.6g}}"
        finding = Finding("kl-capacity", "dialect", says)
    else:
        says = f"free bits: the KL of {what} counts as {threshold:.6g} where it is less"
        finding = Finding("free-bits", "dialect", says)
    rest = np.full(N, constant / N) if loss.value.ndim else np.asarray(constant)
    return Bounded(loss._replace(kl=Fit(KLS[0], b, 0.0), rest=rest), finding, kind, threshold)
