"""What a wrong stage looks like where no known mistake explains it: a factor, an offset, proportional to which term.

Facts that are measured, not guesses: each is true of every entry to within rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vae_np.conformance.cases import Case
from vae_np.conformance.mistakes.reference import RULES, changed, stages

__all__ = ["describe"]

Array = NDArray[Any]
SHOWN = 6
CLOSE = {"float64": 1e-7, "float32": 1e-3}


def describe(case: Case, stage: str, given: ArrayLike, dtype: str = "float64") -> str:
    """In words, how the answer differs from the right one; "" where it has no simple form."""
    a, e = np.asarray(given, float), case.expected[stage].nearest
    if a.shape != e.shape or not np.isfinite(a).all():
        return ""
    close = CLOSE[dtype]
    ratio = _constant(a, e, close)
    if ratio is not None and abs(ratio - 1) > close:
        return f"it is {ratio:.6g} times the right one"
    rest = a - e
    size = np.abs(e).max()
    if rest.size > 1 and np.ptp(rest) <= close * size:
        return f"it is the right one plus {rest.mean():.6g}"
    if e.ndim and (rows := _rows(rest, close * size)):
        return rows
    for name, term in _terms(case, stage):
        if term.shape == e.shape and np.ptp(term) > 0 and (factor := _constant(rest, term, 10 * close)) is not None:
            return f"it is the right one plus {factor:.6g} times {name}"
    return f"its largest difference is {np.abs(rest).max() / size:.2g} of the largest entry"


def _constant(a: Array, e: Array, close: float) -> float | None:
    """The number that a is of e, in all entries."""
    square = float(np.sum(e * e))
    if square == 0:
        return None
    factor = float(np.sum(a * e) / square)
    alike = np.abs(a - factor * e).max() <= close * max(np.abs(a).max(), abs(factor) * np.abs(e).max())
    return factor if alike and factor else None


def _rows(rest: Array, least: float) -> str:
    """That only some examples, or dimensions, are wrong."""
    for axis, name in ((-1, "example"),) if rest.ndim == 1 else ((-2, "example"), (-1, "dimension")):
        if rest.ndim < -axis or rest.shape[axis] < 2:
            continue
        others = tuple(i for i in range(rest.ndim) if i != rest.ndim + axis)
        wrong = np.flatnonzero(np.abs(rest).max(axis=others) > least)
        if 0 < len(wrong) < rest.shape[axis]:
            if len(wrong) > SHOWN:
                return f"only {len(wrong)} of {rest.shape[axis]} {name}s are wrong, {name} {wrong[0]} among them"
            return f"only {name} {', '.join(map(str, wrong))} of {rest.shape[axis]} is wrong"
    return ""


def _terms(case: Case, stage: str) -> Iterator[tuple[str, Array]]:
    """What the difference may be proportional to, by name."""
    known: Mapping[str, Array] = {name: value.nearest for name, value in case.expected.items()} | dict(case.inputs)
    if {"mu", "logvar"} <= known.keys() and stage in ("kl", "bound", "z", "d_mu", "d_logvar"):
        mu, s = known["mu"], known["logvar"]
        entries = {"mu": mu, "mu^2": mu**2, "|mu|": np.abs(mu), "s": s, "s^2": s**2, "e^s": np.exp(s),
                   "sigma": np.exp(s / 2), "e^s - 1 - s": np.expm1(s) - s, "mu s": mu * s}  # fmt: skip
        for name, value in entries.items():
            yield (f"the sum of {name}", value.sum(axis=-1)) if stage in ("kl", "bound") else (name, value)
        if stage == "z":
            yield from _noise(known["eps"], mu, s)
    if stage == "bound" and {"kl", "log_likelihood"} <= known.keys():
        yield "the KL", known["kl"]
        yield "the log-likelihood", known["log_likelihood"].mean(axis=0)
    if stage.startswith("d_") and case.kind == "model":
        yield from _paths(case, stage)
    if stage == "log_density" and {"x", "raw"} <= known.keys():
        yield from (("x", known["x"]), ("raw", known["raw"]), ("x raw", known["x"] * known["raw"]))


def _noise(eps: Array, mu: Array, s: Array) -> Iterator[tuple[str, Array]]:
    noise = eps if eps.ndim == mu.ndim else eps.reshape(-1, *mu.shape)
    for power in (1, 2, 3):
        name = "eps" if power == 1 else f"eps^{power}"
        yield name, noise**power
        yield f"sigma {name}", np.exp(s / 2) * noise**power


def _paths(case: Case, stage: str) -> Iterator[tuple[str, Array]]:
    """The parts of a gradient: that of the KL, and that of the rest."""
    still = changed({"kl": lambda right: lambda c, mu, s: 0 * right(c, mu, s)})
    without, whole = (stages(case, rules, steps=0).get(stage) for rules in (still, RULES))
    if without is not None and whole is not None:
        yield "the KL's part of the gradient", whole - without
        yield "the log-likelihood's part of the gradient", without
