"""The objective alone: a loss and a sampler, whatever computes mu, logvar and the decoder's output.

What a loss returns is probed at small arrays of prime sizes, its derivatives are taken by its framework's autograd or
by central differences, and both are explained as a times a reconstruction plus b times a KL plus a constant
(`fitting`). The numbers are named (`naming`); where no form explains a derivative, the report says what it looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vae_np.conformance.objective.bounded_kl import bounded
from vae_np.conformance.objective.calling import as_called, depends, repeats
from vae_np.conformance.objective.convention import minimised
from vae_np.conformance.objective.explaining import explain_loss
from vae_np.conformance.objective.fitting import Loss, hard, tolerance
from vae_np.conformance.objective.frameworks import Framework, framework_of
from vae_np.conformance.objective.hard_kl import hard_kl
from vae_np.conformance.objective.naming import UNKNOWN, Finding, constant, per_example, scales, sigma_of
from vae_np.conformance.objective.own_deviation import own_deviation
from vae_np.conformance.objective.probes import SECOND, K, Probe
from vae_np.conformance.objective.sampler import check_sampler
from vae_np.conformance.objective.several import of_samples_alone, several_samples
from vae_np.conformance.objective.training import in_training
from vae_np.conformance.objective.words import no_derivative, no_derivatives, other_output, unlike
from vae_np.support.checks import non_negative

__all__ = ["ObjectiveReport", "check_objective"]

OUTPUTS = ("probabilities", "logits", "mean")


class ObjectiveReport(NamedTuple):
    """What was found; ``print(report)`` shows it.

    Attributes
    ----------
    findings : tuple of Finding
        Mistakes and dialects; none where all is right.
    facts : tuple of str
        What is computed, with the fitted numbers.
    """

    findings: tuple[Finding, ...]
    facts: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing worse than a dialect was found."""
        return all(finding.severity == "dialect" for finding in self.findings)

    def __str__(self) -> str:
        lines = [f"  {fact}" for fact in self.facts]
        lines += [f"{finding.severity:>7}  {finding.id}: {finding.says}" for finding in self.findings]
        mistakes = [finding for finding in self.findings if finding.severity != "dialect"]
        if mistakes:
            named = dict.fromkeys(finding.id for finding in mistakes)
            return "\n".join([*lines, f"Mistaken: {', '.join(named)}."])
        names = ", ".join(finding.id for finding in self.findings)
        if any(fact.startswith("not graded") for fact in self.facts):
            return "\n".join(
                [*lines, f"Right, as far as it was graded{f', in this dialect: {names}' if names else ''}."]
            )
        return "\n".join([*lines, f"Right, in this dialect: {names}." if names else "Right."])


def check_objective(
    loss: Callable[..., Any] | None = None,
    sampler: Callable[..., Any] | None = None,
    *,
    output: str | None = None,
    beta: float = 1.0,
    arguments: tuple[str, ...] | None = None,
    features: int | None = None,
    latent: int = K,
) -> ObjectiveReport:
    """Grade a loss, a sampler, or both.

    Parameters
    ----------
    loss : callable, optional
        Of the decoder's output, x, mu and logvar (or sigma), found by their names, or by trial; or of output and x
        alone. It returns a number, or one for each example, feature or dimension; of a tuple or a dict the first entry
        is the loss. NumPy arrays, or those of PyTorch, JAX, Keras or TensorFlow where its module has imported it.
    sampler : callable, optional
        Of mu and logvar, drawing its noise itself, or of mu, logvar and eps; of the pair of both; of a key as well.
    output : {"probabilities", "logits", "mean"}, optional
        What the decoder puts out. Left out, the form of the loss says it.
    beta : float
        The KL's weight that is meant.
    arguments : tuple of str, optional
        The roles of the loss's arguments, ``("output", "x", "mu", "logvar")`` say.
    features, latent : int, optional
        D and K, for a loss that is of one size only. Left out, D is 7, or 784 for a loss that fails at 7.

    Returns
    -------
    ObjectiveReport

    Raises
    ------
    ValueError
        If neither is given, or the arguments of the loss cannot be told.
    """
    if loss is None and sampler is None:
        raise ValueError("nothing to check: give a loss, a sampler, or both")
    beta = non_negative("beta", beta)
    if output is not None and output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}; got {output!r}")
    findings: list[Finding] = []
    facts: list[str] = []
    if sampler is not None:
        check_sampler(sampler, findings, facts)
        if loss is None and not findings and facts and facts[-1].startswith("not graded"):
            raise ValueError(f"nothing could be graded: {facts[-1].removeprefix('not graded: ')}")
    if loss is not None:
        _check_loss(loss, output, float(beta), arguments, (features, latent), findings, facts)
        findings += in_training(loss, any(finding.id in ("elbo-for-loss", UNKNOWN) for finding in findings))
    return ObjectiveReport(tuple(findings), tuple(facts))


