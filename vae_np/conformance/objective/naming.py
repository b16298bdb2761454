"""From the numbers of a fit to the name of a mistake: which factors of N, D, K, 2 and beta explain both scales.

A per-example loss is right with a = 1 and b = beta, a mean over the batch with both over N. Beside a factor that both
have (a sum over the batch, a mean over pixels), the reconstruction and the KL may each have one of their own. All ways
to explain the two numbers are tried, and those with the fewest factors are told; where several are left, they are the
same numbers.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from vae_np.conformance.objective.fitting import Loss, of_examples
from vae_np.conformance.objective.probes import D, K, N, Probe
from vae_np.formulas.numerics import LOG_2PI

__all__ = ["SINGLE", "UNKNOWN", "Finding", "constant", "per_example", "scales"]

UNKNOWN = "unknown"
"""The id of what is wrong and in no catalogue."""


class Finding(NamedTuple):
    """One thing that was found."""

    id: str
    severity: str
    """``"H"``: wrong objective or gradient, ``"M"``: wrong value, ``"L"``: cosmetic, ``"dialect"``: a convention."""
    says: str


class _Factor(NamedTuple):
    value: float
    finding: Finding | None


def scales(loss: Loss, beta: float) -> list[list[Finding]]:
    """The sets of findings that explain a and b, one of them at best; none if no set does."""
    unit = 1.0 if loss.value.ndim else 1 / N
    a, b = loss.reconstruction.scale / unit, loss.kl.scale / unit
    squares = loss.reconstruction.form is not None and loss.reconstruction.form.id == "squares"
    if (sigma := sigma_of(loss)) is not None:
        a *= sigma**2
    has_rec, has_kl = loss.reconstruction.form is not None, loss.kl.form is not None
    found: list[tuple[int, list[Finding]]] = []
    for both, rec, kl in itertools.product(
        _both(loss), _of_reconstruction(squares, loss.features, loss.latent), _of_kl(beta, loss.latent)
    ):
        if (rec.finding and not has_rec) or (kl.finding and not has_kl):
            continue
        right_a = not has_rec or np.isclose(a, both.value * rec.value, rtol=1e-5, atol=0)
        if right_a and (not has_kl or np.isclose(b, both.value * kl.value, rtol=1e-5, atol=0)):
            findings = [factor.finding for factor in (both, rec, kl) if factor.finding]
            found.append((sum(_WEIGHT[f.severity] for f in findings), findings))
    least = min((weight for weight, _ in found), default=0)
    return [findings for weight, findings in found if weight == least]


_WEIGHT = {"dialect": 2, "L": 2, "M": 3, "H": 3}
"""Conventions are believed before mistakes, and one mistake before two."""


def _both(loss: Loss) -> list[_Factor]:
    """What the reconstruction and the KL have alike."""
    found = [_Factor(1, None)]
    d = loss.features
    per_pixel = Finding("objective-per-pixel", "dialect", f"the whole loss is divided by the {d} features")
    found.append(_Factor(1 / d, per_pixel))
    if not loss.value.ndim:
        found.append(
            _Factor(N, Finding("objective-batch-sum", "dialect", "the loss is a sum over the batch, not its mean"))
        )
    found.append(
        _Factor(-1, Finding("elbo-for-loss", "dialect", "it returns the ELBO, which is maximised, not the loss"))
    )
    if not loss.value.ndim:
        says = "it returns the ELBO, which is maximised, not the loss, and a sum over the batch"
        found.append(_Factor(-N, Finding("elbo-for-loss", "dialect", says)))
    return found


def sigma_of(loss: Loss) -> float | None:
    """Of a Gaussian with another deviation than 1, whose scale 1/sigma^2 and constant agree; None if it is none."""
    form, d = loss.reconstruction.form, loss.features
    if form is None or form.id != "squares":
        return None
    unit, size = (1.0 if loss.value.ndim else 1 / N), max(float(np.abs(loss.value).max()), 1e-300)
    for both in _both(loss):
        precision = loss.reconstruction.scale / unit / both.value
        if precision <= 0 or abs(precision - 1) < 1e-5:
            continue
        whole = both.value * d / 2 * (LOG_2PI - np.log(precision))
        if np.abs(np.atleast_1d(loss.rest) - whole).max() <= 1e-7 * size:
            return float(precision**-0.5)
    return None


def _of_reconstruction(squares: bool, d: int = D, k: int = K) -> list[_Factor]:
    mean = Finding(
        "rec-mean-over-pixels", "H",
        f"the reconstruction is a mean over the {d} features beside a KL that is a sum: an effective beta of {d}"
        + (f", or per example a Gaussian of variance {d}" if squares else ""),
    )  # fmt: skip
    found = [_Factor(1, None), _Factor(1 / d, mean)]
    if squares:
        found.append(
            _Factor(2, Finding("mse-no-half", "M", "the squared error has no 1/2: a Gaussian of variance 1/2"))
        )
        both = mean._replace(
            says=f"the squared error is a mean over the {d} features, without 1/2: per example a Gaussian of variance"
            f" D/2 = {d / 2:g}, or beta = D/2 at variance 1"
        )
        found.append(_Factor(2 / d, both))
    mixed = Finding(
        "kl-batch-sum-rec-mean", "H",
        "the reconstruction is a mean over the batch and the features, the KL a sum over the batch",
    )  # fmt: skip
    found.append(_Factor((2 if squares else 1) / (N * d), mixed))
    found.append(
        _Factor(1 / k, Finding("rec-over-latent", "H", f"the reconstruction is divided by the {k} latent dimensions"))
    )
    return found


MEAN_OF_ALL = "the KL is a mean over the batch and the dimensions beside a reconstruction that is a sum"


def _of_kl(beta: float, k: int = K) -> list[_Factor]:
    found = [
        _Factor(beta, None),
        _Factor(2 * beta, Finding("kl-missing-half", "H", "the KL is twice what it should be: its 1/2 is missing")),
        _Factor(beta / 2, Finding("kl-double-half", "H", "the KL is half of what it should be: it was halved twice")),
        _Factor(beta / k, Finding("kl-mean-over-latent", "H", f"the KL is a mean over the {k} dimensions, not a sum")),
        _Factor(2 * beta / k, Finding("kl-mean-over-latent", "H", f"the KL is a mean over {k} dimensions without 1/2")),
        _Factor(beta / (k * N), Finding("kl-mean-over-latent", "H", MEAN_OF_ALL)),
        _Factor(beta * N, Finding("kl-batch-sum", "H", "the KL is a sum over the batch, the reconstruction a mean")),
        _Factor(beta / N, Finding("kl-batch-mean-twice", "H", "the KL is divided by the batch size twice")),
        _Factor(-beta, Finding("kl-sign", "H", "the KL has the wrong sign: the loss rewards it")),
    ]  # fmt: skip
    if beta != 1:
        found.append(_Factor(1, Finding("beta-ignored", "H", f"the KL is not multiplied by beta = {beta:g}")))
    return found


def constant(loss: Loss, allowed: float) -> Finding | None:
    """What is left of the value, where the forms explain the derivatives; None where it is nothing or a Gaussian's."""
    unit = 1.0 if loss.value.ndim else N
    rest = np.atleast_1d(loss.rest)
    size = max(float(np.abs(loss.value).max()), 1e-300)
    form = loss.reconstruction.form
    whole = 0.0
    if form is not None and form.id == "squares":
        whole = loss.features / 2 * LOG_2PI * loss.reconstruction.scale * unit
        if np.abs(rest - whole).max() <= max(allowed * size, SINGLE * whole):
            return None
        if np.abs(rest).max() <= allowed * size:
            return Finding("gaussian-no-constant", "dialect", "the Gaussian's constant, D/2 log 2 pi, is left out")
    if np.abs(rest).max() <= allowed * size:
        return None
    if np.ptp(rest) > allowed * size:
        return None  # not a constant: `per_example` says what it is
    if loss.kl.form is not None and np.abs(rest - loss.kl.scale * unit * (loss.latent - 1) / 2).max() <= allowed * size:
        return Finding("kl-constant", "L", "the KL has -1/2 for -1/2 a dimension; its gradients are exact")
    known = whole if np.abs(rest - whole).max() < np.abs(rest).max() else 0.0
    each = float(rest.mean() - known) / (1 if loss.value.ndim else _examples(loss))
    beside = "beside the Gaussian's constant, " if known else ""
    says = f"the value is off by {each:.6g} an example, {beside}a constant; its gradients are exact"
    return Finding("constant-offset", "L", says)


