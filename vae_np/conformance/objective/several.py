"""A loss of several samples z of each example: the importance-weighted bound (Burda et al. 2016), and its mistakes.

log w = log p(x|z) + log p(z) - log q(z|x),    bound = log 1/S sum_s w_s
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.forms import RECONSTRUCTIONS, Form, gradient
from vae_np.conformance.objective.frameworks import Framework
from vae_np.conformance.objective.naming import Finding
from vae_np.conformance.objective.probes import D, K, N, of_log_variance, orders
from vae_np.formulas import gaussian
from vae_np.formulas.numerics import LOG_2PI, log_mean_exp, normalised_exp

__all__ = ["Several", "of_samples_alone", "several_samples"]

Array = NDArray[Any]
S = 4
"""Samples: neither N nor D nor K."""


class Several(NamedTuple):
    """What it is."""

    findings: tuple[Finding, ...]
    facts: tuple[str, ...]


def _log_sum_exp(a: Array) -> Array:
    found: Array = log_mean_exp(a) + np.log(len(a))
    return found


BOUNDS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "": lambda ll, log_ratio, kl: log_mean_exp(ll + log_ratio),
    "iwae-no-logk": lambda ll, log_ratio, kl: _log_sum_exp(ll + log_ratio),
    "iwae-mean-of-logs": lambda ll, log_ratio, kl: (ll + log_ratio).mean(axis=0),
    "iwae-lse-of-loss": lambda ll, log_ratio, kl: -_log_sum_exp(-(ll + log_ratio)),
    "iwae-analytic-kl": lambda ll, log_ratio, kl: log_mean_exp(ll) - kl,
}
"""Of log p(x|z) and log p(z) - log q(z|x), (S, N), and the KL, (N,): the right one, and those of the catalogue."""
SAYS = {
    "iwae-no-logk": "the sum of the weights is taken, not their mean: log S is missing",
    "iwae-mean-of-logs": "the mean of the logarithms is taken: the ELBO of S samples",
    "iwae-lse-of-loss": "the logarithm is of a sum of 1 / w",
    "iwae-analytic-kl": "the KL in closed form stands where log p(z) - log q(z|x) of each sample belongs",
}
SCALES = {
    "": (1 / N, None),
    "objective-batch-sum": (1.0, "the loss is a sum over the batch, not its mean"),
    "elbo-for-loss": (-1 / N, "it returns the bound, which is maximised, not the loss"),
}


def of_samples_alone(f: Callable[..., Any], arguments: tuple[str, ...] | None, framework: Framework) -> Several | None:
    """A loss that takes z by its name, and cannot be called with one of each example."""
    with contextlib.suppress(ValueError):
        order = next(orders(f, arguments))
        return several_samples(f, order, framework) if {"output", "x", "z"} <= set(order) else None
    return None


def several_samples(f: Callable[..., Any], order: tuple[str, ...], framework: Framework) -> Several | None:
    """What a loss of output, x, z, mu and logvar is if it takes several samples; None if it is none that is known."""
    draw = np.random.Generator(np.random.Philox(7))
    mu, logvar, eps = draw.normal(0, 1, (N, K)), draw.normal(-0.3, 0.5, (N, K)), draw.normal(0, 1, (S, N, K))
    z = mu + np.exp(logvar / 2) * eps
    given = {"x": draw.uniform(0.1, 0.9, (N, D)), "output": draw.uniform(0.1, 0.9, (S, N, D)), "z": z}
    given |= {"mu": mu, "logvar": logvar} | of_log_variance(logvar)
    kl = gaussian.kl(mu, logvar)
    kl = kl if kl.ndim == 1 else kl.sum(axis=1)
    log_ratio = 0.5 * (eps**2 + logvar - z**2).sum(axis=2)
    for how, arrays in _shapes(given, order):
        try:
            value = float(np.sum(framework.call(f, arrays)[0])), np.shape(framework.call(f, arrays)[0])
            slope = framework.gradients(f, arrays)[order.index("output")]
        except Exception:  # another shape may do
            continue
        for form, constant in _forms():
            ll = -form.value(given["x"], given["output"]).sum(axis=2) - constant
            for (bound, rule), (scale, (factor, says)) in itertools.product(BOUNDS.items(), SCALES.items()):
                unit = N * factor if value[1] else factor
                if abs(value[0] + unit * rule(ll, log_ratio, kl).sum()) > 1e-9 * abs(value[0]):
                    continue
                if not bound and not _is_slope(slope, form, given, ll + log_ratio, unit, framework):
                    continue
                found = [Finding(scale, "dialect", says)] if says else []
                if bound:
                    found.append(Finding(bound, "H", SAYS[bound]))
                fact = f"an importance-weighted bound, asked with {S} samples {how}; -log p(x|z) is {form.says}"
                return Several(tuple(found), (fact,))
    return None


def _forms() -> Iterator[tuple[Form, float]]:
    """With the constant of a Gaussian, and without."""
    for form in RECONSTRUCTIONS:
        if form.severity == "right":
            yield form, D / 2 * LOG_2PI if form.id == "squares" else 0.0
            if form.id == "squares":
                yield form, 0.0


def _shapes(given: dict[str, Array], order: tuple[str, ...]) -> Iterator[tuple[str, list[Array]]]:
    """The axis of the samples first or second; what has none as it is, with an axis of 1, or repeated."""
    for axis, how in ((0, "in the first axis"), (1, "in the second axis")):
        for widths in ((None, None), (1, 1), (S, S), (None, 1), (1, None), (S, None), (None, S)):
            arrays = []
            for role in order:
                value = given[role]
                if value.ndim == 3:
                    value = np.moveaxis(value, 0, axis)
                elif (width := widths[role == "x"]) is not None:
                    value = np.repeat(np.expand_dims(value, axis), width, axis=axis)
                arrays.append(np.ascontiguousarray(value))
            yield how, arrays


def _is_slope(slope: Array, form: Form, given: dict[str, Array], log_w: Array, unit: float,
              framework: Framework) -> bool:  # fmt: skip
    """Whether the derivative by the output is that of the bound: each sample's by its weight."""
    x, output = np.broadcast_to(given["x"], given["output"].shape), given["output"]
    expected = unit * normalised_exp(log_w)[..., None] * gradient(form, x, output, of=1)
    close = (1e-9 if framework.exact else 1e-6) * np.abs(expected).max()
    there = slope if slope.shape == expected.shape else np.moveaxis(slope, 1, 0)
    return there.shape == expected.shape and bool(np.abs(there - expected).max() <= close)