def _check_loss(f: Callable[..., Any], output: str | None, beta: float, arguments: tuple[str, ...] | None,
                sizes: tuple[int | None, int], findings: list[Finding], facts: list[str]) -> None:  # fmt: skip
    framework, within = framework_of(f), f
    allowed = tolerance(framework)
    f, arguments, said = as_called(f, beta, arguments)
    try:
        found, at = explain_loss(f, arguments, *sizes)
    except ValueError:
        if (many := of_samples_alone(f, arguments, framework)) is None:
            raise
        findings.extend(many.findings)
        facts.extend(many.facts)
        return
    facts += [said] if said else []
    if not np.isfinite(found.value).all():
        findings.append(Finding("not-finite", "H", f"the loss is {found.value} at ordinary arguments"))
        return
    if not repeats(f, found.order, at, framework):
        raise ValueError(
            "the loss cannot be judged: called twice with the same arguments it gives two values; if it draws numbers,"
            " or counts its calls, let it take them as arguments"
        )
    if _is_single(f, found, at, framework):
        raise ValueError(
            "the loss cannot be judged: it computes in float32, whatever it is given; let it keep its arguments' type"
        )
    if "x" in found.order and np.isin(at.x, (0, 1)).all():
        facts.append("it was asked with an x of 0 and 1, which is all that it takes, or is right for")
    unit = "each example" if found.value.ndim else "the batch, one number"
    facts.append(f"the loss of {unit}, by {framework.name}: ({', '.join(found.order)})")
    if found.reconstruction.form is None and found.kl.form is None:
        findings.append(no_derivatives(depends(f, found.order, at, framework, "output", "mu", *SECOND)))
        return
    before = len(findings)
    if "z" in found.order and not found.explained(allowed) and (many := several_samples(f, found.order, framework)):
        findings.extend(many.findings)
        facts.extend(many.facts)
        return
    found, beta, is_own = _special(f, found, at, framework, beta, findings)
    _forms(f, framework, found, output, beta, allowed, at, findings, facts)
    if any(finding.id == UNKNOWN for finding in findings[before:]):
        return
    if not any(finding.id in ("free-bits", "kl-capacity") for finding in findings[before:]) and (
        of_kl := hard_kl(f, found, at, framework)
    ):
        findings.append(of_kl)
    if found.reconstruction.form is not None and not is_own:
        _hard(f, found, at, framework, findings, facts)
    sets = scales(found, beta)
    if sets:
        findings.extend(_uphill(finding, within) for finding in sets[0])
        for other in sets[1:]:
            facts.append("the same numbers: " + " and ".join(finding.id for finding in other))
    else:
        findings.append(Finding(UNKNOWN, "H", f"no known factors: {_numbers(found)}{_beta_meant(found, beta)}"))
    if is_own:
        return
    if (sigma := sigma_of(found)) is not None:
        facts.append(f"that is a Gaussian of sigma {sigma:.6g}, with its constant")
        return
    whole = "rec-mean-over-pixels" in {finding.id for finding in findings[before:]}
    own = per_example(found, at, max(allowed, 1e-9))
    if own is not None:
        findings.append(own._replace(severity="H") if whole else own)
    if {finding.id for finding in findings[before:]} & {"kl-no-derivative", "rec-no-derivative"}:
        return  # what has no derivative may still have a value
    if (rest := constant(found, max(allowed, 1e-9))) is not None:
        findings.append(rest)