SINGLE = 3e-7
"""Of a constant that was rounded to float32: log 2 pi, its half, and a sum of some of them."""


def _examples(loss: Loss) -> float:
    """How often the loss has an example's own: N for a sum over the batch, 1 for a mean."""
    form = loss.reconstruction.form
    scale = loss.kl.scale if form is None or (form.id == "squares" and loss.kl.form is not None) else None
    return abs(N * (loss.reconstruction.scale if scale is None else scale))


def per_example(loss: Loss, at: Probe, allowed: float) -> Finding | None:
    """A per-example loss whose reconstruction, or KL, is the same in every example: a mean over the batch was added."""
    if not loss.value.ndim or np.ptp(loss.rest) <= allowed * np.abs(loss.value).max():
        return None
    rec = loss.reconstruction.scale * of_examples(loss.reconstruction, at.x, at.output)
    kl = loss.kl.scale * of_examples(loss.kl, at.mu, at.logvar)
    size = np.abs(loss.value).max()
    if np.ptp(loss.value - kl) <= allowed * size:
        return Finding(
            "rec-scalar-mean", "M",
            "the reconstruction is one number, a mean over the batch, added to the KL of each example: right in the"
            " mean over the batch, wrong for each example",
        )  # fmt: skip
    if np.ptp(loss.value - rec) <= allowed * size:
        return Finding("kl-scalar-mean", "M", "the KL is one number, a mean over the batch, added to each example")
    return Finding("per-example-unknown", "H", "the sum over the batch is explained, and no example's own value is")
