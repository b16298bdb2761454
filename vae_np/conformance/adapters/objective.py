"""A program's loss beside its networks: what it is called with, which likelihood is meant, and its dialects undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from vae_np.conformance.adapters.mapping import NotDense, Plan
from vae_np.conformance.adapters.program import Goal, Returned, Source
from vae_np.conformance.objective.bounded_kl import Bounded, bounded
from vae_np.conformance.objective.calling import as_called, of_the_head
from vae_np.conformance.objective.check import ObjectiveReport, check_objective
from vae_np.conformance.objective.convention import minimised
from vae_np.conformance.objective.explaining import explain_loss
from vae_np.conformance.objective.fitting import Loss
from vae_np.conformance.objective.frameworks import framework_of
from vae_np.conformance.objective.naming import SINGLE, Finding, sigma_of
from vae_np.conformance.objective.probes import N
from vae_np.conformance.objective.several import of_samples_alone
from vae_np.formulas.numerics import LOG_2PI

__all__ = [
    "Graded",
    "bits_of",
    "grade_loss",
    "likelihood_of_loss",
    "says_undone",
    "scales_of",
    "undone",
    "with_direction",
]


CALLED = {"var": "variance"}
"""What roles are called among the parts that forward returns, if otherwise."""


class Graded(NamedTuple):
    """The loss for itself."""

    loss: Loss
    report: ObjectiveReport
    bits: Bounded | None = None
    """Free bits, or a capacity."""
    function: Callable[..., Any] | None = None
    """The loss of arrays alone: beta and steps are given."""
    binary: bool = False
    """Whether it was asked with an x of 0 and 1, which is all that it takes or makes of it."""


def grade_loss(f: Callable[..., Any], plan: Plan, link: str, *, output: str | None, beta: float,
               arguments: tuple[str, ...] | None) -> Graded:  # fmt: skip
    """The objective alone, at its own small sizes, or at the model's where it has those in it.

    What the decoder puts out is known here: a loss of logits that gets probabilities is told.

    Raises
    ------
    NotDense
        If it is of several samples of each example.
    ValueError
        If it cannot be called.
    """
    sizes: dict[str, Any] = {}
    f = of_the_head(f)
    bound, left, _ = as_called(f, beta, arguments)
    try:
        loss, at = explain_loss(bound, left)
    except ValueError:
        sizes = {"features": plan.features, "latent": plan.latent}
        try:
            loss, at = explain_loss(bound, left, **sizes)
        except ValueError:
            if of_samples_alone(bound, left, framework_of(f)) is None:
                raise
            raise NotDense("the loss takes several samples of each example, and they are graded with one") from None
    bits = bounded(bound, loss, at, framework_of(f))
    if output is None and loss.reconstruction.form is not None:
        taken = loss.reconstruction.form.output
        given = {"sigmoid": "probabilities", "identity": "logits"}.get(link)
        output = given if {taken, given} == {"probabilities", "logits"} else None
    report = check_objective(f, output=output, beta=beta, arguments=arguments, **sizes)
    form = loss.reconstruction.form
    if link == "tanh" and form is not None and form.output == "probabilities":
        says = "the decoder ends in a tanh, which is negative for half of all numbers, and the loss takes its logarithm"
        report = report._replace(findings=(*report.findings, Finding("tanh-decoder-log", "H", says)))
    return Graded(loss, report, bits, bound, bool(np.isin(at.x, (0, 1)).all()))


def with_direction(graded: Graded, f: Callable[..., Any], up: bool) -> Graded:
    """An ELBO in the place of the loss is a mistake where the program, or its optimiser, goes down it.

    Parameters
    ----------
    graded : Graded
    f : callable
        The loss.
    up : bool
        Whether the optimiser maximises.
    """
    found = []
    for finding in graded.report.findings:
        if finding.id == "elbo-for-loss":
            why = "" if up else minimised(f, name=True)
            says = finding.says.partition(";")[0]
            finding = finding._replace(severity="H" if why else "dialect", says=f"{says}; {why}" if why else says)
        found.append(finding)
    return graded._replace(report=graded.report._replace(findings=tuple(found)))


def likelihood_of_loss(loss: Loss | None, link: str) -> tuple[dict[str, str] | None, str]:
    """The settings of the likelihood that a loss of this output means, else None and why there is none.

    Without a loss it is a Bernoulli of probabilities or a Gaussian: only stages before it are compared.
    """
    gaussian = {"likelihood": "gaussian-fixed", "sigma": "1.0"}
    if loss is None:
        return (gaussian if link == "identity" else {"likelihood": "bernoulli"}), ""
    form = loss.reconstruction.form
    if form is None:
        return None, "the loss has no reconstruction"
    if link not in ("identity", "sigmoid", "tanh"):
        return None, "the output is not the decoder's last layer, nor its sigmoid or tanh"
    if form.severity == "dialect":
        return {"likelihood": form.id, "form": form.says, "link": link}, ""
    if (sigma := sigma_of(loss)) is not None:
        if link != "identity":
            return None, f"a Gaussian of sigma {sigma:.6g} whose mean is a {link} is none that vae_np has"
        return gaussian | {"sigma": repr(sigma)}, ""
    if form.output == "mean":
        return (gaussian if link == "identity" else {"likelihood": "gaussian", "form": form.id, "link": link}), ""
    if link == "tanh":
        return None, "a cross-entropy of a tanh has no likelihood"
    return {"likelihood": "continuous-bernoulli" if form.id == "continuous-bernoulli" else "bernoulli"}, ""


def bits_of(graded: Graded) -> tuple[dict[str, str] | None, str]:
    """The settings of free bits, or why a loss with such a KL, or such a deviation, is none that vae_np has."""
    if "sigma-optimal" in {finding.id for finding in graded.report.findings}:
        return None, "the deviation is that of the residuals, and in vae_np a number or learned"
    if graded.loss.kl.form is not None and graded.loss.kl.form.id == "kl-sampled":
        return None, "the KL is taken at the sample, and that of vae_np in closed form"
    if graded.bits is None:
        return {}, ""
    if graded.bits.is_capacity:
        return None, "vae_np has no capacity of the KL"
    if graded.bits.kind == "batch":
        return None, "vae_np has no free bits of the batch's mean of an example"
    return {"free_bits": repr(round(graded.bits.threshold, 9)), "free_bits_kind": graded.bits.kind}, ""


def undone(f: Callable[..., Any], graded: Graded, plan: Plan, returned: Returned) -> tuple[Goal | None, str]:
    """The loss with its arguments and without its dialects, or None and why it cannot be called."""
    named = returned.named
    sources: list[tuple[str, Source | None]] = []
    last = plan.pieces["decoder.out.W"][0]
    made = {"output": last, "mu": plan.heads[0], "logvar": plan.heads[1]}
    for role in graded.loss.order:
        key = named.get("logstd", named.get("logvar")) if role == "logvar" else named.get(CALLED.get(role, role))
        if role == "x":
            sources.append((role, None))
        elif key is not None:
            sources.append((role, Source(part=key)))
        elif role in made:
            sources.append((role, Source(piece=made[role])))
        elif role == "z" and returned.sees:
            sources.append((role, Source(given_to=plan.decoder[0])))
        else:
            return None, f"the loss takes {role}, and forward does not return it"
    ids = {finding.id for finding in graded.report.findings if finding.severity == "dialect"}
    factor = (plan.features if "objective-per-pixel" in ids else 1.0) * (-1.0 if "elbo-for-loss" in ids else 1.0)
    offset = plan.features / 2 * LOG_2PI if "gaussian-no-constant" in ids else _rounded(graded.loss) * plan.features
    summed = any("a sum over the batch" in finding.says for finding in graded.report.findings if finding.id in ids)
    return Goal(graded.function or f, tuple(sources), factor, summed, offset), ""


def scales_of(graded: Graded, goal: Goal, beta: float) -> tuple[float, float]:
    """What the reconstruction and the KL of an example are times in the goal's loss; 1 and beta if they are unknown."""
    fits, rows = (graded.loss.reconstruction, graded.loss.kl), 1 if goal.batch or graded.loss.value.ndim else N
    if any(fit.form is None or fit.off > 1e-9 for fit in fits):
        return 1.0, beta
    return fits[0].scale * goal.factor * rows, fits[1].scale * goal.factor * rows


def _rounded(loss: Loss) -> float:
    """What a Gaussian's constant that was rounded to float32 lacks, for each feature."""
    form, rest = loss.reconstruction.form, float(loss.rest.mean())
    if form is None or form.id != "squares":
        return 0.0
    unit = loss.reconstruction.scale * (1 if loss.value.ndim else N)
    lacks = LOG_2PI / 2 - rest / unit / loss.features
    return lacks if abs(lacks) <= SINGLE * LOG_2PI / 2 else 0.0


def says_undone(findings: Sequence[Finding]) -> list[str]:
    """A line for the dialects that were undone before anything was compared."""
    undoing = {
        "objective-batch-sum": "divided by the batch size",
        "objective-per-pixel": "multiplied by the features",
        "elbo-for-loss": "its sign turned",
        "gaussian-no-constant": "the constant added",
    }
    found = [undoing[one.id] for one in findings if one.id in undoing and one.severity == "dialect"]
    return [f"compared with the loss {', '.join(found)}"] if found else []