def _special(f: Callable[..., Any], found: Loss, at: Probe, framework: Framework, beta: float,
             findings: list[Finding]) -> tuple[Loss, float, bool]:  # fmt: skip
    """The loss without free bits, a capacity or a deviation of its residuals; beta; and whether the last was there."""
    own = own_deviation(f, found, at, framework)
    if own is not None:
        found, finding = own
        findings.append(finding)
    bits = bounded(f, found, at, framework)
    if bits is not None:
        found, finding = bits.loss, bits.finding
        if bits.is_capacity and found.reconstruction.form is not None:
            beta = found.kl.scale / found.reconstruction.scale if beta == 1 else beta
            finding = finding._replace(says=finding.says.format(beta))
        findings.append(finding)
    return found, beta, own is not None


def _uphill(finding: Finding, f: Callable[..., Any]) -> Finding:
    """An ELBO that the program itself minimises is no convention."""
    why = minimised(f) if finding.id == "elbo-for-loss" else ""
    return finding._replace(severity="H", says=f"{finding.says}; {why}") if why else finding


def _is_single(f: Callable[..., Any], found: Loss, at: Probe, framework: Framework) -> bool:
    """Whether the loss takes no notice of changes that float64 has and float32 has not."""
    if found.reconstruction.form is None or getattr(framework, "single", False):
        return False
    arrays = at.of(found.order)
    values, at_output = [], found.order.index("output")
    for step in (0, 1, 3):  # 2^-30 is a hundredth of float32's last place
        arrays[at_output] = at.output * (1 + step * 2.0**-30)
        values.append(framework.call(f, arrays)[0])
    return all(np.array_equal(value, values[0]) for value in values)


def _forms(f: Callable[..., Any], framework: Framework, found: Loss, output: str | None, beta: float, allowed: float,
           at: Probe, findings: list[Finding], facts: list[str]) -> None:  # fmt: skip
    """What the reconstruction and the KL are; a finding for each that is not right."""
    for fit, name in ((found.reconstruction, "reconstruction"), (found.kl, "KL")):
        if fit.form is None:
            facts.append(f"no {name} in it: its derivative is 0")
            taken = "output" if name == "reconstruction" else "mu"
            if taken in found.order and not (name == "KL" and beta == 0):
                findings.append(no_derivative(name, depends(f, found.order, at, framework, taken)))
        elif fit.off <= allowed:
            facts.append(f"{fit.scale:.6g} times the {name}: {fit.form.says} (off by {fit.off:.0e})")
            if fit.form.severity != "right":
                findings.append(Finding(fit.form.id, fit.form.severity, f"the {name} is {fit.form.says}"))
            elif name == "reconstruction" and output is not None and fit.form.output != output:
                findings.append(other_output(fit.form, output))
        else:
            findings.append(Finding(UNKNOWN, "H", unlike(fit.form, fit.off, name, found, at, allowed)))


def _hard(f: Callable[..., Any], found: Loss, at: Probe, framework: Framework, findings: list[Finding],
          facts: list[str]) -> None:  # fmt: skip
    """What shows only near the ends: clamps, epsilons, thresholds."""
    usual = found.reconstruction.form
    form, off = hard(f, found, at, framework)
    if usual is None or form is usual or any(finding.id == usual.id for finding in findings):
        return
    if form is not None:
        findings.append(Finding(form.id, form.severity, f"the reconstruction is {form.says}"))
    elif framework.exact and off <= 1e-6:
        facts.append(f"near the ends the reconstruction's derivative is off by {off:.1e} of itself: rounding")
    else:
        where = {"probabilities": "near 0 and 1", "logits": "beyond +-20", "mean": "far from x"}[usual.output]
        says = f"for outputs {where} the reconstruction's derivative is off by {off:.2g} of itself"
        findings.append(Finding("hard-outputs", "M", says))


def _beta_meant(found: Loss, beta: float) -> str:
    """The weight of the KL with which all would be right, if it is the only thing that is not explained."""
    if found.reconstruction.form is None or found.kl.form is None:
        return ""
    weight = found.kl.scale / found.reconstruction.scale
    known = weight > 0 and weight != beta and any(len(one) < 2 for one in scales(found, weight))
    return f"; if the KL is meant to weigh {weight:.6g}: beta={weight:.6g} (--beta {weight:.6g})" if known else ""


def _numbers(found: Loss) -> str:
    return f"{found.reconstruction.scale:.6g} times the reconstruction and {found.kl.scale:.6g} times the KL"
